package collector_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/internal/answertest"
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
	api.SetRows("hand-counted", `Hand "counted"`, answertest.Rows(t, "testdata/hand_counted.json"))
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
		`revox_campaign_call_first_attempt_results_total{campaign_id="hand-counted",result="none"} 3`,
		`revox_campaign_call_first_attempt_results_total{campaign_id="hand-counted",result="human"} 1`,
		`revox_campaign_call_first_attempt_results_total{campaign_id="hand-counted",result="IVR"} 1`,
		`revox_campaign_call_outcomes_total{campaign_id="hand-counted",outcome="none"} 4`,
		`revox_campaign_call_attempt_duration_seconds_sum{campaign_id="hand-counted"} 239.15`,
		`revox_campaign_call_attempt_duration_seconds_count{campaign_id="hand-counted"} 8`,
		`revox_campaign_call_attempt_ring_duration_seconds_sum{campaign_id="hand-counted"} 61.5`,
		`revox_campaign_call_attempt_talk_duration_seconds_sum{campaign_id="hand-counted",result="human"} 90`,
		`revox_campaign_call_resolution_duration_seconds_sum{campaign_id="hand-counted"} 8770.75`,
		`revox_campaign_call_resolution_duration_seconds_count{campaign_id="hand-counted"} 3`,
		`revox_campaign_call_attempts_per_call_sum{campaign_id="hand-counted"} 7`,
		`revox_campaign_call_attempts_per_call_bucket{campaign_id="hand-counted",le="1"} 3`,
		`revox_campaign_tool_calls_total{campaign_id="hand-counted",tool_name="find_slot"} 2`,
		`revox_campaign_tool_calls_total{campaign_id="hand-counted",tool_name="none"} 1`,
		`revox_campaign_tool_calls_total{campaign_id="hand-counted",tool_name="other"} 1`,
		`revox_campaign_tool_errors_total{campaign_id="hand-counted",tool_name="find_slot"} 1`,
		`revox_campaign_tool_errors_total{campaign_id="hand-counted",tool_name="none"} 0`,
		`revox_campaign_call_attempt_turns_sum{campaign_id="hand-counted",role="assistant"} 3`,
		`revox_campaign_call_attempt_turns_count{campaign_id="hand-counted",role="assistant"} 3`,
		`revox_campaign_call_attempt_turns_bucket{campaign_id="hand-counted",role="assistant",le="0"} 2`,
		`revox_campaign_call_attempt_turns_sum{campaign_id="hand-counted",role="user"} 3`,
		`revox_campaign_call_attempt_turns_bucket{campaign_id="hand-counted",role="user",le="0"} 1`,
		`revox_campaign_call_attempt_turns_bucket{campaign_id="hand-counted",role="user",le="1"} 2`,
		`revox_campaign_assistant_info{assistant_id="0b7d2f9e-1c1b-4b6e-9d1a-3f1f5a0a7c55",assistant_name="Léa outbound",`+
			`campaign_id="hand-counted",llm_model="mistralai/mistral-small-3.2-24b-instruct",llm_provider="mistral",voice_provider="elevenlabs"} 1`,
		`revox_campaign_oldest_active_attempt_timestamp_seconds{campaign_id="hand-counted"} 1.714572e+09`,
		`revox_campaign_anomalies{campaign_id="hand-counted",kind="bad_timestamp"} 2`,
		`revox_campaign_anomalies{campaign_id="hand-counted",kind="negative_duration"} 1`,
		`revox_campaign_anomalies{campaign_id="hand-counted",kind="wrong_type"} 2`,
		`revox_exporter_unknown_values_total{label="status"} 1`,
		`revox_exporter_unknown_values_total{label="ended_by"} 1`,
		`revox_exporter_unknown_values_total{label="tool_name"} 1`,
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

// One odd element in a campaign does not make it unreadable: it is counted as what it is, and as an anomaly.
func TestOddElementsAreAnomalies(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	attempt := `{"status": "completed", "result": "human", "dial_error": "busy", "ended_by": "user", "end_reason": "voicemail"}`
	odd := `{"status": "completed", "result": 486, "dial_error": {"code": 486}, "ended_by": true, "end_reason": [1]}`
	without := `{"status": 7, "result": "human"}, null`
	api.SetRows("odd", "", []json.RawMessage{
		json.RawMessage(`{"id": "r1", "call": {"status": "completed", "outcome": "interested", "call_attempts": [` + attempt + `]}}`),
		json.RawMessage(`{"id": "r2", "call": {"status": "completed", "outcome": 3, "call_attempts": [` + odd + `, ` + without + `]}}`),
		json.RawMessage(`{"id": "r3", "call": {"status": ["completed"], "outcome": 3, "call_attempts": []}}`),
		json.RawMessage(`{"id": "r4"}`), json.RawMessage(`{"id": "r5"}`), json.RawMessage(`{"id": "r6"}`),
	})
	api.AddFault(revoxtest.Fault{Endpoint: "rows", Behavior: revoxtest.MangleRows(func(rows []json.RawMessage) []json.RawMessage {
		for i := range rows {
			switch {
			case strings.Contains(string(rows[i]), "r4"):
				rows[i] = json.RawMessage(`null`)
			case strings.Contains(string(rows[i]), "r5"):
				rows[i] = json.RawMessage(`["r5"]`)
			}
		}
		return rows
	})})
	h := newHarness(t, api, clock, only("odd"))
	for range 2 {
		scrape := h.Scrape()
		// These values were counted by hand.
		for series, want := range map[string]string{
			`revox_campaign_up{campaign_id="odd"}`:                                                "1",
			`revox_campaign_rows{campaign_id="odd"}`:                                              "4",
			`revox_campaign_rows_missing{campaign_id="odd"}`:                                      "0",
			`revox_campaign_rows_without_call{campaign_id="odd"}`:                                 "1",
			`revox_campaign_calls{campaign_id="odd",status="completed"}`:                          "2",
			`revox_campaign_call_attempts{campaign_id="odd",status="completed"}`:                  "2",
			`revox_campaign_call_outcomes_total{campaign_id="odd",outcome="interested"}`:          "1",
			`revox_campaign_call_outcomes_total{campaign_id="odd",outcome="other"}`:               "1",
			`revox_campaign_call_attempt_results_total{campaign_id="odd",result="human"}`:         "1",
			`revox_campaign_call_attempt_results_total{campaign_id="odd",result="other"}`:         "1",
			`revox_campaign_call_attempt_results_total{campaign_id="odd",result="none"}`:          "0",
			`revox_campaign_call_attempt_dial_errors_total{campaign_id="odd",dial_error="busy"}`:  "1",
			`revox_campaign_call_attempt_dial_errors_total{campaign_id="odd",dial_error="other"}`: "1",
			`revox_campaign_call_attempt_ended_by_total{campaign_id="odd",ended_by="other"}`:      "1",
			`revox_campaign_call_attempt_end_reasons_total{campaign_id="odd",end_reason="other"}`: "1",
			`revox_campaign_anomalies{campaign_id="odd",kind="wrong_type"}`:                       "5",
			`revox_campaign_anomalies{campaign_id="odd",kind="missing_status"}`:                   "3",
			`revox_campaign_anomalies{campaign_id="odd",kind="not_a_row"}`:                        "2",
			`revox_campaign_anomalies{campaign_id="odd",kind="duplicate_row"}`:                    "0",
		} {
			if !strings.Contains(scrape, series+" "+want+"\n") {
				t.Errorf("%s is not %s", series, want)
			}
		}
		h.Advance(time.Minute)
	}
}
