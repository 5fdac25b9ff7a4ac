package tally

import (
	"slices"
	"strings"

	"github.com/revox-exporter/revox_exporter/collector/histogram"
)

// Distribution holds the durations that were observed under one label value of a histogram.
type Distribution = histogram.Distribution

// LabelMap holds a value for each label value of one family, sorted by label value. It is a slice because a map takes
// three times the memory, and there may be tens of thousands. nil stands for a family that is not known.
//
// Methods that add a value return the new LabelMap, as append does, and may change the old one.
type LabelMap[V any] []Entry[V]

// Entry is a label value and the value stored for it.
type Entry[V any] struct {
	Label string
	Value V
}

// Counts are the values of a gauge or counter, and Distributions those of a histogram, by label value.
type (
	Counts        = LabelMap[uint64]
	Distributions = LabelMap[Distribution]
)

// newLabelMap returns a LabelMap with the zero value for each of the labels.
func newLabelMap[V any](labels []string) LabelMap[V] {
	m := make(LabelMap[V], len(labels))
	for i, label := range labels {
		m[i].Label = label
	}
	m.sort()
	return m
}

func (m LabelMap[V]) sort() {
	slices.SortFunc(m, func(x, y Entry[V]) int { return strings.Compare(x.Label, y.Label) })
}

func (m LabelMap[V]) find(label string) (i int, found bool) {
	// Not slices.BinarySearchFunc: each row counts many labels, and this takes half the time.
	high := len(m)
	for i < high {
		if middle := (i + high) / 2; m[middle].Label < label {
			i = middle + 1
		} else {
			high = middle
		}
	}
	return i, i < len(m) && m[i].Label == label
}

// Of returns the value stored for a label, or the zero value.
func (m LabelMap[V]) Of(label string) (value V) {
	if i, found := m.find(label); found {
		return m[i].Value
	}
	return value
}

// With adds the label to m if it is missing. It returns the new LabelMap and a pointer to the label's value in it.
func (m LabelMap[V]) With(label string) (LabelMap[V], *V) {
	i, found := m.find(label)
	if !found {
		m = slices.Insert(m, i, Entry[V]{Label: label})
	}
	return m, &m[i].Value
}

// Set sets the value stored for a label, and returns the new LabelMap.
func (m LabelMap[V]) Set(label string, value V) LabelMap[V] {
	m, at := m.With(label)
	*at = value
	return m
}

func (m LabelMap[V]) labels() []string {
	labels := make([]string, len(m))
	for i, e := range m {
		labels[i] = e.Label
	}
	return labels
}

// UnionOfLabels returns the labels of a and b in order, each once.
func UnionOfLabels[V any](a, b LabelMap[V]) []string {
	labels := append(a.labels(), b.labels()...)
	slices.Sort(labels)
	return slices.Compact(labels)
}

// same reports whether two slices share their memory, or are both empty.
func same[E any](a, b []E) bool { return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0]) }

// EqualCounts reports whether a and b are equal. It is fast if they share their memory.
func EqualCounts(a, b Counts) bool { return same(a, b) || slices.Equal(a, b) }

// EqualDistributions reports whether a and b are equal. It is fast if they share their memory.
func EqualDistributions(a, b Distributions) bool {
	return same(a, b) || slices.EqualFunc(a, b, func(x, y Entry[Distribution]) bool {
		return x.Label == y.Label && x.Value.Equal(y.Value)
	})
}
