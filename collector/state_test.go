package collector_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/collector/campaigns"
	"github.com/revox-exporter/revox_exporter/collector/statefile"
	"github.com/revox-exporter/revox_exporter/collector/store"
	"github.com/revox-exporter/revox_exporter/internal/answertest"
	"github.com/revox-exporter/revox_exporter/internal/exportertest"
	"github.com/revox-exporter/revox_exporter/internal/logging"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// openTestState opens the state in a folder, and closes it when the test ends.
func openTestState(t testing.TB, folder, baseURL string, clock *revoxtest.Clock) (*store.State, *exportertest.Logs) {
	t.Helper()
	logs := &exportertest.Logs{}
	state, err := store.OpenState(folder, baseURL, clock, logging.New(logs, "debug", "logfmt"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(state.Close)
	return state, logs
}

// with returns a change of a Config that makes another change and sets State.
func with(state *store.State, change func(*collector.Config)) func(*collector.Config) {
	return func(c *collector.Config) {
		change(c)
		c.State = state
	}
}

// killed returns a folder with a copy of the state, as it is if the process is killed now.
func killed(t testing.TB, folder string) string {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(folder, statefile.Name))
	if err != nil {
		t.Fatal(err)
	}
	copied := t.TempDir()
	if err := os.WriteFile(filepath.Join(copied, statefile.Name), file, 0o600); err != nil {
		t.Fatal(err)
	}
	return copied
}

// restart returns an exporter that starts as if h was killed now, and the folder of its state. It has its own clock.
func (h *harness) restart(folder string, change func(*collector.Config)) (*harness, string) {
	h.TB.Helper()
	return h.restartAt(h.Clock.Now(), folder, change)
}

func (h *harness) restartAt(now time.Time, folder string, change func(*collector.Config)) (*harness, string) {
	h.TB.Helper()
	clock := revoxtest.NewClock(now)
	folder = killed(h.TB, folder)
	state, logs := openTestState(h.TB, folder, h.API.URL, clock)
	again := newHarness(h.TB, h.API, clock, with(state, change))
	if logs.String() != "" {
		h.TB.Errorf("the state is intact, but the log says:\n%s", logs)
	}
	return again, folder
}

// alter writes the changes to the state in a folder that change returns for its values, by kind and campaign.
func alter(
	t testing.TB, folder, baseURL string, change func(values map[string]map[string][]byte) []statefile.Change,
) {
	t.Helper()
	file, found, err := statefile.Open(folder, store.Identity(baseURL), patience, start)
	if err != nil || found.Damage != nil {
		t.Fatal(err, found.Damage)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if changes := change(found.Values); len(changes) > 0 {
		if err := file.Write(ctx, changes...); err != nil {
			t.Fatal(err)
		}
	}
	if err := file.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

// kept returns the kinds of values that the state in a folder has for a campaign.
func (h *harness) kept(folder, id string) string {
	h.TB.Helper()
	var kinds []string
	alter(h.TB, killed(h.TB, folder), h.API.URL, func(values map[string]map[string][]byte) []statefile.Change {
		for _, kind := range slices.Sorted(maps.Keys(values)) {
			if values[kind][id] != nil {
				kinds = append(kinds, kind)
			}
		}
		return nil
	})
	return strings.Join(kinds, " ")
}

// maxUnknownValues is the number of unknown values of a label that get their own series.
const maxUnknownValues = 20

func TestRestartShowsTheLastCompleteData(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("hand-counted", `Hand "counted"`, answertest.Rows(t, "testdata/hand_counted.json"))
	folder := t.TempDir()
	state, _ := openTestState(t, folder, api.URL, clock)
	h := newHarness(t, api, clock, with(state, only("hand-counted", "empty")))
	api.SetRows("empty", "", nil)
	remove := api.AddFault(revoxtest.Fault{Behavior: revoxtest.Status(503, nil, "")})
	h.Advance(2 * time.Minute)
	before := h.Scrape()
	h.Want(before,
		`revox_campaign_scan_failures_total{campaign_id="hand-counted",reason="server_error"} 2`,
		`revox_campaign_last_scan_success_timestamp_seconds{campaign_id="hand-counted"} 1.714554e+09`)

	clock.Advance(10 * time.Minute) // no scan runs in this time
	again, _ := h.restart(folder, only("hand-counted", "empty"))
	after := again.Scrape()
	if data(after) != data(before) || data(after) == "" {
		t.Errorf("the data differs from that before the restart:\n%s", diff(data(before), data(after)))
	}
	again.Want(after,
		`revox_campaign_up{campaign_id="hand-counted"} 0`,
		`revox_campaign_scan_failures_total{campaign_id="hand-counted",reason="server_error"} 3`,
		`revox_campaign_last_scan_success_timestamp_seconds{campaign_id="hand-counted"} 1.714554e+09`)
	if !strings.Contains(again.Logs.String(), `msg="state restored" campaigns=1`) {
		t.Errorf("the log does not say that the state was restored:\n%s", again.Logs)
	}

	// It disappears when it is too old, as without a restart.
	again.Advance(4 * time.Minute)
	again.WantNone(data(again.Scrape()), `^revox_campaign_`)
	remove()
	again.Advance(time.Minute)
	again.Want(again.Scrape(),
		`revox_campaign_rows{campaign_id="hand-counted"} 13`, `revox_campaign_rows{campaign_id="empty"} 0`)
}

// Restored data is shown before the first request to the API, but does not make the exporter ready.
func TestRestoredDataIsShownBeforeTheFirstScan(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("c", "", []json.RawMessage{callRow("r1", "completed", endedAttempt("human", 40))})
	folder := t.TempDir()
	state, _ := openTestState(t, folder, api.URL, clock)
	h := newHarness(t, api, clock, with(state, only("c")))

	state2, _ := openTestState(t, killed(t, folder), api.URL, clock)
	exporter, err := collector.New(collector.Config{
		Client: h.Config.Client, Key: h.Key, Logger: slog.New(slog.DiscardHandler), Clock: clock,
		CampaignIDs: []string{"c"}, ScanInterval: time.Minute, MaxAge: 15 * time.Minute, State: state2,
	})
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := exporter.MetricsHandler(prometheus.NewPedanticRegistry())
	if err != nil {
		t.Fatal(err)
	}
	served := httptest.NewRecorder()
	metrics.ServeHTTP(served, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	scrape := served.Body.String()
	h.Want(scrape, `revox_campaign_calls_finished_total{campaign_id="c",status="completed"} 1`)
	h.WantNone(scrape, `^revox_campaign_up`)
	if s := exporter.Status(); s.Ready() || s.WaitingFor != "the first scan of campaign c" {
		t.Errorf("ready: %v, waiting for %q", s.Ready(), s.WaitingFor)
	}
}

// An exporter that is killed many times shows the same as one that is not, whatever rows are added, removed and
// changed.
func TestRestartsDoNotChangeCounters(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	results := []string{"human", "voicemail", "IVR", "unknown", "ios-screening-filter", "news", `"quoted" & <new>`}
	statuses := []string{"completed", "errored", "calling", "cancelled"}
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	randomRows := func() (rows []json.RawMessage) {
		for i := range random.IntN(30) {
			var attempts []string
			for range random.IntN(4) {
				attempts = append(attempts, endedAttempt(results[random.IntN(len(results))], random.IntN(200)))
			}
			row := callRow(fmt.Sprint("r", i), statuses[random.IntN(len(statuses))], attempts...)
			if random.IntN(60) == 0 { // outcomes are shown from then on
				row = bytes.Replace(row, []byte(`"call": {`), []byte(`"call": {"outcome": null, `), 1)
			}
			rows = append(rows, row)
		}
		return rows
	}
	api.SetRows("c", "", randomRows())
	runsOn := newHarness(t, api, clock, only("c"))
	folder := t.TempDir()
	killedClock := revoxtest.NewClock(start)
	state, _ := openTestState(t, folder, api.URL, killedClock)
	h := newHarness(t, api, killedClock, with(state, only("c")))
	for range 60 {
		api.SetRows("c", "", randomRows())
		remove := func() {}
		if random.IntN(4) == 0 {
			remove = api.AddFault(revoxtest.Fault{Behavior: revoxtest.LyingTotal(40)}) // some rows are missing
		}
		runsOn.Advance(time.Minute)
		if random.IntN(3) == 0 {
			h, folder = h.restartAt(runsOn.Clock.Now(), folder, only("c"))
		} else {
			h.Advance(time.Minute)
		}
		remove()
		requests := `(?m)^revox_campaign_scan_requests\{.*\n` // a new client learns where pages begin
		if got, want := without(data(h.Scrape()), requests), without(data(runsOn.Scrape()), requests); got != want {
			t.Fatalf("the data differs from that without restarts:\n%s", diff(want, got))
		}
	}
}

// After a restart, discovered campaigns are selected even if the list cannot be read, unless the configuration excludes
// them now.
func TestRestartKeepsDiscoveredCampaigns(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	for _, id := range []string{"a", "b", "c"} {
		api.SetRows(id, "", []json.RawMessage{callRow("r1", "completed", endedAttempt("human", 40))})
	}
	remove := list(api, listed("a", "Spring", "running", false, start), listed("b", "Autumn", "paused", false, start),
		listed("c", "Winter", "novel", false, start))
	folder := t.TempDir()
	state, _ := openTestState(t, folder, api.URL, clock)
	all := discover(func(d *campaigns.Discovery) { d.Statuses = append(d.Statuses, "novel") })
	h := newHarness(t, api, clock, with(state, all))
	before := h.Scrape()
	remove()
	api.AddFault(revoxtest.Fault{Behavior: revoxtest.Status(503, nil, "")})

	again, _ := h.restart(folder, all)
	after := again.Scrape()
	again.Want(after, `revox_discovery_up 0`, `revox_campaign_info{campaign_id="a",campaign_name="Spring"} 1`,
		`revox_campaign_status{campaign_id="b",status="paused"} 1`,
		`revox_campaign_status{campaign_id="c",status="novel"} 1`)
	if data(after) != data(before) {
		t.Errorf("the data differs from that before the restart:\n%s", diff(data(before), data(after)))
	}

	fewer, _ := h.restart(folder, discover(func(d *campaigns.Discovery) { d.Exclude = anchored(t, "Autumn|Winter") }))
	if got := fewer.selected(); got != "a" {
		t.Errorf("selected: %s", got)
	}
	given, _ := h.restart(folder, only("b"))
	if got := given.selected(); got != "b" {
		t.Errorf("selected: %s", got)
	}
	given.Want(given.Scrape(), `revox_campaign_info{campaign_id="b",campaign_name=""} 1`)
}

// Dropped campaigns are remembered for 48 hours, over restarts, and then removed from the file.
func TestStateOfDroppedCampaignsIsRemoved(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	two := []json.RawMessage{
		callRow("r1", "completed", endedAttempt("human", 40)), callRow("r2", "completed", endedAttempt("human", 40)),
	}
	api.SetRows("stays", "", two)
	api.SetRows("goes", "", two)
	folder := t.TempDir()
	state, _ := openTestState(t, folder, api.URL, clock)
	h := newHarness(t, api, clock, with(state, only("stays", "goes")))

	without, folder := h.restart(folder, only("stays"))
	without.Clock.Advance(47 * time.Hour)
	without.Settle()
	api.SetRows("goes", "", two[:1])
	back, _ := without.restart(folder, only("stays", "goes"))
	back.Want(back.Scrape(), `revox_campaign_rows{campaign_id="goes"} 1`,
		`revox_campaign_calls_finished_total{campaign_id="goes",status="completed"} 2`)

	if kinds := without.kept(folder, "goes"); kinds != "data rows scan" {
		t.Errorf("before 48 hours the file has: %s", kinds)
	}
	without.Clock.Advance(time.Hour)
	without.Settle()
	if kinds := without.kept(folder, "goes"); kinds != "" {
		t.Errorf("after 48 hours the file still has: %s", kinds)
	}
	if kinds := without.kept(folder, "stays"); kinds != "data rows scan" {
		t.Errorf("for the selected campaign the file has: %s", kinds)
	}
}

// without returns text without the matches of pattern.
func without(text, pattern string) string {
	return regexp.MustCompile(pattern).ReplaceAllString(text, "")
}

// After a restart, unknown values keep their series, and no others get any, even if others occur first.
func TestUnknownValuesKeepTheirNamesAfterARestart(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	news := func(prefix string) (rows []json.RawMessage) {
		for i := range maxUnknownValues {
			attempt := endedAttempt(fmt.Sprintf("%s-%c", prefix, 'a'+i), 40)
			rows = append(rows, callRow(fmt.Sprint(prefix, i), "completed", attempt))
		}
		return rows
	}
	api.SetRows("c", "", news("old"))
	folder := t.TempDir()
	state, _ := openTestState(t, folder, api.URL, clock)
	h := newHarness(t, api, clock, with(state, only("c")))
	api.SetRows("c", "", append(news("new"), news("old")...))
	again, _ := h.restart(folder, only("c"))
	scrape := again.Scrape()
	old := grep(scrape, `^revox_campaign_call_attempt_results_total\{campaign_id="c",result="old-.*\} 1$`)
	if n := strings.Count(old, "\n"); n != maxUnknownValues {
		t.Errorf("%d old values are counted under their names, want %d", n, maxUnknownValues)
	}
	again.WantNone(scrape, `"new-`)
	again.Want(scrape, `revox_campaign_call_attempt_results_total{campaign_id="c",result="other"} 20`)
}

// Families that an earlier version did not count are not shown as 0. After the next scan they have its counts.
func TestStateOfAnEarlierVersion(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("c", "", []json.RawMessage{callRow("r1", "completed", endedAttempt("human", 40))})
	folder := t.TempDir()
	state, _ := openTestState(t, folder, api.URL, clock)
	newHarness(t, api, clock, with(state, only("c")))

	folder = killed(t, folder)
	alter(t, folder, api.URL, func(values map[string]map[string][]byte) []statefile.Change {
		data := without(string(values["data"]["c"]), `"revox_campaign_calls_finished_total":\{.*?\}\},?`)
		data = strings.Replace(data, `"buckets":[1,2,5,`, `"buckets":[1,2,6,`, 1) // of the ring duration
		return []statefile.Change{
			{Kind: "data", Name: "c", Bytes: []byte(data)}, {Kind: "settled", Name: "c", Bytes: []byte("of an earlier version")},
			{Kind: "known", Name: "c"}, {Kind: "rows", Name: "c"}, // not written by earlier versions
		}
	})
	state, _ = openTestState(t, folder, api.URL, clock)
	remove := api.AddFault(revoxtest.Fault{Behavior: revoxtest.Status(503, nil, "")})
	h := newHarness(t, api, revoxtest.NewClock(start), with(state, only("c")))
	scrape := h.Scrape()
	h.Want(scrape, `revox_campaign_call_attempt_results_total{campaign_id="c",result="human"} 1`)
	h.WantNone(scrape, `^revox_campaign_calls_finished_total|^revox_campaign_call_attempt_ring_duration_seconds_`)
	remove()
	h.Advance(time.Minute)
	h.Want(h.Scrape(),
		`revox_campaign_calls_finished_total{campaign_id="c",status="completed"} 1`,
		`revox_campaign_call_attempt_ring_duration_seconds_count{campaign_id="c"} 1`,
		`revox_campaign_call_attempt_duration_seconds_count{campaign_id="c"} 1`)
	if kinds := h.kept(folder, "c"); strings.Contains(kinds, "settled") {
		t.Errorf("the file still has: %s", kinds)
	}
}

// Campaigns with a missing or unreadable part start from zero, which is logged once. Other campaigns are restored.
func TestUnreadablePartsOfTheState(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	ids := []string{"no scan", "no data", "bad scan", "bad data", "bad cell", "bad known", "whole"}
	for i, id := range ids {
		ids[i] = strings.ReplaceAll(id, " ", "-")
		api.SetRows(ids[i], "", []json.RawMessage{callRow("r1", "completed", endedAttempt("human", 40))})
	}
	folder := t.TempDir()
	state, _ := openTestState(t, folder, api.URL, clock)
	newHarness(t, api, clock, with(state, only(ids...)))

	folder = killed(t, folder)
	alter(t, folder, api.URL, func(values map[string]map[string][]byte) []statefile.Change {
		badCell := regexp.MustCompile(`\[\[\d+,`).ReplaceAll(values["data"]["bad-cell"], []byte("[[300,"))
		return []statefile.Change{
			{Kind: "scan", Name: "no-scan"},
			{Kind: "data", Name: "no-data"},
			{Kind: "scan", Name: "bad-scan", Bytes: []byte(`{"at": 7}`)},
			{Kind: "data", Name: "bad-data", Bytes: []byte(`{"tally": `)},
			{Kind: "data", Name: "bad-cell", Bytes: badCell},
			{Kind: "known", Name: "bad-known", Bytes: []byte("\xff\xff\xff\xff{}")},
		}
	})
	state, logs := openTestState(t, folder, api.URL, clock)
	api.AddFault(revoxtest.Fault{Behavior: revoxtest.Status(503, nil, "")})
	h := newHarness(t, api, revoxtest.NewClock(start), with(state, only(ids...)))
	got := grep(h.Scrape(), `^revox_campaign_rows\{`)
	if strings.Count(got, "\n") != 2 || !strings.Contains(got, `"whole"`) || !strings.Contains(got, `"bad-known"`) {
		t.Errorf("want whole and bad-known only:\n%s", got)
	}
	if text := logs.String(); strings.Count(text, "level=warn") != 1 || !strings.Contains(text, "campaigns=5") {
		t.Errorf("want one warning that 5 campaigns cannot be read:\n%s", text)
	}
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
