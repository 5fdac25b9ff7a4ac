package scan

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/revox-exporter/revox_exporter/collector/paging"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// errFilter says that the server does not filter by status as the API documents, or does not send small pages.
var errFilter = errors.New("the filter by status cannot be used")

// readPages makes requests of a kind and calls each for every answer, in order. Answers have a total, and no rows but
// those that were asked for: else the error is errFilter, or errReadAll if there is no such page.
func (l *laterScan) readPages(ctx context.Context, kind string, requests []paging.Request, each func(paging.Page[tally.Row]) error) error {
	if len(requests) == 0 {
		return nil
	}
	s := l.run
	for p, err := range paging.Read[tally.Row](ctx, s.scanner.Client, s.campaignID, requests, s.option) {
		switch status := revoxapi.StatusOf(err); {
		case status == http.StatusNotFound, refused(status) && p.Status == "":
			return errReadAll // there are fewer pages than before
		case refused(status):
			return errFilter
		}
		if err != nil {
			return err
		}
		s.requests[kind]++
		if err := l.checkPage(p); err != nil {
			return err
		}
		for _, r := range p.Rows {
			l.read.CountRow(r)
		}
		if err := each(p); err != nil {
			return err
		}
	}
	return nil
}

func refused(status int) bool {
	return status == http.StatusBadRequest || status == http.StatusUnprocessableEntity
}

// checkPage checks that an answer is what the request asked for.
func (l *laterScan) checkPage(p paging.Page[tally.Row]) error {
	if p.Total == nil || p.Overfull || p.Skipped > 0 || p.Page != nil && int(*p.Page) != p.Number {
		return errReadAll
	}
	if size := p.RowsPage.PageSize; len(p.Rows) > p.Size || size != nil && int(*size) != p.Size {
		if p.Size > 1 {
			return errReadAll // pages have another size than before
		}
		return errFilter
	}
	if p.Status == "" {
		return nil
	}
	for _, r := range p.Rows {
		if r.Call == nil || revoxapi.CallStatus(r.Call.Status) != p.Status {
			return errFilter
		}
		if proves(&r) {
			l.run.scanner.filterProven.Store(true)
		}
	}
	// A page before the last is full. The last one may lack rows that have just got another status.
	expected := min(p.Size, int(*p.Total)-l.layout.Position(p.Request))
	if missing := expected - len(p.Rows); missing > 0 && (missing > 5 || expected == p.Size) {
		return errFilter
	}
	return nil
}

// proves reports whether a filter that lets the row through goes by the call's status. As long as a filter lets through no
// such row, it might go by the status of attempts: if all calls are completed, that gives the same totals, and calls that
// are made then would not be seen.
func proves(r *tally.Row) bool {
	return r.Call != nil && len(r.Call.Attempts) > 0 && !slices.ContainsFunc(r.Call.Attempts, func(a tally.Attempt) bool {
		return string(a.Status) == string(r.Call.Status)
	})
}
