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
	// ETag is the one of an earlier answer. If it is set, the server sends the page only if it has changed.
	ETag string
}

// Page is the answer to a PageRequest: a whole page, or that it has not changed.
type Page[R any] struct {
	// Number is the requested page number.
	Number int
	*revoxapi.RowsPage[R]
	apirequest.Answer
}

// maxPageBytes limits what is kept of each page that is read ahead.
const maxPageBytes = 8 << 20

// ReadPages reads the given pages of a campaign's rows and yields each whole page, in the given order. It reads several
// at once, up to the client's limit of requests in flight and readahead.MaxWindow.
//
// params.PageSize is the number of rows on a page; params.Page is ignored. The first error, a *revoxapi.Error, is
// yielded and ends the loop. Leaving the loop ends all requests.
func ReadPages[R revoxapi.Identified](
	ctx context.Context, c *revoxapi.Client, campaignID string, params revoxapi.RowsParams, pages []PageRequest,
	opts ...revoxapi.RequestOption,
) iter.Seq2[Page[R], error] {
	read := func(ctx context.Context, i int) (Page[R], error) {
		p, params := Page[R]{Number: pages[i].Number}, params
		params.Page = p.Number
		conditional := func(o *apirequest.Options) {
			o.ETag, o.Answer, o.MaxPageBytes = pages[i].ETag, &p.Answer, maxPageBytes
		}
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
