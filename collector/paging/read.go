package paging

import (
	"context"
	"iter"

	"github.com/revox-exporter/revox_exporter/internal/apirequest"
	"github.com/revox-exporter/revox_exporter/internal/readahead"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Request names a page to read.
type Request struct {
	// Number is the page's number as the API counts.
	Number int
	// Size is the number of rows on a page.
	Size int
	// Status, if it is not empty, is the status to which the rows are filtered.
	Status revoxapi.CallStatus
}

// Page is the answer to a Request.
type Page[R any] struct {
	Request
	*revoxapi.RowsPage[R]
}

// maxPageBytes limits what is kept of each page that is read ahead.
const maxPageBytes = 8 << 20

// Read reads the requested pages of a campaign's rows and yields each whole page, in the order of requests. It reads
// several at once, up to the client's limit of requests in flight and readahead.MaxWindow.
//
// The first error, a *revoxapi.Error, is yielded and ends the loop. Leaving the loop ends all requests.
func Read[R revoxapi.Identified](
	ctx context.Context, c *revoxapi.Client, campaignID string, requests []Request, opts ...revoxapi.RequestOption,
) iter.Seq2[Page[R], error] {
	read := func(ctx context.Context, i int) (Page[R], error) {
		params := revoxapi.RowsParams{Page: requests[i].Number, PageSize: requests[i].Size}
		if requests[i].Status != "" {
			params.Statuses = []revoxapi.CallStatus{requests[i].Status}
		}
		limited := func(o *apirequest.Options) { o.MaxPageBytes = maxPageBytes }
		page, err := revoxapi.Page[R](ctx, c, campaignID, params, append(opts[:len(opts):len(opts)], limited)...)
		return Page[R]{requests[i], page}, err
	}
	return func(yield func(Page[R], error) bool) {
		ahead := readahead.New(ctx, c.MaxInFlight(), len(requests), read)
		defer ahead.Stop()
		for {
			page, ok, err := ahead.Next()
			if !ok || !yield(page, err) || err != nil {
				return
			}
		}
	}
}
