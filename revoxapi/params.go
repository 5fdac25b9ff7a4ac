package revoxapi

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// DefaultPageSize is how many rows a page is asked to have if RowsParams does not say.
const DefaultPageSize = 100

// RowsParams are the parameters of GET /campaigns/{id}/rows. The zero value asks for the first page, unfiltered.
type RowsParams struct {
	// Page is `page`: which page. Servers count from 0 or from 1.
	Page int
	// PageSize is `page_size`: how many rows are asked for. 0 means DefaultPageSize. The server may send fewer.
	PageSize int
	// Query is `query`: a text filter. It is personal data as far as it holds a contact's.
	Query string
	// Result is `result`: a filter by call result. It is an AttemptResult, ResultFilterAll or ResultFilterNone. "" does
	// not filter.
	Result ResultFilter
	// Statuses is `statuses`: a filter by call status. An empty list does not filter. Several are sent separated by
	// commas, which is likely but not documented.
	Statuses []CallStatus
}

// ResultFilter is a value of the parameter `result`: `IVR` `voicemail` `human` `unknown` `ios-screening-filter` `all`
// `none`.
type ResultFilter string

// The values of ResultFilter that are not an AttemptResult. The others are ResultFilter(ResultHuman) and so on.
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

// CheckCampaignID returns an error that says why id cannot be the ID of a campaign, or nil. The API documents IDs only as
// strings; what cannot be one segment of a path, or cannot be printed, is refused.
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
