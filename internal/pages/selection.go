package pages

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/internal/quantity"
)

// pageSize is the number of campaigns on a page.
const pageSize = 100

// selection is what the landing page's query says: ?scan=failing, ?status=STATUS and ?page=NUMBER, alone or together.
type selection struct {
	failing bool   // only campaigns whose last scan failed
	status  string // only campaigns with this status; "" for all
	page    int    // from 1; 0 for the first
}

func selectionOf(query url.Values) selection {
	page, _ := strconv.Atoi(query.Get("page")) // anything else is the first
	return selection{failing: query.Get("scan") == "failing", status: query.Get("status"), page: page}
}

// link returns a relative URL of the page with this selection. It works whether or not the page's own URL ends with a
// slash.
func (s selection) link() string {
	query := url.Values{}
	if s.failing {
		query.Set("scan", "failing")
	}
	if s.status != "" {
		query.Set("status", s.status)
	}
	if s.page > 1 {
		query.Set("page", strconv.Itoa(s.page))
	}
	return "?" + query.Encode()
}

// of returns the selected campaigns, failing ones first, then by name.
func (s selection) of(campaigns []collector.CampaignStatus) []collector.CampaignStatus {
	var selected []collector.CampaignStatus
	for _, c := range campaigns {
		if (!s.failing || c.Err != nil) && (s.status == "" || s.status == c.Status) {
			selected = append(selected, c)
		}
	}
	after := func(c collector.CampaignStatus) int {
		if c.Err != nil {
			return 0
		}
		return 1
	}
	slices.SortFunc(selected, func(a, b collector.CampaignStatus) int {
		return cmp.Or(cmp.Compare(after(a), after(b)),
			cmp.Compare(strings.ToLower(cmp.Or(a.Name, a.ID)), strings.ToLower(cmp.Or(b.Name, b.ID))), cmp.Compare(a.ID, b.ID))
	})
	return selected
}

// part returns which of n selected campaigns the page shows, and links to all pages if there are several. A page after the
// last one shows what the last one does.
func (s selection) part(n int) (first, last int, pages []pageLink) {
	count := max(1, (n+pageSize-1)/pageSize)
	current := min(max(s.page, 1), count)
	for i := 1; i <= count && count > 1; i++ {
		to := s
		to.page = i
		pages = append(pages, pageLink{to.link(), i, i == current})
	}
	first = (current - 1) * pageSize
	return first, min(first+pageSize, n), pages
}

// pageLink is a link to a part of the campaigns.
type pageLink struct {
	Link    string
	Number  int
	Current bool
}

// filterLink is a link to some of the campaigns.
type filterLink struct {
	Link, Text string
	Current    bool
}

// filters returns links to all campaigns, to failing ones and to those of each status that one has; nil if nothing fails
// and all have the same status.
func filters(campaigns []collector.CampaignStatus, current selection, failing filterLink) []filterLink {
	byStatus, fails := map[string]uint64{}, current.failing
	for _, c := range campaigns {
		byStatus[c.Status]++
		fails = fails || c.Err != nil
	}
	if len(byStatus) <= 1 && current.status == "" && !fails {
		return nil
	}
	links := []filterLink{{selection{}.link(), "all", !current.failing && current.status == ""}}
	if fails {
		links = append(links, failing)
	}
	for _, status := range slices.Sorted(maps.Keys(byStatus)) {
		if status != "" {
			links = append(links, filterLink{selection{status: status}.link(), quantity.Grouped(byStatus[status]) + " " + status,
				current.status == status})
		}
	}
	return links
}
