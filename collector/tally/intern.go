package tally

import "slices"

// A campaign has several tallies: of its settled pages, of its last scan, and the published one. Their equal counts and
// distributions share memory.

// Intern replaces v's counts and distributions by equal ones of other, so that both share memory. It changes the slices
// of v, but no LabelMap in them, which must not change after that.
func (v Values) Intern(other Values) {
	for i, cs := range v.Counts {
		if len(cs) > 0 && EqualCounts(cs, other.Counts[i]) {
			v.Counts[i] = other.Counts[i]
		}
	}
	for i, ds := range v.Distributions {
		from := other.Distributions[i]
		if len(ds) > 0 && EqualDistributions(ds, from) {
			v.Distributions[i] = from
			continue
		}
		cloned := false
		for at, d := range ds {
			if equal := from.Of(d.Label); !same(d.Value, equal) && d.Value.Equal(equal) {
				if !cloned { // other owners of this family must not see it change
					v.Distributions[i], cloned = slices.Clone(ds), true
				}
				v.Distributions[i][at].Value = equal
			}
		}
	}
}
