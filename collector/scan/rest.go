package scan

import (
	"math/bits"
	"slices"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/known"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// A row rests while its call waits for its next attempt; see known.Rows.Rest. Nothing can have happened to it while
//
//   - it was queued at the scan before, still is, and calls are queued again only some time after an attempt
//     (known.Rows.Countable);
//   - or it was scheduled, still is, and the time that it is scheduled at has not come by the server's clock.
//
// The filtered lists show that it still is (lists.go). Only a call that somebody makes early, and that ends with the same
// status before the next scan, is not seen at once. Therefore each resting row is looked at every lookEvery.

const (
	// dueMargin is how long before it is due a row is read.
	dueMargin = 2 * time.Minute
	// lookEvery is how often a resting row is looked at.
	lookEvery = 30 * time.Minute
	// wholeList is the number of pages of scheduled calls up to which all are read if any may have changed.
	wholeList = 12
)

// expected returns how many rows are to be read, as far as is known before.
func (l *laterScan) expected() int {
	n, scheduled := known.Count(l.was.Classes, known.Active)-len(l.was.Resting), l.was.Resting.Scheduled()
	if scheduled <= l.layout.PageSize || scheduled <= wholeList*l.layout.PageSize && slices.ContainsFunc(l.was.Resting, l.due) {
		n += scheduled
	}
	return n
}

// startResting finds the rows that rest unless something shows otherwise.
func (l *laterScan) startResting() {
	l.rests = make([]bool, len(l.class))
	for i := range l.resting {
		r := &l.resting[i]
		r.Position += l.shift
		if r.Due != 0 {
			l.rests[r.Position] = l.listed
		} else if !slices.Contains(l.active, revoxapi.CallQueuedForCalling) {
			l.rests[r.Position] = !l.looks(r.Position)
		}
	}
}

// stillResting yields the rows that rest to the end of the scan.
func (l *laterScan) stillResting(yield func(known.RestingRow) bool) {
	for _, r := range l.resting {
		if l.rests[r.Position] && l.row(r.Position) == nil && !yield(r) {
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
func (l *laterScan) due(r known.RestingRow) bool {
	return r.Due != 0 && (l.looks(r.Position) || r.Due <= l.run.serverTime().Add(dueMargin).Unix())
}

// dueAt reports whether there is such a row at a position, and it was not read yet.
func (l *laterScan) dueAt(position int) bool {
	r := l.resting.At(position)
	return r != nil && l.row(position) == nil && l.due(*r)
}
