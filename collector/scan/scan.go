package scan

import (
	"context"
	"errors"
	"math"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/cost"
	"github.com/revox-exporter/revox_exporter/collector/known"
	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/collector/room"
	"github.com/revox-exporter/revox_exporter/collector/rows"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/internal/apirequest"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Scanner scans campaigns. It is safe for concurrent use as long as its fields do not change.
type Scanner struct {
	Client *revoxapi.Client
	// Params are the first page and the page size to ask for. The zero value suits every server.
	Params revoxapi.RowsParams
	// Labels turns the values of rows into label values.
	Labels *labelvalue.Labels
	// RowTable is the table of the rows in results.
	RowTable *rows.Table
	// FullInterval is the time after which a scan reads all rows again. To spread the load, a campaign's interval is up
	// to a quarter shorter. 0: each scan reads all rows.
	FullInterval time.Duration

	filterProven atomic.Bool // see laterScan.proven
}

// Result is a whole campaign as a scan found it. It is immutable.
type Result struct {
	// Tally counts all rows. If the scan knows that nothing changed, it is the same pointer as in the result before.
	Tally *tally.Tally
	// Known is what the next scan builds on; nil if it must read every row.
	Known *known.Rows
	// Rows are all rows; nil if they are not known, because an earlier version restored the result.
	Rows *rows.Set
	// Gone, in the result of the scan before, are rows that vanished earlier. Returned, in a result, counts those of them
	// that the scan found; nil if there are none.
	Gone     []*rows.Set
	Returned *tally.Tally
	// Full reports that every row was read.
	Full bool
	// Cost is what the scan took, and FullCost what reading every row took; 0 unless it is full.
	Cost, FullCost cost.Cost
	// Differences is the number of rows that a full scan found changed although scans before it should have seen that.
	Differences int
}

// Weight is what the result counts towards the rows that are kept: 1 a row, and more for many attempts.
func (r *Result) Weight() int { return r.Rows.Weight() + r.Known.Weight() }

// Scan reads every row of the campaign that can have changed since before, and returns the counts of the whole campaign,
// or a *revoxapi.Error. start is the current time. before is the result of the last complete scan, which may be a
// restored one; nil if there is none. claim is the room for rows; see Result.Weight. lowPriority reports whether requests
// must let those of other scans go first. nil means no limit, and no.
func (s *Scanner) Scan(
	ctx context.Context, campaignID string, start time.Time, before *Result, claim *room.Claim, lowPriority func() bool,
) (*Result, error) {
	if before == nil {
		before = &Result{}
	}
	return (&run{scanner: s, campaignID: campaignID, start: start, before: before, claim: claim, lowPriority: lowPriority}).run(ctx)
}

// run is one scan of a campaign that is in progress.
type run struct {
	scanner     *Scanner
	campaignID  string
	start       time.Time
	before      *Result // not nil
	claim       *room.Claim
	grown       int // the weight of rows for which there is room
	lowPriority func() bool

	requests map[string]int // by kind, as revox_campaign_scan_requests
	cost     struct{ requests, bytes atomic.Int64 }
	date     atomic.Int64  // of an answer, in Unix seconds
	rows     *rows.Builder // that were read
	returned *tally.Tally  // see Result
	broken   bool          // the filter by status proved wrong
	// known is what a later scan just before a full scan that is due has found; nil if there was none.
	known *known.Rows
	// totals are those that a later scan was given before it turned out that a full scan is needed.
	totals map[revoxapi.CallStatus]int
}

func (s *run) run(ctx context.Context) (*Result, error) {
	s.requests = map[string]int{}
	s.rows = rows.NewBuilder(s.scanner.RowTable)
	found, err := s.later(ctx)
	if err == nil && s.fullDue(found.Known) {
		s.known, err = found.Known, errReadAll
	}
	failsLong := ctx.Err() == nil && s.failsLong(err)
	if s.broken || failsLong || errors.Is(err, errReadAll) {
		s.rows, s.returned = rows.NewBuilder(s.scanner.RowTable), nil
		before := s.spent()
		if found, err = s.full(ctx); err == nil {
			found.FullCost = s.spent().Minus(before)
		}
	}
	if failsLong && err == nil && s.failsAfter(ctx, found) {
		found.Known.BrokenAt = s.start
	}
	if err == nil && found.Known != nil {
		if found.Known.Fallbacks = 0; found.Full && s.known == nil && s.before.Known != nil {
			found.Known.Fallbacks = s.before.Known.Fallbacks + 1
		}
	}
	if err == nil {
		err = s.grow(found.Weight())
	}
	if err != nil {
		return nil, err
	}
	for kind, n := range s.requests {
		found.Tally.Add(tally.ScanRequests, kind, n)
	}
	found.Cost = s.spent()
	s.intern(found)
	s.scanner.Labels.Sighted(found.Tally.Unknown)
	if s.before.Tally != nil && found.Tally.Equal(s.before.Tally) {
		found.Tally = s.before.Tally
	}
	return found, nil
}

// fullDue reports whether a full scan is due. Each campaign's interval is up to a quarter shorter than FullInterval, by a
// share that depends on its ID, so that the full scans of many campaigns do not coincide.
func (s *run) fullDue(k *known.Rows) bool {
	share := float64(rows.Key(s.campaignID)) / math.MaxUint64
	since, interval := s.start.Sub(k.FullAt), s.scanner.FullInterval
	return since < 0 || since >= interval-time.Duration(share*float64(interval/4))
}

// failsLong reports whether later scans have failed for so long that every row should be read: some servers fail, or are
// too slow, only with a filter or for small pages. One that refuses the key or asks to wait is left alone.
func (s *run) failsLong(err error) bool {
	e, ok := errors.AsType[*revoxapi.Error](err)
	return ok && s.start.Sub(s.before.Known.At) >= 5*time.Minute && e.RetryAfter == 0 && e.Kind != revoxapi.KindRateLimited &&
		(e.Kind != revoxapi.KindAuth || e.StatusCode == http.StatusForbidden)
}

// failsAfter reports whether a later scan fails even after the full scan that found this, so that it was no outage that has
// just ended.
func (s *run) failsAfter(ctx context.Context, found *Result) bool {
	if found.Known == nil {
		return false
	}
	again := &run{
		scanner: s.scanner, campaignID: s.campaignID, start: s.start, before: found, claim: s.claim, grown: s.grown,
		lowPriority: s.lowPriority, requests: s.requests, rows: rows.NewBuilder(s.scanner.RowTable),
	}
	_, err := again.later(ctx)
	s.cost.requests.Add(again.cost.requests.Load())
	s.cost.bytes.Add(again.cost.bytes.Load())
	_, failed := errors.AsType[*revoxapi.Error](err)
	return ctx.Err() == nil && (failed || again.broken)
}

// growStep is the weight of rows after which room is made for more.
const growStep = 1000

// grow makes room for rows of this weight.
func (s *run) grow(weight int) error {
	if err := s.claim.Grow(weight); err != nil {
		return Error(s.campaignID, revoxapi.KindIncomplete, err)
	}
	s.grown = weight
	return nil
}

// Error returns the *revoxapi.Error of a scan that failed, or did not start, for a reason that no request had.
func Error(campaignID string, kind revoxapi.ErrorKind, err error) error {
	return &revoxapi.Error{Kind: kind, Endpoint: revoxapi.EndpointRows, CampaignID: campaignID, Page: -1, Err: err}
}

// spent returns what the scan has taken until now.
func (s *run) spent() cost.Cost {
	return cost.Cost{Requests: s.cost.requests.Load(), Bytes: s.cost.bytes.Load()}
}

// count counts a row in t.
func (s *run) count(t *tally.Tally, r tally.Row) {
	key := rows.Key(r.ID)
	s.rows.Add(key, t.CountRow(r))
	for _, gone := range s.before.Gone {
		if gone.Has(key) {
			if s.returned == nil {
				s.returned = tally.New(s.scanner.Labels)
			}
			s.returned.CountRow(r)
		}
	}
}

// option is the option of each request: it sets the priority, and counts.
func (s *run) option(o *apirequest.Options) {
	o.LowPriority = s.lowPriority
	o.OnRequest = func(bytes int64, date time.Time) {
		s.cost.requests.Add(1)
		s.cost.bytes.Add(bytes)
		if !date.IsZero() {
			s.date.Store(date.Unix())
		}
	}
}

// serverTime returns the time by the server's clock, to a few seconds, or by ours if the server gives none.
func (s *run) serverTime() time.Time {
	if date := s.date.Load(); date != 0 {
		return time.Unix(date, 0)
	}
	return s.start
}

// intern makes the tallies of found and of the scan before share the memory of equal counts.
func (s *run) intern(found *Result) {
	if s.before.Tally != nil {
		found.Tally.Values.Intern(s.before.Tally.Values)
	}
	if k := found.Known; k != nil && (s.before.Known == nil || k.Finished != s.before.Known.Finished) {
		k.Finished.Values.Intern(found.Tally.Values) // allowed: it is new, and nothing else refers to it yet
	}
}
