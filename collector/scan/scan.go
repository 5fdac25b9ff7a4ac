package scan

import (
	"context"
	"errors"
	"time"

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
	Labels *tally.Labels
	// RowTable is the table of the rows in results.
	RowTable *rows.Table
	// FullInterval is the time after which a scan reads all pages again, settled ones too. To spread the load, a
	// campaign's interval is up to a quarter shorter. 0: each scan reads all pages.
	FullInterval time.Duration
}

// Result is a whole campaign as a scan found it. It is immutable.
type Result struct {
	// Tally counts all rows. If the scan knows that nothing changed, it is the same pointer as in the result before.
	Tally *tally.Tally
	// Settled describes the pages that the next scan need not read; nil if it must read all.
	Settled *Settled
	// Rows are all rows; nil if they are not known, because an earlier version restored the result.
	Rows *rows.Set
	// Gone, in the result of the scan before, are rows that vanished earlier. Returned, in a result, counts those of them
	// that the scan found; nil if there are none.
	Gone     []*rows.Set
	Returned *tally.Tally
	// Full reports that every page was read.
	Full bool
}

// Scan reads every page of the campaign that can have changed since before, and returns the counts of the whole
// campaign, or a *revoxapi.Error. start is the current time, which decides whether calls have settled. before is the
// result of the last complete scan, which may be a restored one; nil if there is none. lowPriority reports whether
// requests must let those of other scans go first; nil means no.
func (s *Scanner) Scan(
	ctx context.Context, campaignID string, start time.Time, before *Result, lowPriority func() bool,
) (*Result, error) {
	return (&run{scanner: s, campaignID: campaignID, start: start, before: before, lowPriority: lowPriority}).run(ctx)
}

// run is one scan of a campaign that is in progress.
type run struct {
	scanner     *Scanner
	campaignID  string
	start       time.Time
	before      *Result
	lowPriority func() bool

	pagesRead   int
	probeFailed bool
	rows        *rows.Builder // of the pages that were read
	returned    *tally.Tally  // see Result
}

func (s *run) run(ctx context.Context) (*Result, error) {
	s.rows = rows.NewBuilder(s.scanner.RowTable)
	found, err := s.rescan(ctx)
	if errors.Is(err, errReadAll) {
		s.rows, s.returned = rows.NewBuilder(s.scanner.RowTable), nil
		found, err = s.full(ctx)
	}
	if err != nil {
		return nil, err
	}
	s.scanner.Labels.Sighted(found.Tally.Unknown)
	return found, nil
}

// count counts the next row of a page.
func (s *run) count(page *countedPage, r tally.Row) {
	key := rows.Key(r.ID)
	s.rows.Add(key, page.count(r, key))
	if s.before == nil {
		return
	}
	for _, gone := range s.before.Gone {
		if gone.Has(key) {
			if s.returned == nil {
				s.returned = tally.New(s.scanner.Labels)
			}
			s.returned.CountRow(r)
		}
	}
}

// priority is a request option.
func (s *run) priority(o *apirequest.Options) { o.LowPriority = s.lowPriority }

// full reads every page.
func (s *run) full(ctx context.Context) (*Result, error) {
	pages := newPagePartition(s.scanner.Labels, s.start)
	var finder LayoutFinder
	var page *countedPage // the page being read; nil before its first row
	onPage := func(o *apirequest.Options) {
		o.OnPage = func(p apirequest.Page) {
			finder.Saw(p)
			if page != nil {
				page.number = p.Asked
				pages.add(page)
				page = nil
			}
		}
	}
	var summary revoxapi.RowsSummary
	for r, err := range revoxapi.Rows[tally.Row](ctx, s.scanner.Client, s.campaignID, s.scanner.Params,
		s.priority, onPage, revoxapi.WithSummary(&summary)) {
		if err != nil {
			return nil, err
		}
		if page == nil {
			page = newCountedPage(s.scanner.Labels, 0)
		}
		s.count(page, r)
	}
	if page != nil {
		pages.add(page) // it broke off, and the server refused to send it again
	}
	s.pagesRead += summary.Pages
	var settled *Settled
	if layout, ok := finder.Found(summary.Rows); ok && s.scanner.FullInterval > 0 {
		settled = pages.following(nil, layout, s.probeFailed && s.before.Settled.endsLike(layout, pages.last))
	} else {
		pages.end(false)
	}
	t := pages.whole(pages.settled)
	t.Add(tally.RowsMissing, "", summary.Missing)
	t.Add(tally.Anomalies, tally.AnomalyDuplicateRow, summary.Duplicates)
	t.Add(tally.Pages, tally.PagesRead, s.pagesRead)
	s.intern(t, pages.settled)
	return &Result{Tally: t, Settled: settled, Rows: s.rows.Set(), Returned: s.returned, Full: true}, nil
}

// intern makes t, the tally of settled pages and the tally of the scan before share the memory of equal counts.
func (s *run) intern(t, settled *tally.Tally) {
	if s.before != nil && (s.before.Settled == nil || settled != s.before.Settled.Tally) {
		settled.Values.Intern(s.before.Tally.Values) // allowed: it is new, and nothing else refers to it yet
	}
	t.Values.Intern(settled.Values)
	if s.before != nil {
		t.Values.Intern(s.before.Tally.Values)
	}
}
