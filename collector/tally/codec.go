package tally

import (
	"fmt"
	"slices"

	"github.com/revox-exporter/revox_exporter/collector/histogram"
	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
)

// Stored is the form in which a Tally is written to a file, as JSON. Families are stored by name and not by index, so
// that versions of the program with more or fewer families can read each other's files.
type Stored struct {
	Name     string                  `json:"name,omitzero"`
	Families map[string]StoredFamily `json:"families"`
	Carries  []string                `json:"carries,omitempty"`
	// OldestActive is Tally.OldestActive.
	OldestActive int64 `json:"oldest_active,omitzero"`
	// Assistant is Tally.Assistant.
	Assistant Assistant `json:"assistant,omitzero"`
}

// StoredFamily holds the values of one family, by label value.
type StoredFamily struct {
	Counts        map[string]uint64                 `json:"counts,omitempty"`
	Distributions map[string][]histogram.StoredCell `json:"distributions,omitempty"`
	// Buckets are the upper bounds to which the classic indexes of cells refer.
	Buckets []float64 `json:"buckets,omitempty"`
}

// Store returns t in its stored form, without Unknown.
func (t *Tally) Store() Stored {
	return Stored{
		Name: t.Name, Families: t.Values.Store(nil), Carries: StoreFields(t.Fields),
		OldestActive: t.OldestActive, Assistant: t.Assistant,
	}
}

// Restore returns the tally that was stored. A family that was not stored, or was stored with other buckets, is nil in
// it. The error names an impossible value.
func (s Stored) Restore(labels *labelvalue.Labels) (*Tally, error) {
	t := New(labels)
	t.Name, t.Fields = labelvalue.Name(s.Name, t.hider()), RestoreFields(s.Carries)
	t.seenActiveSince(s.OldestActive)
	t.Assistant = t.restoreAssistant(s.Assistant)
	clear(t.Values.Counts)
	clear(t.Values.Distributions)
	return t, t.Values.Restore(s.Families, labels)
}

// Store returns the families whose values differ from those in others; all families if others is nil.
func (v Values) Store(others *Values) map[string]StoredFamily {
	stored := map[string]StoredFamily{}
	for i, f := range families {
		cs, ds := v.Counts[i], v.Distributions[i]
		if others == nil || !EqualCounts(cs, others.Counts[i]) || !EqualDistributions(ds, others.Distributions[i]) {
			counts := storeLabelMap(cs, func(n uint64) uint64 { return n })
			stored[f.Name] = StoredFamily{counts, storeLabelMap(ds, Distribution.Store), f.Buckets}
		}
	}
	return stored
}

// Restore sets the stored families in v. The error names an impossible value.
func (v Values) Restore(stored map[string]StoredFamily, labels *labelvalue.Labels) (err error) {
	hides := labels.Hider()
	for i, f := range families {
		s, ok := stored[f.Name]
		if !ok || !slices.Equal(s.Buckets, f.Buckets) {
			continue
		}
		if f.Kind == Histogram {
			v.Distributions[i], err = restoreLabelMap(s.Distributions, f, hides, restoreDistribution)
		} else {
			v.Counts[i], err = restoreLabelMap(s.Counts, f, hides, func(n uint64, _ *Family) (uint64, error) { return n, nil })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// RestoreLabels lets the label values in v pass, as an earlier process did, so that they stay counted by name.
func (v Values) RestoreLabels(labels *labelvalue.Labels) {
	for _, f := range families {
		if len(f.Labels) == 0 {
			continue
		}
		for _, value := range append(v.Counts[f.Index].labels(), v.Distributions[f.Index].labels()...) {
			// No family lists the end reasons as Known: it is an open set.
			if !slices.Contains(f.Known, value) && (f != AttemptEndReasons || !labelvalue.EndReason.Has(value)) {
				labels.Restore(f.Labels[0], value)
			}
		}
	}
}

func storeLabelMap[V, S any](m LabelMap[V], store func(V) S) map[string]S {
	stored := make(map[string]S, len(m))
	for _, e := range m {
		stored[e.Label] = store(e.Value)
	}
	return stored
}

// restoreLabelMap reverses storeLabelMap. Known label values share their memory. A value that must not be shown is left
// out.
func restoreLabelMap[V, S any](
	stored map[string]S, f *Family, hides func(string) bool, restore func(S, *Family) (V, error),
) (LabelMap[V], error) {
	m := make(LabelMap[V], 0, len(stored))
	for label, s := range stored {
		value, err := restore(s, f)
		if err != nil {
			return nil, err
		}
		if i := slices.Index(f.Known, label); i >= 0 {
			label = f.Known[i]
		} else if !labelvalue.IsIdentifier(label) || hides(label) {
			continue
		}
		m = append(m, Entry[V]{label, value})
	}
	m.sort()
	return m, nil
}

func restoreDistribution(cells []histogram.StoredCell, f *Family) (Distribution, error) {
	d, err := histogram.Restore(cells, f.Buckets)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	return d, nil
}

// StoreFields returns the names of the families that a Tally.Fields marks as seen.
func StoreFields(fields []bool) []string {
	var names []string
	for i, f := range families {
		if fields[i] {
			names = append(names, f.Name)
		}
	}
	return names
}

// RestoreFields returns the Tally.Fields for names that StoreFields returned.
func RestoreFields(names []string) []bool {
	fields := make([]bool, len(families))
	for i, f := range families {
		fields[i] = slices.Contains(names, f.Name)
	}
	return fields
}
