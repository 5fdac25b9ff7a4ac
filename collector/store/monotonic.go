package store

import (
	"slices"

	"github.com/revox-exporter/revox_exporter/collector/tally"
)

// Published counters never decrease, because Prometheus takes any decrease for a restart and counts the whole value
// again. Each scan adds the increases since the scan before.

// arithmetic is the arithmetic of one kind of values.
type arithmetic[V any] struct {
	equal func(a, b tally.LabelMap[V]) bool
	// addIncrease returns sum plus the increase from before to now, and reports whether there was a decrease.
	addIncrease func(sum, before, now V) (V, bool)
	max         func(a, b V) V
}

var (
	counts = arithmetic[uint64]{
		tally.EqualCounts,
		func(sum, before, now uint64) (uint64, bool) { return sum + now - min(now, before), now < before },
		func(a, b uint64) uint64 { return max(a, b) },
	}
	distributions = arithmetic[tally.Distribution]{
		tally.EqualDistributions, tally.Distribution.AddIncreases, tally.Distribution.AtLeast,
	}
)

// addIncreases returns three results: sum is monotonic plus the increase of each value from before to now; base is what
// to pass as before next time; decreases is the number of values that decreased. If rows are missing, base keeps the
// earlier value of those, so that they do not count again when the rows reappear. No argument changes.
func (a arithmetic[V]) addIncreases(monotonic, before, now tally.LabelMap[V], missing bool) (
	sum, base tally.LabelMap[V], decreases uint64,
) {
	if a.equal(before, now) {
		return monotonic, now, 0
	}
	sum, base = slices.Clone(monotonic), slices.Clone(now)
	for _, label := range tally.UnionOfLabels(before, now) {
		was, is := before.Of(label), now.Of(label)
		var at *V
		sum, at = sum.With(label)
		var decreased bool
		if *at, decreased = a.addIncrease(*at, was, is); !decreased {
			continue
		}
		decreases++
		if missing {
			base, at = base.With(label)
			*at = a.max(is, was)
		}
	}
	return sum, base, decreases
}
