package revoxapi

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
)

// DefaultPageSize is how many rows a page is asked to have where RowsParams does not say.
const DefaultPageSize = 100

// RowsParams are the parameters of GET /campaigns/{id}/rows. The zero value asks for the first page, unfiltered.
type RowsParams struct {
	// Page is `page`, which page. Servers count from 0 or from 1.
	Page int
	// PageSize is `page_size`, how many rows are asked for. 0 means DefaultPageSize. The server may give fewer.
	PageSize int
	// Query is `query`, a text filter. It is personal data as far as it holds a contact's.
	Query string
	// Result is `result`, a filter by call result: an AttemptResult, or ResultFilterAll or ResultFilterNone. "" does not filter.
	Result ResultFilter
	// Statuses is `statuses`, a filter by call status, sent separated by commas: that is likely, but not documented.
	// None does not filter.
	Statuses []CallStatus
}

// ResultFilter is a value of the parameter `result`: `IVR` `voicemail` `human` `unknown` `ios-screening-filter` `all` `none`.
type ResultFilter string

// The values of ResultFilter that are no AttemptResult; the others are ResultFilter(ResultHuman) and so on.
const (
	ResultFilterAll  ResultFilter = "all"
	ResultFilterNone ResultFilter = "none"
)

func (p RowsParams) values() url.Values {
	v := url.Values{
		"page":      {strconv.Itoa(p.Page)},
		"page_size": {strconv.Itoa(p.PageSize)},
	}
	if p.Query != "" {
		v.Set("query", p.Query)
	}
	if p.Result != "" {
		v.Set("result", string(p.Result))
	}
	if len(p.Statuses) > 0 {
		statuses := make([]string, len(p.Statuses))
		for i, s := range p.Statuses {
			statuses[i] = string(s)
		}
		v.Set("statuses", strings.Join(statuses, ","))
	}
	return v
}

// CheckCampaignID returns an error that says why id cannot be a campaign's, or nil. IDs are typed only as a string;
// refused is what cannot be one segment of a path, or cannot be seen.
func CheckCampaignID(id string) error {
	switch {
	case id == "" || id == "." || id == "..":
		return fmt.Errorf("%q is not a campaign ID", id)
	case len(id) > 256:
		return fmt.Errorf("a campaign ID of %d bytes is longer than one can be", len(id))
	case strings.ContainsFunc(id, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) || r == utf8.RuneError }):
		return fmt.Errorf("%q is not a campaign ID: it has white space or characters that cannot be printed", id)
	}
	return nil
}

// GetRows returns one page of a campaign's rows. A page past the last has no rows.
func (c *Client) GetRows(ctx context.Context, campaignID string, params RowsParams) (*RowsPage, error) {
	var rows []Row
	info, err := readRows(ctx, c, campaignID, params, "", func() { rows = []Row{} }, func(r Row) error {
		rows = append(rows, r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &RowsPage{Page: info.Page, PageSize: info.PageSize, Rows: rows, Total: info.Total}, nil
}

// pageInfo is what a page says of itself; nil where it does not.
type pageInfo struct {
	Page, PageSize, Total *Int
	answer
}

// readRows reads one page and hands on each row as soon as it is read. begin is called before each try: rows that an
// earlier try handed on then come again. With an etag, the page is asked for only if it is another one by now.
func readRows[R any](ctx context.Context, c *Client, campaignID string, params RowsParams, etag string, begin func(), each func(R) error) (pageInfo, error) {
	if params.PageSize == 0 {
		params.PageSize = DefaultPageSize
	}
	r := request{
		endpoint:   EndpointRows,
		path:       []string{"campaigns", url.PathEscape(campaignID), "rows"},
		query:      params.values(),
		campaignID: campaignID,
		page:       params.Page,
		etag:       usableETag(etag),
	}
	if err := CheckCampaignID(campaignID); err != nil {
		return pageInfo{}, &Error{Kind: KindNotFound, Endpoint: r.endpoint, CampaignID: campaignID, Page: r.page, Err: err}
	}
	var info pageInfo
	answer, err := c.get(ctx, r, func(body io.Reader, limit *sizeLimit) error {
		begin()
		info = pageInfo{}
		e := envelope{
			list:   "rows",
			wanted: wantedBy[R](),
			begin:  limit.next,
			item: func(value []byte) error {
				var row R
				if err := json.Unmarshal(value, &row, decodeOptions); err != nil {
					return err
				}
				return each(row)
			},
			others: []string{"page", "page_size", "total"},
			other:  info.set,
		}
		return e.read(body)
	})
	info.answer = answer
	return info, err
}

// set takes in a member of a page.
func (p *pageInfo) set(name string, value []byte) error {
	switch name {
	case "page":
		return json.Unmarshal(value, &p.Page)
	case "page_size":
		return json.Unmarshal(value, &p.PageSize)
	}
	if err := json.Unmarshal(value, &p.Total); err != nil {
		return err
	}
	if p.Total != nil && *p.Total < 0 {
		return badResponse("the answer's total is negative")
	}
	return nil
}
