package store

import (
	"slices"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/scan"
	"github.com/revox-exporter/revox_exporter/collector/tally"
)

// Snapshot is what complete scans of a campaign add up to: the last tally for the gauges, and counters and histograms that never
// fall. It is immutable.
type Snapshot struct {
	// At is when the data was complete.
	At time.Time
	// Took is how long the last full scan took, or a later one that took longer, with what it waited for its slot.
	Took time.Duration
	// Tally of the last complete scan.
	Tally *tally.Tally
	// Monotonic are the counters and histograms as they are shown: the last count, or more where it has fallen.
	Monotonic tally.Values
	// Fields reports of an optional family whether any row has ever had its field.
	Fields []bool
	// Decreases is how many times a counter or histogram that is shown was kept from falling.
	Decreases uint64
	// Settled says which pages the next scan need not read; nil for none.
	Settled *scan.Settled

	// base are the counts that the next increases are reckoned from: the last ones, except where rows were missing.
	base tally.Values
}

// LastScan returns what the next scan goes on from; nil for a nil Snapshot.
func (p *Snapshot) LastScan() *scan.Result {
	if p == nil {
		return nil
	}
	return &scan.Result{Tally: p.Tally, Settled: p.Settled}
}

// next returns what to publish after p, which is nil for a campaign's first data.
func (p *Snapshot) next(found *scan.Result, at time.Time, took time.Duration) *Snapshot {
	t := found.Tally
	n := &Snapshot{At: at, Took: took, Tally: t, Monotonic: t.Values, base: t.Values, Fields: t.Fields, Settled: found.Settled}
	if p == nil {
		return n
	}
	if !found.Full {
		n.Took = max(took, p.Took) // the next scan may read every page again
	}
	if t == p.Tally { // what a scan that found nothing changed returns
		same := *p
		same.At, same.Took, same.Settled = n.At, n.Took, n.Settled
		return &same
	}
	n.Monotonic, n.base = t.Values.Clone(), t.Values.Clone()
	n.Fields, n.Decreases = slices.Clone(n.Fields), p.Decreases
	// What rows that could not be found have to say is not gone, and must not count again when they are found.
	missing := t.Values.Counts[tally.RowsMissing.Index].Of("") > 0
	for i, f := range tally.Families() {
		if !p.Tally.Values.Has(f) {
			continue // an earlier version left the state, and did not know the family
		}
		n.Fields[i] = p.Fields[i] || t.Fields[i]
		var fell uint64
		switch f.Kind {
		case tally.Counter:
			n.Monotonic.Counts[i], n.base.Counts[i], fell =
				addIncreases(p.Monotonic.Counts[i], p.base.Counts[i], t.Values.Counts[i], missing)
		case tally.Histogram:
			n.Monotonic.Distributions[i], n.base.Distributions[i], fell =
				addIncreasesOfCells(p.Monotonic.Distributions[i], p.base.Distributions[i], t.Values.Distributions[i], missing)
		}
		if n.Fields[i] || !f.Optional {
			n.Decreases += fell // of what is shown
		}
	}
	// Nearly all are as the tally has them.
	n.Monotonic.Intern(t.Values)
	n.base.Intern(t.Values)
	return n
}
