//go:build !race

package faultmatrix

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/internal/logging"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

const (
	// faulty is the campaign that things go wrong for, and sound the one beside it, with the same rows.
	faulty, sound = "faulty", "sound"
	// Pages of ten make four pages.
	pageSize   = 10
	rowsBefore = 31
	rowsAfter  = 32
	interval   = time.Minute
	// patience is how long a test waits for what should come at once, before it fails.
	patience = time.Minute
)

var start = time.Date(2024, 5, 1, 9, 0, 0, 0, time.UTC)

// world is an exporter that reads a simulated API over HTTP, with everything real but the clock.
type world struct {
	t     *testing.T
	api   *revoxtest.Server
	clock *wallClock
	way   *way
	web   *httptest.Server
	logs  syncBuffer
	// onScrape: scans are made on scrapes, else on an interval.
	onScrape bool
}

// newWorld makes an exporter that nothing has gone wrong for; run starts it.
func newWorld(t *testing.T, onScrape bool, timeout time.Duration) (w *world, run func()) {
	w = &world{t: t, clock: &wallClock{Clock: revoxtest.NewClock(start)}, onScrape: onScrape, way: newWay()}
	w.api = revoxtest.NewServer(revoxtest.WithNow(w.clock.Now))
	t.Cleanup(w.api.Close)
	w.setRows(rowsBefore)

	apiMetrics := collector.NewAPIMetrics(revoxapi.EndpointRows)
	key := revoxapi.StaticKey(revoxtest.APIKey)
	client, err := revoxapi.NewClient(key, revoxapi.WithBaseURL(w.api.URL), revoxapi.WithClock(impatient{w.clock}),
		revoxapi.WithTrace(apiMetrics.Trace()), revoxapi.WithTimeout(timeout), revoxapi.WithTransport(w.way))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	cfg := collector.Config{
		Client: client, Key: key, Logger: logging.New(&w.logs, "debug", "logfmt"), Clock: w.clock,
		CampaignIDs: []string{faulty, sound}, Rows: revoxapi.RowsParams{PageSize: pageSize}, MaxAge: 15 * time.Minute,
	}
	if !onScrape {
		cfg.ScanInterval = interval
	}
	exporter, err := collector.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(exporter, apiMetrics)
	w.web = httptest.NewServer(exporter.ScanOnScrape(promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})))
	t.Cleanup(w.web.Close)
	return w, func() {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); exporter.Run(ctx) }()
		t.Cleanup(func() { cancel(); <-done })
		w.settle()
		// Scrapes that come before the exporter runs find nothing and scan nothing.
		for deadline := time.Now().Add(patience); onScrape && value(w.scrape(), `revox_campaign_up{campaign_id="faulty"}`) == ""; runtime.Gosched() {
			if time.Now().After(deadline) {
				t.Fatalf("no scan was made\n%s", w.logs.String())
			}
		}
	}
}

// settle returns when every scan that is due has ended.
func (w *world) settle() {
	w.t.Helper()
	if w.onScrape {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := w.clock.WaitForSleepers(ctx, 2); err != nil {
		w.t.Fatalf("waiting for scans to end: %v\n%s", err, w.logs.String())
	}
}

// scanAgain lets an interval pass, and returns what a scrape then shows.
func (w *world) scanAgain() string {
	w.t.Helper()
	w.clock.Advance(interval)
	w.settle()
	return w.scrape()
}

func (w *world) scrape() string {
	w.t.Helper()
	resp, err := w.web.Client().Get(w.web.URL)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		w.t.Fatalf("a scrape was answered %s: %s", resp.Status, body)
	}
	return string(body)
}

// setRows makes both campaigns have n rows, the same but for the campaign.
func (w *world) setRows(n int) {
	for _, id := range []string{faulty, sound} {
		rows := make([]json.RawMessage, n)
		for i := range rows {
			var compact bytes.Buffer
			if err := json.Compact(&compact, []byte(row(id, i))); err != nil {
				w.t.Fatal(err)
			}
			rows[i] = compact.Bytes()
		}
		w.api.SetRows(id, "Spring", rows)
	}
}

// personal are words that stand in every row, and that nobody may see.
var personal = []string{"+336123", "Canary Contact", "canary words", "canary.invalid", "canary prompt"}

func row(campaign string, i int) string {
	attempt := fmt.Sprintf(`{"id": "a%d", "status": "completed", "result": %q, "dial_error": null, "ended_by": "agent", "end_reason": "tool_end_call",
		"started_at": "2024-05-01T08:00:00Z", "answered_at": "2024-05-01T08:00:%02dZ", "ended_at": "2024-05-01T08:01:%02d.5Z",
		"phone_number": "+336123%05d", "recording_url": "https://canary.invalid/%d", "structured_output": {"said": "canary words"},
		"transcript": [{"role": "user", "content": "canary words"}]}`, i, []string{"human", "voicemail", "IVR"}[i%3], i, i, i, i)
	unanswered := fmt.Sprintf(`{"id": "b%d", "status": "error", "result": null, "dial_error": %q, "started_at": "2024-05-01T07:00:00Z", "answered_at": null,
		"ended_at": "2024-05-01T07:00:30Z", "phone_number": "+336123%05d"}`, i, []string{"busy", "no_answer"}[i%2], i)
	return fmt.Sprintf(`{"id": "r%d", "row_index": %d, "phone_number": "+336123%05d", "input_data": {"full_name": "Canary Contact"},
		"call": {"id": "c%d", "status": %q, "outcome": "interested", "created_at": "2024-05-01T06:00:00Z", "campaign": {"id": %q, "name": "Spring"},
		"metadata": {"note": "canary words"}, "assistant": {"id": "x", "prompt": "canary prompt"}, "call_attempts": [%s, %s], "last_call_attempt": %s}}`,
		i, i, i, i, []string{"completed", "completed", "errored", "calling"}[i%4], campaign, attempt, unanswered, attempt)
}

// data returns the lines of a scrape that tell of a campaign's rows, with its ID taken out.
func data(scrape, campaign string) string {
	var lines []string
	for line := range strings.Lines(scrape) {
		if strings.HasPrefix(line, "revox_campaign_") && strings.Contains(line, `campaign_id="`+campaign+`"`) && !scanLine.MatchString(line) {
			lines = append(lines, strings.Replace(line, `campaign_id="`+campaign+`"`, "", 1))
		}
	}
	return strings.Join(lines, "")
}

var scanLine = regexp.MustCompile(`^revox_campaign_(up|pages|scan_failures_total|scan_duration_seconds|scan_lag_seconds|last_scan_success_timestamp_seconds)\b`)

// value returns what a series of a scrape has, "" where it is not there.
func value(scrape, series string) string {
	for line := range strings.Lines(scrape) {
		if rest, ok := strings.CutPrefix(line, series+" "); ok {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}

// wallClock is a clock that can be set anew: what sleeps then sleeps on as long as it was to, as with a real one.
type wallClock struct {
	*revoxtest.Clock
	jumped atomic.Int64
}

func (c *wallClock) Now() time.Time { return c.Clock.Now().Add(time.Duration(c.jumped.Load())) }

func (c *wallClock) jump(d time.Duration) { c.jumped.Add(int64(d)) }

// impatient is a clock that does not wait: for the client's retries, whose waits are tested where they are made.
type impatient struct{ *wallClock }

func (impatient) Sleep(ctx context.Context, _ time.Duration) error { return context.Cause(ctx) }

type syncBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
