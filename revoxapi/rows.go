package revoxapi

import (
	"context"
	"iter"

	"github.com/revox-exporter/revox_exporter/internal/apirequest"
)

// Identified is a row that [Rows] and [Page] can read: any struct that the JSON of a row decodes into (see [Row]) and
// that knows its id. A number in place of the string of an `id` is read as its digits, an empty array in place of an object
// as null, and an empty object in place of an array likewise. A row may have 20,000 elements in arrays of structs. Fields
// that the struct does not have are skipped without being decoded, so a struct with few fields is read several times faster
// than [Row].
type Identified interface {
	// RowID returns the row's `id`.
	RowID() string
}

// RequestOption is a setting of one call of [Rows], [Page] or [Campaigns]. Functions of this package return them; they
// cannot be written outside this module.
type RequestOption func(*apirequest.Options)

func requestOptions(opts []RequestOption) (o apirequest.Options) {
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// WithSummary fills s with what was read when the loop over [Rows] ends, just before an error is yielded. Other calls
// ignore it.
func WithSummary(s *RowsSummary) RequestOption {
	return func(o *apirequest.Options) { o.Summary = s }
}

// RowsSummary is what [Rows] has read; see [WithSummary].
type RowsSummary struct {
	// Rows is the number of distinct rows that were read.
	Rows int
	// Pages is the number of pages that were read whole, those without anything new included.
	Pages int
	// Duplicates is the number of rows that were skipped because a row of the same id had been read before: rows that
	// moved while pages were read. Pages that the server sent again whole, or that were read again on purpose, do not
	// count.
	Duplicates int
	// Missing is how many more rows the server's last `total` promises than could be found; 0 where it gives none.
	Missing int
	// Skipped is the number of entries in place of rows that were skipped because they are not objects, such as null.
	// They are not missing.
	Skipped int
}

// Rows reads all rows of a campaign and yields each once, by its id, in the order of the pages.
//
// What was yielded is provisional until the loop ends without an error. After a failure one more pair is yielded, the
// zero R and an error that [errors.As] finds to be an [*Error], and the loop ends: what came before is then a part of the
// campaign, which says nothing about the whole.
//
//	for row, err := range revoxapi.Rows[myRow](ctx, client, campaignID, revoxapi.RowsParams{}) {
//		if err != nil {
//			return err
//		}
//		...
//	}
//
// Rows works whether the server numbers pages from 0 or from 1, caps the size of a page, gives a total or not, or does
// not page at all. It always ends: when `total` distinct rows are there, when a page is empty, or when pages bring
// nothing new. If rows are missing then, the pages are read again, at most twice. Rows that still cannot be found while
// nothing moves are no error, but [RowsSummary.Missing]. An entry that is not an object is skipped; see
// [RowsSummary.Skipped]. A campaign of nothing else is an error. If rows move faster than they can be read, or there are more
// than [WithMaxRows] allows, the error is of [KindIncomplete].
//
// params.Page is where paging starts; 0 is right for any server.
//
// If the server says how many rows there are, several pages of up to 1,000 rows are read at once, as far as the client's
// limits allow and 8 at most. Besides these, 16 bytes a row are kept until the loop ends.
//
// The loop body runs in the caller's goroutine, often while the answer that the row came with is still being received:
// the time that it takes counts towards [WithTimeout], and a request that it makes with the same client needs a second
// one in flight ([WithMaxInFlight]). Leaving the loop early ends all requests and leaves no goroutine behind. Each loop
// over the returned iterator reads the campaign again.
func Rows[R Identified](ctx context.Context, c *Client, campaignID string, params RowsParams, opts ...RequestOption) iter.Seq2[R, error] {
	o := requestOptions(opts)
	return func(yield func(R, error) bool) {
		w := newWalk(c, campaignID, params, o, func(row R) bool { return yield(row, nil) })
		err := w.run(ctx)
		if s, ok := o.Summary.(*RowsSummary); ok {
			*s = w.summary()
		}
		if err != nil && err != errStopped {
			var none R
			yield(none, err)
		}
	}
}

// Rows calls the function [Rows] for rows with all documented fields. It decodes everything, transcripts included.
func (c *Client) Rows(ctx context.Context, campaignID string, params RowsParams, opts ...RequestOption) iter.Seq2[Row, error] {
	return Rows[Row](ctx, c, campaignID, params, opts...)
}
