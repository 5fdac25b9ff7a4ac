package store

import (
	"slices"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/scan"
	"github.com/revox-exporter/revox_exporter/collector/tally"
)

// Snapshot is the published data of a campaign: the last tally, and counters that never fall. It is immutable.
type Snapshot struct {
	// At is when the data was complete.
	At time.Time
	// Took is the duration of the last full scan, or of a later scan that took longer, including the wait for a slot.
	Took time.Duration
	// Tally is that of the last complete scan.
	Tally *tally.Tally
	// Monotonic holds the published counters and histograms: the last counts, or more if the counts have decreased.
	Monotonic tally.Values
	// Fields reports, by Family.Index, whether any row ever had the field of an optional family.
	Fields []bool
	// Decreases is the number of times that a published counter or histogram was kept from decreasing.
	Decreases uint64
	// Settled describes the pages that the next scan need not read; nil if it must read all.
	Settled *scan.Settled

	// base are the counts from which the next increases are computed: the last counts, unless rows were missing.
	base tally.Values
}

// LastScan returns the result that the next scan builds on; nil for a nil Snapshot.
func (p *Snapshot) LastScan() *scan.Result {
	if p == nil {
		return nil
	}
	return &scan.Result{Tally: p.Tally, Settled: p.Settled}
}

// next returns the snapshot that follows p, which is nil for a campaign's first data.
func (p *Snapshot) next(found *scan.Result, at time.Time, took time.Duration) *Snapshot {
	t := found.Tally
	n := &Snapshot{
		At: at, Took: took, Tally: t, Monotonic: t.Values, base: t.Values, Fields: t.Fields, Settled: found.Settled,
	}
	if p == nil {
		return n
	}
	if !found.Full {
		n.Took = max(took, p.Took) // the next scan may read every page again
	}
	if t == p.Tally { // the scan found that nothing had changed
		same := *p
		same.At, same.Took, same.Settled = n.At, n.Took, n.Settled
		return &same
	}
	n.Monotonic, n.base = t.Values.Clone(), t.Values.Clone()
	n.Fields, n.Decreases = slices.Clone(n.Fields), p.Decreases
	// Missing rows still exist, and must not count again when they are found.
	missing := t.Values.Counts[tally.RowsMissing.Index].Of("") > 0
	for i, f := range tally.Families() {
		if !p.Tally.Values.Has(f) {
			continue // an earlier version wrote the state and did not know the family
		}
		n.Fields[i] = p.Fields[i] || t.Fields[i]
		var decreases uint64
		switch f.Kind {
		case tally.Counter:
			n.Monotonic.Counts[i], n.base.Counts[i], decreases =
				counts.addIncreases(p.Monotonic.Counts[i], p.base.Counts[i], t.Values.Counts[i], missing)
		case tally.Histogram:
			n.Monotonic.Distributions[i], n.base.Distributions[i], decreases =
				distributions.addIncreases(p.Monotonic.Distributions[i], p.base.Distributions[i], t.Values.Distributions[i], missing)
		}
		if n.Fields[i] || !f.Optional {
			n.Decreases += decreases // count only shown families
		}
	}
	// Nearly all values equal those of the tally: share their memory.
	n.Monotonic.Intern(t.Values)
	n.base.Intern(t.Values)
	return n
}
