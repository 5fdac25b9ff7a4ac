package collector_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// A 401 for one campaign may concern that one only: the others are read, even if it is the first to be read.
func TestRefusalOfOneCampaignStopsNoOther(t *testing.T) {
	for _, refused := range []string{"a", "d"} { // one of them is read first
		clock := revoxtest.NewClock(start)
		api := newAPI(t, clock)
		for _, id := range []string{"b", "c"} {
			api.SetRows(id, "", []json.RawMessage{callRow("r", "completed")})
		}
		api.AddFault(revoxtest.Fault{Campaign: refused, Behavior: revoxtest.Status(401, nil, "")})
		h := newHarness(t, api, clock, func(c *collector.Config) {
			c.CampaignIDs = []string{"b", "c", refused}
			c.MaxScans = 1
		})
		h.Want(h.Scrape(), `revox_campaign_up{campaign_id="b"} 1`, `revox_campaign_up{campaign_id="c"} 1`,
			`revox_campaign_up{campaign_id="`+refused+`"} 0`)
	}
}

// A key that was refused for two campaigns is wrong: it is not tried for the others.
func TestWrongKeyIsNotTriedForEachCampaign(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock, revoxtest.WithAPIKey("another"))
	h := newHarness(t, api, clock, func(c *collector.Config) {
		c.CampaignIDs = []string{"a", "b", "c", "d", "e", "f"}
		c.MaxScans = 1
	})
	if n := api.RequestCount(); n != 2 {
		t.Errorf("%d requests with a wrong key, want 2", n)
	}
	h.Want(h.Scrape(), `revox_campaign_up{campaign_id="f"} 0`,
		`revox_campaign_scan_failures_total{campaign_id="f",reason="auth"} 1`)
}

// A firewall in front of the API says nothing about the key: each campaign is tried again with the next scan.
func TestPageOfAFirewallIsNoRefusalOfTheKey(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	ids := []string{"a", "b", "c"}
	for _, id := range ids {
		api.SetRows(id, "", []json.RawMessage{callRow("r", "completed")})
	}
	remove := api.AddFault(revoxtest.Fault{Behavior: revoxtest.Status(403, firewall, "<html>")})
	h := newHarness(t, api, clock, func(c *collector.Config) { c.CampaignIDs, c.MaxScans = ids, 1 })
	if n := api.RequestCount(); n != len(ids) {
		t.Errorf("%d requests, want one for each campaign", n)
	}
	for _, id := range ids {
		h.Want(h.Scrape(), `revox_campaign_scan_failures_total{campaign_id="`+id+`",reason="auth"} 0`)
	}
	remove()
	h.Advance(time.Minute)
	h.Advance(time.Minute) // scans after the first ones are spread over an interval
	for _, id := range ids {
		h.Want(h.Scrape(), `revox_campaign_up{campaign_id="`+id+`"} 1`)
	}
}
