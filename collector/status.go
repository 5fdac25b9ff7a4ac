package collector

import (
	"cmp"
	"fmt"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/schedule"
	"github.com/revox-exporter/revox_exporter/collector/store"
	"github.com/revox-exporter/revox_exporter/collector/tally"
)

// Status describes an Exporter at one moment, for pages, health checks and the check command. It is a copy.
type Status struct {
	// At is the moment, by the exporter's clock.
	At time.Time
	// WaitingFor says what must still end, in success or failure, before the exporter is ready; "" if it is ready. Once
	// ready, it stays ready, even if more campaigns are selected.
	WaitingFor string
	// OnScrape reports that campaigns are scanned on each scrape, and not on an interval.
	OnScrape bool
	// Discovery reports that discovery is on. ListErr is the last attempt's error to read the list; nil for none.
	Discovery bool
	ListErr   error
	// Campaigns are the selected campaigns, sorted by ID.
	Campaigns []CampaignStatus
}

// Ready reports whether the first scan of every campaign selected at the start has succeeded or failed.
func (s Status) Ready() bool { return s.WaitingFor == "" }

// CampaignStatus describes one selected campaign.
type CampaignStatus struct {
	ID string
	// Name and Status are as the metrics show them; "" if unknown.
	Name, Status string

	// Scanned reports that a scan has ended. The last one ended at LastScan, took Duration and failed with Err, if any.
	Scanned  bool
	LastScan time.Time
	Duration time.Duration
	Err      error
	// NextScan is when the next scan is due: in the past if it is due now or, with OnScrape, on the next scrape.
	NextScan time.Time

	// DataAt is when the last data was complete; zero if there is none. TooOld reports that it is not published.
	DataAt time.Time
	TooOld bool
	// Rows is the number of rows in that data, and FinishedCalls the number of its finished calls.
	Rows, FinishedCalls uint64
}

// Status returns the current status. It does not wait for scans, and is safe for concurrent use.
func (e *Exporter) Status() Status {
	s := Status{
		At: e.cfg.Clock.Now(), OnScrape: e.onScrape != nil,
		Discovery: e.cfg.Discovery != nil, ListErr: e.campaigns.List().Err,
	}
	records := e.store.All()
	s.WaitingFor = e.waitingFor(records)
	for _, r := range records {
		c := CampaignStatus{
			ID: r.ID, Name: r.Name(), Status: r.Status(),
			Scanned: r.Scanned, LastScan: r.Ended, Duration: r.Duration, Err: r.Err, NextScan: e.nextScan(r, s.At),
		}
		if r.Data != nil {
			c.DataAt, c.TooOld = r.Data.At, e.store.TooOld(r, s.At)
			c.Rows, c.FinishedCalls = r.Data.Tally.Rows(), r.Data.Tally.Total(tally.CallsFinished)
		}
		s.Campaigns = append(s.Campaigns, c)
	}
	return s
}

// waitingFor returns what must still end before the exporter is ready; "" if it is.
func (e *Exporter) waitingFor(records []*store.Record) string {
	if e.ready.Load() {
		return ""
	}
	if e.cfg.Discovery != nil && !e.listRead.Load() {
		return "the list of campaigns"
	}
	waiting, first := 0, ""
	for _, r := range records {
		if !r.Scanned {
			waiting++
			first = cmp.Or(first, r.ID)
		}
	}
	switch waiting {
	case 0:
		e.ready.Store(true)
		return ""
	case 1:
		return "the first scan of campaign " + first
	default:
		return fmt.Sprintf("the first scans of %d campaigns, of them %s", waiting, first)
	}
}

// nextScan returns when a campaign's next scan is due; a time in the past if it is due now or on the next scrape.
func (e *Exporter) nextScan(r *store.Record, now time.Time) time.Time {
	var due time.Time
	if e.leftAlone(r, now) {
		due = r.Ended.Add(schedule.HoldOff(r.Err))
	}
	if e.onScrape != nil || !r.Scanned {
		return due
	}
	began := r.Ended.Add(-r.Duration)
	if regular := e.intervals.NextDue(r.ID, began, began); regular.After(due) {
		return regular
	}
	return due
}
