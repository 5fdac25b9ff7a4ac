package revoxapi

import (
	"bytes"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/revox-exporter/revox_exporter/internal/apirequest"
)

// maxCampaigns limits the entries in the list of campaigns: 16 bytes are kept of each.
const maxCampaigns = 1_000_000

// ListSummary is what [Campaigns] has read; see [WithListSummary].
type ListSummary struct {
	// Entries is the number of entries in the list, duplicates and skipped ones included.
	Entries int
	// Skipped is how many of the entries were skipped because they are not objects.
	Skipped int
	// Total is how many campaigns there are according to the list's `total` or `count`; 0 if it does not say.
	Total int
	// More reports that, according to its own `total`, `has_more`, `next`, `next_page`, `next_cursor` and the like, the
	// list has more campaigns than were sent. The API documents a list without pages, so there is no way to read them.
	More bool
}

// WithListSummary fills s with what the list says of itself when the loop over [Campaigns] ends, just before an error is
// yielded. Other calls ignore it.
func WithListSummary(s *ListSummary) RequestOption {
	return func(o *apirequest.Options) { o.ListSummary = s }
}

// listReading is one try to read the list.
type listReading struct {
	entries, skipped int
	total            Int
	more             bool
}

func (l *listReading) summary() ListSummary {
	return ListSummary{Entries: l.entries, Skipped: l.skipped, Total: int(l.total), More: l.more || l.total > Int(l.entries)}
}

// The names under which APIs say how long a list is, that it goes on, and where. None of them is documented for this one.
var (
	totalMembers = []string{"total", "total_count", "totalCount", "count"}
	pagesMembers = []string{"total_pages", "totalPages"}
	moreMembers  = []string{
		"has_more", "hasMore", "has_next", "hasNext", "has_next_page", "hasNextPage", "next", "next_page", "nextPage",
		"next_url", "nextUrl", "next_cursor", "nextCursor", "next_token", "nextToken", "next_page_token", "nextPageToken",
	}
	// Objects with such members in them.
	pagingMembers = []string{"pagination", "paging", "page_info", "pageInfo", "meta", "links", "_links"}

	listMembers = slices.Concat(totalMembers, pagesMembers, moreMembers, pagingMembers)
)

// member takes in a member of the answer beside the list. It may have any shape: nothing of it is counted.
func (l *listReading) member(name string, value []byte) error {
	if !slices.Contains(pagingMembers, name) {
		l.says(name, value)
		return nil
	}
	d := jsontext.NewDecoder(bytes.NewReader(value), decodeOptions)
	if token, err := d.ReadToken(); err != nil || token.Kind() != jsontext.KindBeginObject {
		return nil
	}
	for d.PeekKind() == jsontext.KindString {
		token, err := d.ReadToken()
		if err != nil {
			return nil
		}
		name := token.String()
		value, err := d.ReadValue()
		if err != nil {
			return nil
		}
		l.says(name, value)
	}
	return nil
}

func (l *listReading) says(name string, value []byte) {
	switch {
	case slices.Contains(totalMembers, name):
		if n := steeringInt(value); n != nil {
			l.total = max(l.total, *n)
		}
	case slices.Contains(pagesMembers, name):
		n := steeringInt(value)
		l.more = l.more || n != nil && *n > 1
	case slices.Contains(moreMembers, name):
		l.more = l.more || saysYes(value)
	}
}

// saysYes reports whether a JSON value stands for something: not null, false, 0, an empty text, array or object, nor a text
// of these.
func saysYes(value []byte) bool {
	text := strings.ToLower(string(bytes.Trim(value, "\" \t\r\n")))
	if n := steeringInt(value); n != nil {
		return *n != 0
	}
	switch text {
	case "", "null", "none", "false", "no":
		return false
	}
	return len(bytes.Trim(value, "[]{} \t\r\n")) > 0
}

// steeringInt returns the number that a JSON value is or holds as a text, nil if there is none that is 0 or more. For
// numbers that only steer the reading.
func steeringInt(value []byte) *Int {
	var n Int
	if string(value) == "null" || n.UnmarshalJSON(value) != nil || n < 0 {
		return nil
	}
	return &n
}
