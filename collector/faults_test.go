package collector_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

// faults are the faults of the API, and the reason with which a scan then fails.
var faults = []struct {
	name    string
	fault   revoxtest.Behavior
	reason  revoxapi.ErrorKind
	passing bool // a retry succeeds if the fault occurs once
}{
	{"401", revoxtest.Status(401, nil, "no"), revoxapi.KindAuth, false},
	{"403", revoxtest.Status(403, nil, "no"), revoxapi.KindAuth, false},
	{"403 with a firewall's page", revoxtest.Status(403, firewall, "<html>"), revoxapi.KindBadResponse, false},
	{"404", revoxtest.Status(404, nil, "no"), revoxapi.KindNotFound, false},
	{"400", revoxtest.Status(400, nil, "no"), revoxapi.KindBadResponse, false},
	{"422", revoxtest.Status(422, nil, "no"), revoxapi.KindBadResponse, false},
	{"408", revoxtest.Status(408, nil, "no"), revoxapi.KindTimeout, true},
	{"409", revoxtest.Status(409, nil, "no"), revoxapi.KindServerError, true},
	{"429 without Retry-After", revoxtest.Status(429, nil, "no"), revoxapi.KindRateLimited, true},
	{"429 with Retry-After", revoxtest.RateLimited("1"), revoxapi.KindRateLimited, true},
	{"500", revoxtest.Status(500, nil, "no"), revoxapi.KindServerError, true},
	{"503", revoxtest.Status(503, nil, "no"), revoxapi.KindServerError, true},
	{"body shorter than its Content-Length", revoxtest.CutBody(), revoxapi.KindBadResponse, true},
	{"JSON cut", revoxtest.CutJSON(), revoxapi.KindBadResponse, true},
	{"gzip cut", revoxtest.CutGzip(), revoxapi.KindBadResponse, true},
	{"connection reset before the answer", revoxtest.Reset(), revoxapi.KindConnection, true},
	{"connection reset within the body", revoxtest.ResetInBody(), revoxapi.KindConnection, true},
	{"hang before the answer", revoxtest.Hang(), revoxapi.KindTimeout, true},
	{"hang within the body", revoxtest.HangInBody(), revoxapi.KindTimeout, true},
	{"HTML with 200", revoxtest.Body("text/html", "<html><body>Welcome</body></html>"), revoxapi.KindBadResponse, false},
	{"null", revoxtest.Body("application/json", "null"), revoxapi.KindBadResponse, false},
	{"an array", revoxtest.Body("application/json", "[]"), revoxapi.KindBadResponse, false},
	{"an error object with 200", revoxtest.Body("application/json", `{"error": "no"}`), revoxapi.KindBadResponse, false},
	{"nothing", revoxtest.Body("application/json", ""), revoxapi.KindBadResponse, false},
	{"rows null", revoxtest.SetField("rows", "null"), revoxapi.KindBadResponse, false},
	{"trailing bytes", revoxtest.TrailingBytes("{}"), revoxapi.KindBadResponse, false},
	{"nested very deeply", revoxtest.DeepNesting(1_000_000), revoxapi.KindBadResponse, false},
	{"larger than the limit", revoxtest.GzipBomb(32 << 20), revoxapi.KindBadResponse, false},
	{"call of another type", revoxtest.WrongType("call"), revoxapi.KindBadResponse, false},
	{"attempts of another type", revoxtest.WrongType("call_attempts"), revoxapi.KindBadResponse, false},
	{"more attempts in a row than are read", revoxtest.SetField("call_attempts", "["+strings.Repeat("{},", 20_000)+"{}]"),
		revoxapi.KindBadResponse, false},
	{"rows without an id", revoxtest.MangleRows(func([]json.RawMessage) []json.RawMessage {
		return []json.RawMessage{json.RawMessage(`{"call": null}`)}
	}), revoxapi.KindBadResponse, false},
	{"redirected elsewhere", revoxtest.Redirect("https://elsewhere.invalid/api"), revoxapi.KindBadResponse, false},
}

// firewall is the header of a page that a firewall sends instead of the API's answer.
var firewall = http.Header{"Content-Type": {"text/html"}}

// secondPage is the page with the fault, so that a part of the campaign was read before.
var secondPage = revoxtest.Page(1)

func newFaultHarness(t *testing.T, reason revoxapi.ErrorKind) *harness {
	timeout := patience
	if reason == revoxapi.KindTimeout {
		timeout = time.Second // for faults that hang; other faults must not depend on how busy the machine is
	}
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	for _, id := range []string{"broken", "sound"} {
		sim.New(api).AddCampaign(sim.Campaign{ID: id, Rows: 30, Start: start.Add(-24 * time.Hour), Weight: sim.Light})
	}
	return newHarness(t, api, clock, func(c *collector.Config) {
		c.CampaignIDs = []string{"broken", "sound"}
		c.Rows.PageSize = 10
	}, revoxapi.WithTimeout(timeout), revoxapi.WithMaxResponseBytes(16<<20))
}

func TestTemporaryFaultIsRetriedAndHasNoEffect(t *testing.T) {
	for _, f := range faults {
		if !f.passing {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			h := newFaultHarness(t, f.reason)
			defer h.API.AddFault(revoxtest.Fault{Campaign: "broken", Page: secondPage, Times: 1, Behavior: f.fault})()
			h.Advance(time.Minute)
			scrape := h.Scrape()
			h.Want(scrape,
				`revox_campaign_up{campaign_id="broken"} 1`,
				`revox_campaign_rows{campaign_id="broken"} 30`,
				`revox_campaign_anomalies{campaign_id="broken",kind="duplicate_row"} 0`,
				fmt.Sprintf(`revox_campaign_scan_failures_total{campaign_id="broken",reason=%q} 0`, f.reason),
			)
			// net/http itself repeats a request, invisibly, if an idle connection is reset before the answer. And on a
			// busy machine, requests that do not hang may exceed the short timeout too.
			if f.name != "connection reset before the answer" && f.reason != revoxapi.KindTimeout {
				h.Want(scrape, fmt.Sprintf(`revox_api_retries_total{reason=%q} 1`, f.reason))
			}
		})
	}
}

func TestPermanentFaultLeavesTheLastCompleteData(t *testing.T) {
	for _, f := range faults {
		for _, where := range []struct {
			name   string
			page   *int
			reason revoxapi.ErrorKind
		}{
			{"every page", revoxtest.AnyPage, f.reason},
			{"the second page", secondPage, reasonOnALaterPage(f.name, f.reason)},
		} {
			t.Run(f.name+" on "+where.name, func(t *testing.T) {
				t.Parallel()
				h := newFaultHarness(t, f.reason)
				before := grep(data(h.Scrape()), `^revox_.*broken`)
				remove := h.API.AddFault(revoxtest.Fault{Campaign: "broken", Page: where.page, Behavior: f.fault})
				h.Advance(time.Minute)
				scrape := h.Scrape()
				h.Want(scrape,
					`revox_campaign_up{campaign_id="broken"} 0`,
					fmt.Sprintf(`revox_campaign_scan_failures_total{campaign_id="broken",reason=%q} 1`, where.reason),
					lastSuccess("broken", start),
					`revox_campaign_up{campaign_id="sound"} 1`,
					lastSuccess("sound", start.Add(time.Minute)),
				)
				if after := grep(data(scrape), `^revox_.*broken`); after != before {
					t.Errorf("the data changed while scans failed:\n%s", diff(before, after))
				}

				remove()
				h.Advance(6 * time.Minute) // longer than any hold-off after these failures
				h.Want(h.Scrape(), `revox_campaign_up{campaign_id="broken"} 1`)
			})
		}
	}
}

// lastSuccess returns the series of a campaign whose data was complete at a time.
func lastSuccess(id string, at time.Time) string {
	return fmt.Sprintf(`revox_campaign_last_scan_success_timestamp_seconds{campaign_id=%q} %v`, id, float64(at.Unix()))
}

// reasonOnALaterPage returns the reason of a fault on a page after the first. There, some servers refuse requests in
// these ways to say that no page follows; as rows are missing, the campaign is incomplete.
func reasonOnALaterPage(name string, reason revoxapi.ErrorKind) revoxapi.ErrorKind {
	switch name {
	case "400", "404", "422":
		return revoxapi.KindIncomplete
	}
	return reason
}

func TestFaultFromTheStartPublishesNothing(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	sim.New(api).AddCampaign(sim.Campaign{ID: "broken", Rows: 30, Start: start.Add(-24 * time.Hour)})
	api.AddFault(revoxtest.Fault{Behavior: revoxtest.Status(http.StatusBadGateway, nil, "no")})
	h := newHarness(t, api, clock, only("broken"))
	scrape := h.Scrape()
	h.Want(scrape, `revox_campaign_up{campaign_id="broken"} 0`,
		`revox_campaign_scan_failures_total{campaign_id="broken",reason="server_error"} 1`,
		`revox_campaign_scan_failures_total{campaign_id="broken",reason="auth"} 0`,
		`revox_api_requests_total{code="502",endpoint="rows"} 3`)
	h.WantNone(data(scrape), `broken`)
	h.WantNone(scrape, `^revox_campaign_last_scan_success_timestamp_seconds`)
}

func TestTimestampsOfAnyTypeAreAccepted(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	sim.New(api).AddCampaign(sim.Campaign{ID: "c", Rows: 30, Start: start.Add(-24 * time.Hour)})
	for _, field := range []string{"started_at", "answered_at", "ended_at", "created_at", "scheduled_at"} {
		api.AddFault(revoxtest.Fault{Endpoint: "rows", Behavior: revoxtest.SetField(field, `{}`)})
	}
	h := newHarness(t, api, clock, only("c"))
	scrape := h.Scrape()
	h.Want(scrape, `revox_campaign_up{campaign_id="c"} 1`, `revox_campaign_rows{campaign_id="c"} 30`,
		`revox_campaign_call_attempt_duration_seconds_count{campaign_id="c"} 0`)
	h.WantNone(scrape, `^revox_campaign_anomalies\{.*bad_timestamp"\} 0`)
}

func TestRefusedKeyIsNotTriedAgainSoonUnlessItChanges(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("c", "", []json.RawMessage{callRow("r", "completed")})
	h := newHarness(t, api, clock, only("c"))
	h.Key.Set("revoked")
	h.Advance(time.Minute)
	asked := api.RequestCount()
	h.Advance(4 * time.Minute)
	if again := api.RequestCount() - asked; again != 0 {
		t.Errorf("%d requests with a key that was just refused", again)
	}
	h.Advance(time.Minute)
	if again := api.RequestCount() - asked; again != 1 {
		t.Errorf("%d requests five minutes after the key was refused, want 1", again)
	}
	h.Want(h.Scrape(), `revox_campaign_up{campaign_id="c"} 0`,
		`revox_campaign_scan_failures_total{campaign_id="c",reason="auth"} 2`)

	h.Key.Set(revoxtest.APIKey)
	h.Advance(time.Minute)
	h.Want(h.Scrape(), `revox_campaign_up{campaign_id="c"} 1`)
}

func TestLongRetryAfterDelaysTheNextScan(t *testing.T) {
	for _, test := range []struct {
		name   string
		header http.Header
		pause  time.Duration
	}{
		{"seconds", http.Header{"Retry-After": {"600"}}, 10 * time.Minute},
		{"date", http.Header{"Retry-After": {httpDate(31 * time.Minute)}}, 30 * time.Minute},
		{"date of a clock that is an hour behind",
			http.Header{"Date": {httpDate(-59 * time.Minute)}, "Retry-After": {httpDate(-29 * time.Minute)}}, 30 * time.Minute},
		{"date of a clock that is an hour ahead",
			http.Header{"Date": {httpDate(61 * time.Minute)}, "Retry-After": {httpDate(71 * time.Minute)}}, 10 * time.Minute},
		{"Unix time", http.Header{"Retry-After": {fmt.Sprint(start.Add(11 * time.Minute).Unix())}}, 10 * time.Minute},
		{"a day", http.Header{"Retry-After": {"86400"}}, time.Hour}, // is too long to go without data
		{"a year cannot be meant", http.Header{"Retry-After": {"31536000"}}, time.Minute},
		{"an hour in milliseconds cannot be meant", http.Header{"Retry-After": {"3600000"}}, time.Minute},
		{"X-RateLimit-Reset", http.Header{"X-RateLimit-Reset": {fmt.Sprint(start.Add(11 * time.Minute).UnixMilli())}}, 10 * time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			clock := revoxtest.NewClock(start)
			api := newAPI(t, clock)
			api.SetRows("c", "", []json.RawMessage{callRow("r", "completed")})
			h := newHarness(t, api, clock, only("c"))
			remove := api.AddFault(revoxtest.Fault{Behavior: revoxtest.Status(429, test.header, "")})
			h.Advance(time.Minute)
			remove()
			asked := api.RequestCount()
			h.Advance(test.pause - time.Minute)
			if again := api.RequestCount() - asked; again != 0 {
				t.Errorf("%d requests before the requested time", again)
			}
			h.Advance(time.Minute)
			if again := api.RequestCount() - asked; again != 1 {
				t.Errorf("%d requests at the requested time, want 1", again)
			}
		})
	}
}

// A slow API is the one failure that a flag can mend, so the log names it.
func TestTimeoutNamesItsFlag(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.AddFault(revoxtest.Fault{Behavior: revoxtest.Hang()})
	h := newHarness(t, api, clock, only("c"), revoxapi.WithTimeout(50*time.Millisecond), revoxapi.WithMaxRetries(0))
	if log := h.Logs.String(); !strings.Contains(log, "no whole answer within 50ms") || !strings.Contains(log, "raise --revox.timeout") {
		t.Errorf("the log has no --revox.timeout:\n%s", log)
	}
}

// A link that is too slow for the timeout is told from an API that does not answer: the log says how fast it should be.
func TestTimeoutSaysHowFastTheLinkMustBe(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("c", "", finishedRows(100))
	api.AddFault(revoxtest.Fault{Behavior: revoxtest.Drip(5, 20*time.Millisecond)})
	h := newHarness(t, api, clock, only("c"), revoxapi.WithTimeout(100*time.Millisecond), revoxapi.WithMaxRetries(0))
	want := `no whole answer within 100ms: \d+ B of [\d.]+ k?B came, which is [\d.]+ k?B a second; it needs [\d.]+ k?B a second`
	if log := h.Logs.String(); !regexp.MustCompile(want).MatchString(log) || !strings.Contains(log, "raise --revox.timeout") {
		t.Errorf("the log does not say %s:\n%s", want, log)
	}
}

// A server chooses the code of its answers, and so must not choose the label.
func TestCodeThatIsNoneOfHTTPIsOther(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.AddFault(revoxtest.Fault{Times: 1, Behavior: revoxtest.Status(999, nil, "")})
	h := newHarness(t, api, clock, only("c"))
	h.Want(h.Scrape(), `revox_api_requests_total{code="other",endpoint="rows"} 1`,
		`revox_campaign_scan_failures_total{campaign_id="c",reason="bad_response"} 1`)
	if scrape := h.Scrape(); strings.Contains(scrape, "999") {
		t.Error("the code is shown")
	}
}

func httpDate(sinceStart time.Duration) string { return start.Add(sinceStart).Format(http.TimeFormat) }
