package collector_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// These tests add, remove and move rows in a campaign with settled pages.

func TestAddedRows(t *testing.T) {
	rows := oldRows(45)
	rows[31] = callRow("r31", "calling")
	h := settlingCampaign(t, rows)
	t.Run("at the end", func(t *testing.T) {
		rows = append(rows, oldRows(70)[45:]...)
		h.API.SetRows("c", "", rows)
		h.wantAsked("3/10", "4/10", "5/10", "6/10")
		h.Want(h.Scrape(), `revox_campaign_rows{campaign_id="c"} 70`)
		h.wantAsked("3/10", "6/10")
	})
	t.Run("at the beginning", func(t *testing.T) {
		rows = slices.Insert(slices.Clone(rows), 5, callRow("new", "calling"))
		h.API.SetRows("c", "", rows)
		h.wantAsked("0/10", "1/10", "2/10", "3/10", "4/10", "5/10", "6/10", "7/10")
		h.Want(h.Scrape(), `revox_campaign_rows{campaign_id="c"} 71`,
			`revox_campaign_calls{campaign_id="c",status="calling"} 2`)
		h.wantAsked("0/10", "3/10", "7/10")
	})
}

func TestRowsAddedBeforeTheOnlyOpenPage(t *testing.T) {
	rows := oldRows(45)
	rows[44] = callRow("r44", "calling")
	h := settlingCampaign(t, rows)
	h.API.SetRows("c", "", slices.Insert(rows, 5, callRow("new", "calling")))
	h.Advance(time.Minute)
	h.Want(h.Scrape(), `revox_campaign_rows{campaign_id="c"} 46`,
		`revox_campaign_calls{campaign_id="c",status="calling"} 2`)
}

// Then one row is found twice, and another not at all.
func TestRowsSwappedWhilePagesAreRead(t *testing.T) {
	rows := oldRows(45)
	rows[13], rows[31] = callRow("r13", "calling"), callRow("r31", "scheduled")
	h := settlingCampaign(t, rows)
	h.API.OnPage(func(_ string, page int) {
		if page == 3 {
			h.API.OnPage(nil)
			rows = slices.Clone(rows)
			rows[13], rows[31] = rows[31], rows[13]
			h.API.SetRows("c", "", rows)
		}
	})
	h.Advance(time.Minute)
	h.Want(h.Scrape(), `revox_campaign_calls{campaign_id="c",status="calling"} 1`,
		`revox_campaign_calls{campaign_id="c",status="scheduled"} 1`)
}

// A page that was read before rows are added does not show them.
func TestRowsAddedWhilePagesAreRead(t *testing.T) {
	rows := oldRows(50)
	rows[31] = callRow("r31", "calling")
	h := settlingCampaign(t, rows)
	h.API.OnPage(func(_ string, page int) {
		if page == 4 {
			h.API.OnPage(nil)
			h.API.SetRows("c", "", append(slices.Clone(rows), callRow("new", "calling")))
		}
	})
	h.Advance(time.Minute)
	h.Want(h.Scrape(), `revox_campaign_rows{campaign_id="c"} 51`,
		`revox_campaign_pages{campaign_id="c",state="settled"} 0`)
}

func TestRowsAddedToAFinishedCampaign(t *testing.T) {
	h := settlingCampaign(t, oldRows(45))
	h.API.SetRows("c", "", oldRows(46))
	h.Advance(time.Minute)
	h.Want(h.Scrape(), `revox_campaign_rows{campaign_id="c"} 46`)
}

// If a server's total counts only the rows that it sends, it is the same for one full page as for many.
func TestRowsAddedAfterAFullPageIfTheTotalIsThatOfThePage(t *testing.T) {
	for _, pageSize := range []int{1, 2, 10} {
		for _, status := range []string{"completed", "calling"} {
			clock := revoxtest.NewClock(start)
			api := newAPI(t, clock)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.Header.Del("Accept-Encoding")
				answer := httptest.NewRecorder()
				api.Handler().ServeHTTP(answer, r)
				var page map[string]any
				if err := json.Unmarshal(answer.Body.Bytes(), &page); err != nil {
					t.Error(err)
				}
				page["total"] = len(page["rows"].([]any))
				_ = json.NewEncoder(w).Encode(page)
			}))
			t.Cleanup(server.Close)
			rows := oldRows(3 * pageSize)
			rows[0] = callRow("r0", status, endedAttempt("human", 40))
			api.SetRows("c", "", rows[:(pageSize+1)/2])
			h := newHarness(t, api, clock, func(c *collector.Config) {
				c.CampaignIDs, c.Rows.PageSize, c.FullInterval = []string{"c"}, pageSize, 24*time.Hour
			}, revoxapi.WithBaseURL(server.URL+"/api"))
			h.Advance(3 * time.Minute)
			for _, n := range []int{pageSize, 3 * pageSize} {
				api.SetRows("c", "", rows[:n])
				h.Advance(3 * time.Minute)
				h.Want(h.Scrape(), fmt.Sprintf(`revox_campaign_rows{campaign_id="c"} %d`, n))
			}
		}
	}
}

func TestRemovedAndMovedRows(t *testing.T) {
	calling := callRow("r31", "calling")
	for _, test := range []struct {
		name   string
		change func([]json.RawMessage) []json.RawMessage
	}{
		{"removed", func(rows []json.RawMessage) []json.RawMessage { return slices.Delete(rows, 5, 6) }},
		{"removed, and another added", func(rows []json.RawMessage) []json.RawMessage {
			return append(slices.Delete(rows, 5, 6), callRow("new", "completed"))
		}},
		{"swapped", func(rows []json.RawMessage) []json.RawMessage {
			rows[3], rows[31] = rows[31], rows[3]
			return rows
		}},
		{"reversed", func(rows []json.RawMessage) []json.RawMessage { slices.Reverse(rows); return rows }},
	} {
		for _, finished := range []bool{false, true} {
			rows := oldRows(45)
			if !finished {
				rows[31] = calling
			}
			h := settlingCampaign(t, rows)
			changed := test.change(slices.Clone(rows))
			h.API.SetRows("c", "", changed)
			h.Advance(time.Minute)
			if !(finished && test.name == "swapped") { // swapping finished rows changes no count
				h.Want(h.Scrape(), `revox_campaign_pages{campaign_id="c",state="settled"} 0`)
			}
			h.Want(h.Scrape(), fmt.Sprintf(`revox_campaign_rows{campaign_id="c"} %d`, len(changed)))
		}
	}
}
