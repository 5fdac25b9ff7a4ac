package tally

import (
	"maps"
	"slices"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Values are what was counted of each family, by Family.Index: Counts of gauges and counters, Distributions of histograms. A
// family that is not known at all, because an earlier version left the values, is nil in both.
type Values struct {
	Counts        []Counts
	Distributions []Distributions
}

// Has reports whether v has a family at all.
func (v Values) Has(f *Family) bool {
	return v.Counts[f.Index] != nil || v.Distributions[f.Index] != nil
}

// Clone returns v in slices of its own; the LabelMaps are shared.
func (v Values) Clone() Values { return Values{slices.Clone(v.Counts), slices.Clone(v.Distributions)} }

// Tally is what is counted of rows: plain numbers. Tallies of parts of a campaign can be merged, in any order, to that of the
// whole. It is not safe for concurrent use. Make one with New.
type Tally struct {
	Values Values
	// Fields reports of an optional family, by Family.Index, whether any row has had its field.
	Fields []bool
	// Unknown are the distinct unknown values that were met.
	Unknown map[Unknown]struct{}
	// Name of the campaign, from the row read last that has one; "" where none has.
	Name string

	labels *Labels
}

// New returns a Tally of no rows, with 0 for each known label value.
func New(labels *Labels) *Tally {
	t := &Tally{
		Values:  Values{make([]Counts, len(families)), make([]Distributions, len(families))},
		Fields:  make([]bool, len(families)),
		Unknown: map[Unknown]struct{}{},
		labels:  labels,
	}
	for _, f := range families {
		if f.Kind == Histogram {
			t.Values.Distributions[f.Index] = newLabelMap[Distribution](f.Known)
		} else {
			t.Values.Counts[f.Index] = newLabelMap[uint64](f.Known)
		}
	}
	return t
}

// Merge adds what other counted, which is not changed.
func (t *Tally) Merge(other *Tally) {
	for i, f := range families {
		for _, c := range other.Values.Counts[i] {
			*t.count(f, c.Label) += c.Value
		}
		for _, d := range other.Values.Distributions[i] {
			at := t.distribution(f, d.Label)
			*at = at.Merge(d.Value)
		}
		t.Fields[i] = t.Fields[i] || other.Fields[i]
	}
	maps.Copy(t.Unknown, other.Unknown)
	if other.Name != "" {
		t.Name = other.Name
	}
}

// count returns where the count of a label value is.
func (t *Tally) count(f *Family, value string) (at *uint64) {
	t.Values.Counts[f.Index], at = t.Values.Counts[f.Index].With(value)
	return at
}

// distribution returns where the distribution of a label value is.
func (t *Tally) distribution(f *Family, value string) (at *Distribution) {
	t.Values.Distributions[f.Index], at = t.Values.Distributions[f.Index].With(value)
	return at
}

// Add adds n to the count of a label value; "" for a family without a label.
func (t *Tally) Add(f *Family, value string, n int) { *t.count(f, value) += uint64(n) }

// observe observes a duration, or another number as so many seconds.
func (t *Tally) observe(f *Family, value string, d time.Duration) {
	at := t.distribution(f, value)
	*at = at.observe(d, f.Buckets)
}

// label returns the label value of an API value that is not empty.
func (t *Tally) label(e *enum, raw string) string {
	value, known := t.labels.value(e, raw)
	if !known {
		t.Unknown[Unknown{e.label, value}] = struct{}{}
	}
	return value
}

// Rows returns the number of rows.
func (t *Tally) Rows() uint64 { return t.Values.Counts[Rows.Index].Of("") }

// Total returns what a family counts over all its label values.
func (t *Tally) Total(f *Family) (total uint64) {
	for _, c := range t.Values.Counts[f.Index] {
		total += c.Value
	}
	for _, d := range t.Values.Distributions[f.Index] {
		total += d.Value.Count()
	}
	return total
}

// CountRow counts one row.
func (t *Tally) CountRow(r Row) {
	t.Add(Rows, "", 1)
	if r.Call == nil {
		t.Add(RowsWithoutCall, "", 1)
		return
	}
	t.countCall(r.Call)
}

func (t *Tally) countCall(c *Call) {
	if c.Campaign.Name != "" {
		t.Name = CleanText(c.Campaign.Name, MaxNameRunes)
	}
	if c.Outcome.present {
		t.Fields[CallOutcomes.Index] = true
	}
	for i := range c.Attempts {
		t.countAttempt(&c.Attempts[i])
	}
	if c.Status == "" {
		t.Add(Anomalies, anomalyMissingStatus, 1)
		return
	}
	status := t.label(enumCallStatus, c.Status)
	t.Add(Calls, status, 1)
	switch revoxapi.CallStatus(c.Status) {
	case revoxapi.CallCompleted, revoxapi.CallCancelled, revoxapi.CallErrored:
		t.countFinishedCall(c, status)
	}
}

func (t *Tally) countFinishedCall(c *Call, status string) {
	t.Add(CallsFinished, status, 1)
	outcome := ValueNone
	if c.Outcome.value != "" {
		outcome = t.label(enumOutcome, c.Outcome.value)
	}
	t.Add(CallOutcomes, outcome, 1)
	t.observe(AttemptsPerCall, "", time.Duration(len(c.Attempts))*time.Second)

	var newest revoxapi.Timestamp
	for i := range c.Attempts {
		ended := c.Attempts[i].EndedAt
		if ended.Unreadable() {
			return // it might be the newest
		}
		if ended.Valid() && (!newest.Valid() || ended.Time.After(newest.Time)) {
			newest = ended
		}
	}
	if newest.Valid() {
		t.passOver(c.CreatedAt)
		t.observeBetween(ResolutionDuration, "", c.CreatedAt, newest)
	}
}

func (t *Tally) countAttempt(a *Attempt) {
	if a.Status == "" {
		t.Add(Anomalies, anomalyMissingStatus, 1)
		return
	}
	status := t.label(enumAttemptStatus, a.Status)
	t.Add(CallAttempts, status, 1)
	switch revoxapi.AttemptStatus(a.Status) {
	case revoxapi.AttemptCompleted, revoxapi.AttemptError:
		t.countFinishedAttempt(a, status)
	}
}

func (t *Tally) countFinishedAttempt(a *Attempt, status string) {
	t.Add(AttemptsFinished, status, 1)
	result := ValueNone
	if a.Result != "" {
		result = t.label(enumResult, a.Result)
	}
	t.Add(AttemptResults, result, 1)
	if a.DialError != "" {
		t.Add(AttemptDialErrors, t.label(enumDialError, a.DialError), 1)
	}
	if a.EndedBy != "" {
		t.Add(AttemptEndedBy, t.label(enumEndedBy, a.EndedBy), 1)
	}
	if a.EndReason != "" {
		t.Add(AttemptEndReasons, t.label(enumEndReason, a.EndReason), 1)
	}

	t.passOver(a.StartedAt)
	t.passOver(a.AnsweredAt)
	t.passOver(a.EndedAt)
	t.observeBetween(AttemptDuration, "", a.StartedAt, a.EndedAt)
	t.observeBetween(RingDuration, "", a.StartedAt, a.AnsweredAt)
	t.observeBetween(TalkDuration, result, a.AnsweredAt, a.EndedAt)
}

// passOver counts a time stamp that cannot be read.
func (t *Tally) passOver(at revoxapi.Timestamp) {
	if at.Unreadable() {
		t.Add(Anomalies, anomalyBadTimestamp, 1)
	}
}

// observeBetween observes the time between two stamps, where both are there and it can be.
func (t *Tally) observeBetween(f *Family, value string, from, to revoxapi.Timestamp) {
	if !from.Valid() || !to.Valid() {
		return
	}
	switch d := to.Time.Sub(from.Time); {
	case d < 0:
		t.Add(Anomalies, anomalyNegativeDuration, 1)
	case d > maxPlausibleDuration:
		t.Add(Anomalies, anomalyImplausibleDuration, 1)
	default:
		t.observe(f, value, d)
	}
}
