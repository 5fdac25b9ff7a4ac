package tally

import "slices"

// Equal counts and distributions of one campaign are in memory once, though the tally of its settled pages, the last tally and
// what is published each have theirs.

// Intern takes other's counts and distributions in place of t's where they are equal, so that memory has them once. t must
// not be changed any more after that.
func (t *Tally) Intern(other *Tally) {
	t.Values.Intern(other.Values)
}

// Intern takes other's counts and distributions in place of v's where they are equal. The slices of v are changed, the
// LabelMaps in them are not.
func (v Values) Intern(other Values) {
	internCounts(v.Counts, other.Counts)
	internDistributions(v.Distributions, other.Distributions)
}

// internCounts takes from's families in place of equal ones, so that memory has them once.
func internCounts(families, from []Counts) {
	for i, c := range families {
		if len(c) > 0 && EqualCounts(c, from[i]) {
			families[i] = from[i]
		}
	}
}

// internDistributions takes from's families in place of equal ones, and in others from's equal distributions.
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
				if !cloned { // who else has this family must not see it change
					families[i], cloned = slices.Clone(ds), true
				}
				families[i][at].Value = other
			}
		}
	}
}
