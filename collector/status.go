package collector

import (
	"cmp"
	"fmt"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/schedule"
	"github.com/revox-exporter/revox_exporter/collector/store"
	"github.com/revox-exporter/revox_exporter/collector/tally"
)

// Status is what an Exporter was doing at one moment: what pages, health checks, tests and the check command need to know of
// it. It is a copy, which the reader may keep and change.
type Status struct {
	// At is the moment, by the exporter's clock.
	At time.Time
	// WaitingFor says what must still end, well or not, before the exporter is ready; "" once it is. It stays ready then:
	// campaigns that are selected later do not change that.
	WaitingFor string
	// OnScrape reports that campaigns are scanned on each scrape, and not on an interval.
	OnScrape bool
	// Discovery reports that campaigns are discovered, and ListErr why the list could not be read the last time that it was
	// asked for; nil where it could or was not asked for yet.
	Discovery bool
	ListErr   error
	// Campaigns that are selected, in the order of their IDs.
	Campaigns []CampaignStatus
}

// Ready reports whether every campaign that was selected at the start has ended or failed its first scan.
func (s Status) Ready() bool { return s.WaitingFor == "" }

// CampaignStatus is what an Exporter knows of one selected campaign.
type CampaignStatus struct {
	ID string
	// Name and Status as the metrics show them; "" where they are not known.
	Name, Status string

	// Scanned reports that a scan has ended. LastScan is when the last one did, Duration how long it took, and Err why it
	// failed; nil where it succeeded.
	Scanned  bool
	LastScan time.Time
	Duration time.Duration
	Err      error
	// NextScan is when the next scan is due; a time that has passed where it is due now or, with OnScrape, where it comes with
	// the next scrape.
	NextScan time.Time

	// DataAt is when the last complete data was complete; the zero time where there is none. TooOld reports that it is not
	// published any more.
	DataAt time.Time
	TooOld bool
	// Rows of that data, and its calls that are finished.
	Rows, FinishedCalls uint64
}

// Status returns what the exporter is doing now. It waits for no scan, and is safe for concurrent use.
func (e *Exporter) Status() Status {
	s := Status{At: e.cfg.Clock.Now(), OnScrape: e.onScrape != nil, Discovery: e.cfg.Discovery != nil, ListErr: e.campaigns.List().Err}
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

// waitingFor returns what must still end before the exporter is ready, "" once it is.
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

// nextScan returns when a campaign is scanned next, as far as that is known.
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
