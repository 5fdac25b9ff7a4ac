package check_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/internal/exportertest"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

// counted adds a campaign that can be counted by hand.
func counted(api *revoxtest.Server) {
	api.SetRows("c-1", "Solar 東京 and a long name after it", []json.RawMessage{
		row("1", "completed", talked("human", 40), undialled("busy")),
		row("2", "completed", talked("human", 10)),
		row("3", "completed", talked("voicemail", 300), undialled("no_answer"), undialled("no_answer")),
		row("4", "calling", `{"status": "ongoing"}`),
		row("5", "pondering", talked("human", 90)),
		json.RawMessage(`{"id": "6"}`),
	})
}

func TestTableForPeople(t *testing.T) {
	api := newAPI(t)
	counted(api)
	api.SetRows("c-2", "Empty", nil)
	// One after the other: what is learned from the first saves a request for the empty one.
	inOrder := func(c *collector.Config) { discovered(c); c.MaxScans = 1 }
	o := run{url: api.URL, format: "table", config: inOrder}.do(t)
	want := strings.TrimPrefix(regexp.MustCompile(`[\d.]+ k?B`).ReplaceAllString(`
CAMPAIGN               ROWS  DONE  ATTEMPTS   HUMAN  DIAL ERR  TALK    P95  TOOK
Solar 東京 and a lon…     6  50 %         8  42.9 %         3   40s  1m30s    0s
  c-1  Solar 東京 and a long name after it
  calls: calling 1 · completed 3 · pondering 1 · rows without a call 1
  most dial errors: no_answer (2, 66.7 % of them)
  ! status "pondering" is not known to this version; it is counted under that name.
Empty                     0     –         0       –         0     –      –    0s
  c-2
  calls: none

DONE: share of rows whose call is completed, cancelled or errored. HUMAN: share of finished attempts.
TALK, P95: how long humans talked, median and 95th percentile, each within 9 % (the width of a bucket).

2 of 2 campaigns read: 6 rows, 3 requests, 1 kB, 0s.
At --scan.interval=1m the exporter will make about 120 requests an hour and receive 0 B.
`, "0 B"), "\n")
	got := regexp.MustCompile(`[\d.]+ k?B`).ReplaceAllString(o.out, "0 B")
	if got != want {
		t.Errorf("the table is\n%s\nwant\n%s", got, want)
	}
	if !o.ok {
		t.Error("not ok")
	}
}

// A check uses its connections again. A few more than it has requests in flight are net/http's, which makes one while
// another is about to become free.
// What the campaign file says of who is to be told is shown, whether a campaign can be read or not.
func TestLabelsOfTheCampaignFile(t *testing.T) {
	api := newAPI(t)
	counted(api)
	api.SetRows("c-2", "Empty", nil)
	file := filepath.Join(t.TempDir(), "campaigns.yml")
	text := "- id: gone\n  labels: {team: sales, tier: '1'}\n- {match: 'Solar.*', labels: {team: \"a\\u00a0b\"}}\n" +
		"- {match: 'Solar .*', labels: {team: never}}\n- {match: nobody, labels: {}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	withFile := func(c *collector.Config) { discovered(c); c.CampaignFile = file }
	o := run{url: api.URL, format: "table", config: withFile}.do(t)
	for _, want := range []string{
		"gone      NOT READ\n  labels: team=sales · tier=1\n",
		"\n  c-1  Solar 東京 and a long name after it\n  labels: team=a b\n  calls: ",
		"\n  c-2\n  calls: none\n",
	} {
		if !strings.Contains(regexp.MustCompile(` +NOT READ`).ReplaceAllString(o.out, "      NOT READ"), want) {
			t.Errorf("no %q in\n%s", want, o.out)
		}
	}
	r := run{url: api.URL, config: withFile}.result(t)
	shown := map[string]string{}
	for _, c := range r.Campaigns {
		shown[c.ID] = fmt.Sprint(c.OK, c.Labels)
	}
	want := map[string]string{"gone": "false map[team:sales tier:1]", "c-1": "true map[team:a\u00a0b]", "c-2": "true map[]"}
	if !maps.Equal(shown, want) || len(r.Findings) > 0 {
		t.Errorf("the campaigns are %q, want %q, and the findings %+v", shown, want, r.Findings)
	}

	// Where all names are known, it says which patterns are without effect.
	api.SetRows("gone", "Solar", nil)
	r = run{url: api.URL, config: withFile}.result(t)
	var unused []string
	for _, f := range r.Findings {
		unused = append(unused, f.Kind+": "+f.Text)
	}
	if all := strings.Join(unused, "\n"); len(unused) != 2 || !strings.Contains(all, "unused_match: The match of entry 3 ") ||
		!strings.Contains(all, "unused_match: The match of entry 4 ") || !r.OK {
		t.Errorf("the findings are %q", unused)
	}
}

func TestConnectionsAreKept(t *testing.T) {
	api := exportertest.NewAPI(t, revoxtest.NewClock(exportertest.Start))
	var rows []json.RawMessage
	for i := range 1000 {
		rows = append(rows, exportertest.CallRow(fmt.Sprint("row ", i), "completed"))
	}
	api.SetRows("c", "", rows)
	var connections atomic.Int64
	server := httptest.NewUnstartedServer(api.Handler())
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	o := run{url: server.URL + "/api", config: func(c *collector.Config) {
		c.CampaignIDs, c.Rows.PageSize = []string{"c"}, 5
	}, options: []revoxapi.Option{revoxapi.WithMaxInFlight(4)}}.do(t)
	if n := connections.Load(); !o.ok || n > 16 {
		t.Errorf("ok is %v, with %d connections for 200 requests, 4 at once", o.ok, n)
	}
}

// What check reckons that scans will take is what the exporter's scans take.
func TestHourlyCostIsThatOfTheExporter(t *testing.T) {
	for name, calls := range map[string]map[string]int{
		"under way":      {"queued_for_calling": 30, "calling": 3, "scheduled": 23, "completed": 140, "errored": 4},
		"finished":       {"completed": 115, "cancelled": 10},
		"one page":       {"completed": 9},
		"no rows":        {},
		"all scheduled":  {"scheduled": 40, "completed": 12},
		"unknown status": {"pondering": 15, "completed": 45},
	} {
		t.Run(name, func(t *testing.T) {
			clock := revoxtest.NewClock(exportertest.Start)
			api := exportertest.NewAPI(t, clock)
			var rows []json.RawMessage
			for _, status := range slices.Sorted(maps.Keys(calls)) {
				var attempts []string
				if status != "queued_for_calling" {
					attempts = []string{exportertest.EndedAttempt("human", 40)}
				}
				for range calls[status] {
					rows = append(rows, exportertest.CallRow(fmt.Sprint("row ", len(rows)), status, attempts...))
				}
			}
			api.SetRows("c", "", rows)
			config := func(c *collector.Config) {
				c.CampaignIDs, c.Rows.PageSize = []string{"c"}, 10
				c.ScanInterval, c.FullInterval = time.Minute, time.Hour
			}
			hourly := run{url: api.URL, config: config}.result(t).Hourly
			h := exportertest.New(t, api, clock, config)
			h.Advance(time.Minute)
			h.Advance(time.Minute)
			got := h.Exporter.Status().Hour
			if hourly == nil || math.Abs(float64(hourly.Requests)/float64(got.Requests)-1) > 0.02 {
				t.Errorf("check reckons with %+v, the exporter's scans take %+v", hourly, got)
			} else if share := float64(hourly.ResponseBytes) / float64(got.Bytes); share < 0.3 || share > 3 {
				t.Errorf("check reckons with %d bytes, the exporter's scans take %d", hourly.ResponseBytes, got.Bytes)
			}
		})
	}
}

func TestDocumentForScripts(t *testing.T) {
	api := newAPI(t)
	counted(api)
	r := run{url: api.URL, config: exportertest.Only("c-1", "gone")}.result(t)
	if r.Format != 1 || r.Version != "1.2.3-test" || r.OK || r.Requests != 4 || r.ResponseBytes == 0 ||
		r.Discovery != nil || len(r.Findings) != 0 || len(r.Campaigns) != 2 {
		t.Errorf("the document is %+v", r)
	}
	c := r.Campaigns[0]
	if c.ID != "c-1" || !c.OK || c.Problem != nil || c.Requests != 1 || c.Rows != 6 || c.RowsWithoutCall != 1 ||
		c.RowsMissing != 0 || c.Calls["completed"] != 3 || c.Calls["pondering"] != 1 || c.Attempts["error"] != 3 ||
		c.Results["human"] != 3 || c.WorstDialError != "no_answer" || *c.HumanShare != 3.0/7 || c.HumanTalk.Count != 3 ||
		c.HumanTalk.Median != 40 || c.HumanTalk.P95 != 90 {
		t.Errorf("the campaign is %+v", c)
	}
	unknown := []collector.UnknownValue{{Label: "status", Value: "pondering"}}
	if _, ok := c.DialErrors["busy"]; !ok || !slices.Equal(c.UnknownValues, unknown) {
		t.Errorf("the campaign is %+v", c)
	}
	if gone := r.Campaigns[1]; gone.OK || gone.Problem == nil || gone.Problem.Reason != "not_found" ||
		gone.Problem.StatusCode != 404 || gone.HumanShare != nil {
		t.Errorf("the campaign that does not exist is %+v", gone)
	}
}

func TestProblemsComeWithAdvice(t *testing.T) {
	t.Parallel()
	html := func(code int) revoxtest.Behavior {
		return revoxtest.Status(code, http.Header{"Content-Type": {"text/html; charset=utf-8"}}, "<h1>canary</h1>")
	}
	fault := func(endpoint string, b revoxtest.Behavior) func(*revoxtest.Server) {
		return func(s *revoxtest.Server) { s.AddFault(revoxtest.Fault{Endpoint: endpoint, Behavior: b}) }
	}
	replaceURL := func(old, new string) func(*run) { return func(r *run) { r.url = strings.Replace(r.url, old, new, 1) } }
	for _, test := range []struct {
		name   string
		opts   []revoxtest.Option
		server func(*revoxtest.Server)
		change func(*run)
		reason string
		advice string
	}{
		{"wrong key", nil, nil, func(r *run) { r.key = "canary" },
			"auth", "key is wrong, revoked or another account's.*REVOX_API_KEY.*--revox.api-key-file"},
		{"key without the permission", nil, fault("rows", revoxtest.Status(403, nil, "canary")), nil,
			"auth", "may not read this campaign"},
		{"wrong base URL", nil, nil, replaceURL("/api", "/apii"),
			"not_found", "check --revox.base-url .the API is at https://www.getrevox.com/api"},
		{"base URL of a website", nil, fault("", html(404)), nil, "not_found", "A web page came.*check --revox.base-url"},
		{"website that answers everything", nil, fault("", html(200)), nil,
			"bad_response", "A web page came.*check --revox.base-url"},
		{"firewall", nil, fault("", html(403)), nil, "bad_response", "proxy, firewall or login page is in the way"},
		{"proxy that names itself", nil, fault("", revoxtest.Status(200, http.Header{"Content-Type": {"text/html"},
			"Via": {"1.1 canary (squid/5.7)"}}, "x")), nil,
			"bad_response", `instead of the API's answer \(its headers name Squid\): a proxy`},
		{"unknown proxy that asks for a password", nil, fault("", revoxtest.Status(407, nil, "x")), nil,
			"bad_response", "asks for a user and password.*NO_PROXY"},
		{"other JSON", nil, fault("", revoxtest.Body("application/json", `{"canary": 1}`)), nil,
			"bad_response", "not what the API documents"},
		{"unknown campaign", nil, nil, func(r *run) { r.config = exportertest.Only("0c7c1d8e") },
			"not_found", `Did you mean 0c7c1d8e-campaign \(Spring offer\)\?`},
		{"name instead of an ID", nil, nil, func(r *run) { r.config = exportertest.Only("spring-ofer") },
			"not_found", `Did you mean 0c7c1d8e-campaign \(Spring offer\)\?`},
		{"campaign like no other", nil, nil, func(r *run) { r.config = exportertest.Only("zzzzzzzzzzzz") },
			"not_found", "No such campaign among the 2 that this key can read"},
		{"unknown campaign, and no list", nil, fault("campaigns", revoxtest.Status(403, nil, "x")),
			func(r *run) { r.config = exportertest.Only("nope") },
			"not_found", "The list of campaigns would show which of them is wrong, but this key cannot read it"},
		{"campaign that is listed but does not exist", nil, fault("rows", revoxtest.Status(404, nil, "x")), nil,
			"not_found", "The list of campaigns has this one"},
		{"first page that does not exist", nil, fault("rows", revoxtest.Status(404, nil, "x")),
			func(r *run) { r.config = firstPage(7) }, "not_found", "leave out --revox.first-page"},
		{"page that is refused", nil, fault("rows", revoxtest.Status(422, nil, "x")), nil,
			"bad_response", "--revox.page-size=100 or less"},
		{"too many requests", nil, fault("rows", revoxtest.RateLimited("")), nil,
			"rate_limited", "--revox.max-requests-per-second"},
		{"failing API", nil, fault("rows", revoxtest.Status(503, nil, "x")), nil, "server_error", "Try again later"},
		{"API elsewhere", nil, fault("", revoxtest.Redirect("https://elsewhere.invalid/canary")), nil,
			"bad_response", "set --revox.base-url to where it redirects"},
		{"redirect to nowhere", nil, fault("", revoxtest.Status(302, nil, "canary")), nil,
			"bad_response", `redirects, but not to another place: check --revox.base-url`},
		{"redirect to itself", nil,
			fault("rows", revoxtest.Redirect("/api/campaigns/0c7c1d8e-campaign/rows?canary")), nil,
			"bad_response", `redirects, but not to another place: check --revox.base-url`},
		{"304 to a request without a condition", nil, fault("", revoxtest.Status(304, nil, "")), nil,
			"bad_response", `^A cache in front of the API answers 304 .* Have it pass requests to 127.0.0.1 on`},
		{"304 with a location", nil, fault("", revoxtest.Status(304, http.Header{"Location": {"https://127.0.0.1/canary"}}, "")), nil,
			"bad_response", `^A cache in front of the API answers 304`},
		{"300", nil, fault("", revoxtest.Status(300, nil, "canary")), nil, "bad_response", "not what the API documents"},
		{"too early", nil, fault("", revoxtest.Status(425, nil, "canary")), nil, "server_error", "Try again later"},
		{"API that wants https", nil, fault("", revoxtest.Redirect("https://127.0.0.1/api/canary")), nil,
			"bad_response", `wants https: set --revox.base-url=https://127.0.0.1:\d+/api\.`},
		{"certificate that is not trusted", []revoxtest.Option{revoxtest.WithTLS()}, nil, nil,
			"connection", "TLS fails.*SSL_CERT_FILE"},
		{"https to a server of http", nil, nil, replaceURL("http:", "https:"), "connection", "does not speak TLS"},
		{"http to a server of https", []revoxtest.Option{revoxtest.WithTLS()}, nil, replaceURL("https:", "http:"),
			"bad_response", "http instead of https"},
		{"name of no host", nil, nil, func(r *run) { r.url = "http://canary.invalid/api" },
			"connection", "name cannot be looked up"},
		{"nothing there", nil, nil, func(r *run) { r.url = "http://127.0.0.1:1/api" },
			"connection", "Nothing can be reached there"},
		{"no answer", nil, fault("", revoxtest.Hang()),
			func(r *run) { r.options = append(r.options, revoxapi.WithTimeout(50*time.Millisecond)) },
			"timeout", "No answer came in time.*--revox.timeout"},
		{"pages that end nowhere", nil, func(s *revoxtest.Server) {
			s.AddFault(revoxtest.Fault{Endpoint: "rows", After: 1, Behavior: revoxtest.Status(404, nil, "x")})
		}, func(r *run) {
			r.config = func(c *collector.Config) {
				c.CampaignIDs, c.Rows.PageSize = []string{"0c7c1d8e-campaign"}, 2
			}
		}, "incomplete|not_found", "try again|has this one"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			api := newAPI(t, test.opts...)
			api.SetRows("0c7c1d8e-campaign", "Spring offer", rows(5))
			api.SetRows("unlike", "Dentists", nil)
			if test.server != nil {
				test.server(api)
			}
			r := run{url: api.URL, config: exportertest.Only("0c7c1d8e-campaign"),
				options: []revoxapi.Option{revoxapi.WithMaxRetries(0)}}
			if test.change != nil {
				test.change(&r)
			}
			result := r.result(t)
			p := result.Campaigns[0].Problem
			if p == nil || result.OK {
				t.Fatalf("no problem: %+v", result)
			}
			if !regexp.MustCompile("^(" + test.reason + ")$").MatchString(p.Reason) {
				t.Errorf("reason %q, want %s", p.Reason, test.reason)
			}
			if !regexp.MustCompile(test.advice).MatchString(p.Advice) {
				t.Errorf("advice %q, want %q", p.Advice, test.advice)
			}
			table := run{url: r.url, key: r.key, format: "table", config: r.config, options: r.options}.do(t).out
			if !strings.Contains(table, "NOT READ") || !strings.Contains(table, p.Advice) {
				t.Errorf("the table does not say so:\n%s", table)
			}
			if text := fmt.Sprintf("%+v %s", p, table); strings.Contains(text, "canary") && test.name != "name of no host" {
				t.Errorf("the server's text, or the key, is shown: %s", text)
			}
		})
	}
}

// firstPage returns a configuration that reads the campaign from page n on.
func firstPage(n int) func(*collector.Config) {
	return func(c *collector.Config) {
		c.CampaignIDs, c.Rows = []string{"0c7c1d8e-campaign"}, revoxapi.RowsParams{Page: n, PageSize: 10}
	}
}

func TestOddThingsAreReported(t *testing.T) {
	t.Parallel()
	pages := firstPage(0)
	for _, test := range []struct {
		name   string
		opts   []revoxtest.Option
		config func(*collector.Config)
		rows   []json.RawMessage
		kind   string // "" for none
		says   string
	}{
		{"nothing", nil, pages, rows(25), "", ""},
		{"pages from 1", []revoxtest.Option{revoxtest.WithFirstPage(1)}, pages, rows(25),
			"first_page", "counts pages from 1 and refuses page 0"},
		{"pages from 1, leniently", []revoxtest.Option{revoxtest.WithFirstPage(1), revoxtest.WithLenientFirstPage()}, pages,
			rows(25), "first_page", "answers page 0 with page 1"},
		{"pages from 1, echoed", []revoxtest.Option{revoxtest.WithFirstPage(1), revoxtest.WithEchoedPage()}, pages,
			rows(25), "first_page", "answers page 0 with page 1"},
		{"first page skipped", nil, firstPage(1), rows(25),
			"first_page", "--revox.first-page=1 skips 10 rows on page 0: leave it out"},
		{"first page skipped, without a total", []revoxtest.Option{revoxtest.WithoutTotal()}, firstPage(1), rows(25),
			"first_page", "--revox.first-page=1 skips 10 rows: leave it out"},
		{"first page that is right", []revoxtest.Option{revoxtest.WithFirstPage(1)}, firstPage(1), rows(25), "", ""},
		{"page size capped", []revoxtest.Option{revoxtest.WithPageSizeCap(4)}, pages, rows(25),
			"page_size_capped", "gives 4 rows a page, not the 10 requested: set --revox.page-size=4"},
		{"no paging", []revoxtest.Option{revoxtest.WithRowsOnly()}, pages, rows(25), "not_paged", "all rows in one answer"},
		{"no total", []revoxtest.Option{revoxtest.WithoutTotal()}, pages, rows(25), "no_total", "would go unnoticed"},
		{"anomaly", nil, pages, []json.RawMessage{row("1", "completed", `{"status": "completed", "started_at": "soon"}`)},
			"anomaly", "1 anomaly: bad_timestamp, timestamps"},
		{"unknown value", nil, pages, []json.RawMessage{row("1", "completed", undialled("on_the_moon"))},
			"unknown_value", `dial_error "on_the_moon"`},
		{"text instead of a value", nil, pages, []json.RawMessage{row("1", "completed", undialled("call +33 612 345 678"))},
			"unknown_value", `Some values of dial_error are not known to this version; they are counted as "other"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			api := newAPI(t, test.opts...)
			api.SetRows("0c7c1d8e-campaign", "Spring offer", test.rows)
			r := run{url: api.URL, config: test.config}.result(t)
			if !r.OK {
				t.Fatalf("not read: %+v", r.Campaigns[0].Problem)
			}
			found := 0
			for _, f := range append(r.Findings, r.Campaigns[0].Findings...) {
				switch {
				case f.Kind == test.kind && strings.Contains(f.Text, test.says):
					found++
				case f.Kind != "no_total":
					t.Errorf("there is %+v too", f)
				}
			}
			if test.kind != "" && found != 1 {
				t.Errorf("found %d times, want once: %+v", found, r.Campaigns[0].Findings)
			}
		})
	}
}

func TestMissingRowsAreReported(t *testing.T) {
	api := newAPI(t)
	api.SetRows("c", "", rows(5))
	api.AddFault(revoxtest.Fault{Endpoint: "rows", Behavior: revoxtest.LyingTotal(7)})
	r := run{url: api.URL, config: exportertest.Only("c")}.result(t)
	if f := r.Campaigns[0].Findings; len(f) == 0 || f[0].Kind != "rows_missing" ||
		!strings.HasPrefix(f[0].Text, "2 rows that the API's total promises") {
		t.Errorf("findings: %+v", f)
	}
}

func TestClockSkewIsReported(t *testing.T) {
	api := newAPI(t)
	api.SetRows("c", "", rows(1))
	for _, test := range []struct {
		off  time.Duration
		says string // "" for nothing
	}{
		{0, ""},
		{30 * time.Second, ""},
		{5 * time.Minute, `clock is \S+ ahead of the API's`},
		{-2 * time.Hour, `clock is \S+ behind the API's`},
	} {
		// The answers' Date is the machine's own, to the second.
		clock := exportertest.Impatient{Clock: revoxtest.NewClock(time.Now().Truncate(time.Second).Add(test.off))}
		r := run{url: api.URL, config: exportertest.Only("c"), clock: clock}.result(t)
		switch {
		case test.says == "" && len(r.Findings) != 0:
			t.Errorf("off by %s: %+v", test.off, r.Findings)
		case test.says != "" && (len(r.Findings) != 1 || r.Findings[0].Kind != "clock_skew" ||
			!regexp.MustCompile(test.says).MatchString(r.Findings[0].Text)):
			t.Errorf("off by %s: %+v, want %q", test.off, r.Findings, test.says)
		}
	}
}

// If the API refuses the key for one campaign, no other campaign is requested.
func TestRefusedKeyIsTriedOnce(t *testing.T) {
	api := newAPI(t)
	four := func(c *collector.Config) { c.CampaignIDs, c.MaxScans = []string{"a", "b", "c", "d"}, 1 }
	r := run{url: api.URL, key: "canary", config: four}.result(t)
	if n := api.RequestCount(); n != 1 {
		t.Errorf("%d requests with a refused key, want 1", n)
	}
	for _, c := range r.Campaigns {
		if c.Problem == nil || c.Problem.Reason != "auth" || c.Problem.StatusCode != 401 || c.Problem.Advice == "" {
			t.Errorf("campaign %s: %+v", c.ID, c.Problem)
		}
	}
}

func TestDiscoveryThatFailsAndDiscoveryOfNothing(t *testing.T) {
	api := newAPI(t)
	api.SetRows("c", "", rows(1))
	both := func(c *collector.Config) { discovered(c); c.CampaignIDs = []string{"c"} }
	remove := api.AddFault(revoxtest.Fault{Endpoint: "campaigns", Behavior: revoxtest.Status(403, nil, "")})
	r := run{url: api.URL, config: both}.result(t)
	if r.OK || r.Discovery == nil || r.Discovery.Problem == nil ||
		!strings.Contains(r.Discovery.Problem.Advice, "--campaign.id") || len(r.Campaigns) != 1 || !r.Campaigns[0].OK {
		t.Errorf("list refused: %+v", r)
	}
	o := run{url: api.URL, format: "table", config: both}.do(t)
	if !strings.Contains(o.out, "The list of campaigns: NOT READ") {
		t.Errorf("the table does not say so:\n%s", o.out)
	}
	remove()
	remove = api.AddFault(revoxtest.Fault{Endpoint: "campaigns", Behavior: revoxtest.Body("application/json",
		`{"campaigns": [{"id": "c", "name": "C", "status": "running"}], "has_more": true}`)})
	r = run{url: api.URL, config: discovered}.result(t)
	if r.OK || r.Discovery.Problem == nil || r.Discovery.Problem.Reason != "incomplete" || r.Discovery.Listed != 1 ||
		!strings.Contains(r.Discovery.Problem.Advice, "--campaign.file") || len(r.Campaigns) != 1 || !r.Campaigns[0].OK {
		t.Errorf("list incomplete: %+v", r)
	}
	o = run{url: api.URL, format: "table", config: discovered}.do(t)
	if !strings.Contains(o.out, "The list of campaigns: INCOMPLETE") {
		t.Errorf("the table does not say so:\n%s", o.out)
	}
	remove()
	drafts := func(c *collector.Config) { discovered(c); c.Discovery.Statuses = []string{"draft"} }
	r = run{url: api.URL, config: drafts}.result(t)
	if !r.OK || r.Discovery.Listed != 1 || len(r.Campaigns) != 0 || len(r.Findings) != 1 ||
		r.Findings[0].Kind != "no_campaigns" {
		t.Errorf("nothing selected: %+v", r)
	}
}

// What the API calls a campaign must not move the cursor, colour the terminal or forge lines.
func TestHostileNamesAreHarmless(t *testing.T) {
	hostile := "\x1b[2J\x1b]0;owned\x07\u009b31mred\r\nforged line\u202egnp.exe\u200b\ufeff" +
		strings.Repeat("a"+strings.Repeat("\u0301", 8), 30)
	api := newAPI(t)
	sim.New(api).AddCampaign(sim.Campaign{ID: "c", Name: hostile, Rows: 3})
	api.SetRows("d", "", []json.RawMessage{row("1", "call\x1b[31m\u009bing", undialled("\u202e\x1b[2Jbusy"))})
	ids := exportertest.Only("c", "d") // such an ID is refused: see CheckCampaignID
	for _, columns := range []int{80, 0} {
		for _, format := range []string{"table", "json"} {
			o := run{url: api.URL, format: format, columns: columns, config: ids}.do(t)
			progress := strings.ReplaceAll(o.progress, "\r\x1b[K", "")
			if i := strings.IndexFunc(strings.ReplaceAll(o.out+progress, "\n", ""), notPrintable); i >= 0 {
				t.Errorf("%s: there is %q in\n%q", format, (o.out + progress)[i:i+4], o.out+progress)
			}
			if strings.Contains(o.out, "\nforged") {
				t.Errorf("%s: a line is forged:\n%s", format, o.out)
			}
			if !strings.Contains(o.out, "owned") || !strings.Contains(o.out, "Some values of dial_error") {
				t.Errorf("%s: nothing was looked at:\n%s", format, o.out)
			}
		}
	}
	r := run{url: api.URL, config: ids}.result(t)
	if name := r.Campaigns[0].Name; !strings.Contains(name, "forged linegnp.exe") || strings.ContainsFunc(name, notPrintable) {
		t.Errorf("the name in JSON is %q", name)
	}
}

func notPrintable(r rune) bool {
	return r < ' ' || 0x7f <= r && r < 0xa0 || strings.ContainsRune("\u202e\u200b\ufeff", r)
}

func TestProgress(t *testing.T) {
	api := newAPI(t)
	api.SetRows("a", "", rows(25))
	api.SetRows("b", "", rows(5))
	clock := revoxtest.NewClock(time.Now())
	api.OnPage(func(string, int) { clock.Advance(time.Second) })
	inPages := func(c *collector.Config) {
		c.CampaignIDs, c.Rows.PageSize, c.MaxScans = []string{"a", "b"}, 10, 1
	}
	o := run{url: api.URL, columns: 80, clock: clock, config: inPages}.do(t)
	for _, want := range []string{
		"\r\x1b[K[................]  0 of 2 campaigns  0 rows",
		// 10 rows a second; the other campaign is taken to be like this one.
		"\r\x1b[K[###.............]  0 of 2 campaigns  10 rows  10 rows/s  4s left",
		"\r\x1b[K[################]  2 of 2 campaigns  30 rows  7 rows/s",
	} {
		if !strings.Contains(o.progress, want) {
			t.Errorf("%q is not shown:\n%q", want, o.progress)
		}
	}
	if !strings.HasSuffix(o.progress, "\r\x1b[K") {
		t.Errorf("the line is not removed: %q", o.progress)
	}

	o = run{url: api.URL, clock: clock, config: inPages}.do(t)
	if want := "campaign a (1 of 2): 25 rows in 3s\ncampaign b (2 of 2): 5 rows in 1s\n"; o.progress != want {
		t.Errorf("without a terminal there is %q, want %q", o.progress, want)
	}
	api.OnPage(func(string, int) { clock.Advance(11 * time.Second) })
	o = run{url: api.URL, clock: clock, config: inPages}.do(t)
	if !strings.HasPrefix(o.progress, "0 of 2 campaigns  10 rows  0 rows/s  44s left\n") {
		t.Errorf("a long check says nothing in between: %q", o.progress)
	}
}

func TestWaitsAreShown(t *testing.T) {
	api := newAPI(t)
	api.SetRows("a", "", rows(3))
	for _, columns := range []int{80, 0} {
		api.AddFault(revoxtest.Fault{Times: 1, Behavior: revoxtest.RateLimited("7")})
		o := run{url: api.URL, columns: columns, config: exportertest.Only("a")}.do(t)
		if !o.ok || !strings.Contains(o.progress, "trying again in 7s: rate_limited") {
			t.Errorf("progress: %q", o.progress)
		}
	}
}

func TestProxyThatForwardsIsReported(t *testing.T) {
	api := newAPI(t)
	api.SetRows("c", "", rows(1))
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Via", "1.1 canary")
		api.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	r := run{url: front.URL + "/api", config: exportertest.Only("c")}.result(t)
	if !r.OK || len(r.Findings) != 1 || r.Findings[0].Kind != "proxy" ||
		strings.Contains(fmt.Sprint(r.Findings), "canary") {
		t.Errorf("findings: %+v", r.Findings)
	}
}
