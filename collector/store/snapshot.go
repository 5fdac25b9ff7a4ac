package store

import (
	"slices"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/rows"
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
	// Decreases is the number of label values, of counters and histograms, that fell from one complete scan to the next.
	Decreases uint64
	// Known is what the next scan builds on; nil if it must read every row.
	Known *scan.Known
	// Differences is the number of rows that full scans found changed although scans before them should have seen that.
	Differences uint64
	// Cost is what scans take.
	Cost Cost
	// Rows are the rows of the last complete scan, each with the most that was finished of it; nil if they are not known.
	Rows *rows.Set

	// base are the counts above which the published values grow.
	base tally.Values
	// low are the counts that are below base, by Family.Index: of counters and of histograms.
	lowCounts        []tally.LabelMap[lowCount[uint64]]
	lowDistributions []tally.LabelMap[lowCount[tally.Distribution]]
	gone             gone
}

// LastScan returns the result that the next scan builds on; nil for a nil Snapshot.
func (p *Snapshot) LastScan() *scan.Result {
	if p == nil {
		return nil
	}
	return &scan.Result{Tally: p.Tally, Known: p.Known, Rows: p.Rows, Gone: p.gone.sets()}
}

// next returns the snapshot that follows p, which is nil for a campaign's first data. maxGone is the number of vanished
// rows that the campaign may remember.
func (p *Snapshot) next(found *scan.Result, at time.Time, took time.Duration, maxGone int) *Snapshot {
	t := found.Tally
	n := &Snapshot{
		At: at, Took: took, Tally: t, Monotonic: t.Values, base: t.Values, Fields: t.Fields, Known: found.Known,
		Differences: uint64(found.Differences),
		Rows:        found.Rows,
	}
	n.makeLow()
	if p == nil {
		n.Cost = Cost{}.next(found)
		return n
	}
	n.Cost = p.Cost.next(found)
	n.Differences += p.Differences
	if !found.Full {
		n.Took = max(took, p.Took) // the next scan may read every page again
	}
	var vanished *rows.Set
	if found.Rows != nil {
		vanished = p.Rows.Without(found.Rows)
	}
	var forgotten []tally.Counts
	n.gone, forgotten = p.gone.next(found.Rows, vanished, at, maxGone)
	n.Rows = found.Rows.AtLeast(p.Rows)
	for _, earlier := range p.gone.sets() {
		n.Rows = n.Rows.AtLeast(earlier)
	}
	if t == p.Tally && n.Rows == p.Rows && sameHours(n.gone, p.gone) && !p.isLow() { // nothing has changed
		same := *p
		same.At, same.Took, same.Known, same.Differences, same.Cost = n.At, n.Took, n.Known, n.Differences, n.Cost
		return &same
	}
	n.Monotonic, n.base = t.Values.Clone(), t.Values.Clone()
	n.Fields, n.Decreases = slices.Clone(n.Fields), p.Decreases
	for i, f := range tally.Families() {
		if !p.Tally.Values.Has(f) {
			continue // an earlier version wrote the state and did not know the family
		}
		n.Fields[i] = p.Fields[i] || t.Fields[i]
		var decreases uint64
		switch f.Kind {
		case tally.Counter:
			was := monotonic[uint64]{p.Monotonic.Counts[i], p.base.Counts[i], p.lowCounts[i]}
			was = forget(was, countsOf(forgotten, f))
			m, rebased := counts.next(was, plus(t.Values.Counts[i], countsOf(n.gone.counts, f)), at, vanished != nil, false)
			if rebased {
				n.Rows = found.Rows // what was finished earlier is forgotten with the base
			}
			n.Monotonic.Counts[i], n.base.Counts[i], n.lowCounts[i] = m.sum, m.base, m.low
			decreases = counts.decreases(p.Tally.Values.Counts[i], t.Values.Counts[i])
		case tally.Histogram:
			was := monotonic[tally.Distribution]{p.Monotonic.Distributions[i], p.base.Distributions[i], p.lowDistributions[i]}
			if found.Returned != nil {
				was.base = plusDistributions(was.base, found.Returned.Values.Distributions[i])
			}
			m, _ := distributions.next(was, t.Values.Distributions[i], at, vanished != nil, vanished != nil)
			n.Monotonic.Distributions[i], n.base.Distributions[i], n.lowDistributions[i] = m.sum, m.base, m.low
			decreases = distributions.decreases(p.Tally.Values.Distributions[i], t.Values.Distributions[i])
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

func (p *Snapshot) makeLow() {
	p.lowCounts = make([]tally.LabelMap[lowCount[uint64]], len(tally.Families()))
	p.lowDistributions = make([]tally.LabelMap[lowCount[tally.Distribution]], len(tally.Families()))
}

// rowWeight is what p's rows count towards MaxRows.
func (p *Snapshot) rowWeight() int {
	return (&scan.Result{Rows: p.Rows, Known: p.Known}).Weight() + p.gone.weight()
}

// scanSeries is about the number of series of a campaign that do not come from rows.
const scanSeries = 30

// series is what p counts towards MaxSeries: its series, and the cells of its histograms, which native buckets show.
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

// isLow reports whether any count is below its base.
func (p *Snapshot) isLow() bool {
	for i := range p.lowCounts {
		if len(p.lowCounts[i])+len(p.lowDistributions[i]) > 0 {
			return true
		}
	}
	return false
}

// hasDataOf reports whether p has all of the data of q, which may be nil, except its times and what is known of rows.
func (p *Snapshot) hasDataOf(q *Snapshot) bool {
	return q != nil && p.Differences == q.Differences && p.Tally == q.Tally && p.Rows == q.Rows && sameHours(p.gone, q.gone) && !p.isLow() && !q.isLow()
}
