package pages_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/internal/exportertest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func TestLandingPageShowsEachCampaign(t *testing.T) {
	var remove func()
	w := newWorld(t, func(api *revoxtest.Server, c *collector.Config) {
		rows := rowsOf("completed", "cancelled", "errored", "calling")
		api.SetRows("c-1", "Spring offer", rows)
		api.SetRows("c-2", "Failing", rows)
		remove = api.AddFault(revoxtest.Fault{Campaign: "c-2", Behavior: revoxtest.Status(503, nil, "canary")})
		c.Discovery = discovered()
	}).run()
	w.Settle()
	w.Clock.Advance(45 * time.Second)
	text := w.landing()
	for _, want := range []string{
		"version 1.2.3-test", "2 campaigns, 4 rows, 1 failing", "Rows Done Last scan Age of data Next scan", "Refreshes every 30 s.",
		"Spring offer c-1 running 4 75 % 3 of 4 rows 45 s ago took 0s 45 s in 75 s",
		"Failing c-2 running – – 45 s ago took 0s – in 75 s", "503 Service Unavailable",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "canary") || strings.Contains(text, "Waiting for") {
		t.Errorf("the page says too much:\n%s", text)
	}

	// One campaign's data becomes too old to be published; the other one recovers.
	remove()
	w.API.AddFault(revoxtest.Fault{Campaign: "c-1", Behavior: revoxtest.RateLimited("600")})
	for range 20 {
		w.Clock.Advance(time.Minute)
		w.Settle()
	}
	text = w.landing()
	for _, want := range []string{
		`Spring offer c-1 running 4 75 % 3 of 4 rows \S+ \S+ ago took 0s 20 min too old to be published in \d+ (s|min)`,
		`Failing c-2 running 4 75 % 3 of 4 rows \d+ s ago took 0s \d+ s in \d+ (s|min)`,
	} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("after 20 minutes the page does not say %q:\n%s", want, text)
		}
	}
}

// With many campaigns, the page shows failing ones first, then the others by name, a hundred at
// once. Its query selects those with a status, those that fail, and the part.
func TestLandingPageOfManyCampaigns(t *testing.T) {
	const many = 350
	w := newWorld(t, func(api *revoxtest.Server, c *collector.Config) {
		for i := range many {
			id, name := fmt.Sprintf("c-%04d", many-i), fmt.Sprintf("Offer %04d", i)
			if i%2 == 1 {
				name = strings.ToLower(name) // which does not matter for the order
			}
			api.SetRows(id, name, rowsOf("completed"))
			switch {
			case i == 200 || i == 123:
				api.AddFault(revoxtest.Fault{Campaign: id, Behavior: revoxtest.Status(503, nil, "")})
			case i >= 240:
				api.Pause(id)
			}
		}
		c.Discovery = discovered()
		c.Discovery.Statuses = []string{"running", "paused"}
		c.MaxScans = 20
	}).run()
	w.Settle()
	offers := func(from, to int) (names []string) {
		for i := from; i < to; i++ {
			names = append(names, fmt.Sprintf("offer %04d", i))
		}
		return names
	}
	failing := []string{"offer 0123", "offer 0200"}
	for _, test := range []struct {
		query string
		says  string
		names []string
	}{
		{"/", "350 campaigns, 348 rows, 2 failing", append(failing[:2:2], offers(0, 98)...)},
		{"/", "Show all 2 failing 110 paused 240 running Campaigns 1 to 100 of 350. Page 1 2 3 4 Campaign", append(failing[:2:2], offers(0, 98)...)},
		{"/?page=2", "Campaigns 101 to 200 of 350.", append(offers(98, 123), offers(124, 199)...)},
		{"/?page=4", "Campaigns 301 to 350 of 350.", offers(300, 350)},
		{"/?page=5", "Campaigns 301 to 350 of 350.", offers(300, 350)},
		{"/?page=99999999999999999999", "Campaigns 301 to 350 of 350.", offers(300, 350)},
		{"/?page=-1", "Campaigns 1 to 100 of 350.", append(failing[:2:2], offers(0, 98)...)},
		{"/?page=%00", "Campaigns 1 to 100 of 350.", append(failing[:2:2], offers(0, 98)...)},
		{"/?scan=failing", "350 campaigns, 348 rows, 2 failing", failing},
		{"/?scan=canary&page=4", "Campaigns 301 to 350", offers(300, 350)},
		{"/?status=paused", "Campaigns 1 to 100 of 110.", offers(240, 340)},
		{"/?status=running&page=3", "Campaigns 201 to 240 of 240.", append(offers(199, 200), offers(201, 240)...)},
		{"/?status=paused&scan=failing", "No campaign matches this filter.", nil},
		{"/?status=canary", "No campaign matches this filter.", nil},
	} {
		_, _, body := w.ask(http.MethodGet, test.query)
		var names []string
		for _, name := range regexp.MustCompile(`<bdi>(.*?)</bdi>`).FindAllStringSubmatch(body, -1) {
			names = append(names, strings.ToLower(name[1]))
		}
		if !slices.Equal(names, test.names) {
			t.Errorf("%s shows\n%q, want\n%q", test.query, names, test.names)
		}
		if text := text(body); !strings.Contains(text, test.says) || strings.Contains(body, "canary") {
			t.Errorf("%s does not say %q:\n%.500s", test.query, test.says, text)
		}
		if len(body) > 150_000 {
			t.Errorf("%s has %d bytes", test.query, len(body))
		}
	}
	_, _, body := w.ask(http.MethodGet, "/?status=paused")
	for _, link := range []string{
		`<a class="bad" href="?scan=failing">2 failing</a>`, `<a href="?">all</a>`, `<b aria-current="true">110 paused</b>`,
		`<a href="?status=running">240 running</a>`,
	} {
		if !strings.Contains(body, link) {
			t.Errorf("there is no %s in\n%.3000s", link, body)
		}
	}
	if _, _, body = w.ask(http.MethodGet, "/?status=running"); !strings.Contains(body, `<a href="?page=2&amp;status=running">2</a>`) {
		t.Errorf("the link to the next page loses the status:\n%.3000s", body)
	}
}

// Each percentage is rounded down: 100 % means that nothing is left to do.
func TestLandingPageCallsAlmostDoneNotDone(t *testing.T) {
	w := newWorld(t, func(api *revoxtest.Server, c *collector.Config) {
		almost := append(slices.Repeat([]string{"completed"}, 999), "calling")
		api.SetRows("c-1", "Almost", rowsOf(almost...))
		api.SetRows("c-2", "Done", rowsOf("completed", "errored", "cancelled"))
		api.SetRows("c-3", "Empty", nil)
		c.CampaignIDs = []string{"c-1", "c-2", "c-3"}
	}).run()
	w.Settle()
	text := w.landing()
	for _, want := range []string{"1,000 99 % 999 of 1,000 rows", "3 100 % 3 of 3 rows", "0 – 0 of 0 rows"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q:\n%s", want, text)
		}
	}
}

func TestLandingPageSaysWhatScansCost(t *testing.T) {
	w := newWorld(t, func(api *revoxtest.Server, c *collector.Config) {
		statuses := slices.Repeat([]string{"completed", "calling", "cancelled"}, 100)
		rows := rowsOf(statuses...)
		// A call whose status is not that of its attempts shows what the API's filter goes by.
		rows[0] = exportertest.CallRow("r-0", "completed", exportertest.FailedAttempt)
		api.SetRows("c", "", rows)
		c.CampaignIDs, c.FullInterval = []string{"c"}, time.Hour
	})
	says := func(want string) {
		t.Helper()
		if text := w.landing(); !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("the page does not say %q:\n%s", want, text)
		}
	}
	w.run().Settle()
	says(`300 rows Reading every row once took 4 requests and 0\.\d MB\. Campaign`)
	w.Clock.Advance(2 * time.Minute)
	w.Settle()
	// Each of the 29 scans of an hour that are not full makes 8 requests.
	says(`300 rows Scans take about 236 requests and 0\.\d MB an hour\. Reading every row once took 4 requests and 0\.\d MB\. `)
}

func TestLandingPageSaysWhenTheNextScanIs(t *testing.T) {
	var limited func()
	w := newWorld(t, func(api *revoxtest.Server, c *collector.Config) {
		api.SetRows("c", "", nil)
		limited = api.AddFault(revoxtest.Fault{Campaign: "c", Behavior: revoxtest.RateLimited("600")})
		c.CampaignIDs = []string{"c"}
	})
	next := func(want string) {
		t.Helper()
		if text := w.landing(); !strings.Contains(text, want+" ") {
			t.Errorf("the page does not say %q:\n%s", want, text)
		}
	}
	next("now, or when its turn comes")
	w.run().Settle()
	next("in 10 min") // as the API asked, and not in 2 minutes
	limited()
	w.Clock.Advance(11 * time.Minute)
	w.Settle()
	w.Clock.Advance(30 * time.Second)
	next("in 90 s")
}

func TestLandingPageSaysThatScrapesScan(t *testing.T) {
	w := newWorld(t, func(_ *revoxtest.Server, c *collector.Config) {
		c.ScanInterval, c.Discovery = 0, discovered()
	}).run()
	w.await(collector.Status.Ready)
	if text := w.landing(); !strings.Contains(text, "No campaign is selected: look at --campaign.include") ||
		!strings.Contains(text, "scanned when Prometheus scrapes") {
		t.Errorf("without campaigns the page says\n%s", text)
	}
	w.API.SetRows("c", "Spring offer", nil)
	limited := w.API.AddFault(revoxtest.Fault{Campaign: "c", Behavior: revoxtest.RateLimited("600")})
	defer limited()
	w.Clock.Advance(time.Hour)
	scanned := func(s collector.Status) bool { return len(s.Campaigns) == 1 && s.Campaigns[0].Scanned }
	w.await(scanned)
	if text := w.landing(); !strings.Contains(text, "with a scrape in 10 min or later") {
		t.Errorf("while the API asks to wait the page says\n%s", text)
	}
	w.Clock.Advance(11 * time.Minute)
	if text := w.landing(); !strings.Contains(text, "with the next scrape") {
		t.Errorf("after that the page says\n%s", text)
	}
}

func TestLandingPageSaysThatTheListCannotBeRead(t *testing.T) {
	w := newWorld(t, func(api *revoxtest.Server, c *collector.Config) {
		api.AddFault(revoxtest.Fault{Endpoint: "campaigns", Behavior: revoxtest.Status(503, nil, "canary")})
		c.Discovery = discovered()
	}).run()
	w.await(func(s collector.Status) bool { return s.ListErr != nil })
	text := w.landing()
	if !strings.Contains(text, "The list of campaigns cannot be read: ") || !strings.Contains(text, "503") ||
		strings.Contains(text, "canary") || strings.Contains(text, "No campaign is selected") {
		t.Errorf("the page says\n%s", text)
	}
}

// A campaign's name is text, which the page can only show.
func TestLandingPageRunsNoNames(t *testing.T) {
	w := newWorld(t, func(api *revoxtest.Server, c *collector.Config) {
		api.SetRows("c-1", `<script>alert(1)</script>`, nil)
		api.SetRows(`c"onload="alert(2)`, `"><img src=x onerror=alert(3)></table>`, nil)
		c.Discovery = discovered()
	}).run()
	w.Settle()
	code, header, body := w.ask(http.MethodGet, "/")
	if code != http.StatusOK || regexp.MustCompile(`(?i)<script|<img|<tr[^>]* onload|url\(|@import|https?://`).MatchString(body) {
		t.Errorf("%d, the page has what it should not:\n%s", code, body)
	}
	if !strings.Contains(body, "&lt;script&gt;alert(1)") || !strings.Contains(body, "&lt;img src") {
		t.Errorf("the names are not on the page:\n%s", body)
	}
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(body)
	hash := sha256.Sum256([]byte(style[1]))
	policy := header.Get("Content-Security-Policy")
	allowed := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "';"
	if !strings.HasPrefix(policy, allowed) || strings.Contains(policy, "unsafe") {
		t.Errorf("the policy %q does not let the page's own style through, and nothing else", policy)
	}
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "X-Content-Type-Options": "nosniff",
		"Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
	} {
		if got := header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if code, _, _ := w.ask(http.MethodGet, "/nowhere"); code != http.StatusNotFound {
		t.Errorf("/nowhere answered %d", code)
	}
}
