package scan

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"

	"github.com/revox-exporter/revox_exporter/collector/rows"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// errReadAll says that reading some pages is not enough: rows have moved, or may have.
var errReadAll = errors.New("every page must be read")

// rescan reads the open pages, or the last row if no page is open. The error is errReadAll unless the answers prove
// that the settled pages still have the same rows.
func (s *run) rescan(ctx context.Context) (*Result, error) {
	if s.before == nil || s.before.Settled == nil || s.before.Rows == nil {
		return nil, errReadAll
	}
	was := s.before.Settled
	if was.due(s.campaignID, s.scanner.FullInterval, s.start) {
		return nil, errReadAll
	}
	if len(was.OpenPages) == 0 {
		return s.probe(ctx, was)
	}
	r := &rescan{run: s, was: was, layout: was.Layout, partition: newPagePartition(s.scanner.Labels, s.start)}
	r.partition.callsAfter = was.callsUpTo()
	r.partition.openKeys = make([]uint64, 0, len(was.OpenKeys))
	r.found = make([]bool, len(was.OpenKeys))
	requests := make([]PageRequest, len(was.OpenPages))
	for i, number := range was.OpenPages {
		requests[i].Number = number
		if kept := was.kept[number]; kept != nil {
			requests[i].ETag = kept.etag
		}
	}
	if err := s.readPages(ctx, s.scanner.Params.PageSize, requests, r.page); err != nil {
		return nil, err
	}
	requests = requests[:0]
	for number := was.Layout.FirstPage + was.Layout.Pages(); number < r.layout.FirstPage+r.layout.Pages(); number++ {
		requests = append(requests, PageRequest{Number: number})
	}
	if err := s.readPages(ctx, s.scanner.Params.PageSize, requests, r.page); err != nil {
		return nil, err
	}
	if !r.complete() {
		return nil, errReadAll
	}
	settled := r.partition.following(was, r.layout, was.LastOpen)
	t := r.partition.whole(settled.Tally)
	t.Add(tally.Pages, tally.PagesRead, s.pagesRead)
	t.Add(tally.Pages, tally.PagesSettled, r.layout.Pages()-r.pages)
	s.intern(t, settled.Tally)
	return &Result{Tally: t, Settled: settled, Rows: s.before.Rows.With(s.rows.Set()), Returned: s.returned}, nil
}

// readPages reads pages and calls each for every one. The error is errReadAll if the API says that one does not exist.
func (s *run) readPages(ctx context.Context, size int, requests []PageRequest, each func(Page[tally.Row]) error) error {
	params := s.scanner.Params
	params.PageSize = size
	for p, err := range ReadPages[tally.Row](ctx, s.scanner.Client, s.campaignID, params, requests, s.priority) {
		switch revoxapi.StatusOf(err) {
		case http.StatusBadRequest, http.StatusNotFound, http.StatusUnprocessableEntity:
			return errReadAll
		}
		if err == nil {
			s.pagesRead++
			err = each(p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// rescan is a scan of the open pages that is in progress.
type rescan struct {
	run       *run
	was       *Settled
	layout    Layout // according to the first answer
	partition *pagePartition
	pages     int
	found     []bool   // by index in was.OpenKeys: the row was found
	fresh     []uint64 // keys of rows that were not on the open pages before
}

// page processes the next page. The error is errReadAll if the page shows that rows may have moved.
func (r *rescan) page(p Page[tally.Row]) error {
	r.pages++
	var page *countedPage
	if p.NotModified {
		kept := r.was.kept[p.Number]
		if kept == nil || r.layout != r.was.Layout {
			return errReadAll
		}
		page = &countedPage{pageFacts: kept.pageFacts, kept: kept}
	} else {
		if p.Total == nil || p.Overfull || p.PageSize != nil && int(*p.PageSize) != r.layout.PageSize {
			return errReadAll
		}
		if total := int(*p.Total); r.pages == 1 && total > r.layout.Total {
			r.layout.Total = total
		} else if total != r.layout.Total {
			return errReadAll
		}
		// Read all pages too if the campaign has more than doubled.
		if ambiguous(r.layout) || r.layout.Total > 2*r.was.Layout.Total {
			return errReadAll
		}
		page = newCountedPage(r.partition.labels, p.Number)
		page.etag = p.ETag
		for _, row := range p.Rows {
			r.run.count(page, row)
		}
	}
	for _, key := range page.keys {
		if i, known := slices.BinarySearch(r.was.OpenKeys, key); known {
			if r.found[i] {
				return errReadAll
			}
			r.found[i] = true
			continue
		}
		r.fresh = append(r.fresh, key)
		if _, settled := slices.BinarySearch(r.was.Keys, key); settled || len(r.fresh) > r.grown() {
			return errReadAll
		}
	}
	r.partition.add(page)
	return nil
}

// grown returns the number of rows by which the campaign has grown.
func (r *rescan) grown() int { return r.layout.Total - r.was.Layout.Total }

// complete reports whether the pages have all rows that were on open pages, and as many more as the campaign has grown
// by.
func (r *rescan) complete() bool {
	slices.Sort(r.fresh)
	return !slices.Contains(r.found, false) && len(slices.Compact(r.fresh)) == r.grown()
}

// probe reads only the last row, of a campaign whose pages have all settled.
func (s *run) probe(ctx context.Context, was *Settled) (*Result, error) {
	name := was.Tally.Name
	last := []PageRequest{{Number: was.Layout.FirstPage + was.Layout.Total - 1}}
	err := s.readPages(ctx, 1, last, func(p Page[tally.Row]) error {
		if p.Total == nil || int(*p.Total) != was.Layout.Total || len(p.Rows) != 1 ||
			rows.Key(p.Rows[0].ID) != was.LastKey {
			return errReadAll
		}
		c := p.Rows[0].Call
		if (c != nil) != was.LastCalled {
			return errReadAll
		}
		if c == nil {
			return nil
		}
		if at, finished := settlesAt(c); !finished || at.After(s.start) {
			return errReadAll
		}
		if c.Campaign.Name != "" {
			name = tally.CleanText(c.Campaign.Name, tally.MaxNameRunes)
		}
		return nil
	})
	if err != nil {
		s.probeFailed = errors.Is(err, errReadAll)
		return nil, err
	}
	t := *was.Tally
	t.Name = name
	t.Values.Counts = slices.Clone(t.Values.Counts)
	t.Values.Counts[tally.Pages.Index] = tally.Counts{
		{Label: tally.PagesRead, Value: 1}, {Label: tally.PagesSettled, Value: uint64(was.Layout.Pages())},
	}
	// A tally that was restored after a restart has no Unknown.
	if before := s.before.Tally; before.Name == name && maps.Equal(before.Unknown, t.Unknown) &&
		tally.EqualCounts(before.Values.Counts[tally.Pages.Index], t.Values.Counts[tally.Pages.Index]) {
		return &Result{Tally: before, Settled: was, Rows: s.before.Rows}, nil // the same pointer: nothing has changed
	}
	return &Result{Tally: &t, Settled: was, Rows: s.before.Rows}, nil
}
