package pages_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/collector/campaigns"
	"github.com/revox-exporter/revox_exporter/internal/pages"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what should come at once, before it fails.
const patience = 30 * time.Second

// world is an exporter that reads a simulated API over HTTP, with its pages served over HTTP. All but the clock is
// real.
type world struct {
	t        *testing.T
	api      *revoxtest.Server
	clock    *revoxtest.Clock
	exporter *collector.Exporter
	web      *httptest.Server
}

// newWorld returns a world whose exporter does not run yet. prepare sets up the API and the exporter's configuration.
func newWorld(t *testing.T, prepare func(*revoxtest.Server, *collector.Config)) *world {
	t.Helper()
	w := &world{t: t, clock: revoxtest.NewClock(time.Date(2024, 5, 1, 9, 0, 0, 0, time.UTC))}
	w.api = revoxtest.NewServer(revoxtest.WithNow(w.clock.Now))
	t.Cleanup(w.api.Close)
	key, logger := revoxapi.StaticKey(revoxtest.APIKey), slog.New(slog.DiscardHandler)
	client, err := revoxapi.NewClient(key, revoxapi.WithBaseURL(w.api.URL), revoxapi.WithMaxRetries(0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	cfg := collector.Config{
		Client: client, Key: key, Logger: logger, Clock: w.clock, ScanInterval: 2 * time.Minute, MaxAge: 15 * time.Minute,
	}
	prepare(w.api, &cfg)
	if w.exporter, err = collector.New(cfg); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	const version = "version 1.2.3-test (built by a machine with a long name)"
	mux.Handle("/", pages.Landing(w.exporter.Status, version, "/metrics", logger))
	mux.HandleFunc("/-/healthy", pages.Healthy)
	mux.Handle("/-/ready", pages.Ready(w.exporter.Status))
	mux.Handle("/-/reload", pages.Reload(w.exporter.Reload))
	w.web = httptest.NewServer(mux)
	t.Cleanup(w.web.Close)
	return w
}

// run runs the exporter until the test ends.
func (w *world) run() *world {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); w.exporter.Run(ctx) }()
	w.t.Cleanup(func() { cancel(); <-done })
	return w
}

// await returns when the exporter's status is as it should soon be.
func (w *world) await(ok func(collector.Status) bool) {
	w.t.Helper()
	for deadline := time.Now().Add(patience); !ok(w.exporter.Status()); runtime.Gosched() {
		if time.Now().After(deadline) {
			w.t.Fatalf("waited in vain: %+v", w.exporter.Status())
		}
	}
}

// settle returns when every scan that is due has ended.
func (w *world) settle() {
	w.t.Helper()
	w.await(func(s collector.Status) bool {
		for _, c := range s.Campaigns {
			if !c.Scanned || !c.NextScan.After(s.At) {
				return false
			}
		}
		return s.Ready()
	})
	sleepers := len(w.exporter.Status().Campaigns) // each has a scanner, which waits for its next scan
	if w.exporter.Status().Discovery {
		sleepers++
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := w.clock.WaitForSleepers(ctx, sleepers); err != nil {
		w.t.Fatalf("waiting for scans to end: %v", err)
	}
}

// ask returns the answer to a request.
func (w *world) ask(method, path string) (code int, header http.Header, body string) {
	w.t.Helper()
	req, err := http.NewRequest(method, w.web.URL+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := w.web.Client().Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(text)
}

var tags = regexp.MustCompile(`(?s)<style>.*</style>|<[^>]*>`)

// landing returns the landing page's text, with its tags made spaces.
func (w *world) landing() string {
	w.t.Helper()
	_, _, body := w.ask(http.MethodGet, "/")
	return strings.Join(strings.Fields(tags.ReplaceAllString(body, " ")), " ")
}

// discovered selects the campaigns that are running.
func discovered() *campaigns.Discovery {
	return &campaigns.Discovery{Interval: time.Hour, Statuses: []string{"running"}}
}

// rowsOf returns a row for each status of a call.
func rowsOf(statuses ...string) (rows []json.RawMessage) {
	for i, status := range statuses {
		rows = append(rows, json.RawMessage(fmt.Sprintf(
			`{"id": "r-%d", "call": {"id": "c-%d", "status": %q, "created_at": "2024-05-01T08:00:00Z", "call_attempts": []}}`,
			i, i, status)))
	}
	return rows
}
