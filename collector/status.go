package collector

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/cost"
	"github.com/revox-exporter/revox_exporter/collector/store"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Status describes an Exporter at one moment, for pages, health checks and the check command. It is a copy.
type Status struct {
	// At is the moment, by the exporter's clock.
	At time.Time
	// WaitingFor says what is missing before the exporter is ready: the list of campaigns, the end of first scans, or a key
	// that is not refused; "" if it is ready. Once ready, it stays ready, even if more campaigns are selected.
	WaitingFor string
	// OnScrape reports that campaigns are scanned on each scrape, and not on an interval.
	OnScrape bool
	// Discovery reports that discovery is on. ListErr is the last attempt's error to read the list; nil for none.
	Discovery bool
	ListErr   error
	// EveryRow is what it takes to read every row of all campaigns once, and Hour what scans take an hour, as the last
	// scans did. Both are 0 until they are known for each campaign that is scanned, and Hour with OnScrape.
	EveryRow, Hour cost.Cost
	// Campaigns are the selected campaigns, sorted by ID.
	Campaigns []CampaignStatus
}

// Ready reports whether the list was read, if discovery is on, the first scan of every campaign selected then has
// succeeded or failed, and the API has not refused the key for all of that.
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

// Done returns how much of a campaign is done, in percent and rounded down, so that 100 means all of it: the share of its
// rows whose call is finished, as the dashboards show it. ok is false if there are no rows.
func Done(finishedCalls, rows uint64) (percent uint64, ok bool) {
	if rows == 0 {
		return 0, false
	}
	return 100 * finishedCalls / rows, true
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
	s.EveryRow, s.Hour = e.cost(records)
	return s
}

// cost returns what Status says of the cost of scans.
func (e *Exporter) cost(records []*store.Record) (everyRow, hour cost.Cost) {
	full, later := true, true // known for each campaign
	for _, r := range records {
		if r.Data == nil {
			continue
		}
		c := r.Data.Costs
		full, later = full && c.Full.Requests > 0, later && c.Later.Requests > 0
		everyRow = everyRow.Plus(c.Full)
		if e.onScrape == nil {
			hour = hour.Plus(c.Later.Hour(e.cfg.ScanInterval, c.Full, e.cfg.FullInterval))
		}
	}
	if !full {
		everyRow = cost.Cost{}
	}
	if !later {
		hour = cost.Cost{}
	}
	return everyRow, hour
}

// waitingFor returns what must still end before the exporter is ready; "" if it is.
func (e *Exporter) waitingFor(records []*store.Record) string {
	if e.ready.Load() {
		return ""
	}
	var listErr error
	unread := e.cfg.Discovery != nil && !e.listRead.Load()
	if unread {
		listErr = e.campaigns.List().Err
	}
	switch {
	case (unread || e.cfg.Discovery == nil) && e.keyRefused(listErr, records):
		return "an API key that works: the API key is refused"
	case unread && listErr != nil:
		return "the list of campaigns, which cannot be read"
	case unread:
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

// keyRefused reports whether the API has refused the key for the list, or for each campaign, and the key is still the same.
func (e *Exporter) keyRefused(listErr error, records []*store.Record) bool {
	refused := func(err error) bool { return revoxapi.KindOf(err) == revoxapi.KindAuth }
	unrefused := func(r *store.Record) bool { return !refused(r.Err) }
	each := len(records) > 0 && !slices.ContainsFunc(records, unrefused)
	return (refused(listErr) || each) && !e.breaker.Changed()
}

// nextScan returns when a campaign's next scan is due; a time in the past if it is due now or on the next scrape.
func (e *Exporter) nextScan(r *store.Record, now time.Time) time.Time {
	var due time.Time
	if e.leftAlone(r, now) {
		due = r.Ended.Add(holdOff(r.Err))
	}
	if e.onScrape != nil || !r.Scanned {
		return due
	}
	began := r.Ended.Add(-r.Duration)
	for _, other := range []time.Time{e.intervals.NextDue(r.ID, began, began), r.Ended.Add(r.Duration)} {
		if other.After(due) {
			due = other
		}
	}
	return due
}
