package collector_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

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
