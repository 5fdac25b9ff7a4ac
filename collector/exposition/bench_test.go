package exposition

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/collector/scan"
	"github.com/revox-exporter/revox_exporter/collector/store"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// fleet is a store with many campaigns, each scanned once.
type fleet struct {
	store   *store.Store
	clock   *revoxtest.Clock
	random  *rand.Rand
	labels  *labelvalue.Labels
	tallies map[string]*tally.Tally
}

func newFleet(campaigns int) *fleet {
	f := &fleet{
		store:   store.New(nil, store.Ages{MaxAge: 15 * time.Minute, ScanInterval: time.Minute}),
		clock:   revoxtest.NewClock(start),
		random:  rand.New(rand.NewPCG(1, 2)),
		labels:  labelvalue.New(slog.New(slog.DiscardHandler)),
		tallies: map[string]*tally.Tally{},
	}
	r := f.random
	for range campaigns {
		id := fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x",
			r.Uint32(), r.Uint32()>>16, r.Uint32()>>20, r.Uint32()>>20, r.Uint64()>>16)
		t := tally.New(f.labels)
		t.Name = "Campaign " + id[:4]
		for _, family := range tally.Families() {
			if family.Kind != tally.Histogram {
				for _, value := range family.Known {
					t.Add(family, value, r.IntN(2000))
				}
			}
		}
		for range 300 {
			t.CountRow(f.row())
		}
		f.tallies[id] = t
	}
	f.store.SelectOnly(slices.Sorted(maps.Keys(f.tallies)), nil, nil, f.clock.Now())
	f.rescan(0)
	return f
}

// row returns a row with a random finished call.
func (f *fleet) row() tally.Row {
	results := revoxapi.Values[revoxapi.AttemptResult]()
	call := &tally.Call{Status: "completed"}
	call.CreatedAt.Time = start
	for range 1 + f.random.IntN(2) {
		random := func() time.Duration { return time.Duration(f.random.ExpFloat64() * float64(time.Minute)) }
		a := tally.Attempt{Status: "completed", Result: tally.MakeValue(string(results[f.random.IntN(len(results))]))}
		a.StartedAt.Time = start.Add(random())
		a.AnsweredAt.Time = a.StartedAt.Time.Add(random())
		a.EndedAt.Time = a.AnsweredAt.Time.Add(random())
		call.Attempts = append(call.Attempts, a)
	}
	return tally.Row{ID: "r", Call: call}
}

// rescan publishes a scan of every campaign. In changedPercent of them there is one more finished call.
func (f *fleet) rescan(changedPercent int) {
	now := f.clock.Now()
	for id, was := range f.tallies {
		t := tally.New(f.labels) // as a scan does
		t.Merge(was)
		if f.random.IntN(100) < changedPercent {
			t.CountRow(f.row())
		}
		f.tallies[id] = t
		began := now.Add(-time.Duration(f.random.IntN(2e9)))
		f.store.Publish(id, store.Outcome{
			Found: &scan.Result{Tally: t}, Due: began, Asked: began, Start: began, End: now,
		})
	}
}

// promhttp returns the baseline: client_golang's handler for the same store.
func (f *fleet) promhttp() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(reference{f.store, f.clock})
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
}

func scrapeRequest(accept string) *http.Request {
	req := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	req.Header.Set("Accept", accept)
	req.Header.Set("Accept-Encoding", "gzip")
	return req
}

// discard is a response that only counts its bytes.
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
	header, text := scrape(t, h, accept)
	decoder := expfmt.NewDecoder(strings.NewReader(text), expfmt.ResponseFormat(header))
	found := map[string]*dto.MetricFamily{}
	for {
		var f dto.MetricFamily
		if err := decoder.Decode(&f); err == io.EOF {
			return found
		} else if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(f.GetName(), "revox_campaign_") {
			found[f.GetName()] = &f
		}
	}
}

// seriesIn counts series the way Prometheus stores them.
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

// BenchmarkServe compares the CPU time of a compressed scrape of 600 campaigns (120,000 series) with the baseline: when
// nothing changed, and after a scan of every campaign that found another call. of-promhttp is the ratio to the baseline.
func BenchmarkServe(b *testing.B) {
	f := newFleet(600)
	baseline := f.promhttp()
	ours, err := NewHandler(f.store, f.clock, prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
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
				got, want := campaignFamilies(b, h, accept), campaignFamilies(b, baseline, accept)
				if g, w := slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)); !slices.Equal(g, w) {
					b.Errorf("families %v, want %v", g, w)
				}
				if g, w := seriesIn(got), seriesIn(want); g != w || w < 120_000 {
					b.Errorf("%d series, want %d as in the baseline, and 120,000 or more", g, w)
				}
				b.ReportMetric(float64(seriesIn(got)), "series")
			})
		}
		run("promhttp", baseline, func() {})
		run("unchanged", ours, func() {})
		run("changed", ours, func() { f.rescan(100) })
	}
}

// cpuTime returns the CPU time that the process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
