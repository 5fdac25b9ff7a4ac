package revoxapi

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"net/url"

	"github.com/revox-exporter/revox_exporter/internal/apirequest"
)

// RowsPage is one page of a campaign's rows.
//
// Newer versions of the API do no paging: they send all rows at once, and Page, PageSize and Total are nil.
type RowsPage[R any] struct {
	// Page is "page": which page this is. Nil when absent or null. The first is 0 or 1, depending on the server.
	Page *Int `json:"page,omitzero"`
	// PageSize is "page_size": how many rows a page has for the server, which can be fewer than asked for. Nil when
	// absent or null.
	PageSize *Int `json:"page_size,omitzero"`
	// Rows is "rows", as they came: a row can be there twice. Not nil, but empty, for a page without rows.
	Rows []R `json:"rows,omitzero"`
	// Total is "total": how many rows there are on all pages. Nil when absent or null.
	Total *Int `json:"total,omitzero"`

	// Overfull reports that the server sent many more rows than a page can have, or rows of more than 64 MiB. Rows are
	// the first of them; Page, PageSize and Total are nil.
	Overfull bool `json:"-"`
	// Skipped is the number of entries of "rows" that are not objects. Rows does not have them.
	Skipped int `json:"-"`
}

// Page reads one page of a campaign's rows, whole. A page past the last has no rows, those of another page, or is
// refused with an error, depending on the server.
//
// At most 2*params.PageSize or 1,000 rows are kept, whichever is more, and at most 64 MiB: a server may send more rows than were asked for,
// but one that sends all of a huge campaign must not fill the memory. See [RowsPage.Overfull].
//
// The error is an [*Error].
func Page[R Identified](ctx context.Context, c *Client, campaignID string, params RowsParams, opts ...RequestOption) (*RowsPage[R], error) {
	o := requestOptions(opts)
	if params.PageSize == 0 {
		params.PageSize = DefaultPageSize
	}
	return readPage[R](ctx, c, campaignID, params, o, max(2*params.PageSize, 1000))
}

// Page calls the function [Page] for rows with all documented fields.
func (c *Client) Page(ctx context.Context, campaignID string, params RowsParams, opts ...RequestOption) (*RowsPage[Row], error) {
	return Page[Row](ctx, c, campaignID, params, opts...)
}

// readPage is Page with another limit of rows.
func readPage[R Identified](ctx context.Context, c *Client, campaignID string, params RowsParams, o apirequest.Options, limit int) (*RowsPage[R], error) {
	var rows []R
	var weight int
	maxWeight := cmp.Or(o.MaxPageBytes, maxPageBytes)
	skipped := 0
	begin := func() { rows, weight, skipped = make([]R, 0, max(0, min(params.PageSize, limit, largestAhead))), 0, 0 }
	info, err := readRows(ctx, c, campaignID, params, o, begin, func() { skipped++ }, func(row R, size int) error {
		if row.RowID() == "" {
			return noID(len(rows) + skipped + 1)
		}
		if weight += size; len(rows) == limit || weight > maxWeight {
			return errStopped
		}
		rows = append(rows, row)
		return nil
	})
	overfull := err == errStopped
	if err != nil && !overfull {
		return nil, err
	}
	if overfull {
		return &RowsPage[R]{Rows: rows, Overfull: true, Skipped: skipped}, nil
	}
	return &RowsPage[R]{Page: info.Page, PageSize: info.PageSize, Rows: rows, Total: info.Total, Skipped: skipped}, nil
}

func noID(row int) *Error { return badResponse("row %d of the answer has no id", row) }

// pageInfo is what a page says of itself; nil where it does not.
type pageInfo struct {
	Page, PageSize, Total *Int
}

// maxPageBytes limits the size of the rows that Page keeps. objectBytes is roughly what an object takes that is small in
// JSON.
const (
	maxPageBytes = 64 << 20
	objectBytes  = 200
)

// readRows reads one page and passes each row to each as soon as it is decoded, with its approximate size. stray is called
// for an entry that is not an object. begin is called before each try: rows that an earlier try passed on come again.
func readRows[R any](ctx context.Context, c *Client, campaignID string, params RowsParams, o apirequest.Options, begin, stray func(), each func(row R, size int) error) (pageInfo, error) {
	if params.PageSize == 0 {
		params.PageSize = DefaultPageSize
	}
	r := request{
		endpoint:    EndpointRows,
		path:        []string{"campaigns", url.PathEscape(campaignID), "rows"},
		query:       params.values(),
		campaignID:  campaignID,
		page:        params.Page,
		pageSize:    params.PageSize,
		lowPriority: o.LowPriority,
		onRequest:   o.OnRequest,
	}
	if err := CheckCampaignID(campaignID); err != nil {
		return pageInfo{}, &Error{Kind: KindNotFound, Endpoint: r.endpoint, CampaignID: campaignID, Page: r.page, Err: err}
	}
	wanted := wantedBy[R]()
	var info pageInfo
	var row R // here, so that not each row allocates it
	err := c.get(ctx, r, func(body io.Reader, limit *sizeLimit) error {
		begin()
		info = pageInfo{}
		e := envelope{
			list:   "rows",
			wanted: wanted,
			begin:  limit.next,
			stray:  stray,
			item: func(value wantedPart) error {
				row = *new(R)
				if err := unmarshal(wanted, value, &row); err != nil {
					return err
				}
				return each(row, len(value.json)+objectBytes*bytes.Count(value.json, []byte("{")))
			},
			others: []string{"page", "page_size", "total"},
			other:  info.set,
			// Some servers write null for a list without elements. In place of rows that must be there, it is an error.
			isEmpty: func() bool { return info.endsBefore(params) },
		}
		return e.read(body)
	})
	return info, err
}

// set decodes a member of a page. These only steer the reading: one that is not a number is as good as absent.
func (p *pageInfo) set(name string, value []byte) error {
	switch name {
	case "page":
		p.Page = steeringInt(value)
	case "page_size":
		p.PageSize = steeringInt(value)
	case "total":
		p.Total = steeringInt(value)
	}
	return nil
}

// endsBefore reports whether, by what the page says of itself, there can be no rows on the page that params name.
func (p *pageInfo) endsBefore(params RowsParams) bool {
	if p.Total == nil {
		return params.Page > 0
	}
	size := Int(params.PageSize)
	if p.PageSize != nil && *p.PageSize > 0 {
		size = *p.PageSize
	}
	return *p.Total == 0 || params.Page > 0 && (*p.Total-1)/size < Int(params.Page)
}
