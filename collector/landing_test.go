package collector

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// page returns a page of the exporter's, with its tags made spaces where text is true.
func (h *harness) page(path string, text bool) (body string, header http.Header, code int) {
	h.t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/", h.exporter.LandingPage("version 1.2.3-test", "/metrics"))
	mux.HandleFunc("/-/ready", h.exporter.ServeReady)
	web := httptest.NewServer(mux)
	defer web.Close()
	resp, err := web.Client().Get(web.URL + path)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	body = string(read)
	if text {
		body = strings.Join(strings.Fields(regexp.MustCompile(`(?s)<style>.*</style>|<[^>]*>`).ReplaceAllString(body, " ")), " ")
	}
	return body, resp.Header, resp.StatusCode
}

func TestLandingPageTellsOfEachCampaign(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	var rows []json.RawMessage
	for _, status := range []string{"completed", "cancelled", "errored", "calling"} {
		rows = append(rows, callRow(status, status))
	}
	api.SetRows("c-1", "Spring offer", rows)
	api.SetRows("c-2", "Failing", rows)
	remove := api.AddFault(revoxtest.Fault{Campaign: "c-2", Behavior: revoxtest.Status(503, nil, "canary")})
	h := newHarness(t, api, clock, func(c *Config) {
		c.Discovery = &Discovery{Interval: time.Hour, Statuses: []string{"running"}}
		c.ScanInterval, c.MaxAge = 2*time.Minute, 15*time.Minute
	})
	h.sleepers += 2
	h.settle()
	clock.Advance(45 * time.Second)
	text, _, _ := h.page("/", true)
	for _, want := range []string{
		"version 1.2.3-test", "2 campaigns, 4 rows, 1 failing",
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

	// Data grows old, and the page says when it is too old; then all is well again.
	remove()
	api.AddFault(revoxtest.Fault{Campaign: "c-1", Behavior: revoxtest.RateLimited("600")})
	for range 20 {
		clock.Advance(time.Minute)
		h.settle()
	}
	text, _, _ = h.page("/", true)
	if !regexp.MustCompile(`Spring offer c-1 running 4 75 % 3 of 4 rows \S+ \S+ ago took 0s 20 min too old to be published in \d+ (s|min)`).MatchString(text) ||
		!regexp.MustCompile(`Failing c-2 running 4 75 % 3 of 4 rows \d+ s ago took 0s \d+ s in \d+ (s|min)`).MatchString(text) {
		t.Errorf("after 20 minutes the page says\n%s", text)
	}
}

func TestLandingPageOfOnScrapeModeAndOfNothing(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	h := newHarness(t, api, clock, func(c *Config) {
		c.ScanInterval = 0
		c.Discovery = &Discovery{Interval: time.Hour, Statuses: []string{"running"}}
	})
	text, _, _ := h.page("/", true)
	if !strings.Contains(text, "No campaign is selected: look at --campaign.include") || !strings.Contains(text, "scanned when Prometheus scrapes") {
		t.Errorf("the page says\n%s", text)
	}
	api.SetRows("c", "Spring offer", nil)
	clock.Advance(time.Hour)
	h.await(func() bool { return h.exporter.store.get("c") != nil })
	if text, _, _ = h.page("/", true); !strings.Contains(text, "with the next scrape") {
		t.Errorf("the page says\n%s", text)
	}
}

// What a campaign is called is text, and the page can do nothing but show it.
func TestLandingPageIsSafe(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("c-1", `<script>alert(1)</script>`, nil)
	api.SetRows(`c"onload="alert(2)`, `"><img src=x onerror=alert(3)></table>`, nil)
	h := newHarness(t, api, clock, func(c *Config) { c.Discovery = &Discovery{Interval: time.Hour, Statuses: []string{"running"}} })
	h.sleepers += 2
	h.settle()
	body, header, code := h.page("/", false)
	if code != http.StatusOK || regexp.MustCompile(`(?i)<script|<img|<tr[^>]* onload|url\(|@import|https?://`).MatchString(body) {
		t.Errorf("%d, the page has what it should not:\n%s", code, body)
	}
	if !strings.Contains(body, "&lt;script&gt;alert(1)") || !strings.Contains(body, "&lt;img src") {
		t.Errorf("the names are not on the page:\n%s", body)
	}
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(body)
	hash := sha256.Sum256([]byte(style[1]))
	policy := header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(hash[:])+"';") || strings.Contains(policy, "unsafe") {
		t.Errorf("the policy %q does not let the page's own style through, and nothing else", policy)
	}
	if _, _, code := h.page("/nowhere", false); code != http.StatusNotFound {
		t.Errorf("/nowhere answered %d", code)
	}
}

func TestReadySaysWhatIsAwaited(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	for _, id := range []string{"c-1", "c-2"} {
		api.SetRows(id, "", nil)
	}
	// Each campaign's first page waits to be let go.
	letGo := map[string]chan struct{}{"c-1": make(chan struct{}), "c-2": make(chan struct{})}
	api.OnPage(func(id string, _ int) { <-letGo[id] })
	client, err := revoxapi.NewClient(revoxapi.StaticKey(revoxtest.APIKey), revoxapi.WithBaseURL(api.URL))
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseIdleConnections()
	exporter, err := New(Config{Client: client, Key: revoxapi.StaticKey(revoxtest.APIKey), Logger: slog.New(slog.DiscardHandler), Clock: clock,
		CampaignIDs: []string{"c-1", "c-2"}, ScanInterval: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	h := &harness{t: t, exporter: exporter, logs: &syncBuffer{}}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { exporter.Run(ctx) })
	defer running.Wait()
	defer cancel()
	for _, step := range []struct {
		id   string
		code int
		says string
	}{
		{"", http.StatusServiceUnavailable, "waiting for the first scans of 2 campaigns, of them c-1."},
		{"c-1", http.StatusServiceUnavailable, "waiting for the first scan of campaign c-2."},
		{"c-2", http.StatusOK, "is ready."},
	} {
		if step.id != "" {
			close(letGo[step.id])
			h.await(func() bool { return exporter.store.get(step.id).scanned })
		}
		if body, _, code := h.page("/-/ready", false); code != step.code || !strings.Contains(body, step.says) {
			t.Errorf("%d %s, want %d %s", code, body, step.code, step.says)
		}
		page, _, _ := h.page("/", true)
		if strings.Contains(page, "Waiting for the first scan") != (step.code != http.StatusOK) {
			t.Errorf("the landing page says\n%s", page)
		}
	}
}
