package known

import (
	"cmp"
	"slices"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// retries is how the calls of a campaign are retried, as far as it was seen.
type retries struct {
	// requeued reports that calls with attempts have a counted status at times, and retry is the shortest time that was
	// seen from the end of an attempt to the next one of its call, or until the call was queued for it; 0 if none was seen.
	requeued bool
	retry    time.Duration
	// waits reports that calls were seen scheduled for later soon after an attempt: they are queued only when their time
	// has come.
	waits bool
	// early is when a call was last made before it was scheduled.
	early time.Time
}

// firstRetry is the time within which no call is taken to be queued again, if none has been seen to be.
const firstRetry = 2 * time.Minute

// soon is the time after an attempt within which its call shows how the server has it wait for the next one.
const soon = 10 * time.Minute

// Observe notes what a row shows about retries. rested is the row as it rested after the scan before; nil if it did not.
// now is the time by the server's clock.
func (k *Rows) Observe(r *tally.Row, rested *RestingRow, now time.Time) {
	if r.Call == nil {
		return
	}
	next := revoxapi.Timestamp{} // when the call was seen to be queued again, or the next attempt
	switch status := revoxapi.CallStatus(r.Call.Status); {
	case len(r.Call.Attempts) == 0:
	case status == revoxapi.CallScheduled:
		// Not if it was opened again by hand: only soon after an attempt does this show what the server does by itself.
		at, ended := r.Call.ScheduledAt, r.Call.Attempts[0].EndedAt
		k.waits = k.waits || at.Valid() && at.Time.After(now) && ended.Valid() && now.Sub(ended.Time) < soon
	case slices.Contains(counted, status):
		k.requeued, next.Time = true, now
	}
	for _, a := range r.Call.Attempts {
		ended := a.EndedAt
		if !ended.Valid() {
			ended = a.StartedAt
		}
		if ended.Valid() && next.Valid() {
			wait := max(time.Nanosecond, next.Time.Sub(ended.Time))
			k.retry = min(cmp.Or(k.retry, wait), wait)
		}
		next = a.StartedAt
	}
	if rested.madeEarly(r) {
		k.early = k.At
	}
}

// Countable reports whether a call that was queued at the time of the scan before, which made k, and is queued now has
// surely not been made in between, so that queued calls need only be counted.
func (k *Rows) Countable(now time.Time) bool {
	if !k.requeued || k.retry == 0 {
		return now.Sub(k.At) <= firstRetry
	}
	return k.waits && now.Sub(k.At) < k.retry
}
