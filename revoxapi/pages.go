package revoxapi

import "context"

// PageRequest names a page to read.
type PageRequest struct {
	Number int
	// ETag of an earlier answer. Where it is not empty, the server is asked for the page only if it has changed.
	ETag string
}

// PageResult is one page, whole. Page, PageSize and Total are nil where the server does not say.
type PageResult[R any] struct {
	Number                int
	Page, PageSize, Total *Int
	// ETag is the server's name for this state of the page; "" where it gives none.
	ETag string
	// NotModified tells that the server answered 304: Rows is nil, and what was known of the page still holds.
	NotModified bool
	// Rows as they came, those of an id that was seen before included.
	Rows []R
	// Overfull tells that there are many more rows on the page than a page can have, of which Rows are the first.
	Overfull bool
}

// ReadPages reads the given pages of a campaign's rows and hands each over whole, in the order given, though several are
// asked for at once as far as the client's limits allow.
//
// params.PageSize is how many rows a page has; params.Page is not heeded. The first error ends it: it is an *Error, or
// the first error that each returned, as it was. A page that does not exist is the server's answer to it: no rows, those
// of another page, or an error.
func ReadPages[R Identified](ctx context.Context, c *Client, campaignID string, params RowsParams, pages []PageRequest, each func(PageResult[R]) error) error {
	if params.PageSize == 0 {
		params.PageSize = DefaultPageSize
	}
	ahead := newReadAhead(ctx, c.window, len(pages), func(ctx context.Context, i int) (PageResult[R], error) {
		return readPage[R](ctx, c, campaignID, params, pages[i], max(2*params.PageSize, 1000))
	})
	defer ahead.stop()
	for {
		result, err, ok := ahead.take()
		if !ok {
			return nil
		}
		if err == nil {
			err = each(result)
		}
		if err != nil {
			return err
		}
	}
}

// overfull ends a page that has more rows than are kept at once: a server may send more rows than were asked for, but one
// that sends all of a huge campaign must not fill the memory.
type overfull struct{}

func (overfull) Error() string { return "more rows than a page can have" }

// readPage reads one page whole, if it has at most most rows.
func readPage[R Identified](ctx context.Context, c *Client, campaignID string, params RowsParams, p PageRequest, most int) (PageResult[R], error) {
	params.Page = p.Number
	var rows []R
	info, err := readRows(ctx, c, campaignID, params, p.ETag, func() { rows = []R{} }, func(row R) error {
		if row.RowID() == "" {
			return noID(len(rows) + 1)
		}
		if len(rows) == most {
			return callerError{overfull{}}
		}
		rows = append(rows, row)
		return nil
	})
	switch {
	case err == error(overfull{}):
		return PageResult[R]{Number: p.Number, Rows: rows, Overfull: true}, nil
	case err != nil:
		return PageResult[R]{}, err
	case info.notModified:
		return PageResult[R]{Number: p.Number, ETag: info.etag, NotModified: true}, nil
	}
	return PageResult[R]{Number: p.Number, Page: info.Page, PageSize: info.PageSize, Total: info.Total, ETag: info.etag, Rows: rows}, nil
}
