package collector

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"hash/crc32"
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
	"google.golang.org/protobuf/proto"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// What scrapers ask for.
var acceptHeaders = map[string]string{
	"nothing":             "",
	"text":                "text/plain;version=0.0.4",
	"OpenMetrics":         "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
	"OpenMetrics alone":   "application/openmetrics-text; version=1.0.0",
	"protobuf":            protobufAccept,
	"protobuf, as if new": "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;escaping=allow-utf-8;q=0.3",
	"protobuf as text":    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text",
	"dots escaped":        "text/plain;version=0.0.4;escaping=dots",
	"a browser":           "text/html,application/xhtml+xml,*/*;q=0.8",
}

const protobufAccept = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"

// answer is an answer to a scrape, uncompressed.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask scrapes a server. The transport does not touch the encoding.
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
		compressed.Multistream(false) // one member alone
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

// handlerLines are of the metrics that only the real handler has.
var handlerLines = regexp.MustCompile(`(?m)^(# (HELP|TYPE) )?promhttp_.*\n`)

// sameAnswer fails the test unless the exporter serves what promhttp serves of the same collectors.
func (h *harness) sameAnswer(t *testing.T, promhttpURL, query, accept, encoding string) {
	t.Helper()
	got, want := ask(t, http.MethodGet, h.web.URL+query, accept, encoding), ask(t, http.MethodGet, promhttpURL+query, accept, encoding)
	if got.status != want.status {
		t.Errorf("status %d, want %d", got.status, want.status)
	}
	for _, name := range []string{"Content-Type", "Content-Encoding", "Vary"} {
		if g, w := fmt.Sprint(got.header[name]), fmt.Sprint(want.header[name]); g != w {
			t.Errorf("%s: %s, want %s", name, g, w)
		}
	}
	if strings.Contains(want.header.Get("Content-Type"), "encoding=delimited") {
		sameFamilies(t, decodeFamilies(t, got.body), decodeFamilies(t, want.body))
		return
	}
	if g, w := handlerLines.ReplaceAllString(got.body, ""), want.body; g != w && !strings.Contains(want.header.Get("Content-Type"), "encoding=text") {
		t.Errorf("not what promhttp serves:\n%s", diff(w, g))
	}
	if len(want.body) < 1000 && query == "" {
		t.Errorf("there is next to nothing to compare: %q", want.body)
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

// promhttpServer serves what the exporter collects in the usual way.
func (h *harness) promhttpServer(t *testing.T) string {
	server := httptest.NewServer(promhttp.HandlerFor(h.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestServesWhatPromhttpWould(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock, revoxtest.WithNewerFields())
	api.AddCampaign(revoxtest.Campaign{ID: "c", Rows: 50, Start: start.AddDate(0, 0, -2)})
	api.SetRows("hand-counted", "", readRows(t, "testdata/hand_counted.json"))
	api.SetRows("hostile", "a \"name\"\\ with\nall of it é \x00", []json.RawMessage{
		callRow("r1", "archi\\\"ved\nstatus", endedAttempt("hu\"man", 40)), callRow("r2", "completed", endedAttempt("human", 3_000_000)),
	})
	h := newHarness(t, api, clock, func(c *Config) { c.Discovery = everything })
	h.sleepers += 3
	h.settle()
	h.want(h.scrape(), `revox_campaign_call_attempt_results_total{campaign_id="hostile",result="hu\"man"} 1`)
	standard := h.promhttpServer(t)
	for accepts, accept := range acceptHeaders {
		for _, encoding := range []string{"", "gzip", "identity", "gzip;q=0, identity", "br, *", "gzip, deflate, br, zstd", "identity;q=0"} {
			t.Run(accepts+", "+encoding, func(t *testing.T) { h.sameAnswer(t, standard, "", accept, encoding) })
		}
		t.Run(accepts+", by name", func(t *testing.T) {
			h.sameAnswer(t, standard, "?name[]=revox_campaign_rows&name[]=revox_campaign_up", accept, "gzip")
		})
	}
	t.Run("HEAD", func(t *testing.T) {
		for _, encoding := range []string{"gzip", "identity"} {
			if got := ask(t, http.MethodHead, h.web.URL, "", encoding); got.status != http.StatusOK || got.body != "" {
				t.Errorf("HEAD, %s: %d, body %q", encoding, got.status, got.body)
			}
		}
	})
}

// Whatever happens between scrapes, what was kept is right.
func TestServesWhatPromhttpWouldOverTime(t *testing.T) {
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
				rows = append(rows, callRow(fmt.Sprint("r", i), statuses[random.IntN(len(statuses))], endedAttempt(results[random.IntN(len(results))], random.IntN(400))))
			}
			api.SetRows(id, "Campaign "+id, rows)
		case 4:
			h.clock.Advance(time.Duration(random.IntN(20)) * time.Minute) // data grows old
			h.settle()
		}
		h.advance(time.Minute)
		h.sameAnswer(t, standard, "", "text/plain", "gzip")
		h.sameAnswer(t, standard, "", protobufAccept, []string{"gzip", "identity"}[random.IntN(2)])
		if t.Failed() {
			t.FailNow()
		}
	}
}

// Data grows too old also while nothing is heard of its campaign.
func TestWhatIsKeptGrowsOld(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("c", "", []json.RawMessage{callRow("r1", "completed", endedAttempt("human", 40))})
	h := newHarness(t, api, clock, only("c"))
	standard := h.promhttpServer(t)
	api.AddFault(revoxtest.Fault{Behavior: revoxtest.RateLimited("3600")})
	h.advance(15 * time.Minute)
	h.want(h.scrape(), `revox_campaign_rows{campaign_id="c"} 1`, `revox_campaign_scan_failures_total{campaign_id="c",reason="rate_limited"} 1`)
	h.advance(time.Minute)
	h.wantNone(data(h.scrape()), `^revox_campaign_`)
	h.sameAnswer(t, standard, "", "text/plain", "gzip")
}

// newExposition returns the handler that the harness's exporter has, with nothing in front of it.
func (h *harness) newExposition(t *testing.T) *exposition {
	t.Helper()
	x, err := h.exporter.newExposition(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func (x *exposition) serve(accept string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	x.ServeHTTP(w, scrapeRequest(accept))
	return w
}

func (x *exposition) renderings() uint64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.rendered
}

func TestOnlyWhatChangedIsRenderedAgain(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	row := callRow("r1", "completed", endedAttempt("human", 40))
	api.SetRows("c", "", []json.RawMessage{row})
	api.SetRows("d", "", []json.RawMessage{row})
	h := newHarness(t, api, clock, only("c", "d"))
	x := h.newExposition(t)
	rendered := func() (n uint64) {
		before := x.renderings()
		x.serve("text/plain")
		return x.renderings() - before
	}
	families := len(x.serve("text/plain").Body.Bytes()) // the first renders all
	if n := x.renderings(); n < 20 || families == 0 {
		t.Fatalf("%d families", n)
	}
	all := x.renderings()
	if n := rendered(); n != 0 {
		t.Errorf("%d families rendered without a scan", n)
	}
	h.advance(time.Minute)
	if n := rendered(); n != 1 {
		t.Errorf("%d families rendered after a scan that found nothing new, want 1: the time of the newest success", n)
	}
	api.SetRows("d", "", []json.RawMessage{row, callRow("r2", "initializing")})
	h.advance(time.Minute)
	if n := rendered(); n != 3 {
		t.Errorf("%d families rendered for one more row, want 3: that time, rows and calls", n)
	}
	x.serve(protobufAccept)
	if n := rendered(); n != 0 {
		t.Errorf("%d families rendered as text after they were as protobuf", n)
	}
	if n := x.renderings(); n != 2*all+1+3 {
		t.Errorf("%d families rendered in all, want each once as text and as protobuf, and 4", n)
	}
}

// However many scrapes there are at once, each changed family is rendered once, in each format.
func TestScrapesAtOnceShareARendering(t *testing.T) {
	h := newFullHarness(t)
	x := h.newExposition(t)
	x.serve("text/plain")
	all := x.renderings()
	x = h.newExposition(t)
	const scrapes = 40
	bodies := make([]string, scrapes)
	begin := make(chan struct{})
	var done sync.WaitGroup
	for i := range scrapes {
		done.Go(func() {
			<-begin
			bodies[i] = x.serve("text/plain").Body.String()
		})
	}
	close(begin)
	done.Wait()
	if n := x.renderings(); n != all {
		t.Errorf("%d families rendered for %d scrapes at once, want %d: each once", n, scrapes, all)
	}
	for i := range bodies {
		if bodies[i] == "" {
			t.Errorf("scrape %d had no answer", i)
		}
	}
}

// Scrapes and scans go on at once, and each scrape sees whole families.
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
					got := ask(t, http.MethodGet, h.web.URL, accept, encoding)
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
						t.Errorf("%d families", families)
					}
				}
			})
		}
	}
	h.advance(8 * time.Minute)
	close(stop)
	scrapers.Wait()
}

// A scan that holds what a scan can hold does not hold up a scrape.
func TestScrapeNeedsNoLockOfScans(t *testing.T) {
	h := newFullHarness(t)
	e := h.exporter
	e.store.mu.Lock()
	e.labels.mu.Lock()
	e.refused.mu.Lock()
	answered := make(chan string, 1)
	go func() {
		answered <- ask(t, http.MethodGet, h.web.URL, "", "gzip").body
	}()
	var body string
	select {
	case body = <-answered:
	case <-time.After(patience):
		t.Error("no answer")
	}
	e.refused.mu.Unlock()
	e.labels.mu.Unlock()
	e.store.mu.Unlock()
	h.want(body, `revox_campaign_up{campaign_id="c"} 1`)
}

func TestWhatIsBrokenIsLeftOutAndCounted(t *testing.T) {
	h := newFullHarness(t)
	e := h.exporter
	e.store.update("hand-counted", func(r *record) {
		tally := newTally(e.labels)
		tally.add(familyCalls, "bad\xff", 7) // no valid UTF-8
		r.data = r.data.next(tally, start, 0)
	})
	standard := h.promhttpServer(t)
	h.sameAnswer(t, standard, "", "", "gzip")
	h.sameAnswer(t, standard, "", "", "identity")
	h.sameAnswer(t, standard, "", protobufAccept, "gzip")
	scrape := h.scrape()
	h.want(scrape,
		`promhttp_metric_handler_errors_total{cause="gathering"} 3`, // each scrape before this one
		`promhttp_metric_handler_errors_total{cause="encoding"} 0`,
		`promhttp_metric_handler_requests_total{code="200"} 3`,
		`promhttp_metric_handler_requests_in_flight 1`,
		`revox_campaign_calls{campaign_id="hand-counted",status="completed"} 0`)
	h.wantNone(scrape, `status="bad`)

	// A campaign that cannot be collected at all.
	e.store.update("hand-counted", func(r *record) { r.data = &published{at: h.clock.Now()} })
	scrape = h.scrape()
	h.want(scrape, `promhttp_metric_handler_errors_total{cause="gathering"} 4`, `revox_campaign_up{campaign_id="c"} 1`)
	h.wantNone(scrape, `campaign_id="hand-counted"`)
	if logs := h.logs.String(); !strings.Contains(logs, "campaign hand-counted cannot be shown: panic") || !strings.Contains(logs, "is not valid UTF-8") {
		t.Errorf("the log does not say what is broken:\n%s", logs)
	}
}

// What a registry would refuse is refused.
func TestSeriesAreChecked(t *testing.T) {
	h := newFullHarness(t)
	r := h.exporter.store.get("c")
	families := metricFamilies{}
	b := &seriesBuilder{families: families, made: &campaignSeries{record: r}}
	send(b, descUp, prometheus.GaugeValue, 1, "c")
	send(b, descUp, prometheus.GaugeValue, 0, "c")
	send(b, descStatus, prometheus.GaugeValue, 1, "c", "running")
	send(b, descStatus, prometheus.GaugeValue, 1, "c", "draft")
	send(b, descStatus, prometheus.GaugeValue, 2, "c", "running")
	send(b, descStatus, prometheus.GaugeValue, 1, "c")
	send(b, descStatus, prometheus.CounterValue, 1, "c", "paused")
	send(b, descScanDuration, prometheus.GaugeValue, 1, "another")
	send(b, prometheus.NewDesc("revox_campaign_odd", "Odd.", []string{"a_label", campaignLabel}, nil), prometheus.GaugeValue, 1, "x", "c")
	b.finish()
	var errs []string
	for _, err := range b.made.errs {
		errs = append(errs, err.Error())
	}
	all := strings.Join(errs, "\n")
	for _, want := range []string{
		"campaign c: metric revox_campaign_up was collected before with the same labels",
		"campaign c: metric revox_campaign_status was collected before with the same labels",
		"campaign c: metric revox_campaign_status has 2 labels, not 1",
		"campaign c: metric revox_campaign_status is a GAUGE, not a COUNTER",
		"campaign c: metric revox_campaign_scan_duration_seconds has the ID of another campaign",
		"campaign c: metric revox_campaign_odd: its labels must be campaign_id and such as sort after it, in order",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no error %q in:\n%s", want, all)
		}
	}
	if len(errs) != 6 {
		t.Errorf("%d errors, want 6:\n%s", len(errs), all)
	}
	if up := b.made.of(families[descUp]); len(up) != 1 || up[0].value != 1 {
		t.Errorf("revox_campaign_up: %v, want the first", up)
	}
	status := b.made.of(families[descStatus])
	if len(status) != 2 || status[0].labels[0] != "draft" || status[1].labels[0] != "running" || status[1].value != 1 {
		t.Errorf("revox_campaign_status: %v, want draft and running, once each", status)
	}
}

func TestExporterBesideItselfIsRefused(t *testing.T) {
	h := newFullHarness(t)
	registry := prometheus.NewRegistry()
	registry.MustRegister(h.exporter)
	if _, err := h.exporter.MetricsHandler(registry); err == nil {
		t.Error("no error for a registry that has the exporter: each family would be served twice")
	}
}

func FuzzCombineCRC(f *testing.F) {
	f.Add([]byte{}, []byte{})
	f.Add([]byte("metrics"), []byte{})
	f.Add([]byte{0}, []byte("\x00\x00 and more"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		got := combineCRC(crc32.ChecksumIEEE(a), crc32.ChecksumIEEE(b), len(b))
		if want := crc32.ChecksumIEEE(append(a[:len(a):len(a)], b...)); got != want {
			t.Errorf("%08x, want %08x", got, want)
		}
	})
}
