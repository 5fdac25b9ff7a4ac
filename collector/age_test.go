package collector_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func TestOldDataDisappearsAndCountersContinue(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	rows := []json.RawMessage{
		callRow("r1", "completed", endedAttempt("human", 40)), callRow("r2", "completed", endedAttempt("human", 40)),
	}
	api.SetRows("c", "", rows)
	h := newHarness(t, api, clock, only("c"))
	remove := api.AddFault(revoxtest.Fault{Behavior: revoxtest.Status(500, nil, "")})
	h.Advance(15 * time.Minute)
	h.Want(h.Scrape(), `revox_campaign_rows{campaign_id="c"} 2`)
	h.Advance(time.Minute)
	scrape := h.Scrape()
	h.WantNone(data(scrape), `^revox_campaign_`)
	h.Want(scrape,
		`revox_campaign_up{campaign_id="c"} 0`,
		`revox_campaign_last_scan_success_timestamp_seconds{campaign_id="c"} 1.714554e+09`,
		`revox_campaign_scan_failures_total{campaign_id="c",reason="server_error"} 16`)

	// Meanwhile a row was removed. Counters continue from their last values.
	api.SetRows("c", "", rows[:1])
	remove()
	h.Advance(time.Minute)
	h.Want(h.Scrape(),
		`revox_campaign_up{campaign_id="c"} 1`,
		`revox_campaign_rows{campaign_id="c"} 1`,
		`revox_campaign_calls_finished_total{campaign_id="c",status="completed"} 2`)
}

func TestMaxAgeIsAtLeastThreeIntervals(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("c", "", []json.RawMessage{callRow("r1", "completed")})
	h := newHarness(t, api, clock, func(c *collector.Config) {
		c.CampaignIDs, c.ScanInterval = []string{"c"}, 10*time.Minute
	})
	api.AddFault(revoxtest.Fault{Behavior: revoxtest.Status(500, nil, "")})
	h.Advance(30 * time.Minute)
	h.Want(h.Scrape(), `revox_campaign_rows{campaign_id="c"} 1`)
	h.Advance(time.Minute)
	h.WantNone(data(h.Scrape()), `^revox_campaign_`)
}

// A campaign must not disappear between scans because each scan takes longer than MaxAge.
func TestMaxAgeAllowsForTwoScans(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("c", "", []json.RawMessage{callRow("r1", "completed")})
	h := newHarness(t, api, clock, func(c *collector.Config) { c.CampaignIDs, c.ScanInterval = []string{"c"}, 0 })
	api.OnPage(func(string, int) { clock.Advance(20 * time.Minute) })
	h.Want(h.Scrape(), `revox_campaign_scan_duration_seconds{campaign_id="c"} 1200`)
	api.AddFault(revoxtest.Fault{Behavior: revoxtest.Status(500, nil, "")})
	h.Advance(60 * time.Minute)
	h.Want(h.Scrape(), `revox_campaign_up{campaign_id="c"} 0`, `revox_campaign_rows{campaign_id="c"} 1`)
	h.Advance(time.Minute)
	h.WantNone(data(h.Scrape()), `^revox_campaign_`)
}

// A later scan is quick, but the next one may have to read every row again.
func TestMaxAgeAllowsForTheNextScanOfEveryPage(t *testing.T) {
	clock := revoxtest.NewClock(start.Add(2 * time.Hour))
	api := newAPI(t, clock)
	api.SetRows("c", "", finishedRows(45))
	h := newHarness(t, api, clock, func(c *collector.Config) {
		c.CampaignIDs, c.ScanInterval, c.Rows.PageSize, c.FullInterval = []string{"c"}, 0, 10, time.Hour
	})
	clock.Advance(time.Hour)
	api.OnPage(func(_ string, page int) {
		if page == 4 {
			clock.Advance(20 * time.Minute)
		}
	})
	h.Want(h.Scrape(), `revox_campaign_scan_duration_seconds{campaign_id="c"} 1200`)
	h.Want(h.Scrape(), `revox_campaign_scan_duration_seconds{campaign_id="c"} 0`)
	api.AddFault(revoxtest.Fault{Behavior: revoxtest.Status(500, nil, "")})
	clock.Advance(20 * time.Minute)
	h.Want(h.Scrape(), `revox_campaign_up{campaign_id="c"} 0`, `revox_campaign_rows{campaign_id="c"} 45`)
}
