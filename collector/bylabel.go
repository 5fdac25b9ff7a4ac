package collector

import (
	"slices"
	"strings"
)

// byLabel has what was counted of one family by label value, in the order of the values. A slice takes a third of the
// room of a map, and a fleet has some ten thousand of them. nil is a family that is not known at all.
//
// What adds a value returns the slice to go on with, as append does, and may change the old one.
type byLabel[V any] []labelled[V]

type labelled[V any] struct {
	label string
	value V
}

type (
	counts        = byLabel[uint64]
	distributions = byLabel[distribution]
)

// newByLabel returns one with the zero value for each of the labels.
func newByLabel[V any](labels []string) byLabel[V] {
	b := make(byLabel[V], len(labels))
	for i, label := range labels {
		b[i].label = label
	}
	slices.SortFunc(b, func(x, y labelled[V]) int { return strings.Compare(x.label, y.label) })
	return b
}

func (b byLabel[V]) find(label string) (i int, found bool) {
	return slices.BinarySearchFunc(b, label, func(l labelled[V], label string) int { return strings.Compare(l.label, label) })
}

// of returns the value of a label, the zero value for one that is not there.
func (b byLabel[V]) of(label string) (value V) {
	if i, found := b.find(label); found {
		return b[i].value
	}
	return value
}

// with returns b with a label, and where its value is.
func (b byLabel[V]) with(label string) (byLabel[V], *V) {
	i, found := b.find(label)
	if !found {
		b = slices.Insert(b, i, labelled[V]{label: label})
	}
	return b, &b[i].value
}

// same tells whether two slices are one and the same in memory, or both empty.
func same[E any](a, b []E) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }

// equalCounts tells whether two are equal; at once where they are the same.
func equalCounts(a, b counts) bool { return same(a, b) || slices.Equal(a, b) }

// equalDistributions tells whether two are equal; at once where they are the same.
func equalDistributions(a, b distributions) bool {
	return same(a, b) || slices.EqualFunc(a, b, func(x, y labelled[distribution]) bool { return x.label == y.label && x.value.equal(y.value) })
}
