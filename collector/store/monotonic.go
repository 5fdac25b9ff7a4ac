package store

import (
	"slices"

	"github.com/revox-exporter/revox_exporter/collector/tally"
)

// Published counters never decrease, because Prometheus takes any decrease for a restart and counts the whole value
// again. Each scan adds the increases since the scan before.

// addIncreases returns three results: sum is monotonic plus the increase of each count from before to now; base is what
// to pass as before next time; decreases is the number of counts that decreased. If rows are missing, base keeps the
// earlier value of those, so that they do not count again when the rows reappear. No argument changes.
func addIncreases(monotonic, before, now tally.Counts, missing bool) (sum, base tally.Counts, decreases uint64) {
	if tally.EqualCounts(before, now) {
		return monotonic, now, 0
	}
	sum, base = slices.Clone(monotonic), slices.Clone(now)
	for _, label := range unionOfLabels(before, now) {
		was, is := before.Of(label), now.Of(label)
		var at *uint64
		sum, at = sum.With(label)
		*at += is - min(is, was)
		if is >= was {
			continue
		}
		decreases++
		if missing {
			base, at = base.With(label)
			*at = was
		}
	}
	return sum, base, decreases
}

// addCellIncreases is addIncreases for distributions. It works on each cell.
func addCellIncreases(
	monotonic, before, now tally.Distributions, missing bool,
) (sum, base tally.Distributions, decreases uint64) {
	if tally.EqualDistributions(before, now) {
		return monotonic, now, 0
	}
	sum, base = slices.Clone(monotonic), slices.Clone(now)
	for _, label := range unionOfLabels(before, now) {
		was, is := before.Of(label), now.Of(label)
		var at *tally.Distribution
		sum, at = sum.With(label)
		if was.Equal(is) {
			continue
		}
		var decreased bool
		if *at, decreased = at.AddIncreases(was, is); decreased {
			decreases++
		}
		if missing {
			base, at = base.With(label)
			*at = is.AtLeast(was)
		}
	}
	return sum, base, decreases
}

// unionOfLabels returns the labels of a and b in order, each once.
func unionOfLabels[V any](a, b tally.LabelMap[V]) []string {
	labels := make([]string, 0, len(a)+len(b))
	for _, e := range slices.Concat(a, b) {
		labels = append(labels, e.Label)
	}
	slices.Sort(labels)
	return slices.Compact(labels)
}
