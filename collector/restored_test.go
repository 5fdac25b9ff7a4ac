package collector_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// Settled pages that a later full scan has found to be otherwise are not relied on after kill -9.
func TestSettledPagesAreNoOlderThanTheDataAfterARestart(t *testing.T) {
	clock := revoxtest.NewClock(start.Add(2 * time.Hour)) // what has ended before start has come to rest
	api := newAPI(t, clock)
	rows := oldRows(45)
	api.SetRows("c", "", rows)
	folder := t.TempDir()
	state, _ := openTestState(t, folder, api.URL, clock)
	settled := func(c *collector.Config) {
		c.CampaignIDs, c.Rows.PageSize, c.FullInterval = []string{"c"}, 10, 24*time.Hour
	}
	h := newHarness(t, api, clock, with(state, settled))

	rows[5] = callRow("r5", "completed", endedAttempt("human", 40), endedAttempt("voicemail", 7))
	api.SetRows("c", "", rows)
	remove := api.AddFault(revoxtest.Fault{Page: revoxtest.Page(44), Behavior: revoxtest.Status(404, nil, "")})
	h.Advance(time.Minute) // every page is read, since the last row alone is not there
	remove()
	found := `revox_campaign_call_attempts{campaign_id="c",status="completed"} 46`
	h.Want(h.Scrape(), found)
	again, _ := h.restart(folder, settled)
	again.Want(again.Scrape(), found)
}

// What the list says of campaigns that are given is there after a restart, though none is discovered.
func TestListedStatusOfAGivenCampaignAfterARestart(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("a", "", []json.RawMessage{callRow("r1", "completed")})
	remove := list(api, listed("a", "Spring", "draft", false, start))
	folder := t.TempDir()
	state, _ := openTestState(t, folder, api.URL, clock)
	given := func(c *collector.Config) { discover(nil)(c); c.CampaignIDs = []string{"a"} }
	h := newHarness(t, api, clock, with(state, given))
	h.Advance(5 * time.Minute) // the list has been read, and a scan has written what it says
	h.Advance(time.Minute)
	status := `revox_campaign_status{campaign_id="a",status="draft"} 1`
	h.Want(h.Scrape(), status)
	remove()
	api.AddFault(revoxtest.Fault{Behavior: revoxtest.Status(503, nil, "")})
	again, _ := h.restart(folder, given)
	again.Want(again.Scrape(), status)
}

// Values that are not known are sighted by scans after a restart as before, though none reads the rows that have them.
func TestUnknownValuesOfSettledPagesAfterARestart(t *testing.T) {
	clock := revoxtest.NewClock(start.Add(2 * time.Hour)) // what has ended before start has come to rest
	api := newAPI(t, clock)
	rows := oldRows(45)
	rows[5] = callRow("r5", "completed", endedAttempt("news", 40))
	api.SetRows("c", "", rows)
	folder := t.TempDir()
	state, _ := openTestState(t, folder, api.URL, clock)
	settled := func(c *collector.Config) {
		c.CampaignIDs, c.Rows.PageSize, c.FullInterval = []string{"c"}, 10, 24*time.Hour
	}
	h := newHarness(t, api, clock, with(state, settled))
	h.Advance(time.Minute)
	h.Want(h.Scrape(), `revox_campaign_pages{campaign_id="c",state="read"} 1`, `revox_exporter_unknown_values_total{label="result"} 2`)
	again, _ := h.restart(folder, settled)
	again.Advance(time.Minute)
	again.Want(again.Scrape(), `revox_campaign_pages{campaign_id="c",state="read"} 1`, `revox_exporter_unknown_values_total{label="result"} 2`)
}
