package collector_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

// oldRows returns rows with calls that settle within a minute of start.
func oldRows(n int) []json.RawMessage {
	rows := make([]json.RawMessage, n)
	for i := range rows {
		rows[i] = callRow(fmt.Sprint("r", i), "completed", endedAttempt("human", 40))
	}
	return rows
}

// settlingCampaign runs an exporter of a campaign "c" with pages of 10 rows, until all pages that can settle have.
func settlingCampaign(t *testing.T, rows []json.RawMessage, options ...revoxtest.Option) *harness {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock, options...)
	api.SetRows("c", "", rows)
	h := newHarness(t, api, clock, func(c *collector.Config) {
		c.CampaignIDs, c.Rows.PageSize, c.FullInterval = []string{"c"}, 10, 24*time.Hour
	}, revoxapi.WithMaxInFlight(1))
	h.Advance(4 * time.Minute)
	return h
}

// wantAsked fails the test unless the scan in the next minute requests exactly these pages, given as number/size, in
// any order. A page may be requested more than once.
func (h *harness) wantAsked(want ...string) {
	h.TB.Helper()
	before := h.API.RequestCount()
	h.Advance(time.Minute)
	var asked []string
	for _, r := range h.API.Requests()[before:] {
		asked = append(asked, r.Query.Get("page")+"/"+r.Query.Get("page_size"))
	}
	slices.Sort(asked)
	slices.Sort(want)
	if asked = slices.Compact(asked); !slices.Equal(asked, want) {
		h.TB.Errorf("requested pages %v, want %v", asked, want)
	}
}

func TestFinishedCampaignCostsOneSmallRequestPerScan(t *testing.T) {
	for _, kind := range []struct {
		name    string
		first   int
		options []revoxtest.Option
	}{
		{"counts pages from 0", 0, nil},
		{"counts pages from 1, strict", 1, []revoxtest.Option{revoxtest.WithFirstPage(1)}},
		{"counts pages from 1, lenient", 1,
			[]revoxtest.Option{revoxtest.WithFirstPage(1), revoxtest.WithLenientFirstPage()}},
		{"counts pages from 1, echoes", 1, []revoxtest.Option{revoxtest.WithFirstPage(1), revoxtest.WithEchoedPage()}},
		{"caps the page", 0, []revoxtest.Option{revoxtest.WithPageSizeCap(7)}},
	} {
		for _, rows := range []int{35, 40} {
			t.Run(fmt.Sprintf("%s, %d rows", kind.name, rows), func(t *testing.T) {
				h := settlingCampaign(t, oldRows(rows), kind.options...)
				h.wantAsked(fmt.Sprintf("%d/1", rows-1+kind.first))
				asked := h.API.RequestCount()
				h.Advance(3 * time.Minute)
				if n := h.API.RequestCount() - asked; n != 3 {
					t.Errorf("%d requests by 3 scans, want 3", n)
				}
				h.Want(h.Scrape(),
					`revox_campaign_pages{campaign_id="c",state="read"} 1`,
					fmt.Sprintf(`revox_campaign_rows{campaign_id="c"} %d`, rows),
					fmt.Sprintf(`revox_campaign_call_attempts_per_call_count{campaign_id="c"} %d`, rows))
			})
		}
	}
}

func TestOpenPageOfAServerThatEchoesThePage(t *testing.T) {
	rows := oldRows(35)
	rows[3] = callRow("r3", "calling")
	h := settlingCampaign(t, rows, revoxtest.WithFirstPage(1), revoxtest.WithEchoedPage())
	h.wantAsked("1/10", "4/10")
}

func TestOnlyPagesThatCanChangeAreRead(t *testing.T) {
	rows := oldRows(50)
	rows[13] = callRow("r13", "calling")
	h := settlingCampaign(t, rows)
	h.wantAsked("1/10", "4/10")
	h.Want(h.Scrape(),
		`revox_campaign_pages{campaign_id="c",state="read"} 2`,
		`revox_campaign_pages{campaign_id="c",state="settled"} 3`)

	// A call that has just finished can still change.
	now := h.Clock.Now().Format(time.RFC3339)
	rows[13] = callRow("r13", "completed",
		fmt.Sprintf(`{"status": "completed", "result": "unknown", "started_at": %q, "ended_at": %q}`, now, now))
	h.Advance(time.Minute)
	for range 59 {
		h.wantAsked("1/10", "4/10")
	}
	h.wantAsked("49/1")
	h.Want(h.Scrape(), `revox_campaign_calls_finished_total{campaign_id="c",status="completed"} 50`)
}

func TestSettledPagesAreReadAgainAfterFullInterval(t *testing.T) {
	for _, status := range []string{"completed", "calling"} {
		rows := oldRows(45)
		rows[31] = callRow("r31", status, endedAttempt("human", 40))
		clock := revoxtest.NewClock(start.Add(time.Minute))
		api := newAPI(t, clock)
		api.SetRows("c", "", rows)
		h := newHarness(t, api, clock, func(c *collector.Config) {
			c.CampaignIDs, c.Rows.PageSize, c.FullInterval = []string{"c"}, 10, 2*time.Hour
		})
		// This call changes after it has settled, on a page that is not read.
		rows = slices.Clone(rows)
		rows[3] = callRow("r3", "errored", endedAttempt("human", 40))
		api.SetRows("c", "", rows)
		h.Advance(89 * time.Minute)
		h.Want(h.Scrape(), `revox_campaign_calls{campaign_id="c",status="errored"} 0`)
		h.Advance(31 * time.Minute)
		h.Want(h.Scrape(), `revox_campaign_calls{campaign_id="c",status="errored"} 1`)
	}
}

// Rows without a call before the last call were skipped and do not keep a page open. Rows after it may still get a
// call, and do.
func TestRowsWithoutACall(t *testing.T) {
	uncalled := func(rows []json.RawMessage, at ...int) []json.RawMessage {
		for _, i := range at {
			rows[i] = json.RawMessage(fmt.Sprintf(`{"id": "r%d"}`, i))
		}
		return rows
	}
	for _, test := range []struct {
		name string
		rows []json.RawMessage
		want []string
	}{
		{"skipped", uncalled(oldRows(45), 3, 9, 20, 29, 44), []string{"44/1"}},
		{"at the end", uncalled(oldRows(45), 43, 44), []string{"4/10"}},
		{"across the end of a page", uncalled(oldRows(45), 39, 40, 41, 42, 43, 44), []string{"3/10", "4/10"}},
		{"a whole page in between", uncalled(oldRows(35), 10, 11, 12, 13, 14, 15, 16, 17, 18, 19), []string{"1/10", "3/10"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := settlingCampaign(t, test.rows)
			h.wantAsked(test.want...)
			// The last row gets a call.
			rows := slices.Clone(test.rows)
			last := len(rows) - 1
			rows[last] = callRow(fmt.Sprint("r", last), "cancelled", endedAttempt("human", 40))
			h.API.SetRows("c", "", rows)
			h.Advance(time.Minute)
			h.Want(h.Scrape(), `revox_campaign_calls{campaign_id="c",status="cancelled"} 1`)
		})
	}
}

func TestCallsWithoutATimestampNeverSettle(t *testing.T) {
	rows := oldRows(15)
	rows[2] = json.RawMessage(`{"id": "r2", "call": {"status": "cancelled", "call_attempts": []}}`)
	h := settlingCampaign(t, rows)
	h.wantAsked("0/10", "1/10")
}

// If a server does not send the last row on its own, the whole last page is read.
func TestServerThatDoesNotSendTheLastRowOnItsOwn(t *testing.T) {
	for name, behavior := range map[string]revoxtest.Behavior{
		"refuses": revoxtest.Status(http.StatusUnprocessableEntity, nil, "page_size must be 10 or more"),
		"empty":   revoxtest.MangleRows(func([]json.RawMessage) []json.RawMessage { return nil }),
	} {
		t.Run(name, func(t *testing.T) {
			clock := revoxtest.NewClock(start)
			api := newAPI(t, clock)
			api.SetRows("c", "", oldRows(35))
			api.AddFault(revoxtest.Fault{Page: revoxtest.Page(34), Behavior: behavior})
			h := newHarness(t, api, clock, func(c *collector.Config) {
				c.CampaignIDs, c.Rows.PageSize, c.FullInterval = []string{"c"}, 10, 24*time.Hour
			})
			h.Advance(4 * time.Minute)
			h.wantAsked("3/10")
			h.Want(h.Scrape(), `revox_campaign_up{campaign_id="c"} 1`,
				`revox_campaign_pages{campaign_id="c",state="settled"} 3`)
		})
	}
}

func TestFailedScanKeepsSettledPages(t *testing.T) {
	rows := oldRows(45)
	rows[31] = callRow("r31", "calling")
	h := settlingCampaign(t, rows)
	remove := h.API.AddFault(revoxtest.Fault{
		Page: revoxtest.Page(4), Behavior: revoxtest.Status(http.StatusInternalServerError, nil, "no"),
	})
	h.Advance(time.Minute)
	h.Want(h.Scrape(), `revox_campaign_up{campaign_id="c"} 0`)
	remove()
	h.wantAsked("3/10", "4/10")

	// Most rows disappear for a moment. When they are back, settled pages are still settled.
	h.API.SetRows("c", "", rows[:3])
	h.Advance(time.Minute)
	h.Want(h.Scrape(), `revox_campaign_scan_failures_total{campaign_id="c",reason="incomplete"} 1`)
	h.API.SetRows("c", "", rows)
	h.wantAsked("3/10", "4/10")
	h.Want(h.Scrape(), `revox_campaign_up{campaign_id="c"} 1`, `revox_campaign_rows{campaign_id="c"} 45`)
}

// If the open pages are inconsistent, all pages are read.
func TestInconsistentOpenPages(t *testing.T) {
	for name, test := range map[string]struct {
		behavior revoxtest.Behavior
		want     string
	}{
		"duplicate rows": {revoxtest.MangleRows(func(rows []json.RawMessage) []json.RawMessage {
			return append(rows, rows[:min(1, len(rows))]...)
		}), `revox_campaign_anomalies{campaign_id="c",kind="duplicate_row"} 5`},
		"missing rows": {revoxtest.MangleRows(func(rows []json.RawMessage) []json.RawMessage {
			return rows[min(1, len(rows)):]
		}), `revox_campaign_rows_missing{campaign_id="c"} 5`},
		"a higher total": {revoxtest.LyingTotal(46), `revox_campaign_rows_missing{campaign_id="c"} 1`},
	} {
		t.Run(name, func(t *testing.T) {
			rows := oldRows(45)
			rows[11] = callRow("r11", "calling")
			h := settlingCampaign(t, rows)
			h.API.AddFault(revoxtest.Fault{Behavior: test.behavior})
			h.Advance(time.Minute)
			h.Want(h.Scrape(), `revox_campaign_pages{campaign_id="c",state="settled"} 0`, test.want)
		})
	}
}

func TestImpossibleTotal(t *testing.T) {
	rows := oldRows(45)
	rows[11] = callRow("r11", "calling")
	h := settlingCampaign(t, rows)
	h.API.AddFault(revoxtest.Fault{Behavior: revoxtest.LyingTotal(1 << 40)})
	h.Advance(time.Minute)
	h.Want(h.Scrape(), `revox_campaign_rows{campaign_id="c"} 45`,
		fmt.Sprint(`revox_campaign_rows_missing{campaign_id="c"} `, float64(1<<40-45)))
}

func TestServerChangesThePageSize(t *testing.T) {
	rows := oldRows(45)
	rows[11] = callRow("r11", "calling")
	h := settlingCampaign(t, rows)
	h.API.AddFault(revoxtest.Fault{Behavior: revoxtest.SetField("page_size", "9")})
	h.wantAsked("0/10", "1/10", "2/10", "3/10", "4/10")
}

func TestNewNameOfAFinishedCampaign(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	sim.New(api).AddCampaign(sim.Campaign{ID: "c", Name: "Spring", Rows: 30, Start: start.AddDate(0, 0, -9),
		Weight: sim.Light, RowsWithoutCallShare: -1})
	h := newHarness(t, api, clock, func(c *collector.Config) {
		c.CampaignIDs, c.FullInterval = []string{"c"}, 24*time.Hour
	})
	h.wantAsked("29/1")
	api.Rename("c", "Summer")
	h.wantAsked("29/1")
	h.Want(h.Scrape(), `revox_campaign_info{campaign_id="c",campaign_name="Summer"} 1`)
}

func TestSettledPagesOnScrapes(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	rows := oldRows(45)
	rows[31] = callRow("r31", "calling")
	api.SetRows("c", "", rows)
	clock.Advance(time.Minute)
	h := newHarness(t, api, clock, func(c *collector.Config) {
		c.CampaignIDs, c.ScanInterval, c.Rows.PageSize, c.FullInterval = []string{"c"}, 0, 10, time.Hour
	})
	asked := h.API.RequestCount()
	h.Want(h.Scrape(), `revox_campaign_rows{campaign_id="c"} 45`,
		`revox_campaign_pages{campaign_id="c",state="settled"} 3`)
	if n := h.API.RequestCount() - asked; n != 2 {
		t.Errorf("%d requests for a scrape, want 2", n)
	}
}

func TestPagesThatAreNotModified(t *testing.T) {
	rows := oldRows(45)
	rows[31] = callRow("r31", "calling")
	h := settlingCampaign(t, rows, revoxtest.WithETags())
	before := data(h.Scrape())
	asked := h.API.RequestCount()
	h.Advance(time.Minute)
	for _, r := range h.API.Requests()[asked:] {
		if r.Code != http.StatusNotModified {
			t.Errorf("page %s answered %d", r.Query.Get("page"), r.Code)
		}
	}
	if after := data(h.Scrape()); after != before {
		t.Errorf("the data changed although no page did:\n%s", diff(before, after))
	}
	h.Want(h.Scrape(),
		`revox_campaign_pages{campaign_id="c",state="read"} 2`,
		`revox_campaign_pages{campaign_id="c",state="settled"} 3`)

	now := h.Clock.Now().Format(time.RFC3339)
	rows[31] = callRow("r31", "completed",
		fmt.Sprintf(`{"status": "completed", "started_at": %q, "ended_at": %q}`, now, now))
	h.Advance(time.Minute)
	h.Want(h.Scrape(), `revox_campaign_calls{campaign_id="c",status="calling"} 0`)
	// The page settles without being sent again.
	h.Advance(time.Hour)
	h.wantAsked("44/1")
}
