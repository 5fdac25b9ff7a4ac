package scan

import (
	"context"
	"errors"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/internal/apirequest"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Scanner says how campaigns are scanned. It is safe for concurrent use as long as its fields are not changed.
type Scanner struct {
	Client *revoxapi.Client
	// Params say how rows are asked for: the first page and the size of a page. The zero value is right.
	Params revoxapi.RowsParams
	// Labels turns what rows say into label values.
	Labels *tally.Labels
	// FullInterval is how often settled pages are read again all the same, at most a quarter early; 0: by every scan.
	FullInterval time.Duration
}

// Result is a whole campaign as a scan found it. It is immutable.
type Result struct {
	// Tally of all rows. It is that of the scan before, by its place in memory, where the scan knows that nothing changed.
	Tally *tally.Tally
	// Settled says which pages the next scan need not read; nil for none.
	Settled *Settled
	// Full reports that every page was read.
	Full bool
}

// Scan reads every page of the campaign that can have changed since before, and returns what the whole campaign adds up to, or
// an error: never half. start is when it begins, by the clock that calls come to rest by; before is what the last complete scan
// returned, or was restored, nil for none. lowPriority reports whether requests must leave room for those of other scans; nil for
// never. The error is a *revoxapi.Error.
func (s *Scanner) Scan(ctx context.Context, campaignID string, start time.Time, before *Result, lowPriority func() bool) (*Result, error) {
	return (&run{scanner: s, campaignID: campaignID, start: start, before: before, lowPriority: lowPriority}).run(ctx)
}

// run is one scan of a campaign under way.
type run struct {
	scanner    *Scanner
	campaignID string
	start      time.Time
	before     *Result
	// lowPriority reports whether requests leave room for those of other scans; nil for never.
	lowPriority func() bool

	pagesRead   int
	probeFailed bool
}

func (s *run) run(ctx context.Context) (*Result, error) {
	found, err := s.rescan(ctx)
	if errors.Is(err, errReadAll) {
		found, err = s.full(ctx)
	}
	if err != nil {
		return nil, err
	}
	s.scanner.Labels.Sighted(found.Tally.Unknown)
	return found, nil
}

// priority is a request option.
func (s *run) priority(o *apirequest.Options) { o.LowPriority = s.lowPriority }

// full reads every page.
func (s *run) full(ctx context.Context) (*Result, error) {
	pages := newPagePartition(s.scanner.Labels, s.start)
	var finder LayoutFinder
	var page *countedPage // the page that rows are read of, nil before its first row
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
	for r, err := range revoxapi.Rows[tally.Row](ctx, s.scanner.Client, s.campaignID, s.scanner.Params, s.priority, onPage, revoxapi.WithSummary(&summary)) {
		if err != nil {
			return nil, err
		}
		if page == nil {
			page = newCountedPage(s.scanner.Labels, 0)
		}
		page.count(r)
	}
	if page != nil {
		pages.add(page) // of a page that broke off and was refused when it was asked for again
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
	return &Result{Tally: t, Settled: settled, Full: true}, nil
}

// intern lets t, the tally of settled pages and what was published before have in common what is equal.
func (s *run) intern(t, settled *tally.Tally) {
	if s.before != nil && (s.before.Settled == nil || settled != s.before.Settled.Tally) {
		settled.Intern(s.before.Tally) // it is new, and nobody else has it yet
	}
	t.Intern(settled)
	if s.before != nil {
		t.Intern(s.before.Tally)
	}
}
