package store

import (
	"time"

	"github.com/revox-exporter/revox_exporter/collector/campaigns"
	"github.com/revox-exporter/revox_exporter/collector/scan"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Record is all that is known of one selected campaign. It is immutable.
type Record struct {
	ID string
	// Listed is what the list of campaigns says; nil where it does not have the campaign.
	Listed *campaigns.Listed
	// Data is nil before the first complete scan.
	Data *Snapshot

	// Scanned reports that a scan has ended, and Up that the last one succeeded. Err says why it did not; Ended is when it ended,
	// Duration how long it took, and Lag the time from when it was due until it began.
	Scanned, Up   bool
	Err           error
	Ended         time.Time
	Duration, Lag time.Duration
	// Failures are the failed scans by kind.
	Failures map[revoxapi.ErrorKind]uint64

	doubted int // scans in a row that found so little that they are not believed
}

// Name returns the campaign's name, "" where it is not known.
func (r *Record) Name() string {
	switch {
	case r.Listed != nil && r.Listed.Name != "":
		return r.Listed.Name
	case r.Data != nil:
		return r.Data.Tally.Name
	}
	return ""
}

// Status returns the campaign's status as revox_campaign_status shows it, "" where the list does not give it.
func (r *Record) Status() string {
	if r.Listed == nil {
		return ""
	}
	return r.Listed.StatusLabel
}

// Outcome is how a scan ended: with what it found, or with an error.
type Outcome struct {
	Found *scan.Result
	Err   error
	// Due, Asked and Start are when the scan was due, when it asked for its slot, and when that came; End is when it ended.
	Due, Asked, Start, End time.Time
}

// add makes what came of a scan the campaign's last.
func (r *Record) add(o Outcome) {
	err := o.Err
	if err == nil {
		err = r.checkSuddenLoss(o.Found.Tally)
	}
	r.Scanned, r.Up, r.Err = true, err == nil, err
	r.Ended, r.Duration, r.Lag = o.End, o.End.Sub(o.Start), o.Start.Sub(o.Due)
	if err == nil {
		r.Data = r.Data.next(o.Found, o.End, o.End.Sub(o.Asked))
		return
	}
	failures := map[revoxapi.ErrorKind]uint64{revoxapi.KindOf(err): 1}
	for kind, n := range r.Failures {
		failures[kind] += n
	}
	r.Failures = failures
}

// Ages are how old what is published may be.
type Ages struct {
	// MaxAge of a campaign's data; at least 3 ScanIntervals, and twice the time that a full scan of it takes.
	MaxAge       time.Duration
	ScanInterval time.Duration
	// ListInterval is the pause between two readings of the list: what it says may be as old as MaxAge, or 3 of those.
	ListInterval time.Duration
}

// Shown are the parts of a record that are young enough to be shown.
type Shown struct{ Data, Listed bool }

// Shown returns which parts of a record are shown at a time.
func (s *Store) Shown(r *Record, now time.Time) Shown {
	data := r.Data != nil && !s.TooOld(r, now)
	return Shown{
		Data:   data,
		Listed: data && r.Listed != nil && now.Sub(r.Listed.ReadAt) <= max(s.ages.MaxAge, 3*s.ages.ListInterval),
	}
}

// TooOld reports whether the data of a record, which has some, is too old to be published at a time.
func (s *Store) TooOld(r *Record, now time.Time) bool {
	return now.Sub(r.Data.At) > max(s.ages.MaxAge, 3*s.ages.ScanInterval, 2*r.Data.Took)
}
