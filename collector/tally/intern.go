package tally

import "slices"

// The tallies of a campaign (finished rows, last scan, published) share the memory of equal values.

// Intern makes v share the memory of other's equal values. It changes v's slices, but no LabelMap in them, which must
// not change after that.
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
