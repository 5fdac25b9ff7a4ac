package store

import (
	"slices"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/rows"
	"github.com/revox-exporter/revox_exporter/collector/tally"
)

const (
	// rememberGone is how long a row that has vanished is remembered. If it returns later, it counts again.
	rememberGone = 48 * time.Hour
	// maxGone is the weight of the vanished rows, of all campaigns, that are remembered.
	maxGone = 1_000_000
)

// gone are the rows of a campaign that have vanished. It is immutable. The zero value has none.
type gone struct {
	// hours are the rows by the hour in which they vanished, the latest last. No row is in two of them.
	hours []goneHour
	// counts is what the rows added to counters, by Family.Index; nil without rows.
	counts []tally.Counts
}

type goneHour struct {
	at   time.Time // the beginning of the hour
	rows *rows.Set
}

// weight is what the rows count towards limits of memory.
func (g gone) weight() (n int) {
	for _, h := range g.hours {
		n += h.rows.Weight()
	}
	return n
}

func (g gone) sets() (sets []*rows.Set) {
	for _, h := range g.hours {
		sets = append(sets, h.rows)
	}
	return sets
}

// next returns the vanished rows after a scan that ended at the time at and found the rows now. vanished are those that
// it found no more. At most limit rows are kept; forgotten is what those counted that are not, by Family.Index.
func (g gone) next(now, vanished *rows.Set, at time.Time, limit int) (next gone, forgotten []tally.Counts) {
	hour := at.Truncate(time.Hour)
	hours := make([]goneHour, 0, len(g.hours)+1)
	for _, h := range g.hours {
		if rest := h.rows.Without(now); rest != nil {
			hours = append(hours, goneHour{h.at, rest})
		}
	}
	if vanished != nil {
		if last := len(hours) - 1; last >= 0 && hours[last].at.Equal(hour) {
			hours[last].rows = hours[last].rows.With(vanished)
		} else {
			hours = append(hours, goneHour{hour, vanished})
		}
	}
	next = gone{hours: hours}
	for n := next.weight(); len(next.hours) > 0; next.hours = next.hours[1:] {
		first := next.hours[0]
		if n <= limit && hour.Sub(first.at) <= rememberGone {
			break
		}
		n -= first.rows.Weight()
		forgotten = sumOfCounts(forgotten, first.rows.Counts())
	}
	if sameHours(next, g) {
		return g, nil
	}
	for _, h := range next.hours {
		next.counts = sumOfCounts(next.counts, h.rows.Counts())
	}
	return next, forgotten
}

// sameHours reports whether x and y are the same rows, not only equal ones.
func sameHours(x, y gone) bool {
	return slices.EqualFunc(x.hours, y.hours, func(x, y goneHour) bool { return x.rows == y.rows })
}

func sumOfCounts(a, b []tally.Counts) []tally.Counts {
	if a == nil {
		return b
	}
	for i := range a {
		a[i] = plus(a[i], b[i])
	}
	return a
}

// countsOf returns what a family's counts are; nil if counts is nil.
func countsOf(counts []tally.Counts, f *tally.Family) tally.Counts {
	if counts == nil {
		return nil
	}
	return counts[f.Index]
}
