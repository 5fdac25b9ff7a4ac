package tally

import "slices"

// A campaign has several tallies: of its settled pages, of its last scan, and the published one. Their equal counts and
// distributions share memory.

// Intern replaces v's counts and distributions by equal ones of other, so that both share memory. It changes the slices
// of v, but no LabelMap in them, which must not change after that.
func (v Values) Intern(other Values) {
	internCounts(v.Counts, other.Counts)
	internDistributions(v.Distributions, other.Distributions)
}

// internCounts replaces families by equal ones of from.
func internCounts(families, from []Counts) {
	for i, c := range families {
		if len(c) > 0 && EqualCounts(c, from[i]) {
			families[i] = from[i]
		}
	}
}

// internDistributions replaces families by equal ones of from, and single distributions if the families differ.
func internDistributions(families, from []Distributions) {
	for i, ds := range families {
		if len(ds) == 0 {
			continue
		}
		if EqualDistributions(ds, from[i]) {
			families[i] = from[i]
			continue
		}
		cloned := false
		for at, d := range ds {
			if other := from[i].Of(d.Label); !same(d.Value, other) && d.Value.Equal(other) {
				if !cloned { // other owners of this family must not see it change
					families[i], cloned = slices.Clone(ds), true
				}
				families[i][at].Value = other
			}
		}
	}
}
