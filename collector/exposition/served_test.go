package exposition

import (
	"compress/gzip"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/revox-exporter/revox_exporter/collector/campaigns"
	"github.com/revox-exporter/revox_exporter/collector/tally"
)

// In both formats, every byte equals what client_golang serves for the same store, also after campaigns change.
func TestHandlerEqualsClientGolang(t *testing.T) {
	f := newFleet(8)
	for i, id := range slices.Sorted(maps.Keys(f.tallies)) { // of some, the IDs or names of assistants are the same
		f.tallies[id].Assistant = tally.Assistant{
			Given: i < 7, ID: []string{"b", "a", "a", ""}[i%4], Name: []string{"Max", "Léa \"2\"", ""}[i%3], Model: "mistralai/m-1",
			VoiceProvider: "cartesia",
		}
	}
	ours, err := NewHandler(f.store, f.clock, prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	baseline := f.promhttp()
	for _, changed := range []int{0, 30, 100} {
		f.rescan(changed)
		if changed > 0 {
			f.label(t, fmt.Sprintf(`[{match: "Campaign [0-7].*", labels: {team: 'a \"quoted\" %d', z: "back\\\\slash"}},
				{match: ".*", labels: {team: é, "on_call": 7}}]`, changed))
		}
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

// label gives campaigns the labels of a campaign file with a text.
func (f *fleet) label(t *testing.T, text string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "campaigns.yml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	selector, err := campaigns.New(campaigns.Config{File: path, Clock: f.clock, Labels: f.labels})
	if err != nil {
		t.Fatal(err)
	}
	f.store.SelectOnly(slices.Sorted(maps.Keys(f.tallies)), nil, selector.Labels(), f.clock.Now())
}

// body scrapes and returns the answer from the first campaign family on. promhttp's own metrics come before it.
func body(t *testing.T, h http.Handler, accept string) string {
	t.Helper()
	_, text := scrape(t, h, accept)
	_, campaigns, _ := strings.Cut(text, "revox_campaign_")
	return campaigns
}

// scrape returns the header of an answer, and its body, decompressed.
func scrape(t testing.TB, h http.Handler, accept string) (http.Header, string) {
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
	return w.Header(), string(text)
}
