package scan

import (
	"time"

	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// A finished row whose result, end or outcome is missing is looked at again, because the API may compute these later.

// lateAfter are the times after a row was first found finished at which it is looked at again.
var lateAfter = [...]time.Duration{2 * time.Minute, 10 * time.Minute, 30 * time.Minute}

const (
	// maxLate is the number of rows of a campaign that are looked at again.
	maxLate = 1000
	// lateFor is how long after its last timestamp a row is looked at again.
	lateFor = time.Hour
)

// addLate makes k look at a finished row again if that looks unfinished, and reports whether it does.
func (k *Known) addLate(position int, r tally.Row, now time.Time) bool {
	if len(k.late) == maxLate || !looksUnfinished(&r, k.outcomes, now) {
		return false
	}
	k.keepLate(lateRow{position: position, row: r, found: now})
	return true
}

func (k *Known) keepLate(r lateRow) {
	k.late = append(k.late, r)
	k.lateParts += parts(&r.row)
}

// parts returns the number of structs that a row takes: itself and its attempts.
func parts(r *tally.Row) int {
	if r.Call == nil {
		return 1
	}
	return 1 + len(r.Call.Attempts)
}

// lateRow is a finished row that is looked at again.
type lateRow struct {
	position int
	row      tally.Row // as it was the last time
	found    time.Time // when it was first found finished
	looks    int
}

func (r *lateRow) due(now time.Time) bool { return !now.Before(r.found.Add(lateAfter[r.looks])) }

// looksUnfinished reports whether values of a finished row are missing that the API may still compute. outcomes reports
// that it computes outcomes for this campaign.
func looksUnfinished(r *tally.Row, outcomes bool, now time.Time) bool {
	missing := outcomes && !r.Call.HasOutcome()
	last := r.Call.CreatedAt
	for i := range r.Call.Attempts {
		a := &r.Call.Attempts[i]
		missing = missing || a.Finished() && (!a.EndedAt.Valid() || a.Result.IsNone() && a.DialError.IsNone())
		for _, at := range []revoxapi.Timestamp{a.StartedAt, a.AnsweredAt, a.EndedAt} {
			if at.Valid() && (!last.Valid() || at.Time.After(last.Time)) {
				last = at
			}
		}
	}
	return missing && len(r.Call.Attempts) > 0 && last.Valid() && now.Sub(last.Time) < lateFor
}
