package pages_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/collector/campaigns"
	"github.com/revox-exporter/revox_exporter/internal/exportertest"
	"github.com/revox-exporter/revox_exporter/internal/pages"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is an exporter that reads a simulated API over HTTP, with its pages served over HTTP. Everything except the
// clock is real.
type world struct {
	*exportertest.Harness
	pages *httptest.Server
}

// newWorld returns a world whose exporter does not run yet. prepare sets up the API and the exporter's configuration.
func newWorld(t *testing.T, prepare func(*revoxtest.Server, *collector.Config)) *world {
	t.Helper()
	clock := revoxtest.NewClock(exportertest.Start)
	api := exportertest.NewAPI(t, clock)
	h := exportertest.Prepare(t, api, clock, func(c *collector.Config) {
		c.ScanInterval = 2 * time.Minute
		prepare(api, c)
	}, revoxapi.WithMaxRetries(0))
	mux := http.NewServeMux()
	const version = "version 1.2.3-test (built by a machine with a long name)"
	mux.Handle("/", pages.Landing(h.Exporter.Status, version, "/metrics", h.Config.Logger))
	mux.HandleFunc("/-/healthy", pages.Healthy)
	mux.Handle("/-/ready", pages.Ready(h.Exporter.Status))
	mux.Handle("/-/reload", pages.Reload(h.Exporter.Reload))
	w := &world{h, httptest.NewServer(mux)}
	t.Cleanup(w.pages.Close)
	return w
}

// run runs the exporter until the test ends.
func (w *world) run() *world {
	w.Run()
	return w
}

// await returns when the exporter's status satisfies ok.
func (w *world) await(ok func(collector.Status) bool) {
	w.TB.Helper()
	w.Await(func() bool { return ok(w.Exporter.Status()) })
}

// ask returns the answer to a request.
func (w *world) ask(method, path string) (code int, header http.Header, body string) {
	w.TB.Helper()
	req, err := http.NewRequest(method, w.pages.URL+path, nil)
	if err != nil {
		w.TB.Fatal(err)
	}
	resp, err := w.pages.Client().Do(req)
	if err != nil {
		w.TB.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.TB.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(text)
}

var tags = regexp.MustCompile(`(?s)<style>.*</style>|<[^>]*>`)

// landing returns the landing page's text, with spaces instead of tags.
func (w *world) landing() string {
	w.TB.Helper()
	_, _, body := w.ask(http.MethodGet, "/")
	return text(body)
}

// text returns a page's text, with spaces instead of tags.
func text(body string) string {
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
