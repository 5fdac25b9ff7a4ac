package tally

import (
	"slices"
	"strings"
)

// LabelMap has a value for each label value of one family, in the order of the label values. A slice takes a third of the room
// of a map, and a fleet has some ten thousand of them. nil is a family that is not known at all.
//
// What adds a value returns the LabelMap to go on with, as append does, and may change the old one.
type LabelMap[V any] []Entry[V]

// Entry is a label value and what is known of it.
type Entry[V any] struct {
	Label string
	Value V
}

// The two kinds of LabelMaps that families have: Counts of gauges and counters, Distributions of histograms.
type (
	Counts        = LabelMap[uint64]
	Distributions = LabelMap[Distribution]
)

// newLabelMap returns one with the zero value for each of the labels.
func newLabelMap[V any](labels []string) LabelMap[V] {
	m := make(LabelMap[V], len(labels))
	for i, label := range labels {
		m[i].Label = label
	}
	slices.SortFunc(m, func(x, y Entry[V]) int { return strings.Compare(x.Label, y.Label) })
	return m
}

func (m LabelMap[V]) find(label string) (i int, found bool) {
	return slices.BinarySearchFunc(m, label, func(e Entry[V], label string) int { return strings.Compare(e.Label, label) })
}

// Of returns the value of a label, the zero value for one that is not there.
func (m LabelMap[V]) Of(label string) (value V) {
	if i, found := m.find(label); found {
		return m[i].Value
	}
	return value
}

// With returns m with a label, and where its value is.
func (m LabelMap[V]) With(label string) (LabelMap[V], *V) {
	i, found := m.find(label)
	if !found {
		m = slices.Insert(m, i, Entry[V]{Label: label})
	}
	return m, &m[i].Value
}

// UnionOfLabels returns the labels of a and of b, each once, in order.
func UnionOfLabels[V any](a, b LabelMap[V]) []string {
	labels := make([]string, 0, len(a)+len(b))
	for _, e := range slices.Concat(a, b) {
		labels = append(labels, e.Label)
	}
	slices.Sort(labels)
	return slices.Compact(labels)
}

// same reports whether two slices are one and the same in memory, or both empty.
func same[E any](a, b []E) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }

// EqualCounts reports whether two are equal; at once where they are the same in memory.
func EqualCounts(a, b Counts) bool { return same(a, b) || slices.Equal(a, b) }

// EqualDistributions reports whether two are equal; at once where they are the same in memory.
func EqualDistributions(a, b Distributions) bool {
	return same(a, b) || slices.EqualFunc(a, b, func(x, y Entry[Distribution]) bool {
		return x.Label == y.Label && x.Value.Equal(y.Value)
	})
}
