package counters

import (
	"slices"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/tally"
)

// Published counters never decrease, because Prometheus takes any decrease for a restart and counts the whole value
// again. What a dip takes away and brings back counts once: a value grows by what exceeds its base, and the base is the
// highest count so far. Rows that have vanished stay in the counts of counters (gone.go). What they added to histograms
// is not known, so that after their disappearance the base of a histogram is the count.

// rebaseAfter is how long a count must stay below its base for the highest count in this time to become the base.
const rebaseAfter = 24 * time.Hour

// monotonic are the published values of one family, and what decides the next ones. It is immutable.
type monotonic[V any] struct {
	sum, base tally.LabelMap[V]
	// low has the labels whose count is below the base: the highest count since then, and since when.
	low   tally.LabelMap[V]
	since tally.LabelMap[time.Time]
}

// arithmetic is the arithmetic of one kind of values.
type arithmetic[V any] struct {
	equal func(a, b tally.LabelMap[V]) bool
	// addIncrease returns sum plus the increase from before to now.
	addIncrease func(sum, before, now V) V
	falls       func(before, now V) bool
	max         func(a, b V) V
}

var (
	counts = arithmetic[uint64]{
		tally.EqualCounts,
		func(sum, before, now uint64) uint64 { return sum + now - min(now, before) },
		func(before, now uint64) bool { return now < before },
		func(a, b uint64) uint64 { return max(a, b) },
	}
	distributions = arithmetic[tally.Distribution]{
		tally.EqualDistributions, tally.Distribution.AddIncreases, tally.Distribution.FallsTo, tally.Distribution.AtLeast,
	}
)

// next returns the values that follow m when a scan that ended at the time at has counted now. vanished reports that rows
// have vanished since the scan before, and rebase that now does not have what these counted. rebased reports that a count
// has been below its base for so long that the base fell.
func (a arithmetic[V]) next(m monotonic[V], now tally.LabelMap[V], at time.Time, vanished, rebase bool) (n monotonic[V], rebased bool) {
	if len(m.low) == 0 && a.equal(m.base, now) {
		return m, false
	}
	n = monotonic[V]{sum: slices.Clone(m.sum), base: slices.Clone(now)}
	for _, label := range tally.UnionOfLabels(m.base, now) {
		base, is := m.base.Of(label), now.Of(label)
		n.sum = n.sum.Set(label, a.addIncrease(n.sum.Of(label), base, is))
		if rebase {
			base = is
		}
		if a.falls(base, is) {
			since, most := m.since.Of(label), a.max(m.low.Of(label), is)
			if since.IsZero() || vanished {
				since, most = at, is
			}
			if at.Sub(since) < rebaseAfter {
				n.low, n.since = n.low.Set(label, most), n.since.Set(label, since)
			} else {
				base, rebased = most, true
			}
		}
		n.base = n.base.Set(label, a.max(base, is))
	}
	return n, rebased
}

// decreases returns how many label values are lower in now than in before.
func (a arithmetic[V]) decreases(before, now tally.LabelMap[V]) (n uint64) {
	if a.equal(before, now) {
		return 0
	}
	for _, was := range before {
		if a.falls(was.Value, now.Of(was.Label)) {
			n++
		}
	}
	return n
}

// forget returns m after rows are forgotten that have vanished and had counted this.
func forget(m monotonic[uint64], counts tally.Counts) monotonic[uint64] {
	if len(counts) == 0 {
		return m
	}
	m.base, m.low = minus(m.base, counts), slices.Clone(m.low)
	for i, low := range m.low {
		m.low[i].Value -= min(low.Value, counts.Of(low.Label))
	}
	return m
}

// plus returns the sums of a and b by label, and minus the differences, 0 at least. Neither changes.
func plus(a, b tally.Counts) tally.Counts {
	return combine(a, b, func(x, y uint64) uint64 { return x + y })
}

func minus(a, b tally.Counts) tally.Counts {
	return combine(a, b, func(x, y uint64) uint64 { return x - min(x, y) })
}

// plusDistributions returns the sums of a and b by label. Neither changes.
func plusDistributions(a, b tally.Distributions) tally.Distributions {
	return combine(a, b, func(x, y tally.Distribution) tally.Distribution { return slices.Clone(x).Merge(y) })
}

func combine[V any](a, b tally.LabelMap[V], with func(x, y V) V) tally.LabelMap[V] {
	if len(b) == 0 {
		return a
	}
	out := slices.Clone(a)
	for _, e := range b {
		out = out.Set(e.Label, with(out.Of(e.Label), e.Value))
	}
	return out
}
