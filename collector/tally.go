package collector

import (
	"maps"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Tally is what is counted of rows: plain numbers. Tallies of parts of a campaign can be merged, in any order, to that
// of the whole. It is not safe for concurrent use. Make one with newTally.
type Tally struct {
	labels *labelValues
	// counts by family and label value, of gauges and counters.
	counts []counts
	// distributions by family and label value, of histograms.
	distributions []distributions
	// carries tells of an optional family whether any row has its field.
	carries []bool
	// unknown are the distinct values met that are not known.
	unknown map[unknownValue]struct{}
	// name of the campaign, from the row read last that has one.
	name string
}

func newTally(labels *labelValues) *Tally {
	t := &Tally{
		labels:        labels,
		counts:        make([]counts, len(families)),
		distributions: make([]distributions, len(families)),
		carries:       make([]bool, len(families)),
		unknown:       map[unknownValue]struct{}{},
	}
	for _, f := range families {
		if f.kind == histogram {
			t.distributions[f.index] = newByLabel[distribution](f.known)
		} else {
			t.counts[f.index] = newByLabel[uint64](f.known)
		}
	}
	return t
}

// merge adds what other counted.
func (t *Tally) merge(other *Tally) {
	for i, f := range families {
		for _, c := range other.counts[i] {
			*t.count(f, c.label) += c.value
		}
		for _, d := range other.distributions[i] {
			at := t.distribution(f, d.label)
			*at = at.merge(d.value)
		}
		t.carries[i] = t.carries[i] || other.carries[i]
	}
	maps.Copy(t.unknown, other.unknown)
	if other.name != "" {
		t.name = other.name
	}
}

// count returns where the count of a label value is.
func (t *Tally) count(f *family, value string) (at *uint64) {
	t.counts[f.index], at = t.counts[f.index].with(value)
	return at
}

// distribution returns where the distribution of a label value is.
func (t *Tally) distribution(f *family, value string) (at *distribution) {
	t.distributions[f.index], at = t.distributions[f.index].with(value)
	return at
}

func (t *Tally) add(f *family, value string, n int) { *t.count(f, value) += uint64(n) }

// observe observes a duration, or another number as so many seconds.
func (t *Tally) observe(f *family, value string, d time.Duration) {
	at := t.distribution(f, value)
	*at = at.observe(d, f.buckets)
}

// label returns the label value of an API value that is not empty.
func (t *Tally) label(e *enum, raw string) string {
	value, known := t.labels.value(e, raw)
	if !known {
		t.unknown[unknownValue{e.label, value}] = struct{}{}
	}
	return value
}

// rows returns the number of rows.
func (t *Tally) rows() uint64 { return t.counts[familyRows.index].of("") }

// total returns what a family counts over all its label values.
func (t *Tally) total(f *family) (total uint64) {
	for _, c := range t.counts[f.index] {
		total += c.value
	}
	for _, d := range t.distributions[f.index] {
		total += d.value.total()
	}
	return total
}

// countRow counts one row.
func (t *Tally) countRow(r row) {
	t.add(familyRows, "", 1)
	if r.Call == nil {
		t.add(familyRowsWithoutCall, "", 1)
		return
	}
	t.countCall(r.Call)
}

func (t *Tally) countCall(c *call) {
	if c.Campaign.Name != "" {
		t.name = cleanLabel(c.Campaign.Name, maxNameRunes)
	}
	if c.Outcome.present {
		t.carries[familyCallOutcomes.index] = true
	}
	for i := range c.Attempts {
		t.countAttempt(&c.Attempts[i])
	}
	if c.Status == "" {
		t.add(familyAnomalies, anomalyMissingStatus, 1)
		return
	}
	status := t.label(enumCallStatus, c.Status)
	t.add(familyCalls, status, 1)
	switch revoxapi.CallStatus(c.Status) {
	case revoxapi.CallCompleted, revoxapi.CallCancelled, revoxapi.CallErrored:
		t.countFinishedCall(c, status)
	}
}

func (t *Tally) countFinishedCall(c *call, status string) {
	t.add(familyCallsFinished, status, 1)
	outcome := valueNone
	if c.Outcome.value != "" {
		outcome = t.label(enumOutcome, c.Outcome.value)
	}
	t.add(familyCallOutcomes, outcome, 1)
	t.observe(familyAttemptsPerCall, "", time.Duration(len(c.Attempts))*time.Second)

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
		t.observeBetween(familyResolutionDuration, "", c.CreatedAt, newest)
	}
}

func (t *Tally) countAttempt(a *attempt) {
	if a.Status == "" {
		t.add(familyAnomalies, anomalyMissingStatus, 1)
		return
	}
	status := t.label(enumAttemptStatus, a.Status)
	t.add(familyCallAttempts, status, 1)
	switch revoxapi.AttemptStatus(a.Status) {
	case revoxapi.AttemptCompleted, revoxapi.AttemptError:
		t.countFinishedAttempt(a, status)
	}
}

func (t *Tally) countFinishedAttempt(a *attempt, status string) {
	t.add(familyAttemptsFinished, status, 1)
	result := valueNone
	if a.Result != "" {
		result = t.label(enumResult, a.Result)
	}
	t.add(familyAttemptResults, result, 1)
	if a.DialError != "" {
		t.add(familyAttemptDialErrors, t.label(enumDialError, a.DialError), 1)
	}
	if a.EndedBy != "" {
		t.add(familyAttemptEndedBy, t.label(enumEndedBy, a.EndedBy), 1)
	}
	if a.EndReason != "" {
		t.add(familyAttemptEndReasons, t.label(enumEndReason, a.EndReason), 1)
	}

	t.passOver(a.StartedAt)
	t.passOver(a.AnsweredAt)
	t.passOver(a.EndedAt)
	t.observeBetween(familyAttemptDuration, "", a.StartedAt, a.EndedAt)
	t.observeBetween(familyRingDuration, "", a.StartedAt, a.AnsweredAt)
	t.observeBetween(familyTalkDuration, result, a.AnsweredAt, a.EndedAt)
}

// passOver counts a time stamp that cannot be read.
func (t *Tally) passOver(at revoxapi.Timestamp) {
	if at.Unreadable() {
		t.add(familyAnomalies, anomalyBadTimestamp, 1)
	}
}

// observeBetween observes the time between two stamps, where both are there and it can be.
func (t *Tally) observeBetween(f *family, value string, from, to revoxapi.Timestamp) {
	if !from.Valid() || !to.Valid() {
		return
	}
	switch d := to.Time.Sub(from.Time); {
	case d < 0:
		t.add(familyAnomalies, anomalyNegativeDuration, 1)
	case d > maxPlausibleDuration:
		t.add(familyAnomalies, anomalyImplausibleDuration, 1)
	default:
		t.observe(f, value, d)
	}
}
