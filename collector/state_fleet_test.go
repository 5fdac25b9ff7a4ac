package collector_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/collector/statefile"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

var (
	fleetCampaigns = flag.Int("fleet.campaigns", 40, "number of campaigns in the restart test; 1000 is a large installation")
	fleetRows      = flag.Int("fleet.rows", 300, "rows of each campaign in the restart test; 2000 is usual")
)

// After a restart, many finished campaigns are shown before the first request to the API, and then two rows of each are
// requested. The test logs how long that takes.
func TestManyCampaignsAfterARestart(t *testing.T) {
	usual := patience
	patience = 10 * time.Minute // the flags can make it long
	t.Cleanup(func() { patience = usual })
	clock := revoxtest.NewClock(start.Add(2 * time.Hour))
	api := newAPI(t, clock, revoxtest.WithRequestLog(3**fleetCampaigns))
	results := []string{"human", "voicemail", "IVR", "unknown"}
	var rows []json.RawMessage
	for i := range *fleetRows {
		rows = append(rows, callRow(fmt.Sprint("r", i), "completed",
			endedAttempt(results[i%4], i%600), endedAttempt(results[i%3], i%500)))
	}
	rows[len(rows)-1] = callRow("failed", "completed", failedAttempt)
	var ids []string
	for i := range *fleetCampaigns {
		ids = append(ids, fmt.Sprintf("campaign-%04d", i))
		api.SetRows(ids[i], "", rows)
	}
	// There are as many slots as campaigns, so scans are not spread over the interval.
	fleet := func(c *collector.Config) { c.CampaignIDs, c.FullInterval, c.MaxScans = ids, time.Hour, len(ids) }
	folder := t.TempDir()
	state, _ := openTestState(t, folder, api.URL, clock)
	began := time.Now()
	h := newHarness(t, api, clock, with(state, fleet))
	before := h.Scrape()
	asked := api.RequestCount()
	t.Logf("first scans, written to the state: %s, %d requests", time.Since(began).Round(time.Millisecond), asked)
	began = time.Now()
	h.Advance(time.Minute)
	t.Logf("scans without changes, written to the state: %s, %d requests",
		time.Since(began).Round(time.Millisecond), api.RequestCount()-asked)
	folder = killed(t, folder)
	if info, err := os.Stat(filepath.Join(folder, statefile.Name)); err == nil {
		t.Logf("the file has %d KiB, %d bytes per campaign", info.Size()>>10, info.Size()/int64(len(ids)))
	}

	remove := api.AddFault(revoxtest.Fault{Behavior: revoxtest.Status(503, nil, "")})
	began = time.Now()
	clock2 := revoxtest.NewClock(clock.Now())
	state2, _ := openTestState(t, folder, api.URL, clock2)
	opened := time.Since(began)
	again := newHarness(t, api, clock2, with(state2, fleet), revoxapi.WithMaxRetries(0))
	after := again.Scrape()
	t.Logf("after a restart, /metrics shows all data in %s; opening the state took %s of that",
		time.Since(began).Round(time.Millisecond), opened.Round(time.Millisecond))
	rowsOf := fmt.Sprintf("} %d\n", *fleetRows)
	if n := strings.Count(grep(after, `^revox_campaign_rows\{`), rowsOf); n != len(ids) {
		t.Errorf("%d campaigns have all their rows, want %d", n, len(ids))
	}
	pages := `(?m)^revox_campaign_scan_requests.*\n`
	if without(data(after), pages) != without(data(before), pages) {
		t.Error("the data differs from that before the restart")
	}
	remove()

	asked = api.RequestCount()
	began = time.Now()
	again.Advance(time.Minute)
	t.Logf("first scans after the restart: %s, %d requests",
		time.Since(began).Round(time.Millisecond), api.RequestCount()-asked)
	if n := api.RequestCount() - asked; n != 2*len(ids) {
		t.Errorf("%d requests, want two for each of %d campaigns", n, len(ids))
	}
	for _, r := range api.Requests()[len(api.Requests())-2*len(ids):] {
		if r.Query.Get("page_size") != "1" {
			t.Errorf("a request for more than one row: %s", r.Query.Encode())
		}
	}
	again.Want(again.Scrape(), fmt.Sprintf(`revox_campaign_up{campaign_id="%s"} 1`, ids[0]))
}
