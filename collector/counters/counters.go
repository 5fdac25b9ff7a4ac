// Package counters makes the published counters and histograms of a campaign never fall, whatever the API answers: over
// values that dip (monotonic.go) and rows that vanish and return (gone.go).
//
//	was := counters.First(first)
//	is, decreases := was.Next(first.Tally, second, maxGone)
//	is.Monotonic // what to publish after the second scan
//
// It does no I/O, and does not know when a scan's result is believed or shown: that is package store.
package counters

import (
	"slices"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/rows"
	"github.com/revox-exporter/revox_exporter/collector/tally"
)

// Counters are the published values of a campaign, and what decides the next ones. They are immutable.
type Counters struct {
	// Monotonic holds the published counters and histograms: the last counts, or more if the counts have decreased.
	Monotonic tally.Values
	// Rows are the rows of the last complete scan, each with the most that was finished of it; nil if they are not known.
	Rows *rows.Set
	// Gone are the rows that have vanished.
	Gone Gone

	// base are the counts above which the published values grow.
	base tally.Values
	// low and lowSince, by Family.Index, have what is below base; see monotonic.
	low      tally.Values
	lowSince []tally.LabelMap[time.Time]
}

// Scan is what a complete scan found.
type Scan struct {
	At    time.Time
	Tally *tally.Tally
	// Rows are nil if they are not known.
	Rows *rows.Set
	// Returned is the tally of rows that had vanished and were found again; nil if there are none.
	Returned *tally.Tally
}

// First returns the counters after a campaign's first scan.
func First(found Scan) Counters {
	c := Counters{Monotonic: found.Tally.Values, base: found.Tally.Values, Rows: found.Rows}
	c.makeLow()
	return c
}

// Next returns the counters that follow c. before is the tally of the scan before found. At most maxGone vanished rows are
// remembered. decreases is the number of label values that fell since before, by Family.Index; it is nil if nothing has
// changed at all, and next is c then.
func (c Counters) Next(before *tally.Tally, found Scan, maxGone int) (next Counters, decreases []uint64) {
	var vanished *rows.Set
	if found.Rows != nil {
		vanished = c.Rows.Without(found.Rows)
	}
	var forgotten []tally.Counts
	next.Gone, forgotten = c.Gone.next(found.Rows, vanished, found.At, maxGone)
	next.Rows = found.Rows.AtLeast(c.Rows)
	for _, earlier := range c.Gone.Sets() {
		next.Rows = next.Rows.AtLeast(earlier)
	}
	t := found.Tally
	if t == before && next.Same(c) {
		return c, nil
	}
	next.makeLow()
	next.Monotonic, next.base = t.Values.Clone(), t.Values.Clone()
	decreases = make([]uint64, len(tally.Families()))
	for i, f := range tally.Families() {
		if !before.Values.Has(f) {
			continue // an earlier version wrote the state and did not know the family
		}
		switch f.Kind {
		case tally.Counter:
			was := monotonic[uint64]{c.Monotonic.Counts[i], c.base.Counts[i], c.low.Counts[i], c.lowSince[i]}
			was = forget(was, countsOf(forgotten, f))
			is := plus(t.Values.Counts[i], countsOf(next.Gone.counts, f))
			m, rebased := counts.next(was, is, found.At, vanished != nil, false)
			if rebased {
				next.Rows = found.Rows // what was finished earlier is forgotten with the base
			}
			next.Monotonic.Counts[i], next.base.Counts[i] = m.sum, m.base
			next.low.Counts[i], next.lowSince[i] = m.low, m.since
			decreases[i] = counts.decreases(before.Values.Counts[i], t.Values.Counts[i])
		case tally.Histogram:
			was := monotonic[tally.Distribution]{
				c.Monotonic.Distributions[i], c.base.Distributions[i], c.low.Distributions[i], c.lowSince[i],
			}
			if found.Returned != nil {
				was.base = plusDistributions(was.base, found.Returned.Values.Distributions[i])
			}
			m, _ := distributions.next(was, t.Values.Distributions[i], found.At, vanished != nil, vanished != nil)
			next.Monotonic.Distributions[i], next.base.Distributions[i] = m.sum, m.base
			next.low.Distributions[i], next.lowSince[i] = m.low, m.since
			decreases[i] = distributions.decreases(before.Values.Distributions[i], t.Values.Distributions[i])
		}
	}
	// Nearly all values equal those of the tally: share their memory.
	next.Monotonic.Intern(t.Values)
	next.base.Intern(t.Values)
	return next, decreases
}

// Same reports whether c and other, which follow the same tally, have the same rows, and no count waits below its base.
func (c Counters) Same(other Counters) bool {
	return c.Rows == other.Rows && c.Gone.Same(other.Gone) && !c.isLow() && !other.isLow()
}

func (c *Counters) makeLow() {
	c.low, c.lowSince = tally.NewValues(), make([]tally.LabelMap[time.Time], len(tally.Families()))
}

// isLow reports whether any count is below its base.
func (c Counters) isLow() bool {
	return slices.ContainsFunc(c.lowSince, func(m tally.LabelMap[time.Time]) bool { return len(m) > 0 })
}
