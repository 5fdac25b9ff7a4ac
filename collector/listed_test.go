package collector_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/collector/campaigns"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// The status from the list is known when the campaign file adds the campaign later.
func TestStatusOfACampaignThatIsAddedLater(t *testing.T) {
	path := filepath.Join(t.TempDir(), "campaigns.yml")
	write(t, path, "[]")
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("a", "", []json.RawMessage{callRow("r", "completed")})
	list(api, listed("a", "A", "draft", false, start), listed("b", "B", "novel", false, start))
	h := newHarness(t, api, clock, func(c *collector.Config) {
		discover(func(d *campaigns.Discovery) { d.Exclude = anchored(t, "B") })(c)
		c.CampaignFile = path
	})
	if lines := grep(h.Logs.String(), "novel"); lines != "" {
		t.Errorf("the log has the unknown status of a campaign that is not selected:\n%s", lines)
	}
	write(t, path, "- a\n")
	if err := h.Exporter.Reload(); err != nil {
		t.Fatal(err)
	}
	h.Settle()
	h.Want(h.Scrape(), `revox_campaign_status{campaign_id="a",status="draft"} 1`)
	h.Advance(5 * time.Minute)
	if strings.Contains(h.Logs.String(), "changed its status") {
		t.Errorf("the status did not change, but the log says so:\n%s", h.Logs)
	}
}
