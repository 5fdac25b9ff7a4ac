package counters

import (
	"errors"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/collector/tally"
)

// Stored is the form in which Counters are written to a file, as JSON. It has neither Rows nor Gone.
type Stored struct {
	// Held (Counters.Monotonic) and Base have only the families that differ from the tally.
	Held map[string]tally.StoredFamily `json:"held,omitempty"`
	Base map[string]tally.StoredFamily `json:"base,omitempty"`
	// Low are the counts below Base, and LowSince the Unix times since when, by family and label value.
	Low      map[string]tally.StoredFamily `json:"low,omitempty"`
	LowSince map[string]map[string]int64   `json:"low_since,omitempty"`
}

// Store returns c, which follows t, in its stored form.
func (c Counters) Store(t *tally.Tally) Stored {
	low, since := c.storeLow()
	return Stored{Held: c.Monotonic.Store(&t.Values), Base: c.base.Store(&t.Values), Low: low, LowSince: since}
}

// Restore returns the counters that were stored, and follow t. The error names an impossible value.
func (s Stored) Restore(t *tally.Tally, labels *labelvalue.Labels) (Counters, error) {
	c := Counters{Monotonic: t.Values.Clone(), base: t.Values.Clone()}
	err := errors.Join(c.Monotonic.Restore(s.Held, labels), c.base.Restore(s.Base, labels),
		c.restoreLow(s.Low, s.LowSince, labels))
	return c, err
}

func (c Counters) storeLow() (most map[string]tally.StoredFamily, since map[string]map[string]int64) {
	values, none := tally.NewValues(), tally.NewValues()
	since = map[string]map[string]int64{}
	for i, f := range tally.Families() {
		at := map[string]int64{}
		for _, low := range c.lowCounts[i] {
			values.Counts[i] = append(values.Counts[i], tally.Entry[uint64]{Label: low.Label, Value: low.Value.Most})
			at[low.Label] = low.Value.Since.Unix()
		}
		for _, low := range c.lowDistributions[i] {
			values.Distributions[i] = append(values.Distributions[i],
				tally.Entry[tally.Distribution]{Label: low.Label, Value: low.Value.Most})
			at[low.Label] = low.Value.Since.Unix()
		}
		if len(at) > 0 {
			since[f.Name] = at
		}
	}
	return values.Store(&none), since
}

func (c *Counters) restoreLow(most map[string]tally.StoredFamily, since map[string]map[string]int64, labels *labelvalue.Labels) error {
	values := tally.NewValues()
	err := values.Restore(most, labels)
	c.makeLow()
	for i, f := range tally.Families() {
		for _, e := range values.Counts[i] {
			if f.Kind == tally.Counter {
				low := lowCount[uint64]{time.Unix(since[f.Name][e.Label], 0), e.Value}
				c.lowCounts[i] = append(c.lowCounts[i], tally.Entry[lowCount[uint64]]{Label: e.Label, Value: low})
			}
		}
		for _, e := range values.Distributions[i] {
			low := lowCount[tally.Distribution]{time.Unix(since[f.Name][e.Label], 0), e.Value}
			c.lowDistributions[i] = append(c.lowDistributions[i],
				tally.Entry[lowCount[tally.Distribution]]{Label: e.Label, Value: low})
		}
	}
	return err
}
