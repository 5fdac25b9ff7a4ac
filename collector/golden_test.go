package collector_test

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

var update = flag.Bool("update", false, "write the golden files again; check the changed counts by hand")

// golden compares text with a file in testdata.
func golden(t *testing.T, path, text string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("not equal to %s:\n%s", path, diff(string(want), text))
	}
}

func TestHandCountedCampaign(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("hand-counted", `Hand "counted"`, readRows(t, "testdata/hand_counted.json"))
	h := newHarness(t, api, clock, only("hand-counted"))
	scrape := h.Scrape()
	golden(t, "testdata/hand_counted.prom", data(scrape))

	// These values were counted by hand from hand_counted.json.
	h.Want(scrape,
		`revox_campaign_rows{campaign_id="hand-counted"} 13`,
		`revox_campaign_rows_without_call{campaign_id="hand-counted"} 2`,
		`revox_campaign_calls{campaign_id="hand-counted",status="calling"} 2`,
		`revox_campaign_calls{campaign_id="hand-counted",status="completed"} 3`,
		`revox_campaign_calls{campaign_id="hand-counted",status="archived"} 1`,
		`revox_campaign_call_attempts{campaign_id="hand-counted",status="error"} 5`,
		`revox_campaign_call_attempt_results_total{campaign_id="hand-counted",result="none"} 5`,
		`revox_campaign_call_attempt_results_total{campaign_id="hand-counted",result="human"} 2`,
		`revox_campaign_call_outcomes_total{campaign_id="hand-counted",outcome="none"} 4`,
		`revox_campaign_call_attempt_duration_seconds_sum{campaign_id="hand-counted"} 239.15`,
		`revox_campaign_call_attempt_duration_seconds_count{campaign_id="hand-counted"} 8`,
		`revox_campaign_call_attempt_ring_duration_seconds_sum{campaign_id="hand-counted"} 61.5`,
		`revox_campaign_call_attempt_talk_duration_seconds_sum{campaign_id="hand-counted",result="human"} 90`,
		`revox_campaign_call_resolution_duration_seconds_sum{campaign_id="hand-counted"} 8770.75`,
		`revox_campaign_call_resolution_duration_seconds_count{campaign_id="hand-counted"} 3`,
		`revox_campaign_call_attempts_per_call_sum{campaign_id="hand-counted"} 7`,
		`revox_campaign_call_attempts_per_call_bucket{campaign_id="hand-counted",le="1"} 3`,
		`revox_campaign_oldest_active_attempt_timestamp_seconds{campaign_id="hand-counted"} 1.714572e+09`,
		`revox_campaign_anomalies{campaign_id="hand-counted",kind="bad_timestamp"} 2`,
		`revox_campaign_anomalies{campaign_id="hand-counted",kind="negative_duration"} 1`,
		`revox_exporter_unknown_values_total{label="status"} 1`,
		`revox_exporter_unknown_values_total{label="ended_by"} 1`,
	)
}

func TestEveryServerKindGivesTheSameNumbers(t *testing.T) {
	kinds := map[string][]revoxtest.Option{
		"counts pages from 0":           nil,
		"counts pages from 1, strict":   {revoxtest.WithFirstPage(1)},
		"counts pages from 1, lenient":  {revoxtest.WithFirstPage(1), revoxtest.WithLenientFirstPage()},
		"counts pages from 1, echoes":   {revoxtest.WithFirstPage(1), revoxtest.WithEchoedPage()},
		"caps the page":                 {revoxtest.WithPageSizeCap(7)},
		"gives no total":                {revoxtest.WithoutTotal()},
		"counts from 1 without a total": {revoxtest.WithFirstPage(1), revoxtest.WithEchoedPage(), revoxtest.WithoutTotal()},
		"sends all rows at once":        {revoxtest.WithRowsOnly()},
		"writes 3.0":                    {revoxtest.WithNumberStyle(revoxtest.DecimalNumbers)},
		"writes 3e0":                    {revoxtest.WithNumberStyle(revoxtest.ExponentNumbers)},
		"does not compress":             {revoxtest.WithoutGzip()},
		"writes timestamps with offset": {revoxtest.WithTimeStyle(revoxtest.MixedTimes)},
	}
	for _, pageSize := range []int{1, 10, 60, 100, 1000} {
		var first, firstKind string
		for kind, options := range kinds {
			t.Run(fmt.Sprintf("%s, page size %d", kind, pageSize), func(t *testing.T) {
				clock := revoxtest.NewClock(start)
				api := newAPI(t, clock, options...)
				campaign := sim.Campaign{ID: "c", Rows: 60, Start: start.Add(-48 * time.Hour), Weight: sim.Light}
				sim.New(api).AddCampaign(campaign)
				h := newHarness(t, api, clock, func(c *collector.Config) {
					c.CampaignIDs = []string{"c"}
					c.Rows.PageSize = pageSize
				})
				scrape := h.Scrape()
				h.Want(scrape, `revox_campaign_up{campaign_id="c"} 1`, `revox_campaign_rows{campaign_id="c"} 60`,
					`revox_campaign_rows_missing{campaign_id="c"} 0`,
					`revox_campaign_anomalies{campaign_id="c",kind="duplicate_row"} 0`)
				// How a server is read depends on its kind.
				got := without(data(scrape), `(?m)^revox_campaign_(scan_requests|scans_filtered)\{.*\n`)
				if first == "" {
					first, firstKind = got, kind
				} else if got != first {
					t.Errorf("the numbers differ from those of a server that %s:\n%s", firstKind, diff(first, got))
				}
			})
		}
	}
}
