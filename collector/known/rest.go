package known

import (
	"cmp"
	"slices"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// A row rests while its call waits for its next attempt: what its attempts add is kept, so that it need not be read as
// long as its call is queued or scheduled as before. Package scan finds out whether it is.

// RestingRow is a row that need not be read.
type RestingRow struct {
	Position int
	// Due is when a scheduled call is to be made, in Unix seconds; 0: the call is queued.
	Due    int64
	packed string // see tally.Row.Pack; the status is that which Due says
}

// RestingRows are resting rows, sorted by position.
type RestingRows []RestingRow

const (
	// earlyFor is how long scheduled calls do not rest after one was made early.
	earlyFor = 24 * time.Hour
	// maxResting is the number of rows of a campaign that rest.
	maxResting = 200_000
)

// At returns the row at a position; nil if there is none.
func (rows RestingRows) At(position int) *RestingRow {
	i, ok := slices.BinarySearchFunc(rows, position, func(r RestingRow, position int) int {
		return cmp.Compare(r.Position, position)
	})
	if !ok {
		return nil
	}
	return &rows[i]
}

// Scheduled returns how many of the calls are scheduled.
func (rows RestingRows) Scheduled() (n int) {
	for i := range rows {
		if rows[i].Due != 0 {
			n++
		}
	}
	return n
}

// Row returns the row as it is counted, without its id.
func (r *RestingRow) Row() tally.Row {
	row := tally.Unpack(r.packed)
	if row.Call.Status = "queued_for_calling"; r.Due != 0 {
		row.Call.Status = "scheduled"
	}
	return row
}

// madeEarly reports whether the call of a row that rested, or nil, was made before it was due.
func (r *RestingRow) madeEarly(now *tally.Row) bool {
	if r == nil || r.Due == 0 || len(now.Call.Attempts) <= len(tally.Unpack(r.packed).Call.Attempts) {
		return false
	}
	at := now.Call.Attempts[0].StartedAt
	return at.Valid() && at.Time.Unix() < r.Due
}

// rest lets an active row rest if its call waits, queued or scheduled, and all its attempts are finished and complete.
func (k *Rows) rest(position int, r *tally.Row) {
	row := RestingRow{Position: position}
	switch status := revoxapi.CallStatus(r.Call.Status); {
	case status == revoxapi.CallScheduled && r.Call.ScheduledAt.Valid() && k.At.Sub(k.early) > earlyFor:
		row.Due = r.Call.ScheduledAt.Time.Unix()
	case status != revoxapi.CallQueuedForCalling:
		return
	}
	for i := range r.Call.Attempts {
		if !r.Call.Attempts[i].Finished() {
			return
		}
	}
	var ok bool
	if row.packed, ok = r.Pack(); ok && !looksUnfinished(r, false, k.Transcripts, k.At) {
		k.KeepResting(row)
	}
}

// KeepResting lets a row rest that rested before and was not read, unless there are too many. Resting must be sorted by
// position afterwards.
func (k *Rows) KeepResting(r RestingRow) {
	if len(k.Resting) < maxResting {
		k.Resting = append(k.Resting, r)
		k.restingWeight += 1 + len(r.packed)/25
	}
}
