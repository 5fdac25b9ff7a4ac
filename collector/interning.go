package collector

import "slices"

// This file is about interning: equal counts and distributions of one campaign are in memory once, though the tally of its
// settled pages, the newest tally and what is published each have theirs.

// intern lets t, the tally of settled pages and what was published before have in common what is equal.
func (s *scan) intern(t, settled *Tally) {
	if s.before != nil && (s.before.settled == nil || settled != s.before.settled.Tally) {
		settled.intern(s.before.tally) // it is new, and nobody else has it yet
	}
	t.intern(settled)
	if s.before != nil {
		t.intern(s.before.tally)
	}
}

// intern takes other's counts and distributions in place of t's where they are equal, so that memory has them once. t must
// not be changed any more after that.
func (t *Tally) intern(other *Tally) {
	internCounts(t.counts, other.counts)
	internDistributions(t.distributions, other.distributions)
}

// internCounts takes from's families in place of equal ones, so that memory has them once.
func internCounts(families, from []counts) {
	for i, c := range families {
		if len(c) > 0 && equalCounts(c, from[i]) {
			families[i] = from[i]
		}
	}
}

// internDistributions takes from's families in place of equal ones, and in others from's equal distributions.
func internDistributions(families, from []distributions) {
	for i, ds := range families {
		if len(ds) == 0 {
			continue
		}
		if equalDistributions(ds, from[i]) {
			families[i] = from[i]
			continue
		}
		cloned := false
		for at, d := range ds {
			if other := from[i].of(d.label); !same(d.value, other) && d.value.equal(other) {
				if !cloned { // who else has this family must not see it change
					families[i], cloned = slices.Clone(ds), true
				}
				families[i][at].value = other
			}
		}
	}
}
