package collector

import (
	"context"
	"errors"
	"time"

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

// full reads every page.
func (s *scan) full(ctx context.Context) (*scanned, error) {
	pages := newSortedPages(s.labels, s.start)
	var page *countedPage
	summary, err := revoxapi.AllPages(ctx, s.client, s.campaignID, s.params, func(number int, r row) error {
		if page == nil || page.number != number {
			if page != nil {
				pages.add(page)
			}
			page = newCountedPage(s.labels, number)
		}
		page.count(r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if page != nil {
		pages.add(page)
	}
	s.pagesRead += summary.Pages
	var settled *settledPages
	if layout := summary.Layout; layout != nil && s.fullInterval > 0 {
		settled = pages.following(nil, *layout, s.probeFailed && s.before.settled.endsLike(*layout, pages.last))
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
