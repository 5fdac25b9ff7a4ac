package collector_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// After kill -9, settled pages from before the last full scan are not used.
func TestOutdatedSettledPagesAreNotUsedAfterARestart(t *testing.T) {
	clock := revoxtest.NewClock(start.Add(2 * time.Hour)) // calls that ended at start have settled
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
	h.Advance(time.Minute) // every page is read, because reading only the last row fails
	remove()
	found := `revox_campaign_call_attempts{campaign_id="c",status="completed"} 46`
	h.Want(h.Scrape(), found)
	again, _ := h.restart(folder, settled)
	again.Want(again.Scrape(), found)
}

// The status of a given campaign is known after a restart, although no campaign is discovered.
func TestListedStatusOfAGivenCampaignAfterARestart(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("a", "", []json.RawMessage{callRow("r1", "completed")})
	remove := list(api, listed("a", "Spring", "draft", false, start))
	folder := t.TempDir()
	state, _ := openTestState(t, folder, api.URL, clock)
	given := func(c *collector.Config) { discover(nil)(c); c.CampaignIDs = []string{"a"} }
	h := newHarness(t, api, clock, with(state, given))
	h.Advance(5 * time.Minute) // the list was read, and a scan wrote it to the state
	h.Advance(time.Minute)
	status := `revox_campaign_status{campaign_id="a",status="draft"} 1`
	h.Want(h.Scrape(), status)
	remove()
	api.AddFault(revoxtest.Fault{Behavior: revoxtest.Status(503, nil, "")})
	again, _ := h.restart(folder, given)
	again.Want(again.Scrape(), status)
}

// After a restart, scans count the unknown values on settled pages as before, although they do not read these pages.
func TestUnknownValuesOfSettledPagesAfterARestart(t *testing.T) {
	clock := revoxtest.NewClock(start.Add(2 * time.Hour)) // calls that ended at start have settled
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
	want := []string{
		`revox_campaign_pages{campaign_id="c",state="read"} 1`, `revox_exporter_unknown_values_total{label="result"} 2`,
	}
	h.Want(h.Scrape(), want...)
	again, _ := h.restart(folder, settled)
	again.Advance(time.Minute)
	again.Want(again.Scrape(), want...)
}
