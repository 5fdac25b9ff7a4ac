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
	since := map[string]map[string]int64{}
	for i, f := range tally.Families() {
		for _, e := range c.lowSince[i] {
			if since[f.Name] == nil {
				since[f.Name] = map[string]int64{}
			}
			since[f.Name][e.Label] = e.Value.Unix()
		}
	}
	none := tally.NewValues()
	return Stored{Held: c.Monotonic.Store(&t.Values), Base: c.base.Store(&t.Values), Low: c.low.Store(&none), LowSince: since}
}

// Restore returns the counters that were stored, and follow t. The error names an impossible value.
func (s Stored) Restore(t *tally.Tally, labels *labelvalue.Labels) (Counters, error) {
	c := Counters{Monotonic: t.Values.Clone(), base: t.Values.Clone()}
	c.makeLow()
	err := errors.Join(c.Monotonic.Restore(s.Held, labels), c.base.Restore(s.Base, labels), c.low.Restore(s.Low, labels))
	for i, f := range tally.Families() {
		note := func(label string) {
			c.lowSince[i] = c.lowSince[i].Set(label, time.Unix(s.LowSince[f.Name][label], 0))
		}
		for _, e := range c.low.Counts[i] {
			note(e.Label)
		}
		for _, e := range c.low.Distributions[i] {
			note(e.Label)
		}
	}
	return c, err
}
