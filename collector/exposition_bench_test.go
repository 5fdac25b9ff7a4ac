package collector

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// fleet is an exporter of many campaigns that were scanned once.
type fleet struct {
	exporter *Exporter
	random   *rand.Rand
	tallies  map[string]*Tally
}

func newFleet(b *testing.B, campaigns int) *fleet {
	f := &fleet{random: rand.New(rand.NewPCG(1, 2)), tallies: map[string]*Tally{}}
	r := f.random
	var ids []string
	for range campaigns {
		ids = append(ids, fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", r.Uint32(), r.Uint32()>>16, r.Uint32()>>20, r.Uint32()>>20, r.Uint64()>>16))
	}
	var err error
	f.exporter, err = New(Config{Key: revoxapi.StaticKey("key"), Logger: slog.New(slog.DiscardHandler), CampaignIDs: ids,
		Clock: revoxtest.NewClock(start), ScanInterval: time.Minute, MaxAge: 15 * time.Minute})
	if err != nil {
		b.Fatal(err)
	}
	for _, id := range ids {
		t := newTally(f.exporter.labels)
		t.name = "Campaign " + id[:4]
		for _, family := range families {
			for _, value := range family.known {
				if family.kind != histogram {
					t.add(family, value, r.IntN(2000))
					continue
				}
				for range 1 + r.IntN(300) {
					t.observe(family, value, time.Duration(r.ExpFloat64()*float64(time.Minute)))
				}
			}
		}
		f.tallies[id] = t
	}
	f.rescan(0)
	return f
}

// rescan publishes a scan of every campaign. In so many of a hundred a finished call has come.
func (f *fleet) rescan(changedPercent int) {
	now := f.exporter.Clock.Now()
	for id, was := range f.tallies {
		t := newTally(f.exporter.labels) // as a scan does
		t.merge(was)
		if f.random.IntN(100) < changedPercent {
			for _, family := range families {
				value := ""
				if len(family.known) > 0 {
					value = family.known[f.random.IntN(len(family.known))]
				}
				switch {
				case family.kind == histogram:
					t.observe(family, value, time.Duration(f.random.ExpFloat64()*float64(time.Minute)))
				case value != "":
					t.add(family, value, 1)
				}
			}
		}
		f.tallies[id] = t
		began := now.Add(-time.Duration(f.random.IntN(2e9)))
		f.exporter.publish(id, scanTimes{began, began, began}, &scanned{tally: t}, nil)
	}
}

// promhttp returns the yardstick: const metrics, made anew on each scrape.
func (f *fleet) promhttp() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(f.exporter)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

func scrapeRequest(accept string) *http.Request {
	req := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	req.Header.Set("Accept", accept)
	req.Header.Set("Accept-Encoding", "gzip")
	return req
}

// discard is a response that nobody reads.
type discard struct {
	header http.Header
	bytes  int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { d.bytes += len(p); return len(p), nil }
func (d *discard) WriteHeader(int)             {}

// campaignFamilies scrapes and returns the families of campaigns.
func campaignFamilies(t testing.TB, h http.Handler, accept string) map[string]*dto.MetricFamily {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, scrapeRequest(accept))
	plain, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	decoder := expfmt.NewDecoder(plain, expfmt.ResponseFormat(w.Header()))
	found := map[string]*dto.MetricFamily{}
	for {
		var f dto.MetricFamily
		if err := decoder.Decode(&f); err == io.EOF {
			return found
		} else if err != nil {
			t.Fatal(err)
		}
		if bytes.HasPrefix([]byte(f.GetName()), []byte("revox_campaign_")) {
			found[f.GetName()] = &f
		}
	}
}

// seriesIn counts series as Prometheus keeps them.
func seriesIn(found map[string]*dto.MetricFamily) (n int) {
	for _, f := range found {
		for _, m := range f.Metric {
			n++
			if m.Histogram != nil {
				n += len(m.Histogram.Bucket) + 1 // the sum and the count
				if f.GetType() == dto.MetricType_HISTOGRAM && !slices.ContainsFunc(m.Histogram.Bucket, isInf) {
					n++
				}
			}
		}
	}
	return n
}

func isInf(b *dto.Bucket) bool { return b.GetUpperBound() > 1e300 }

// BenchmarkServe compares a scrape of 600 campaigns, which are 120,000 series, with gzip with the yardstick in CPU time: with nothing new, and
// after every campaign was scanned again and some had news. The ratio to the yardstick is of-promhttp.
func BenchmarkServe(b *testing.B) {
	f := newFleet(b, 600)
	yardstick := f.promhttp()
	ours, err := f.exporter.MetricsHandler(prometheus.NewRegistry())
	if err != nil {
		b.Fatal(err)
	}
	for format, accept := range map[string]string{
		"text":     "text/plain",
		"protobuf": "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
	} {
		var standard float64 // CPU seconds of a scrape
		run := func(name string, h http.Handler, before func()) {
			b.Run(format+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				h.ServeHTTP(&discard{header: http.Header{}}, scrapeRequest(accept))
				var took time.Duration
				var size int
				b.ResetTimer()
				for range b.N {
					b.StopTimer()
					before()
					b.StartTimer()
					w, began := &discard{header: http.Header{}}, cpuTime()
					h.ServeHTTP(w, scrapeRequest(accept))
					took += cpuTime() - began
					size = w.bytes
				}
				b.StopTimer()
				each := took.Seconds() / float64(b.N)
				b.ReportMetric(each*1e3, "cpu-ms/op")
				b.ReportMetric(float64(size), "bytes")
				if name == "promhttp" {
					standard = each
				} else if standard > 0 {
					b.ReportMetric(each/standard, "of-promhttp")
				}
				got, want := campaignFamilies(b, h, accept), campaignFamilies(b, yardstick, accept)
				if g, w := slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)); !slices.Equal(g, w) {
					b.Errorf("families %v, want %v", g, w)
				}
				if g, w := seriesIn(got), seriesIn(want); g != w || w < 120_000 {
					b.Errorf("%d series, the yardstick has %d", g, w)
				}
				b.ReportMetric(float64(seriesIn(got)), "series")
			})
		}
		run("promhttp", yardstick, func() {})
		run("unchanged", ours, func() {})
		for _, percent := range []int{0, 10, 100} {
			run(fmt.Sprintf("rescanned, %d%% changed", percent), ours, func() { f.rescan(percent) })
		}
	}
}
