package exposition

import (
	"bytes"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/revox-exporter/revox_exporter/collector/scan"
	"github.com/revox-exporter/revox_exporter/collector/store"
	"github.com/revox-exporter/revox_exporter/collector/tally"
)

// A series or campaign that cannot be shown is left out, counted and logged; everything else is served.
func TestBrokenSeriesAreLeftOutAndCounted(t *testing.T) {
	f := newFleet(2)
	var log bytes.Buffer
	h, err := NewHandler(f.store, f.clock, prometheus.NewRegistry(), slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	scrape := func() string {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		return w.Body.String()
	}
	ids := []string{f.store.All()[0].ID, f.store.All()[1].ID}
	publish := func() *tally.Tally {
		broken := tally.New(f.labels)
		broken.Merge(f.tallies[ids[0]])
		broken.Add(tally.Calls, "bad\xff", 7)
		now := f.clock.Now()
		f.store.Publish(ids[0], store.Outcome{
			Found: &scan.Result{Tally: broken}, Due: now, Asked: now, Start: now, End: now,
		})
		return broken
	}

	publish()
	const protobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding="
	for _, accept := range []string{"text/plain", protobuf + "delimited", protobuf + "text", protobuf + "compact-text"} {
		for _, encoding := range []string{"gzip", "identity"} {
			log.Reset()
			req := scrapeRequest(accept)
			req.Header.Set("Accept-Encoding", encoding)
			h.ServeHTTP(httptest.NewRecorder(), req)
			if n := strings.Count(log.String(), "is not valid UTF-8"); n != 1 {
				t.Errorf("%s, %s: the log says %d times what was left out:\n%s", accept, encoding, n, log.String())
			}
		}
	}
	for _, name := range []string{"", "?name[]=revox_campaign_calls"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/metrics"+name, nil))
		good := `revox_campaign_calls{campaign_id="` + ids[0] + `",status="completed"} `
		if body := w.Body.String(); !strings.Contains(body, good) || strings.Contains(body, `status="bad`) {
			t.Errorf("%q: the broken series is served, or others are not:\n%.2000s", name, body)
		}
	}
	publish().Values = tally.Values{} // rendering it panics
	body := scrape()
	for _, want := range []string{
		`promhttp_metric_handler_errors_total{cause="gathering"} 10`, // from the scrapes before
		`promhttp_metric_handler_errors_total{cause="encoding"} 0`,
		`promhttp_metric_handler_requests_in_flight 1`,
		`revox_campaign_up{campaign_id="` + ids[1] + `"} 1`,
	} {
		if !strings.Contains(body, want+"\n") {
			t.Errorf("no %s in\n%.2000s", want, body)
		}
	}
	if strings.Contains(body, ids[0]) {
		t.Error("the broken campaign is served")
	}
	for _, want := range []string{"campaign " + ids[0] + " cannot be shown: panic", "is not valid UTF-8"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, log.String())
		}
	}
}
