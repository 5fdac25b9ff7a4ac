package collector

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/revox-exporter/revox_exporter/internal/logging"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func TestMain(m *testing.M) {
	if growthMain() {
		return
	}
	goleak.VerifyTestMain(m)
}

// patience is how long a test waits for what should come at once, before it fails.
var patience = 30 * time.Second

// start is a Wednesday morning.
var start = time.Date(2024, 5, 1, 9, 0, 0, 0, time.UTC)

// harness is an exporter that reads a simulated API over HTTP, with everything real but the clock.
type harness struct {
	t        *testing.T
	api      *revoxtest.Server
	clock    *revoxtest.Clock
	key      *keySource
	exporter *Exporter
	registry *prometheus.Registry
	web      *httptest.Server
	logs     *syncBuffer
	sleepers int // goroutines that wait on the clock between scans
}

// newHarness starts an exporter; change may alter its Config, and clientOptions come after the usual ones.
func newHarness(t *testing.T, api *revoxtest.Server, clock *revoxtest.Clock, change func(*Config), clientOptions ...revoxapi.Option) *harness {
	t.Helper()
	h := &harness{t: t, api: api, clock: clock, key: &keySource{key: revoxapi.NewSecret(revoxtest.APIKey)}, logs: &syncBuffer{}}
	apiMetrics := NewAPIMetrics(revoxapi.EndpointRows, revoxapi.EndpointCampaigns)
	client, err := revoxapi.NewClient(h.key, append([]revoxapi.Option{
		revoxapi.WithBaseURL(api.URL), revoxapi.WithClock(impatient{clock}), revoxapi.WithTrace(apiMetrics.Trace()),
	}, clientOptions...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	cfg := Config{
		Client: client, Key: h.key, Logger: logging.New(h.logs, "debug", "logfmt"), Clock: clock,
		ScanInterval: time.Minute, MaxAge: 15 * time.Minute, ScrapeTimeoutOffset: 500 * time.Millisecond,
	}
	if change != nil {
		change(&cfg)
	}
	if h.exporter, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	selected := len(h.exporter.store.all()) // before the list of campaigns is read
	h.registry = prometheus.NewPedanticRegistry()
	h.registry.MustRegister(h.exporter, apiMetrics)
	others := prometheus.NewPedanticRegistry()
	others.MustRegister(apiMetrics)
	metrics, err := h.exporter.MetricsHandler(others)
	if err != nil {
		t.Fatal(err)
	}
	h.web = httptest.NewServer(h.exporter.ScanOnScrape(metrics))
	t.Cleanup(h.web.Close)

	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); h.exporter.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	if cfg.ScanInterval > 0 {
		h.sleepers = selected
	}
	if _, own := cfg.Clock.(*watcherClock); cfg.CampaignFile != "" && !own {
		h.sleepers++
	}
	if cfg.Discovery != nil {
		h.sleepers++
	}
	h.settle()
	return h
}

// settle returns when every scan that is due has ended.
func (h *harness) settle() {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := h.clock.WaitForSleepers(ctx, h.sleepers); err != nil {
		h.t.Fatalf("waiting for scans to end: %v\n%s", err, h.logs)
	}
}

// await returns when a condition that is about to come true has.
func (h *harness) await(condition func() bool) {
	h.t.Helper()
	for deadline := time.Now().Add(patience); !condition(); runtime.Gosched() {
		if time.Now().After(deadline) {
			h.t.Fatalf("waited in vain\n%s", h.logs)
		}
	}
}

// advance lets time pass, minute by minute, with the scans that are due.
func (h *harness) advance(d time.Duration) {
	h.t.Helper()
	for ; d > 0; d -= time.Minute {
		h.clock.Advance(min(d, time.Minute))
		h.settle()
	}
}

// scrape returns what Prometheus would read, as text.
func (h *harness) scrape(header ...string) string {
	h.t.Helper()
	req, err := http.NewRequest(http.MethodGet, h.web.URL, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := h.web.Client().Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(resp.Body); err != nil {
		h.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		h.t.Fatalf("scrape answered %s: %s", resp.Status, &body)
	}
	return body.String()
}

// want fails the test unless each line is in the scrape.
func (h *harness) want(scrape string, lines ...string) {
	h.t.Helper()
	for _, line := range lines {
		if !strings.Contains("\n"+scrape, "\n"+line+"\n") {
			name, _, _ := strings.Cut(line, "{")
			h.t.Errorf("missing: %s\nthere is:\n%s", line, grep(scrape, "^"+name+`\b`))
		}
	}
}

// wantNone fails the test if a line of the scrape matches.
func (h *harness) wantNone(scrape, pattern string) {
	h.t.Helper()
	if lines := grep(scrape, pattern); lines != "" {
		h.t.Errorf("there should be no %s, but there is:\n%s", pattern, lines)
	}
}

// data returns the lines of a scrape that tell of campaigns' rows, without those that tell of scans.
func data(scrape string) string {
	var lines []string
	for line := range strings.Lines(scrape) {
		if dataLine.MatchString(line) && !scanLine.MatchString(line) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

var (
	dataLine = regexp.MustCompile(`^(# (HELP|TYPE) )?revox_campaign_`)
	scanLine = regexp.MustCompile(`^(# (HELP|TYPE) )?revox_campaign_(up|pages|scan_failures_total|scan_duration_seconds|scan_lag_seconds|last_scan_success_timestamp_seconds)\b`)
)

func grep(text, pattern string) string {
	re := regexp.MustCompile(pattern)
	var lines []string
	for line := range strings.Lines(text) {
		if re.MatchString(strings.TrimSuffix(line, "\n")) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// impatient is a clock that does not wait: for a client's retries, whose waits are tested where they are made.
type impatient struct{ *revoxtest.Clock }

func (impatient) Sleep(ctx context.Context, _ time.Duration) error { return context.Cause(ctx) }

// keySource is a key that a test changes.
type keySource struct {
	mu  sync.Mutex
	key revoxapi.Secret
}

func (k *keySource) Key() (revoxapi.Secret, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.key, nil
}

func (k *keySource) set(key string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.key = revoxapi.NewSecret(key)
}

type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func newAPI(t *testing.T, clock *revoxtest.Clock, opts ...revoxtest.Option) *revoxtest.Server {
	api := revoxtest.NewServer(append([]revoxtest.Option{revoxtest.WithNow(clock.Now)}, opts...)...)
	t.Cleanup(api.Close)
	return api
}

// only selects campaigns by their IDs.
func only(ids ...string) func(*Config) { return func(c *Config) { c.CampaignIDs = ids } }

// readRows returns the rows of a file in testdata.
func readRows(t testing.TB, path string) []json.RawMessage {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var rows []json.RawMessage
	if err := json.Unmarshal(text, &rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

// callRow returns a row with a call of the given status and attempts, which are JSON objects.
func callRow(id, status string, attempts ...string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"id": %q, "call": {"id": "c-%s", "status": %q, "created_at": "2024-05-01T08:00:00Z", "call_attempts": [%s]}}`,
		id, id, status, strings.Join(attempts, ",")))
}

// endedAttempt returns a completed attempt of a result that rang 5 s and was talked on for some seconds.
func endedAttempt(result string, talked int) string {
	answered := start.Add(-time.Hour + 5*time.Second)
	return fmt.Sprintf(`{"status": "completed", "result": %q, "ended_by": "user", "started_at": %q, "answered_at": %q, "ended_at": %q}`,
		result, answered.Add(-5*time.Second).Format(time.RFC3339), answered.Format(time.RFC3339), answered.Add(time.Duration(talked)*time.Second).Format(time.RFC3339))
}
