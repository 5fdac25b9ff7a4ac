package collector_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/collector/campaigns"
	"github.com/revox-exporter/revox_exporter/collector/store"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

var everything = &campaigns.Discovery{
	Interval: 5 * time.Minute, Statuses: []string{"draft", "running", "paused", "completed"},
}

// discover sets the discovery of the default flags, modified by change.
func discover(change func(*campaigns.Discovery)) func(*collector.Config) {
	d := &campaigns.Discovery{
		Interval: 5 * time.Minute, Statuses: []string{"running", "paused", "completed"}, CompletedFor: 168 * time.Hour,
	}
	if change != nil {
		change(d)
	}
	return func(c *collector.Config) { c.Discovery = d }
}

// list sets the API's list of campaigns to these JSON objects.
func list(api *revoxtest.Server, campaigns ...string) (remove func()) {
	return api.AddFault(revoxtest.Fault{Endpoint: "campaigns",
		Behavior: revoxtest.Body("application/json", `{"campaigns": [`+strings.Join(campaigns, ",")+`]}`)})
}

func listed(id, name, status string, cancelled bool, updated time.Time) string {
	return fmt.Sprintf(`{"id": %q, "name": %q, "status": %q, "is_cancelled": %v, "updated_at": %q,
		"max_concurrent_calls": 1e1}`, id, name, status, cancelled, updated.Format(time.RFC3339))
}

func TestDiscoverySelects(t *testing.T) {
	week := 7 * 24 * time.Hour
	all := []string{
		listed("draft", "Draft", "draft", false, start),
		listed("running", "Running", "running", false, start.Add(-10*week)),
		listed("paused", "Paused", "paused", false, start.Add(-10*week)),
		listed("completed", "Completed", "completed", false, start.Add(-week)),
		listed("completed-long-ago", "Completed long ago", "completed", false, start.Add(-week-time.Second)),
		listed("cancelled", "Cancelled", "running", true, start.Add(-time.Hour)),
		listed("cancelled-long-ago", "Cancelled long ago", "running", true, start.Add(-8*24*time.Hour)),
		`{"id": "completed-no-one-knows-when", "name": "", "status": "completed", "is_cancelled": false, "updated_at": {}}`,
		`{"id": "archived", "name": "Archived", "status": "archived", "is_cancelled": false, "updated_at": null}`,
		`{"id": "no-status", "name": "No status", "status": null}`,
		`{"id": "..", "name": "no ID", "status": "running", "is_cancelled": false}`,
		`{"id": 7, "name": ["no ID"], "status": {}, "is_cancelled": "no", "updated_at": 7,
			"max_concurrent_calls": "unlimited"}`,
		listed("running", "Running twice", "running", false, start),
	}
	for _, test := range []struct {
		name   string
		change func(*campaigns.Discovery)
		given  []string
		want   string
	}{
		{"by default", nil, nil, "7 archived cancelled completed completed-no-one-knows-when no-status paused running"},
		{"for ever", func(d *campaigns.Discovery) { d.CompletedFor = 0 }, nil,
			"7 archived cancelled cancelled-long-ago completed completed-long-ago completed-no-one-knows-when no-status paused running"},
		{"by status", func(d *campaigns.Discovery) { d.Statuses = []string{"draft"} }, nil,
			"7 archived draft no-status"},
		{"by included names, anchored", func(d *campaigns.Discovery) { d.Include = anchored(t, "Paused|Run") }, nil,
			"paused"},
		{"by excluded names, anchored", func(d *campaigns.Discovery) { d.Exclude = anchored(t, "Pause|Running|") }, nil,
			"archived cancelled completed no-status paused"},
		{"given IDs despite the filters", func(d *campaigns.Discovery) { d.Include = anchored(t, "None") }, []string{"draft", "not-listed"},
			"draft not-listed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			clock := revoxtest.NewClock(start)
			api := newAPI(t, clock)
			list(api, all...)
			h := newHarness(t, api, clock, func(c *collector.Config) {
				discover(test.change)(c)
				c.CampaignIDs = test.given
				c.ScanInterval = time.Minute
			})
			if got := h.selected(); got != test.want {
				t.Errorf("selected %q, want %q", got, test.want)
			}
		})
	}
}

func anchored(t *testing.T, pattern string) *regexp.Regexp {
	re, err := campaigns.AnchoredRegexp(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return re
}

func TestListedCampaignShowsItsNameStatusAndLimit(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		api.SetRows(id, "", []json.RawMessage{callRow("r", "completed")})
	}
	remove := list(api,
		`{"id": "d", "name": "D", "status": "running", "max_concurrent_calls": -5}`,
		`{"id": "e", "name": "E", "status": "running", "max_concurrent_calls": 0}`,
		listed("a", "Same name", "running", false, start),
		listed("b", "Same name", "running", true, start),
		`{"id": "c", "name": "Archive", "status": "archived", "is_cancelled": false,
			"max_concurrent_calls": "unlimited"}`)
	h := newHarness(t, api, clock, func(c *collector.Config) {
		discover(func(d *campaigns.Discovery) { d.Statuses = append(d.Statuses, "archived") })(c)
	})
	scrape := h.Scrape()
	h.Want(scrape,
		`revox_discovery_up 1`,
		`revox_discovery_last_success_timestamp_seconds 1.714554e+09`,
		`revox_campaign_info{campaign_id="a",campaign_name="Same name"} 1`,
		`revox_campaign_info{campaign_id="b",campaign_name="Same name"} 1`,
		`revox_campaign_status{campaign_id="a",status="running"} 1`,
		`revox_campaign_status{campaign_id="a",status="cancelled"} 0`,
		`revox_campaign_status{campaign_id="b",status="running"} 0`,
		`revox_campaign_status{campaign_id="b",status="cancelled"} 1`,
		`revox_campaign_status{campaign_id="c",status="completed"} 0`,
		`revox_campaign_status{campaign_id="c",status="archived"} 1`,
		`revox_campaign_max_concurrent_calls{campaign_id="a"} 10`)
	h.WantNone(scrape, `^revox_campaign_max_concurrent_calls\{campaign_id="[cde]"\}`)
	h.Want(scrape, `revox_exporter_unknown_values_total{label="status"} 1`)

	// Old data from the list disappears, although the rows are still read.
	remove()
	api.AddFault(revoxtest.Fault{Endpoint: "campaigns", Behavior: revoxtest.Status(500, nil, "")})
	h.Advance(17 * time.Minute)
	scrape = h.Scrape()
	h.Want(scrape, `revox_campaign_up{campaign_id="a"} 1`,
		`revox_campaign_info{campaign_id="a",campaign_name="Same name"} 1`)
	h.WantNone(scrape, `^revox_campaign_(status|max_concurrent_calls)`)
}

func TestSelectionFollowsTheList(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("a", "", []json.RawMessage{callRow("r", "completed")})
	api.SetRows("b", "", []json.RawMessage{callRow("r", "completed")})
	remove := list(api, listed("a", "A", "running", false, start))
	h := newHarness(t, api, clock, discover(nil))
	remove()
	remove = list(api, listed("b", "B", "running", false, start))
	h.Advance(5 * time.Minute)
	scrape := h.Scrape()
	h.WantNone(scrape, `campaign_id="a"`)
	h.Want(scrape, `revox_campaign_up{campaign_id="b"} 1`)

	// If the list cannot be read, the selected campaigns stay the same and are still scanned.
	remove()
	remove = api.AddFault(revoxtest.Fault{Endpoint: "campaigns", Behavior: revoxtest.Status(500, nil, "")})
	h.Advance(6 * time.Minute)
	h.Want(h.Scrape(),
		`revox_discovery_up 0`,
		fmt.Sprint(`revox_discovery_last_success_timestamp_seconds `, float64(start.Add(5*time.Minute).Unix())),
		fmt.Sprint(`revox_campaign_last_scan_success_timestamp_seconds{campaign_id="b"} `, float64(clock.Now().Unix())))

	// The next attempt is a minute later, not a whole interval.
	remove()
	defer list(api, listed("b", "B", "paused", false, start))()
	h.Advance(time.Minute)
	h.Want(h.Scrape(), `revox_discovery_up 1`, `revox_campaign_status{campaign_id="b",status="paused"} 1`)
}

func TestStatusSaysWhatReadinessWaitsFor(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("a", "", []json.RawMessage{callRow("r", "completed")})
	list(api, listed("a", "A", "running", false, start))
	blocked := make(chan struct{})
	api.OnPage(func(string, int) { <-blocked })
	h := prepareHarness(t, api, clock, discover(nil))
	if s := h.Exporter.Status(); s.Ready() || s.WaitingFor != "the list of campaigns" {
		t.Errorf("ready %v, waiting for %q", s.Ready(), s.WaitingFor)
	}
	h.Run()
	h.Await(func() bool { return h.Exporter.Status().WaitingFor == "the first scan of campaign a" })
	close(blocked)
	h.Settle()
	if s := h.Exporter.Status(); !s.Ready() {
		t.Errorf("not ready: waiting for %s", s.WaitingFor)
	}
}

// The counters of a campaign must not fall because the list lacks it for a while.
func TestCountersContinueWhenACampaignComesBack(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("a", "", []json.RawMessage{callRow("r1", "completed"), callRow("r2", "completed")})
	remove := list(api, listed("a", "A", "running", false, start))
	h := newHarness(t, api, clock, discover(nil))
	remove()
	remove = list(api)
	h.Advance(7 * time.Minute) // an empty list is not believed before the third
	h.WantNone(h.Scrape(), `campaign_id="a"`)

	api.SetRows("a", "", []json.RawMessage{callRow("r1", "completed")})
	remove()
	remove = list(api, listed("a", "A", "running", false, start))
	h.Advance(5 * time.Minute)
	h.Want(h.Scrape(), `revox_campaign_calls_finished_total{campaign_id="a",status="completed"} 2`,
		`revox_campaign_rows{campaign_id="a"} 1`)

	// After RememberDropped it counts as a new campaign.
	remove()
	remove = list(api)
	h.Advance(7 * time.Minute)
	h.WantNone(h.Scrape(), `campaign_id="a"`)
	h.Advance(store.RememberDropped)
	remove()
	list(api, listed("a", "A", "running", false, start.Add(store.RememberDropped)))
	h.Advance(5 * time.Minute)
	h.Want(h.Scrape(), `revox_campaign_calls_finished_total{campaign_id="a",status="completed"} 1`)
}

func TestDiscoveryTriesAChangedKeySoon(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	h := newHarness(t, api, clock, discover(nil))
	h.Want(h.Scrape(), `revox_discovery_up 1`)
	h.Key.Set("revoked")
	h.Advance(5 * time.Minute)
	h.Want(h.Scrape(), `revox_discovery_up 0`)
	asked := api.RequestCount()
	h.Advance(3 * time.Minute)
	if n := api.RequestCount() - asked; n != 0 {
		t.Errorf("%d requests with a key that was just refused", n)
	}
	h.Key.Set(revoxtest.APIKey)
	h.Advance(time.Minute)
	h.Want(h.Scrape(), `revox_discovery_up 1`)
}

// An exporter that scans on scrapes must become ready without one: it may get no scrapes before it is ready.
func TestReadyWithoutAScrapeAfterTheListFailedFirst(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("a", "", []json.RawMessage{callRow("r", "completed")})
	remove := api.AddFault(revoxtest.Fault{Endpoint: "campaigns", Behavior: revoxtest.Status(500, nil, "")})
	h := newHarness(t, api, clock, func(c *collector.Config) { discover(nil)(c); c.ScanInterval = 0 })
	remove()
	list(api, listed("a", "A", "running", false, start))
	h.Advance(time.Minute)
	if waitingFor := h.Exporter.Status().WaitingFor; waitingFor != "" {
		t.Errorf("not ready: waiting for %s", waitingFor)
	}
}

// The objects embedded in the list may be large, malformed and personal; nothing in them is needed.
func TestEmbeddedAssistantsAreSkipped(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	var campaigns []string
	for i, assistant := range []string{
		fmt.Sprintf(`{"id": "a", "prompt": %q}`, strings.Repeat("canary ", 200_000)),
		"{\"prompt\": \"canary \xff\", \"prompt\": [[[{}]]], \"created_at\": \"canary\"}",
		`"canary"`, `[]`, `7`, `null`,
	} {
		id := fmt.Sprint("c", i)
		api.SetRows(id, "", []json.RawMessage{callRow("r", "completed")})
		campaigns = append(campaigns, fmt.Sprintf(`{"assistant": %s, "id": %q, "name": "Campaign %d", "status": "running",
			"is_cancelled": false, "from_phone_number": "canary"}`, assistant, id, i))
	}
	list(api, campaigns...)
	h := newHarness(t, api, clock, discover(nil))
	scrape := h.Scrape()
	h.Want(scrape, `revox_discovery_up 1`)
	for i := range campaigns {
		h.Want(scrape, fmt.Sprintf(`revox_campaign_up{campaign_id="c%d"} 1`, i),
			fmt.Sprintf(`revox_campaign_info{campaign_id="c%d",campaign_name="Campaign %d"} 1`, i, i))
	}
	if strings.Contains(scrape+h.Logs.String(), "canary") {
		t.Error("text of an embedded object is shown")
	}
}

func TestGivenCampaignsAreReadWhileTheListFails(t *testing.T) {
	for _, interval := range []time.Duration{time.Minute, 0} {
		clock := revoxtest.NewClock(start)
		api := newAPI(t, clock)
		api.SetRows("a", "", []json.RawMessage{callRow("r", "completed")})
		api.AddFault(revoxtest.Fault{Endpoint: "campaigns", Behavior: revoxtest.Status(500, nil, "")})
		h := newHarness(t, api, clock, func(c *collector.Config) {
			discover(nil)(c)
			c.CampaignIDs, c.ScanInterval = []string{"a"}, interval
		})
		h.Want(h.Scrape(), `revox_discovery_up 0`, `revox_campaign_up{campaign_id="a"} 1`,
			`revox_campaign_rows{campaign_id="a"} 1`)
	}
}

// After a refused key was replaced by a good one, the list is read on its usual interval.
func TestListIsReadAsUsualAfterTheKeyHasChanged(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	h := newHarness(t, api, clock, discover(func(d *campaigns.Discovery) { d.Interval = time.Minute }))
	h.Key.Set("revoked")
	h.Advance(time.Minute)
	h.Want(h.Scrape(), `revox_discovery_up 0`)
	h.Key.Set(revoxtest.APIKey)
	h.Advance(time.Minute)
	h.Want(h.Scrape(), `revox_discovery_up 1`)
	asked := api.RequestCount()
	h.Advance(3 * time.Minute)
	if n := api.RequestCount() - asked; n != 3 {
		t.Errorf("the list is read %d times in 3 minutes, want each minute", n)
	}
}

// If the list was not read because the key was refused for campaigns, it is read soon after the key has changed.
func TestListIsReadSoonAfterTheKeyHasChanged(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	setRows(api, "c", 2, 1)
	h := newHarness(t, api, clock, func(c *collector.Config) {
		discover(func(d *campaigns.Discovery) { d.Interval = 20 * time.Minute; d.Statuses = nil })(c)
		c.CampaignIDs = []string{"c-0", "c-1"}
	})
	h.Key.Set("revoked")
	h.Advance(21 * time.Minute)
	h.Key.Set(revoxtest.APIKey)
	h.Advance(time.Minute)
	h.Want(h.Scrape(), fmt.Sprint(`revox_discovery_last_success_timestamp_seconds `, float64(clock.Now().Unix())))
}

func TestCampaignsWithoutAnIDAreLoggedOnce(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	remove := list(api, `{"name": "no ID", "status": "running"}`)
	h := newHarness(t, api, clock, discover(nil))
	h.Advance(5 * time.Minute)
	remove()
	list(api)
	h.Advance(5 * time.Minute)
	if lines := grep(h.Logs.String(), `are skipped`); strings.Count(lines, "\n") != 1 {
		t.Errorf("want one line in the log:\n%s", lines)
	}
}
