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
	counts []map[string]uint64
	// distributions by family and label value, of histograms.
	distributions []map[string]distribution
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
		counts:        make([]map[string]uint64, len(families)),
		distributions: make([]map[string]distribution, len(families)),
		carries:       make([]bool, len(families)),
		unknown:       map[unknownValue]struct{}{},
	}
	for _, f := range families {
		if f.kind == histogram {
			t.distributions[f.index] = make(map[string]distribution, len(f.known))
			for _, value := range f.known {
				t.distributions[f.index][value] = nil
			}
			continue
		}
		t.counts[f.index] = make(map[string]uint64, len(f.known))
		for _, value := range f.known {
			t.counts[f.index][value] = 0
		}
	}
	return t
}

// merge adds what other counted.
func (t *Tally) merge(other *Tally) {
	for i := range t.counts {
		for value, n := range other.counts[i] {
			t.counts[i][value] += n
		}
		for value, d := range other.distributions[i] {
			t.distributions[i][value] = t.distributions[i][value].merge(d)
		}
		t.carries[i] = t.carries[i] || other.carries[i]
	}
	maps.Copy(t.unknown, other.unknown)
	if other.name != "" {
		t.name = other.name
	}
}

// share takes other's distributions in place of t's where they are equal, so that memory has them once. Distributions that
// are shared are not changed any more.
func (t *Tally) share(other *Tally) {
	for i, distributions := range t.distributions {
		for value, d := range distributions {
			if same, ok := other.distributions[i][value]; ok && d.equal(same) {
				distributions[value] = same
			}
		}
	}
}

func (t *Tally) add(f *family, value string, n int) { t.counts[f.index][value] += uint64(n) }

// observe observes a duration, or another number as so many seconds.
func (t *Tally) observe(f *family, value string, d time.Duration) {
	t.distributions[f.index][value] = t.distributions[f.index][value].observe(d, f.buckets)
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
func (t *Tally) rows() uint64 { return t.counts[familyRows.index][""] }

// total returns what a family counts over all its label values.
func (t *Tally) total(f *family) (total uint64) {
	for _, n := range t.counts[f.index] {
		total += n
	}
	for _, d := range t.distributions[f.index] {
		total += d.total()
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
