package scan

import (
	"cmp"
	"math/bits"
	"slices"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// A row rests while its call waits for its next attempt: what its attempts add is kept, so that it need not be read.
// Nothing can have happened to it while
//
//   - it was queued at the scan before, still is, and calls are queued again only some time after an attempt (countable);
//   - or it was scheduled, still is, and the time that it is scheduled at has not come by the server's clock.
//
// The filtered lists show that it still is (lists.go). Only a call that somebody makes early, and that ends with the same
// status before the next scan, is not seen at once. Therefore each resting row is looked at every lookEvery.

// restingRow is a row that need not be read.
type restingRow struct {
	position int
	due      int64  // when a scheduled call is to be made, in Unix seconds; 0: the call is queued
	packed   string // see tally.Row.Pack; the status is that which due says
}

const (
	// dueMargin is how long before it is due a row is read.
	dueMargin = 2 * time.Minute
	// lookEvery is how often a resting row is looked at.
	lookEvery = 30 * time.Minute
	// earlyFor is how long scheduled calls do not rest after one was made early.
	earlyFor = 24 * time.Hour
	// maxResting is the number of rows of a campaign that rest.
	maxResting = 200_000
)

// rest lets an active row rest if it can.
func (k *Known) rest(position int, r *tally.Row, now time.Time) {
	row := restingRow{position: position}
	switch status := revoxapi.CallStatus(r.Call.Status); {
	case status == revoxapi.CallScheduled && r.Call.ScheduledAt.Valid() && now.Sub(k.early) > earlyFor:
		row.due = r.Call.ScheduledAt.Time.Unix()
	case status != revoxapi.CallQueuedForCalling:
		return
	}
	for i := range r.Call.Attempts {
		if !r.Call.Attempts[i].Finished() {
			return
		}
	}
	var ok bool
	if row.packed, ok = r.Pack(); ok && !looksUnfinished(r, false, now) {
		k.keepResting(row)
	}
}

func (k *Known) keepResting(r restingRow) {
	if len(k.resting) < maxResting {
		k.resting = append(k.resting, r)
		k.restingWeight += 1 + len(r.packed)/25
	}
}

// restingAt returns the resting row at a position; nil if there is none.
func restingAt(rows []restingRow, position int) *restingRow {
	i, ok := slices.BinarySearchFunc(rows, position, func(r restingRow, position int) int {
		return cmp.Compare(r.position, position)
	})
	if !ok {
		return nil
	}
	return &rows[i]
}

// noteEarly notes if the call of a row that rested, or nil, was made before it was due.
func (k *Known) noteEarly(was *restingRow, r *tally.Row) {
	if was == nil || was.due == 0 || r.Call == nil || len(r.Call.Attempts) <= len(tally.Unpack(was.packed).Call.Attempts) {
		return
	}
	if at := r.Call.Attempts[0].StartedAt; at.Valid() && at.Time.Unix() < was.due {
		k.early = k.At
	}
}

// scheduled returns how many scheduled rows rested after the scan before.
func (l *laterScan) scheduled() (n int) {
	for i := range l.was.resting {
		if l.was.resting[i].due != 0 {
			n++
		}
	}
	return n
}

// startResting finds the rows that rest unless something shows otherwise.
func (l *laterScan) startResting() {
	l.rests = make([]bool, len(l.class))
	for i := range l.resting {
		r := &l.resting[i]
		r.position += l.shift
		if r.due != 0 {
			l.rests[r.position] = l.listed
		} else if !slices.Contains(l.active, revoxapi.CallQueuedForCalling) {
			l.rests[r.position] = !l.looks(r.position)
		}
	}
}

// queueDue lets the rows rest as queued ones that were due and have left the list of scheduled calls: if they were not
// queued, they would be found elsewhere.
func (l *laterScan) queueDue() {
	if !l.was.requeued || slices.Contains(l.active, revoxapi.CallQueuedForCalling) {
		return
	}
	for i := range l.resting {
		if r := &l.resting[i]; !l.rests[r.position] && l.due(*r) && !l.looks(r.position) {
			r.due, l.rests[r.position] = 0, true
		}
	}
}

// stillResting yields the rows that rest to the end of the scan.
func (l *laterScan) stillResting(yield func(restingRow) bool) {
	for _, r := range l.resting {
		if l.rests[r.position] && l.found[l.keys[r.position]] == nil && !yield(r) {
			return
		}
	}
}

// looks reports whether it is time to look at a row if it rests. Blocks of pages take turns, one a minute.
func (l *laterScan) looks(position int) bool {
	block := l.layout.PageSize << bits.Len(uint(l.layout.Pages())/uint(lookEvery/time.Minute))
	turn := -time.Duration(position/block) * time.Minute
	return !l.run.start.Add(turn).Truncate(lookEvery).Equal(l.was.At.Add(turn).Truncate(lookEvery))
}

// due reports whether a row that was scheduled must be read.
func (l *laterScan) due(r restingRow) bool {
	return r.due != 0 && (l.looks(r.position) || r.due <= l.run.serverTime().Add(dueMargin).Unix())
}

func (l *laterScan) dueAt(position int) bool {
	r := restingAt(l.resting, position)
	return r != nil && l.found[l.keys[position]] == nil && l.due(*r)
}

// wholeList is the number of pages of scheduled calls up to which all are read if any may have changed.
const wholeList = 12
