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
	// ETag is that of an earlier answer. If it is not empty, the server is asked for the page only if it has changed.
	ETag string
}

// Page is one page, whole.
type Page[R any] struct {
	// Number is the one that was asked for.
	Number int
	*revoxapi.RowsPage[R]
	apirequest.Answer
}

// ReadPages reads the given pages of a campaign's rows and yields each whole, in the order given. Several are read at
// once, as far as the client's limit of requests in flight allows and readahead.MaxWindow at most.
//
// params.PageSize is how many rows a page has; params.Page is ignored. The first error is yielded and ends the loop; it is
// a *revoxapi.Error. Leaving the loop ends all requests.
func ReadPages[R revoxapi.Identified](ctx context.Context, c *revoxapi.Client, campaignID string, params revoxapi.RowsParams, pages []PageRequest, opts ...revoxapi.RequestOption) iter.Seq2[Page[R], error] {
	read := func(ctx context.Context, i int) (Page[R], error) {
		p, params := Page[R]{Number: pages[i].Number}, params
		params.Page = p.Number
		conditional := func(o *apirequest.Options) { o.ETag, o.Answer = pages[i].ETag, &p.Answer }
		var err error
		p.RowsPage, err = revoxapi.Page[R](ctx, c, campaignID, params, append(opts[:len(opts):len(opts)], conditional)...)
		return p, err
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
