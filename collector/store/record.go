package store

import (
	"time"

	"github.com/revox-exporter/revox_exporter/collector/campaigns"
	"github.com/revox-exporter/revox_exporter/collector/scan"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Record is the state of one selected campaign. It is immutable.
type Record struct {
	ID string
	// Listed is the campaign's entry in the list of campaigns; nil if it has none.
	Listed *campaigns.Listed
	// Labels are those that the campaign file gives to the campaign.
	Labels []campaigns.Label
	// Data is nil before the first complete scan.
	Data *Snapshot

	// Scanned reports that a scan has ended. The other fields describe the last scan: Up reports that it succeeded, and
	// Err why it failed. Ended is when it ended, Duration how long it took, and Lag how late it began.
	Scanned, Up   bool
	Err           error
	Ended         time.Time
	Duration, Lag time.Duration
	// Failures counts failed scans by kind.
	Failures map[revoxapi.ErrorKind]uint64

	unconfirmed int // scans in a row that found a sudden loss

	labels  *campaigns.Labels // that Labels are from
	labeled string            // the name that Labels are for
}

// label sets Labels to what labels gives. Patterns are matched only if the labels or the name have changed.
func (r *Record) label(labels *campaigns.Labels) {
	if name := r.Name(); r.labels != labels || r.labeled != name {
		r.Labels, r.labels, r.labeled = labels.Of(r.ID, name), labels, name
	}
}

// Name returns the campaign's name; "" if it is not known.
func (r *Record) Name() string {
	switch {
	case r.Listed != nil && r.Listed.Name != "":
		return r.Listed.Name
	case r.Data != nil:
		return r.Data.Tally.Name
	}
	return ""
}

// Status returns the campaign's status as revox_campaign_status shows it; "" if the list does not give it.
func (r *Record) Status() string {
	if r.Listed == nil {
		return ""
	}
	return r.Listed.StatusLabel
}

// Outcome is the result of a scan: Found if Err is nil.
type Outcome struct {
	Found *scan.Result
	Err   error
	// Due is when the scan was due, Asked when it asked for a slot, Start when it got the slot, and End when it ended.
	Due, Asked, Start, End time.Time
}

// add records the outcome of a scan. maxGone is the number of vanished rows that the campaign may remember.
func (r *Record) add(o Outcome, maxGone int) {
	err := o.Err
	if err == nil {
		err = r.checkSuddenLoss(o.Found.Tally)
	}
	r.Scanned, r.Up, r.Err = true, err == nil, err
	r.Ended, r.Duration, r.Lag = o.End, o.End.Sub(o.Start), o.Start.Sub(o.Due)
	if err == nil {
		r.Data = r.Data.next(o.Found, o.End, o.End.Sub(o.Asked), maxGone)
		return
	}
	failures := map[revoxapi.ErrorKind]uint64{revoxapi.KindOf(err): 1}
	for kind, n := range r.Failures {
		failures[kind] += n
	}
	r.Failures = failures
}

// Ages limits the age of published data.
type Ages struct {
	// MaxAge is the limit for a campaign's data. It is raised to 3 ScanIntervals, or 3 times the duration of a full scan.
	MaxAge       time.Duration
	ScanInterval time.Duration
	// ListInterval is the time between two readings of the list. Its data may be as old as MaxAge or 3 ListIntervals.
	ListInterval time.Duration
}

// Shown reports which parts of a record are recent enough to be shown.
type Shown struct{ Data, Listed bool }

// Shown reports which parts of a record are shown at the time now.
func (s *Store) Shown(r *Record, now time.Time) Shown {
	data := r.Data != nil && !s.TooOld(r, now)
	return Shown{
		Data:   data,
		Listed: data && r.Listed != nil && now.Sub(r.Listed.ReadAt) <= max(s.ages.MaxAge, 3*s.ages.ListInterval),
	}
}

// TooOld reports whether a record's Data, which must not be nil, is too old to be published at the time now.
func (s *Store) TooOld(r *Record, now time.Time) bool {
	return now.Sub(r.Data.At) > max(s.ages.MaxAge, 3*s.ages.ScanInterval, 3*r.Data.Took)
}
