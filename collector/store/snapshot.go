package store

import (
	"slices"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/counters"
	"github.com/revox-exporter/revox_exporter/collector/known"
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
	// Fields reports, by Family.Index, whether any row ever had the field of an optional family.
	Fields []bool
	// Decreases is the number of label values, of counters and histograms, that fell from one complete scan to the next.
	Decreases uint64
	// Known is what the next scan builds on; nil if it must read every row.
	Known *known.Rows
	// Differences is the number of rows that full scans found changed although scans before them should have seen that.
	Differences uint64
	// Costs are what scans take.
	Costs Costs

	// Counters are the published counters, and the rows that they are about.
	counters.Counters
}

// LastScan returns the result that the next scan builds on; nil for a nil Snapshot.
func (p *Snapshot) LastScan() *scan.Result {
	if p == nil {
		return nil
	}
	return &scan.Result{Tally: p.Tally, Known: p.Known, Rows: p.Rows, Gone: p.Gone.Sets()}
}

// next returns the snapshot that follows p, which is nil for a campaign's first data. maxGone is the number of vanished
// rows that the campaign may remember.
func (p *Snapshot) next(found *scan.Result, at time.Time, took time.Duration, maxGone int) *Snapshot {
	t := found.Tally
	n := &Snapshot{At: at, Took: took, Tally: t, Fields: t.Fields, Known: found.Known, Differences: uint64(found.Differences)}
	scanned := counters.Scan{At: at, Tally: t, Rows: found.Rows, Returned: found.Returned}
	if p == nil {
		n.Costs, n.Counters = Costs{}.next(found), counters.First(scanned)
		return n
	}
	n.Costs = p.Costs.next(found)
	n.Differences += p.Differences
	if !found.Full {
		n.Took = max(took, p.Took) // the next scan may read every page again
	}
	var decreases []uint64
	n.Counters, decreases = p.Counters.Next(p.Tally, scanned, maxGone)
	n.Fields, n.Decreases = p.Fields, p.Decreases
	if decreases == nil {
		return n
	}
	n.Fields = slices.Clone(t.Fields)
	for i, f := range tally.Families() {
		if !p.Tally.Values.Has(f) {
			continue // an earlier version wrote the state and did not know the family
		}
		n.Fields[i] = p.Fields[i] || t.Fields[i]
		if n.Fields[i] || !f.Optional {
			n.Decreases += decreases[i] // count only shown families
		}
	}
	return n
}

// rowWeight is what p's rows count towards maxRows.
func (p *Snapshot) rowWeight() int {
	return (&scan.Result{Rows: p.Rows, Known: p.Known}).Weight() + p.Gone.Weight()
}

// scanSeries is about the number of series of a campaign that do not come from rows.
const scanSeries = 30

// series is what p counts towards maxSeries: its series, and the cells of its histograms, which native buckets show.
func (p *Snapshot) series() int {
	n := scanSeries
	for i, f := range tally.Families() {
		n += max(len(p.Tally.Values.Counts[i]), len(p.Monotonic.Counts[i]))
		for _, d := range p.Monotonic.Distributions[i] {
			n += len(f.Buckets) + 3 + len(d.Value)
		}
	}
	return n
}

// hasDataOf reports whether p has all of the data of q, which may be nil, except its times and what is known of rows.
func (p *Snapshot) hasDataOf(q *Snapshot) bool {
	return q != nil && p.Differences == q.Differences && p.Tally == q.Tally && p.Counters.Same(q.Counters)
}
