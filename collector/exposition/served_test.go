package exposition

import (
	"compress/gzip"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// In both formats, every byte equals what client_golang serves for the same store, also after campaigns change.
func TestHandlerEqualsClientGolang(t *testing.T) {
	f := newFleet(5)
	ours, err := NewHandler(f.store, f.clock, prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	baseline := f.promhttp()
	for _, changed := range []int{0, 30, 100} {
		f.rescan(changed)
		for format, accept := range map[string]string{
			"text":     "text/plain",
			"protobuf": "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
		} {
			if got, want := body(t, ours, accept), body(t, baseline, accept); got != want || len(want) < 10_000 {
				t.Errorf("%s with %d %% changed: %d bytes, want %d:\n%s", format, changed, len(got), len(want), got)
			}
		}
	}
}

// body scrapes and returns the answer from the first campaign family on. promhttp's own metrics come before it.
func body(t *testing.T, h http.Handler, accept string) string {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, scrapeRequest(accept))
	plain, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(plain)
	if err != nil {
		t.Fatal(err)
	}
	_, campaigns, _ := strings.Cut(string(text), "revox_campaign_")
	return campaigns
}
