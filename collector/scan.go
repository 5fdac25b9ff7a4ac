package collector

import (
	"context"
	"errors"
	"time"

	layouts "github.com/revox-exporter/revox_exporter/collector/scan"
	"github.com/revox-exporter/revox_exporter/internal/apirequest"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

var errNotString = errors.New("not a string")

// scan is one scan of a campaign: make one for each.
type scan struct {
	client     *revoxapi.Client
	campaignID string
	params     revoxapi.RowsParams
	labels     *labelValues
	// fullInterval is as in Config.
	fullInterval time.Duration
	// start of the scan, by the clock that calls come to rest by.
	start time.Time
	// before is what was published of the campaign; nil for nothing.
	before *published
	// lowPriority reports whether requests leave room for those of other scans; nil for never.
	lowPriority func() bool

	pagesRead   int
	probeFailed bool
}

// scanned is a whole campaign as a scan found it.
type scanned struct {
	tally *Tally
	// settled says which pages the next scan need not read; nil for none.
	settled *settledPages
	// full tells that every page was read.
	full bool
}

// run reads every page of the campaign that can have changed, and returns what the whole campaign comes to, or an error:
// never half. The error is a *revoxapi.Error.
func (s *scan) run(ctx context.Context) (*scanned, error) {
	found, err := s.rescan(ctx)
	if errors.Is(err, errReadAll) {
		found, err = s.full(ctx)
	}
	if err != nil {
		return nil, err
	}
	s.labels.sighted(found.tally.unknown)
	return found, nil
}

// priority is a request option.
func (s *scan) priority(o *apirequest.Options) { o.LowPriority = s.lowPriority }

// full reads every page.
func (s *scan) full(ctx context.Context) (*scanned, error) {
	pages := newSortedPages(s.labels, s.start)
	var finder layouts.LayoutFinder
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
	for r, err := range revoxapi.Rows[row](ctx, s.client, s.campaignID, s.params, s.priority, onPage, revoxapi.WithSummary(&summary)) {
		if err != nil {
			return nil, err
		}
		if page == nil {
			page = newCountedPage(s.labels, 0)
		}
		page.count(r)
	}
	if page != nil {
		pages.add(page) // of a page that broke off and was refused when it was asked for again
	}
	s.pagesRead += summary.Pages
	var settled *settledPages
	if layout, ok := finder.Found(summary.Rows); ok && s.fullInterval > 0 {
		settled = pages.following(nil, layout, s.probeFailed && s.before.settled.endsLike(layout, pages.last))
	} else {
		pages.end(false)
	}
	t := pages.whole(pages.settled)
	t.add(familyRowsMissing, "", summary.Missing)
	t.add(familyAnomalies, anomalyDuplicateRow, summary.Duplicates)
	t.add(familyPages, pagesRead, s.pagesRead)
	s.intern(t, pages.settled)
	return &scanned{tally: t, settled: settled, full: true}, nil
}
