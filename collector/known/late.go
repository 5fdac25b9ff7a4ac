package known

import (
	"time"

	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// A finished row whose result, end, outcome or transcript is missing is looked at again, because the API may compute these later.

// lateAfter are the times after a row was first found finished at which it is looked at again.
var lateAfter = [...]time.Duration{2 * time.Minute, 10 * time.Minute, 30 * time.Minute}

const (
	// maxLate is the number of rows of a campaign that are looked at again.
	maxLate = 1000
	// lateFor is how long after its last timestamp a row is looked at again.
	lateFor = time.Hour
)

// LateRow is a finished row that is looked at again.
type LateRow struct {
	Position int
	Row      tally.Row // as it was the last time
	found    time.Time // when it was first found finished
	looks    int
}

// Due reports whether it is time to look at the row again.
func (r *LateRow) Due(now time.Time) bool { return !now.Before(r.found.Add(lateAfter[r.looks])) }

// late makes k look at a finished row again if that looks unfinished, and reports whether it does.
func (k *Rows) late(position int, r *tally.Row) bool {
	if len(k.Late) == maxLate || !looksUnfinished(r, k.Outcomes, k.Transcripts, k.At) {
		return false
	}
	k.KeepLate(LateRow{Position: position, Row: *r, found: k.At})
	return true
}

// KeepLate keeps a row late that was late before and was not read.
func (k *Rows) KeepLate(r LateRow) {
	k.Late = append(k.Late, r)
	k.lateParts += r.Row.Parts()
}

// LookAgain notes that a row that was late before was read, as now, and returns its class: Late if it must be looked at
// again.
func (k *Rows) LookAgain(late LateRow, now *tally.Row) Class {
	if late.Due(k.At) {
		late.looks++
	}
	k.Learn(now)
	if late.looks == len(lateAfter) || !looksUnfinished(now, k.Outcomes, k.Transcripts, k.At) {
		c, _ := k.Classify(now)
		return c
	}
	late.Row = *now
	k.KeepLate(late)
	return Late
}

// looksUnfinished reports whether values of a finished row are missing that the API may still compute. outcomes and
// transcripts report that there are some in this campaign.
func looksUnfinished(r *tally.Row, outcomes, transcripts bool, now time.Time) bool {
	missing := outcomes && !r.Call.HasOutcome()
	last := r.Call.CreatedAt
	for i := range r.Call.Attempts {
		a := &r.Call.Attempts[i]
		missing = missing || a.Finished() && (!a.EndedAt.Valid() || a.Result.IsNone() && a.DialError.IsNone()) ||
			transcripts && a.LacksTranscript()
		for _, at := range []revoxapi.Timestamp{a.StartedAt, a.AnsweredAt, a.EndedAt} {
			if at.Valid() && (!last.Valid() || at.Time.After(last.Time)) {
				last = at
			}
		}
	}
	return missing && len(r.Call.Attempts) > 0 && last.Valid() && now.Sub(last.Time) < lateFor
}
