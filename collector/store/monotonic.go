package store

import (
	"slices"

	"github.com/revox-exporter/revox_exporter/collector/tally"
)

// Counters go up by what increased since the tally before and by nothing else, since Prometheus would take a small decrease for a
// restart and count everything again.

// addIncreases returns monotonic with what each count increased by from before to now, the counts to reckon from next time, and
// how many decreased. Where rows are missing, those that did are reckoned from what they were. Nothing given is changed.
func addIncreases(monotonic, before, now tally.Counts, missing bool) (sum, base tally.Counts, fell uint64) {
	if tally.EqualCounts(before, now) {
		return monotonic, now, 0
	}
	sum, base = slices.Clone(monotonic), slices.Clone(now)
	for _, label := range tally.UnionOfLabels(before, now) {
		was, is := before.Of(label), now.Of(label)
		var at *uint64
		sum, at = sum.With(label)
		*at += is - min(is, was)
		if is >= was {
			continue
		}
		fell++
		if missing {
			base, at = base.With(label)
			*at = was
		}
	}
	return sum, base, fell
}

// addIncreasesOfCells is addIncreases for distributions, cell by cell.
func addIncreasesOfCells(monotonic, before, now tally.Distributions, missing bool) (sum, base tally.Distributions, fell uint64) {
	if tally.EqualDistributions(before, now) {
		return monotonic, now, 0
	}
	sum, base = slices.Clone(monotonic), slices.Clone(now)
	for _, label := range tally.UnionOfLabels(before, now) {
		was, is := before.Of(label), now.Of(label)
		var at *tally.Distribution
		sum, at = sum.With(label)
		if was.Equal(is) {
			continue
		}
		var anyFell bool
		if *at, anyFell = at.AddIncreases(was, is); anyFell {
			fell++
		}
		if missing {
			base, at = base.With(label)
			*at = is.AtLeast(was)
		}
	}
	return sum, base, fell
}
