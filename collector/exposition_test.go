package collector_test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/internal/answertest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

// acceptHeaders are Accept headers of different scrapers.
var acceptHeaders = map[string]string{
	"nothing":           "",
	"text":              "text/plain;version=0.0.4",
	"OpenMetrics":       "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
	"OpenMetrics alone": "application/openmetrics-text; version=1.0.0",
	"protobuf":          protobufAccept,
	"Prometheus 3":      protobufAccept + ";escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;escaping=allow-utf-8;q=0.3",
	"protobuf as text":  "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text",
	"protobuf compact":  "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=compact-text",
	"dots escaped":      "text/plain;version=0.0.4;escaping=dots",
	"a browser":         "text/html,application/xhtml+xml,*/*;q=0.8",
}

const protobufAccept = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"

// answer is an uncompressed answer to a scrape.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask scrapes a server. The transport does not change the encoding.
func ask(t *testing.T, method, url, accept, acceptEncoding string) answer {
	t.Helper()
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", accept)
	req.Header.Set("Accept-Encoding", acceptEncoding)
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body := io.Reader(resp.Body)
	if method != http.MethodHead && resp.Header.Get("Content-Encoding") == "gzip" {
		compressed, err := gzip.NewReader(body)
		if err != nil {
			t.Fatal(err)
		}
		compressed.Multistream(false) // read one member only
		body = compressed
	}
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(resp.Body); len(rest) > 0 || err != nil {
		t.Errorf("%d bytes follow the answer, error %v", len(rest), err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

// handlerLines matches the metrics that only the real handler has.
var handlerLines = regexp.MustCompile(`(?m)^(# (HELP|TYPE) )?promhttp_.*\n`)

// sameAnswer fails the test unless the exporter's answer equals that of promhttp for the same collectors.
func (h *harness) sameAnswer(t *testing.T, promhttpURL, query, accept, encoding string) {
	t.Helper()
	got := ask(t, http.MethodGet, h.Web.URL+query, accept, encoding)
	want := ask(t, http.MethodGet, promhttpURL+query, accept, encoding)
	if got.status != want.status {
		t.Errorf("status %d, want %d", got.status, want.status)
	}
	for _, name := range []string{"Content-Type", "Content-Encoding", "Vary"} {
		if g, w := fmt.Sprint(got.header[name]), fmt.Sprint(want.header[name]); g != w {
			t.Errorf("%s: %s, want %s", name, g, w)
		}
	}
	contentType := want.header.Get("Content-Type")
	switch {
	case strings.Contains(contentType, "encoding=delimited"):
		sameFamilies(t, decodeFamilies(t, got.body), decodeFamilies(t, want.body))
		return
	case strings.Contains(contentType, "encoding=text"):
		sameFamilies(t, parseFamilies(t, got.body, "\n\n"), parseFamilies(t, want.body, "\n\n"))
		return
	case strings.Contains(contentType, "encoding=compact-text"):
		sameFamilies(t, parseFamilies(t, got.body, "\n"), parseFamilies(t, want.body, "\n"))
		return
	}
	text := handlerLines.ReplaceAllString(got.body, "")
	if text != want.body {
		t.Errorf("not equal to promhttp's answer:\n%s", diff(want.body, text))
	}
	if len(want.body) < 1000 && query == "" {
		t.Errorf("almost nothing to compare: %q", want.body)
	}
}

func decodeFamilies(t *testing.T, body string) (families []*dto.MetricFamily) {
	t.Helper()
	r := bufio.NewReader(strings.NewReader(body))
	for {
		f := &dto.MetricFamily{}
		if err := protodelim.UnmarshalFrom(r, f); err == io.EOF {
			return families
		} else if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(f.GetName(), "promhttp_") {
			families = append(families, f)
		}
	}
}

// parseFamilies parses families in the text form of protobuf.
func parseFamilies(t *testing.T, body, separator string) (families []*dto.MetricFamily) {
	t.Helper()
	for text := range strings.SplitSeq(strings.TrimSuffix(body, separator), separator) {
		f := &dto.MetricFamily{}
		if err := prototext.Unmarshal([]byte(text), f); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(f.GetName(), "promhttp_") {
			families = append(families, f)
		}
	}
	return families
}

func sameFamilies(t *testing.T, got, want []*dto.MetricFamily) {
	t.Helper()
	if len(got) != len(want) || len(want) == 0 {
		t.Fatalf("%d families, want %d", len(got), len(want))
	}
	for i := range want {
		if !proto.Equal(got[i], want[i]) {
			t.Errorf("family %d:\n%s\nwant:\n%s", i, got[i], want[i])
		}
	}
}

// promhttpServer serves the exporter's registry with promhttp.
func (h *harness) promhttpServer(t *testing.T) string {
	opts := promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}
	server := httptest.NewServer(promhttp.HandlerFor(h.Registry, opts))
	t.Cleanup(server.Close)
	return server.URL
}

func TestAnswersEqualPromhttp(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock, revoxtest.WithNewerFields())
	sim.New(api).AddCampaign(sim.Campaign{ID: "c", Rows: 50, Start: start.AddDate(0, 0, -2)})
	api.SetRows("hand-counted", "", answertest.Rows(t, "testdata/hand_counted.json"))
	api.SetRows("hostile", "a \"name\"\\ with\nall of it é \x00", []json.RawMessage{
		callRow("r1", "archi\\\"ved\nstatus", endedAttempt("hu\"man", 40)),
		callRow("r2", "completed", endedAttempt("human", 3_000_000)),
	})
	h := newHarness(t, api, clock, func(c *collector.Config) { c.Discovery = everything })
	h.Want(h.Scrape(), `revox_campaign_call_attempt_results_total{campaign_id="hostile",result="other"} 1`)
	standard := h.promhttpServer(t)
	for accepts, accept := range acceptHeaders {
		for _, encoding := range []string{
			"", "gzip", "identity", "gzip;q=0, identity", "br, *", "gzip, deflate, br, zstd", "identity;q=0",
		} {
			t.Run(accepts+", "+encoding, func(t *testing.T) { h.sameAnswer(t, standard, "", accept, encoding) })
		}
		for _, encoding := range []string{"gzip", "identity"} {
			t.Run(accepts+", by name, "+encoding, func(t *testing.T) {
				const names = "?name[]=revox_campaign_rows&name[]=revox_campaign_call_attempt_duration_seconds" +
					"&name[]=revox_discovery_up&name[]=none"
				h.sameAnswer(t, standard, names, accept, encoding)
			})
		}
	}
	t.Run("HEAD", func(t *testing.T) {
		for _, encoding := range []string{"gzip", "identity"} {
			if got := ask(t, http.MethodHead, h.Web.URL, "", encoding); got.status != http.StatusOK || got.body != "" {
				t.Errorf("HEAD, %s: %d, body %q", encoding, got.status, got.body)
			}
		}
	})
}

// Whatever happens between scrapes, kept renderings are never outdated.
func TestAnswersEqualPromhttpOverTime(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock, revoxtest.WithNewerFields())
	ids := []string{"a", "b", "c", "d"}
	results := []string{"human", "voicemail", "news"}
	statuses := []string{"completed", "errored", "calling"}
	for _, id := range ids {
		api.SetRows(id, "Campaign "+id, []json.RawMessage{callRow("r1", "completed", endedAttempt("human", 40))})
	}
	h := newHarness(t, api, clock, only(ids...))
	standard := h.promhttpServer(t)
	remove := func() {}
	for range 30 {
		switch id := ids[random.IntN(len(ids))]; random.IntN(6) {
		case 0:
			remove()
			remove = api.AddFault(revoxtest.Fault{Campaign: id, Behavior: revoxtest.Status(500, nil, "")})
		case 1:
			remove()
			remove = func() {}
		case 2, 3:
			var rows []json.RawMessage
			for i := range random.IntN(12) {
				status := statuses[random.IntN(len(statuses))]
				attempt := endedAttempt(results[random.IntN(len(results))], random.IntN(400))
				rows = append(rows, callRow(fmt.Sprint("r", i), status, attempt))
			}
			api.SetRows(id, "Campaign "+id, rows)
		case 4:
			h.Clock.Advance(time.Duration(random.IntN(20)) * time.Minute) // data may become too old
			h.Settle()
		}
		h.Advance(time.Minute)
		h.sameAnswer(t, standard, "", "text/plain", "gzip")
		h.sameAnswer(t, standard, "", protobufAccept, []string{"gzip", "identity"}[random.IntN(2)])
		if t.Failed() {
			t.FailNow()
		}
	}
}

// Kept renderings disappear when the data is too old, even if the campaign's record does not change.
func TestKeptRenderingsDisappearWhenTooOld(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("c", "", []json.RawMessage{callRow("r1", "completed", endedAttempt("human", 40))})
	h := newHarness(t, api, clock, only("c"))
	standard := h.promhttpServer(t)
	api.AddFault(revoxtest.Fault{Behavior: revoxtest.RateLimited("3600")})
	h.Advance(15 * time.Minute)
	h.Want(h.Scrape(), `revox_campaign_rows{campaign_id="c"} 1`,
		`revox_campaign_scan_failures_total{campaign_id="c",reason="rate_limited"} 1`)
	h.Advance(time.Minute)
	h.WantNone(data(h.Scrape()), `^revox_campaign_`)
	h.sameAnswer(t, standard, "", "text/plain", "gzip")
}

// Scrapes during scans get whole families.
func TestScrapesDuringScans(t *testing.T) {
	h := newFullHarness(t)
	stop := make(chan struct{})
	var scrapers sync.WaitGroup
	for _, accept := range []string{"text/plain", protobufAccept} {
		for _, encoding := range []string{"gzip", "identity"} {
			scrapers.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					got := ask(t, http.MethodGet, h.Web.URL, accept, encoding)
					decoder := expfmt.NewDecoder(strings.NewReader(got.body), expfmt.ResponseFormat(got.header))
					families := 0
					for {
						if err := decoder.Decode(&dto.MetricFamily{}); err == io.EOF {
							break
						} else if err != nil {
							t.Errorf("%s: %v", accept, err)
							return
						}
						families++
					}
					if families < 20 {
						t.Errorf("%d families, want 20 or more", families)
					}
				}
			})
		}
	}
	h.Advance(8 * time.Minute)
	close(stop)
	scrapers.Wait()
}

func TestSecondHandlerWithOneRegistryIsRefused(t *testing.T) {
	h := newFullHarness(t)
	registry := prometheus.NewRegistry()
	if _, err := h.Exporter.MetricsHandler(registry); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Exporter.MetricsHandler(registry); err == nil {
		t.Error("no error for a registry that already has the exporter's metrics")
	}
}
