package scan

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/rows"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Known is what a scan knows about each row, so that the next one need not read all of them. It is immutable.
type Known struct {
	// Layout is how the rows lie on pages.
	Layout Layout
	// FullAt is the start of the last full scan, At that of the last scan.
	FullAt, At time.Time
	// BrokenAt is when a filter by status proved wrong; zero if it has not, or a day has passed.
	BrokenAt time.Time

	list  *rows.List
	class []class // by position
	// finished counts the finished rows, except those in late.
	finished *tally.Tally
	late     []lateRow
	// lateParts is the number of rows and attempts in late.
	lateParts int
	// read are the statuses whose rows are read by each scan.
	read []revoxapi.CallStatus
	// proven reports that the totals of finished calls show whether the filter goes by their status; see proves.
	proven bool
	// outcomes reports that the API computes outcomes for this campaign.
	outcomes bool
	// requeued reports that calls with attempts have a counted status at times, and retry is the shortest time that was
	// seen from the end of an attempt to the next one of its call, or until the call was queued for it; 0 if none was seen.
	requeued bool
	retry    time.Duration
	// waits reports that calls with attempts are scheduled at times: they are queued only when their time has come.
	waits bool

	// resting are the rows that need not be read, by position, and restingWeight is what they count as rows. early is when
	// a call was last made before it was scheduled.
	resting       []restingRow
	restingWeight int
	early         time.Time
}

// class is what a scan knows about a row.
type class uint8

const (
	// waiting: it has no call, or one that was never attempted. Such rows are only counted.
	waiting class = iota
	// active: it has attempts and is not finished, or has a status whose rows are read by each scan.
	active
	// late: the call is finished, but looks unfinished; see late.go.
	late
	// The call is finished.
	completed
	cancelled
	errored
)

var finishedStatuses = map[class]revoxapi.CallStatus{
	completed: revoxapi.CallCompleted, cancelled: revoxapi.CallCancelled, errored: revoxapi.CallErrored,
}

// countedStatuses are those of which a row without attempts is waiting.
var countedStatuses = []revoxapi.CallStatus{revoxapi.CallInitializing, revoxapi.CallQueuedForCalling}

// maxReadStatuses is the number of statuses that are read by each scan. If there are more, all scans are full.
const maxReadStatuses = 8

// classify returns the class of a row. ok is false if a scan with filters cannot count it.
func (k *Known) classify(r *tally.Row) (c class, ok bool) {
	if r.Call == nil {
		return waiting, true
	}
	status := revoxapi.CallStatus(r.Call.Status)
	for c, finished := range finishedStatuses {
		if status == finished {
			return c, true
		}
	}
	if k.reads(status) {
		return active, true
	}
	for _, counted := range countedStatuses {
		if status == counted {
			if len(r.Call.Attempts) > 0 {
				return active, true
			}
			return waiting, true
		}
	}
	return active, false
}

// observe notes what a row tells about retries. now is the time by the server's clock.
func (k *Known) observe(r *tally.Row, now time.Time) {
	if r.Call == nil {
		return
	}
	next := revoxapi.Timestamp{} // when the call was seen to be queued again, or the next attempt
	switch status := revoxapi.CallStatus(r.Call.Status); {
	case len(r.Call.Attempts) == 0:
	case status == revoxapi.CallScheduled:
		k.waits = true
	case slices.Contains(countedStatuses, status):
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
}

// firstRetry is the time within which no call is taken to be queued again, if none has been seen to be.
const firstRetry = 2 * time.Minute

// countable reports whether a call that was queued at the time of the scan before and is queued now has surely not been
// made in between, so that queued calls need only be counted.
func (k *Known) countable(now time.Time) bool {
	if !k.requeued || k.retry == 0 {
		return now.Sub(k.At) <= firstRetry
	}
	return k.waits && now.Sub(k.At) < k.retry
}

// reads reports whether the rows of a status are read by each scan.
func (k *Known) reads(status revoxapi.CallStatus) bool {
	for _, read := range k.read {
		if status == read {
			return true
		}
	}
	return false
}

// weight returns what late and resting rows count as rows. A late row or an attempt of it takes about 200 bytes, and what is
// usually kept of a row about 16, and up to 40 if it still counts as one.
func (k *Known) weight() int {
	if k == nil {
		return 0
	}
	return 8*k.lateParts + k.restingWeight
}

// filterRetry is how long scans are full after a filter proved wrong.
const filterRetry = 24 * time.Hour

// Filters reports whether the next scan may rely on the filter by status; false for nil.
func (k *Known) Filters() bool { return k != nil && k.BrokenAt.IsZero() }

// due reports whether a full scan is due. Each campaign's interval is up to a quarter shorter than fullInterval, by a
// share that depends on its ID, so that the full scans of many campaigns do not coincide.
func (k *Known) due(campaignID string, fullInterval time.Duration, now time.Time) bool {
	share := float64(rows.Key(campaignID)) / math.MaxUint64
	since := now.Sub(k.FullAt)
	return since < 0 || since >= fullInterval-time.Duration(share*float64(fullInterval/4))
}
