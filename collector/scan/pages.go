package scan

import (
	"context"
	"iter"

	"github.com/revox-exporter/revox_exporter/internal/apirequest"
	"github.com/revox-exporter/revox_exporter/internal/readahead"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// PageRequest names a page to read.
type PageRequest struct {
	Number int
	// Size is the number of rows on a page.
	Size int
	// Status, if it is not empty, is the status to which the rows are filtered.
	Status revoxapi.CallStatus
}

// Page is the answer to a PageRequest.
type Page[R any] struct {
	PageRequest
	*revoxapi.RowsPage[R]
}

// maxPageBytes limits what is kept of each page that is read ahead.
const maxPageBytes = 8 << 20

// ReadPages reads the given pages of a campaign's rows and yields each whole page, in the given order. It reads several
// at once, up to the client's limit of requests in flight and readahead.MaxWindow.
//
// The first error, a *revoxapi.Error, is yielded and ends the loop. Leaving the loop ends all requests.
func ReadPages[R revoxapi.Identified](
	ctx context.Context, c *revoxapi.Client, campaignID string, pages []PageRequest, opts ...revoxapi.RequestOption,
) iter.Seq2[Page[R], error] {
	read := func(ctx context.Context, i int) (Page[R], error) {
		params := revoxapi.RowsParams{Page: pages[i].Number, PageSize: pages[i].Size}
		if pages[i].Status != "" {
			params.Statuses = []revoxapi.CallStatus{pages[i].Status}
		}
		limited := func(o *apirequest.Options) { o.MaxPageBytes = maxPageBytes }
		page, err := revoxapi.Page[R](ctx, c, campaignID, params, append(opts[:len(opts):len(opts)], limited)...)
		return Page[R]{pages[i], page}, err
	}
	return func(yield func(Page[R], error) bool) {
		ahead := readahead.New(ctx, c.MaxInFlight(), len(pages), read)
		defer ahead.Stop()
		for {
			page, ok, err := ahead.Next()
			if !ok || !yield(page, err) || err != nil {
				return
			}
		}
	}
}
