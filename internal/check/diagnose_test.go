package check_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/internal/exportertest"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

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
		{"what a cache kept", nil, fault("", revoxtest.Status(200, http.Header{"Age": {"3600"}}, `{"rows": []}`)), nil,
			"bad_response", `^A cache in front of the API answers with what it got earlier.* Have it pass requests to 127.0.0.1 on`},
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
