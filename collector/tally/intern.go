package tally

import "slices"

// The tallies of a campaign (finished rows, last scan, published) share the memory of equal values.

// Intern makes v share the memory of other's equal values. It changes v's slices, but no LabelMap in them, which must
// not change after that. If all values are equal, v is other, so that its slices must not change either.
func (v *Values) Intern(other Values) {
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
			if equal := from.Of(d.Label); !d.Value.Same(equal) && d.Value.Equal(equal) {
				if !cloned { // other owners of this family must not see it change
					v.Distributions[i], cloned = slices.Clone(ds), true
				}
				v.Distributions[i][at].Value = equal
			}
		}
	}
	for i := range v.Counts {
		if !identical(v.Counts[i], other.Counts[i]) || !identical(v.Distributions[i], other.Distributions[i]) {
			return
		}
	}
	*v = other
}

// identical reports whether two slices share their memory, or are both empty and not nil, or both nil.
func identical[E any](a, b []E) bool { return same(a, b) && (a == nil) == (b == nil) }
