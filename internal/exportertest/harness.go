package exportertest

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// Start is when most tests' clocks start: a Wednesday morning.
var Start = time.Date(2024, 5, 1, 9, 0, 0, 0, time.UTC)

// Harness is an Instance that is scraped over HTTP. Its methods fail the test on errors.
type Harness struct {
	*Instance
	// TB is the test.
	TB testing.TB
	// API is what the exporter reads.
	API *revoxtest.Server
	// Web serves Metrics at any path.
	Web *httptest.Server
	// Patience is how long the harness waits, in real time, before it fails the test. It is 2 minutes at first.
	Patience time.Duration
}

// NewAPI returns a simulated API whose clock is the given one. It is closed when the test ends.
func NewAPI(t testing.TB, clock *revoxtest.Clock, options ...revoxtest.Option) *revoxtest.Server {
	return NewServer(t, append([]revoxtest.Option{revoxtest.WithNow(clock.Now)}, options...)...)
}

// New makes an exporter as Make does, runs it until the test ends, and returns when the first scans have ended.
func New(t testing.TB, api *revoxtest.Server, clock *revoxtest.Clock, change func(*collector.Config),
	options ...revoxapi.Option) *Harness {
	t.Helper()
	h := Prepare(t, api, clock, change, options...)
	h.Run()
	h.Settle()
	return h
}

// Prepare is New without Run and Settle.
func Prepare(t testing.TB, api *revoxtest.Server, clock *revoxtest.Clock, change func(*collector.Config),
	options ...revoxapi.Option) *Harness {
	t.Helper()
	in, err := Make(api.URL, clock, change, options...)
	if err != nil {
		t.Fatal(err)
	}
	h := &Harness{Instance: in, TB: t, API: api, Web: httptest.NewServer(in.Metrics), Patience: 2 * time.Minute}
	t.Cleanup(h.Web.Close)
	t.Cleanup(in.Stop) // first: it ends scans that scrapes wait for
	return h
}

// Only returns a change that selects campaigns by their IDs.
func Only(ids ...string) func(*collector.Config) {
	return func(c *collector.Config) { c.CampaignIDs = ids }
}

// Settle is Instance.Settle.
func (h *Harness) Settle() {
	h.TB.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), h.Patience)
	defer cancel()
	if err := h.Instance.Settle(ctx); err != nil {
		h.TB.Fatalf("%v\n%s", err, h.Logs)
	}
}

// Advance moves the clock in steps of at most a minute, and waits after each until everything that is due is done.
func (h *Harness) Advance(d time.Duration) {
	h.TB.Helper()
	for ; d > 0; d -= time.Minute {
		h.Clock.Advance(min(d, time.Minute))
		h.Settle()
	}
}

// Await returns when condition is true.
func (h *Harness) Await(condition func() bool) {
	h.TB.Helper()
	for deadline := time.Now().Add(h.Patience); !condition(); runtime.Gosched() {
		if time.Now().After(deadline) {
			h.TB.Fatalf("the condition is not met after %s\n%s", h.Patience, h.Logs)
		}
	}
}

// Headers of a scrape by Prometheus, except the timeout, which is real time.
const (
	accept = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6," +
		"application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4," +
		"text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
	acceptEncoding = "gzip"
)

// Scrape returns the body that Prometheus would read, decompressed. header has names and values in turn, which change
// the request's header.
func (h *Harness) Scrape(header ...string) string {
	h.TB.Helper()
	req, err := http.NewRequest(http.MethodGet, h.Web.URL+"/metrics", nil)
	if err != nil {
		h.TB.Fatal(err)
	}
	req.Header.Set("Accept", accept)
	req.Header.Set("Accept-Encoding", acceptEncoding)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := h.Web.Client().Do(req)
	if err != nil {
		h.TB.Fatal(err)
	}
	defer resp.Body.Close()
	body := io.Reader(resp.Body)
	encoding := resp.Header.Get("Content-Encoding")
	if encoding == acceptEncoding {
		if body, err = gzip.NewReader(resp.Body); err != nil {
			h.TB.Fatal(err)
		}
	}
	text, err := io.ReadAll(body)
	if err != nil {
		h.TB.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		h.TB.Fatalf("a scrape was answered %s: %s", resp.Status, text)
	}
	if want := req.Header.Get("Accept-Encoding"); want == acceptEncoding && encoding != want {
		h.TB.Fatalf("a scrape that accepts %s was answered in %s", want, cmp.Or(encoding, "plain text"))
	}
	return string(text)
}

// Want fails the test unless each line is in the scrape.
func (h *Harness) Want(scrape string, lines ...string) {
	h.TB.Helper()
	for _, line := range lines {
		if !strings.Contains("\n"+scrape, "\n"+line+"\n") {
			name, _, _ := strings.Cut(line, "{")
			h.TB.Errorf("missing: %s\ninstead there is:\n%s", line, Grep(scrape, "^"+name+`\b`))
		}
	}
}

// WantNone fails the test if a line of the scrape matches pattern.
func (h *Harness) WantNone(scrape, pattern string) {
	h.TB.Helper()
	if lines := Grep(scrape, pattern); lines != "" {
		h.TB.Errorf("lines match %s:\n%s", pattern, lines)
	}
}

// Data returns the lines of a scrape about campaigns' rows, without those about scans.
func Data(scrape string) string {
	return grep(scrape, func(line string) bool { return dataLine.MatchString(line) && !scanLine.MatchString(line) })
}

var (
	dataLine = regexp.MustCompile(`^(# (HELP|TYPE) )?revox_campaign_`)
	scanLine = regexp.MustCompile(`^(# (HELP|TYPE) )?revox_campaign_` +
		`(up|pages|scan_failures_total|scan_duration_seconds|scan_lag_seconds|last_scan_success_timestamp_seconds)\b`)
)

// Grep returns the lines of a text that match pattern.
func Grep(text, pattern string) string { return grep(text, regexp.MustCompile(pattern).MatchString) }

func grep(text string, matches func(line string) bool) string {
	var lines strings.Builder
	for line := range strings.Lines(text) {
		if matches(strings.TrimSuffix(line, "\n")) {
			lines.WriteString(line)
		}
	}
	return lines.String()
}

// Logs is what an exporter has logged. It is safe for concurrent use.
type Logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write adds to the text; its error is nil.
func (l *Logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String returns all that was written.
func (l *Logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
