package known

import (
	"slices"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/paging"
	"github.com/revox-exporter/revox_exporter/collector/rows"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Rows is what a scan knows about each row. The scan that makes it may change it; after that, it is immutable.
type Rows struct {
	// Layout is how the rows lie on pages.
	Layout paging.Layout
	// FullAt is the start of the last full scan, At that of the last scan.
	FullAt, At time.Time
	// BrokenAt is when a filter by status proved wrong; zero if it has not, or a day has passed.
	BrokenAt time.Time
	// List has the keys of the rows, and Classes their classes, by position.
	List    *rows.List
	Classes []Class
	// Finished counts the finished rows, except late ones.
	Finished *tally.Tally
	// Late are the late rows. Keep and KeepLate add to them.
	Late []LateRow
	// Resting are the active rows that rest. Keep and KeepResting add to them.
	Resting RestingRows
	// Read are the statuses whose rows are read by each scan, unless they rest.
	Read []revoxapi.CallStatus
	// Proven reports that the totals of finished calls show whether the filter goes by the call's status.
	Proven bool
	// Fallbacks is the number of scans in a row that have read every row although none had to: what goes on was too much, or
	// what was known did not agree with the totals. A restart forgets it.
	Fallbacks int
	// Outcomes reports that the API computes outcomes for this campaign.
	Outcomes bool
	// Transcripts reports that the API gives transcripts for this campaign.
	Transcripts bool

	retries
	lateParts     int // the number of rows and attempts in Late
	restingWeight int // what Resting counts as rows
}

// Nothing returns what is known before the first scan: that rows whose calls are calling or scheduled must be read.
func Nothing() *Rows {
	return &Rows{Read: []revoxapi.CallStatus{revoxapi.CallCalling, revoxapi.CallScheduled}}
}

// Next returns what the next scan, which starts at this time, begins with: k without late and resting rows. It shares
// Classes, Read and Finished with k, so that these must be cloned before they are changed.
func (k *Rows) Next(at time.Time) *Rows {
	next := *k
	next.At = at
	next.Late, next.lateParts, next.Resting, next.restingWeight = nil, 0, nil, 0
	return &next
}

// Class is what a scan knows about a row.
type Class uint8

const (
	// Waiting: the row has no call, or one that was never attempted. Such rows are only counted.
	Waiting Class = iota
	// Active: it has attempts and is not finished, or has a status whose rows are read by each scan.
	Active
	// Late: the call is finished, but looks unfinished; see LateRow.
	Late
	// Completed, Cancelled, Errored: the call is finished.
	Completed
	Cancelled
	Errored
)

// Count returns how many rows have the class.
func Count(classes []Class, class Class) (n int) {
	for _, c := range classes {
		if c == class {
			n++
		}
	}
	return n
}

// Finished are the classes of finished calls.
var Finished = []Class{Completed, Cancelled, Errored}

var statuses = [...]revoxapi.CallStatus{
	Completed: revoxapi.CallCompleted, Cancelled: revoxapi.CallCancelled, Errored: revoxapi.CallErrored,
}

// Status returns the status of finished calls of the class; "" of all others.
func (c Class) Status() revoxapi.CallStatus { return statuses[c] }

// Follows reports whether a row of the class before can have the class c, as Classify returns it, without every row
// having to be read: a finished call stays as it is.
func (c Class) Follows(before Class) bool {
	return before < Late || before == Late && c >= Completed || c == before
}

// counted are the statuses of which a row without attempts is waiting.
var counted = []revoxapi.CallStatus{revoxapi.CallInitializing, revoxapi.CallQueuedForCalling}

// Counted returns the statuses whose rows are only counted while their calls have no attempts.
func (k *Rows) Counted() []revoxapi.CallStatus {
	return slices.DeleteFunc(slices.Clone(counted), k.reads)
}

// reads reports whether the rows of a status are read by each scan.
func (k *Rows) reads(status revoxapi.CallStatus) bool { return slices.Contains(k.Read, status) }

// Classify returns the class of a row, which is not Late. ok is false if a scan with filters cannot count it.
func (k *Rows) Classify(r *tally.Row) (c Class, ok bool) {
	if r.Call == nil {
		return Waiting, true
	}
	status := revoxapi.CallStatus(r.Call.Status)
	for _, c := range Finished {
		if status == c.Status() {
			return c, true
		}
	}
	if k.reads(status) {
		return Active, true
	}
	if ok = slices.Contains(counted, status); ok && len(r.Call.Attempts) == 0 {
		return Waiting, true
	}
	return Active, ok
}

// Keep keeps what the next scan needs of a row that was read and has the class c: an active row rests if it can, and a
// finished row that looks unfinished is late. It returns the row's class.
func (k *Rows) Keep(position int, r *tally.Row, c Class) Class {
	switch {
	case c == Active:
		k.rest(position, r)
	case c >= Completed && k.late(position, r):
		return Late
	}
	return c
}

// Learn notes which values of finished rows the API computes for this campaign.
func (k *Rows) Learn(r *tally.Row) {
	k.Outcomes = k.Outcomes || r.Call.HasOutcome()
	k.Transcripts = k.Transcripts || r.Call.HasTranscript()
}

// Weight returns what late and resting rows count as rows. A late row or an attempt of it takes about 200 bytes, and what
// is usually kept of a row about 16, and up to 40 if it still counts as one. It is 0 for nil.
func (k *Rows) Weight() int {
	if k == nil {
		return 0
	}
	return 8*k.lateParts + k.restingWeight
}

// Filters reports whether the next scan may rely on the filter by status; false for nil.
func (k *Rows) Filters() bool { return k != nil && k.BrokenAt.IsZero() }

// readsAllAfter is the number of scans in a row that must read all until it is said of the campaign's scans.
const readsAllAfter = 3

// ReadsAll reports whether the campaign's scans read every row; true for nil.
func (k *Rows) ReadsAll() bool { return !k.Filters() || k.Fallbacks >= readsAllAfter }
