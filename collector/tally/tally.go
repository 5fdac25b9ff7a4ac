package tally

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Values holds the values of each family, by Family.Index: Counts of gauges and counters, Distributions of histograms.
// A family that is not known at all, because an earlier version of the program stored the values, is nil in both.
type Values struct {
	Counts        []Counts
	Distributions []Distributions
}

// NewValues returns Values that know no family.
func NewValues() Values {
	return Values{make([]Counts, len(families)), make([]Distributions, len(families))}
}

// Has reports whether the family is known in v.
func (v Values) Has(f *Family) bool {
	return v.Counts[f.Index] != nil || v.Distributions[f.Index] != nil
}

// Clone returns a copy of v that shares the LabelMaps with it.
func (v Values) Clone() Values { return Values{slices.Clone(v.Counts), slices.Clone(v.Distributions)} }

// Tally holds the counts of rows. Tallies of parts of a campaign can be merged, in any order, into that of the whole.
// It is not safe for concurrent use. Make one with New.
type Tally struct {
	Values Values
	// Fields reports, by Family.Index, whether any row had the field of an optional family.
	Fields []bool
	// Unknown are the distinct unknown values in the rows.
	Unknown map[labelvalue.Unknown]struct{}
	// Name is the campaign's name, from the last row that has one; "" if none has.
	Name string
	// OldestActive is when the attempt started that has been queued, ringing or ongoing longest, in Unix milliseconds; 0
	// if there is none.
	OldestActive int64
	// Assistant is the assistant of the call that was created last.
	Assistant Assistant

	labels *labelvalue.Labels
	hides  func(text string) bool // nil until hider is called
	// seenAssistant and seenModel are those that Assistant was made from, if they are known.
	seenAssistant *assistant
	seenModel     *model
	// added is what the last row added to counters, and parts its parts, the next of which begins at part.
	added []Addition
	parts [][]Addition
	part  int
}

// Addition is 1 that a row added to a counter's label value.
type Addition struct {
	Family *Family
	Label  string
}

// New returns an empty Tally, with 0 for each known label value.
func New(labels *labelvalue.Labels) *Tally {
	t := &Tally{
		Values:  NewValues(),
		Fields:  make([]bool, len(families)),
		Unknown: map[labelvalue.Unknown]struct{}{},
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

// Merge adds other's counts to t. other does not change.
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
	t.seenActiveSince(other.OldestActive)
	if t.Assistant.Add(other.Assistant) {
		t.seenAssistant, t.seenModel = other.seenAssistant, other.seenModel
	}
}

// seenActiveSince lowers OldestActive to start, unless start is not positive: before 1970 there are only placeholders.
func (t *Tally) seenActiveSince(start int64) {
	if start > 0 && (t.OldestActive == 0 || start < t.OldestActive) {
		t.OldestActive = start
	}
}

// Clone returns a copy of t.
func (t *Tally) Clone() *Tally {
	c := New(t.labels)
	c.Merge(t)
	return c
}

// Equal reports whether t and other are equal. It is fast if they share their memory; see Values.Intern.
func (t *Tally) Equal(other *Tally) bool {
	for i := range families {
		if !EqualCounts(t.Values.Counts[i], other.Values.Counts[i]) ||
			!EqualDistributions(t.Values.Distributions[i], other.Values.Distributions[i]) {
			return false
		}
	}
	return t.Name == other.Name && t.OldestActive == other.OldestActive && t.Assistant == other.Assistant &&
		slices.Equal(t.Fields, other.Fields) && maps.Equal(t.Unknown, other.Unknown)
}

// count returns a pointer to the count of a label value.
func (t *Tally) count(f *Family, value string) (at *uint64) {
	t.Values.Counts[f.Index], at = t.Values.Counts[f.Index].With(value)
	return at
}

// distribution returns a pointer to the distribution of a label value.
func (t *Tally) distribution(f *Family, value string) (at *Distribution) {
	t.Values.Distributions[f.Index], at = t.Values.Distributions[f.Index].With(value)
	return at
}

// Add adds n to the count of a label value, which is "" for a family without a label.
func (t *Tally) Add(f *Family, value string, n int) {
	*t.count(f, value) += uint64(n)
	if f.Kind == Counter {
		t.added = append(t.added, Addition{f, value})
	}
}

// observe observes a duration. To observe a plain number, pass that many seconds.
func (t *Tally) observe(f *Family, value string, d time.Duration) {
	at := t.distribution(f, value)
	*at = at.Observe(d, f.Buckets)
}

// valueLabel returns the label value for the value of an enumeration, which must not be none.
func (t *Tally) valueLabel(e *labelvalue.Enum, v Value) string {
	if v.wrong {
		t.Add(Anomalies, anomalyWrongType, 1)
		t.Unknown[labelvalue.Unknown{Label: e.Label, Value: labelvalue.Other}] = struct{}{}
		return labelvalue.Other
	}
	return t.label(e, v.text)
}

// hider returns what labels.Hider returned the first time: the key may be in a file, and must not be read with each row.
func (t *Tally) hider() func(text string) bool {
	if t.hides == nil {
		t.hides = t.labels.Hider()
	}
	return t.hides
}

// label returns the label value for an API value, which must not be empty.
func (t *Tally) label(e *labelvalue.Enum, raw string) string {
	value, known := t.labels.Value(e, raw)
	if !known {
		t.Unknown[labelvalue.Unknown{Label: e.Label, Value: value}] = struct{}{}
	}
	return value
}

// Rows returns the number of rows.
func (t *Tally) Rows() uint64 { return t.Values.Counts[Rows.Index].Of("") }

// Total returns the sum of a family's counts over all label values; of a histogram, the number of observations.
func (t *Tally) Total(f *Family) (total uint64) {
	for _, c := range t.Values.Counts[f.Index] {
		total += c.Value
	}
	for _, d := range t.Values.Distributions[f.Index] {
		total += d.Value.Count()
	}
	return total
}

// CountRow counts one row. It returns what that added to counters: a part for each attempt, for each use of a tool, and one
// for the call. The parts are valid until the next row.
func (t *Tally) CountRow(r Row) [][]Addition {
	t.added, t.parts, t.part = t.added[:0], t.parts[:0], 0
	t.Add(Rows, "", 1)
	if r.Call == nil {
		t.Add(RowsWithoutCall, "", 1)
		return nil
	}
	if attempts := distinct(r.Call.Attempts); len(attempts) < len(r.Call.Attempts) {
		t.Add(Anomalies, anomalyDuplicateAttempt, len(r.Call.Attempts)-len(attempts))
		c := *r.Call
		c.Attempts = attempts
		r.Call = &c
	}
	t.countCall(r.Call)
	t.endPart()
	return t.parts
}

// endPart makes what was added since the part before a part.
func (t *Tally) endPart() {
	t.parts = append(t.parts, t.added[t.part:])
	t.part = len(t.added)
}

// distinct returns attempts without those whose ID an attempt before them has. It does not change attempts.
func distinct(attempts []Attempt) []Attempt {
	if !anyDuplicate(attempts) {
		return attempts
	}
	seen := make(map[attemptID]bool, len(attempts))
	return slices.DeleteFunc(slices.Clone(attempts), func(a Attempt) bool {
		was := seen[a.ID]
		seen[a.ID] = a.ID != 0
		return was
	})
}

// anyDuplicate reports whether two attempts may have the same ID. It is certain for few attempts.
func anyDuplicate(attempts []Attempt) bool {
	if len(attempts) > 16 {
		return true
	}
	for i := range attempts {
		for j := range i {
			if attempts[i].ID != 0 && attempts[i].ID == attempts[j].ID {
				return true
			}
		}
	}
	return false
}

func (t *Tally) countCall(c *Call) {
	if raw := c.Campaign.Name; raw != "" && raw != t.Name { // most rows have the same
		t.Name = cmp.Or(labelvalue.Name(raw, t.hider()), t.Name)
	}
	if c.Outcome.present {
		t.Fields[CallOutcomes.Index] = true
	}
	for i := range c.Attempts {
		t.countAttempt(&c.Attempts[i], i == len(c.Attempts)-1) // the newest comes first
		t.endPart()
		t.countTools(&c.Attempts[i])
	}
	t.countAssistant(c)
	if c.Status == "" {
		t.Add(Anomalies, anomalyMissingStatus, 1)
		return
	}
	status := t.label(labelvalue.CallStatus, string(c.Status))
	t.Add(Calls, status, 1)
	if c.Finished() {
		t.countFinishedCall(c, status)
	}
}

func (t *Tally) countFinishedCall(c *Call, status string) {
	t.Add(CallsFinished, status, 1)
	outcome := labelvalue.None
	if !c.Outcome.IsNone() {
		outcome = t.valueLabel(labelvalue.Outcome, c.Outcome)
	}
	t.Add(CallOutcomes, outcome, 1)
	t.observe(AttemptsPerCall, "", time.Duration(len(c.Attempts))*time.Second)

	var last revoxapi.Timestamp
	for i := range c.Attempts {
		ended := c.Attempts[i].EndedAt
		if ended.Unreadable() {
			return // it might be the last
		}
		if ended.Valid() && (!last.Valid() || ended.Time.After(last.Time)) {
			last = ended
		}
	}
	if last.Valid() {
		t.checkTimestamp(c.CreatedAt)
		t.observeBetween(ResolutionDuration, "", c.CreatedAt, last)
	}
}

// countAttempt counts an attempt; isFirst is whether it is its call's first.
func (t *Tally) countAttempt(a *Attempt, isFirst bool) {
	if a.Status == "" {
		t.Add(Anomalies, anomalyMissingStatus, 1)
		return
	}
	status := t.label(labelvalue.AttemptStatus, string(a.Status))
	t.Add(CallAttempts, status, 1)
	if a.Transcript.Given {
		t.Fields[AttemptTurns.Index] = true
	}
	switch {
	case a.Finished():
		t.countFinishedAttempt(a, status, isFirst)
	case a.Active():
		t.checkTimestamp(a.StartedAt)
		if a.StartedAt.Valid() {
			t.seenActiveSince(a.StartedAt.Time.UnixMilli())
		}
	}
}

func (t *Tally) countFinishedAttempt(a *Attempt, status string, isFirst bool) {
	t.Add(AttemptsFinished, status, 1)
	result := labelvalue.None
	if !a.Result.IsNone() {
		result = t.valueLabel(labelvalue.Result, a.Result)
	}
	t.Add(AttemptResults, result, 1)
	if isFirst {
		t.Add(FirstAttemptResults, result, 1)
	}
	if !a.DialError.IsNone() {
		t.Add(AttemptDialErrors, t.valueLabel(labelvalue.DialError, a.DialError), 1)
	}
	if !a.EndedBy.IsNone() {
		t.Add(AttemptEndedBy, t.valueLabel(labelvalue.EndedBy, a.EndedBy), 1)
	}
	if !a.EndReason.IsNone() {
		t.Add(AttemptEndReasons, t.valueLabel(labelvalue.EndReason, a.EndReason), 1)
	}

	t.checkTimestamp(a.StartedAt)
	t.checkTimestamp(a.AnsweredAt)
	t.checkTimestamp(a.EndedAt)
	t.observeBetween(AttemptDuration, "", a.StartedAt, a.EndedAt)
	t.observeBetween(RingDuration, "", a.StartedAt, a.AnsweredAt)
	t.observeBetween(TalkDuration, result, a.AnsweredAt, a.EndedAt)

	if a.Transcript.Wrong > 0 {
		t.Add(Anomalies, anomalyWrongType, int(a.Transcript.Wrong))
	}
	if a.Transcript.Given && a.AnsweredAt.Valid() {
		t.observe(AttemptTurns, string(revoxapi.RoleAssistant), time.Duration(a.Transcript.Assistant)*time.Second)
		t.observe(AttemptTurns, string(revoxapi.RoleUser), time.Duration(a.Transcript.User)*time.Second)
	}
}

// countTools counts the uses of tools in an attempt. Each is a part of its own: there are few tools, but many ways to use
// them in one attempt.
func (t *Tally) countTools(a *Attempt) {
	if !a.Finished() {
		return
	}
	for _, use := range a.Transcript.Tools {
		tool := labelvalue.None
		if use.Name != "" {
			tool = t.label(labelvalue.ToolName, use.Name)
		}
		t.Add(ToolCalls, tool, 1)
		if use.IsError {
			t.Add(ToolErrors, tool, 1)
		} else {
			t.count(ToolErrors, tool) // so that the first error is an increase
		}
		t.endPart()
	}
}

// checkTimestamp counts a timestamp that cannot be read.
func (t *Tally) checkTimestamp(at revoxapi.Timestamp) {
	if at.Unreadable() {
		t.Add(Anomalies, anomalyBadTimestamp, 1)
	}
}

// observeBetween observes the time between two timestamps if both are valid and the duration is plausible.
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
