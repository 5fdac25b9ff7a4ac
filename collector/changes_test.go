package collector_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/collector/campaigns"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func TestPlan(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	for _, test := range []struct {
		change func(*collector.Config)
		want   string
	}{
		{func(c *collector.Config) { c.CampaignIDs = []string{"a"} },
			"the given campaign: each scanned every 1m0s, 4 at once; " +
				"a scan of N rows costs N/100 requests and one or two more; a row takes about 10 kB before compression"},
		{func(c *collector.Config) { c.CampaignIDs, c.FullInterval = []string{"a"}, time.Hour },
			"the given campaign: each scanned every 1m0s, 4 at once; " +
				"the first scan of N rows, and one every 1h0m0s, costs N/100 requests and one or two more; " +
				"each other about 10, 600 an hour, and the pages of calls under way or scheduled; " +
				"a row takes about 10 kB before compression"},
		{func(c *collector.Config) {
			c.CampaignIDs, c.ScanInterval, c.MaxScans, c.Rows = []string{"a", "b"}, 0, 2, revoxapi.RowsParams{PageSize: 50}
			c.Discovery = &campaigns.Discovery{Interval: 5 * time.Minute}
		}, "the 2 given campaigns, and those that the list of campaigns selects (read every 5m0s): " +
			"each scanned with each scrape, 2 at once; a scan of N rows costs N/50 requests and one or two more; " +
			"a row takes about 10 kB before compression"},
		{func(c *collector.Config) {
			c.CampaignIDs, c.Shard = []string{"a"}, campaigns.Shard{Index: 0, Count: 3}
		}, "the given campaign (share 1 of 3, --shard.index=0): each scanned every 1m0s, 4 at once; " +
			"a scan of N rows costs N/100 requests and one or two more; a row takes about 10 kB before compression"},
	} {
		if got := newHarness(t, api, clock, test.change).Exporter.Plan(); got != test.want {
			t.Errorf("the plan is %q, want %q", got, test.want)
		}
	}
}

// Each change is logged once, and nothing else.
func TestChangesAreLoggedOnce(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("c-1", "Spring offer", []json.RawMessage{callRow("1", "completed")})
	h := newHarness(t, api, clock, func(c *collector.Config) {
		c.Discovery = &campaigns.Discovery{Interval: time.Minute, Statuses: []string{"running", "paused"}}
		c.MaxAge = 5 * time.Minute
	})
	read := 0
	newLines := func() string {
		h.TB.Helper()
		var lines []string
		text := h.Logs.String()
		for line := range strings.Lines(text[read:]) {
			lines = append(lines, lineOrigin.ReplaceAllString(strings.TrimSpace(line), ""))
		}
		read = len(text)
		return strings.Join(lines, "\n")
	}
	expect := func(wants ...string) {
		h.TB.Helper()
		lines := newLines()
		got := 0
		for line := range strings.Lines(lines) {
			if !strings.HasPrefix(line, "level=debug") {
				got++
			}
		}
		for _, want := range wants {
			if strings.Count(lines, want) != 1 {
				t.Errorf("not logged exactly once: %s", want)
			}
		}
		if got != len(wants) {
			t.Errorf("%d lines, want %d", got, len(wants))
		}
		if t.Failed() {
			t.Fatalf("the log:\n%s", lines)
		}
	}
	expect(`level=info msg="the list of campaigns was read" listed=1 selected=1`,
		`level=info msg="first scan complete" campaign_id=c-1`)

	h.Advance(3 * time.Minute)
	expect()

	api.Pause("c-1")
	h.Advance(2 * time.Minute)
	expect(`level=info msg="campaign changed its status" campaign_id=c-1 campaign_name="Spring offer" ` +
		`from=running to=paused`)

	api.SetRows("c-2", "Den\u009btists", nil)
	h.Advance(2 * time.Minute)
	expect(`level=info msg="campaign selected: it is scanned from now on" campaign_id=c-2 `+
		`campaign_name="Den\ufffdtists" status=running`, `level=info msg="first scan complete" campaign_id=c-2`)

	api.Remove("c-2")
	h.Advance(time.Minute)
	lines := newLines()
	if strings.Count(lines, `level=info msg="campaign no longer selected: its metrics disappear" campaign_id=c-2`) != 1 {
		t.Errorf("the removed campaign is not logged:\n%s", lines)
	}

	unavailable := revoxtest.Status(http.StatusServiceUnavailable, nil, "")
	remove := api.AddFault(revoxtest.Fault{Endpoint: "rows", Behavior: unavailable})
	h.Advance(12 * time.Minute)
	expect(`level=warn msg="scan failed; the last complete data stays published until it is too old" campaign_id=c-1 `+
		`reason=server_error`,
		`level=warn msg="the last complete data is too old: the campaign's metrics disappear until a scan succeeds" `+
			`campaign_id=c-1 age=6m0s reason=server_error`)
	remove()
	h.Advance(2 * time.Minute)
	expect(`level=info msg="scans succeed again" campaign_id=c-1`)
}

// What the log says of a campaign's data is so: it has never been read, it stays published, or it is too old.
func TestFailedScansAreLoggedWithWhatIsPublished(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("c", "", []json.RawMessage{callRow("1", "completed")})
	fail := func(code int) func() {
		return api.AddFault(revoxtest.Fault{Behavior: revoxtest.Status(code, nil, "")})
	}
	remove := fail(503)
	h := newHarness(t, api, clock, func(c *collector.Config) {
		c.Discovery = &campaigns.Discovery{Interval: time.Minute, Statuses: []string{"running"}}
		c.CampaignIDs, c.MaxAge = []string{"c"}, 5*time.Minute
	})
	step := func(code int, after time.Duration, wants ...string) {
		t.Helper()
		remove()
		before := len(h.Logs.String())
		if code != 0 {
			remove = fail(code)
		}
		h.Advance(after)
		for _, want := range wants {
			if lines := h.Logs.String()[before:]; !strings.Contains(lines, want) {
				t.Errorf("after %d for %s the log does not say %q:\n%s", code, after, want, lines)
			}
		}
	}
	step(503, 0)
	for _, want := range []string{
		`level=warn msg="scan failed; the campaign has never been read" campaign_id=c reason=server_error`,
		`msg="the list of campaigns cannot be used, and has not been read since the start; until it is, only campaigns that are given`,
	} {
		if !regexp.MustCompile(want).MatchString(lineOrigin.ReplaceAllString(h.Logs.String(), "")) {
			t.Errorf("at first the log does not say %q:\n%s", want, h.Logs)
		}
	}
	if strings.Contains(h.Logs.String(), "stays published") || strings.Contains(h.Logs.String(), "stay the same") {
		t.Errorf("the log says what is not:\n%s", h.Logs)
	}
	step(404, 2*time.Minute, "scan failed; the campaign has never been read")
	step(0, 2*time.Minute, "first scan complete", "the list of campaigns can be used now")
	step(503, 2*time.Minute, "scan failed; the last complete data stays published until it is too old",
		"the list of campaigns cannot be used; the selected campaigns stay the same")
	step(503, 10*time.Minute, "the last complete data is too old: the campaign's metrics disappear")
	step(404, 2*time.Minute, "scan failed; the last complete data is too old to be published")
	step(0, 2*time.Minute, "scans succeed again", "the list of campaigns can be used again")
}

// An error of the same reason may have another cause, which is logged too, but not each time that causes alternate.
func TestAnotherCauseOfTheSameReasonIsLogged(t *testing.T) {
	for endpoint, says := range map[string]string{"rows": "scan failed; ", "campaigns": "the list of campaigns cannot be used; "} {
		t.Run(endpoint, func(t *testing.T) {
			clock := revoxtest.NewClock(start)
			api := newAPI(t, clock)
			api.SetRows("c", "", finishedRows(30))
			h := newHarness(t, api, clock, func(c *collector.Config) {
				c.Discovery = &campaigns.Discovery{Interval: time.Minute, Statuses: []string{"running"}}
			})
			html, garbage := revoxtest.Body("text/html", "<html>canary</html>"), revoxtest.Body("application/json", "{]")
			fail := func(answer revoxtest.Behavior, minutes, wantLines int) {
				t.Helper()
				before := len(h.Logs.String())
				for range minutes {
					remove := api.AddFault(revoxtest.Fault{Endpoint: endpoint, Behavior: answer})
					h.Advance(time.Minute)
					remove()
				}
				if got := strings.Count(h.Logs.String()[before:], says); got != wantLines {
					t.Errorf("%d lines, want %d:\n%s", got, wantLines, h.Logs.String()[before:])
				}
			}
			fail(html, 1, 1)
			fail(html, 13, 0)
			fail(garbage, 6, 1)
			for range 2 {
				fail(html, 1, 0)
				fail(garbage, 1, 0)
			}
			fail(html, 1, 1)
		})
	}
}

// lineOrigin matches the caller and time of a line.
var lineOrigin = regexp.MustCompile(` caller=\S+ time=\S+`)
