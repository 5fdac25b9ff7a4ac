package collector

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/collector/rows"
	"github.com/revox-exporter/revox_exporter/collector/scan"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

var weekRowsFlag = flag.Int("week.rows", 2000, "rows of the campaign of BenchmarkWeek")

// weekMonday is a Monday. The campaign's first calls are made at 10:00.
var weekMonday = time.Date(2024, 5, 6, 0, 0, 0, 0, time.UTC)

// weekMoments are when the campaign is looked at, as hours after Monday 0:00.
var weekMoments = []struct {
	name  string
	hours float64
}{
	{"Monday, before the first call", 9.5},
	{"Monday, after the first calls", 10.25},
	{"Monday noon", 12},
	{"Monday afternoon", 15},
	{"Monday, the last calls", 17.75},
	{"Monday night", 23},
	{"Tuesday, after the first calls", 24 + 10.25},
	{"Tuesday afternoon", 24 + 15},
	{"Tuesday night", 24 + 23},
	{"Wednesday noon", 48 + 12},
	{"Thursday noon", 72 + 12},
	{"Friday noon", 96 + 12},
	{"Saturday noon", 120 + 12},
	{"Saturday night", 120 + 23},
	{"Sunday afternoon", 144 + 15},
	{"after all calls were cancelled", 144 + 17},
}

// BenchmarkWeek scans a campaign each minute around some moments of a week, and prints a table of what that costs
// compared with full scans. The campaign is called in the order of its list, retried after two hours, and one of twenty
// contacts never answers. The API runs in another process, so that nothing else is measured. The counts of each last scan
// must equal those of a full one.
//
//	go test -run '^$' -bench Week -benchtime 1x -timeout 1h ./collector -args -week.rows 20000
func BenchmarkWeek(b *testing.B) {
	for _, overnight := range []bool{true, false} {
		name := "queued overnight"
		if !overnight {
			name = "scheduled overnight"
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				runWeek(b, growthProcess{WeekRows: *weekRowsFlag, QueueOvernight: overnight})
			}
		})
	}
}

// weekScans is how many scans, each a minute after the one before, are measured at each moment.
const weekScans = 5

func runWeek(b *testing.B, p growthProcess) {
	var served growthServed
	defer startGrowth(b, p, &served)()
	w := newWeek(b, served.URL)
	fmt.Printf("\n%s: scheduled rows are those that were attempted\n| moment | calling | scheduled | finished "+
		"| requests | of a full scan's | bytes | CPU | full scans |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n", b.Name())
	var requests, bytes float64 // the highest share
	for _, moment := range weekMoments {
		at := weekMonday.Add(time.Duration(moment.hours * float64(time.Hour)))
		w.setTime(at.Add(-time.Minute))
		w.scan(w.later, at.Add(-time.Minute)) // it is full, because the one before is long ago
		var later weekCost
		for i := range weekScans {
			at := at.Add(time.Duration(i) * time.Minute)
			w.setTime(at)
			later.add(w.scan(w.later, at))
		}
		at = at.Add((weekScans - 1) * time.Minute)
		full := w.scan(w.full, at)
		w.compare(moment.name)
		share := func(part, whole int64) float64 { return float64(part) / weekScans / float64(whole) }
		requests = max(requests, share(later.Requests, full.Requests))
		bytes = max(bytes, share(later.Bytes, full.Bytes))
		calls := byValue(w.full.last.Tally, tally.Calls)
		fmt.Printf("| %s | %d | %d | %d | %.1f | %.0f %% | %.1f %% | %.1f %% | %s |\n", moment.name,
			calls["calling"], calls["scheduled"], calls["completed"]+calls["cancelled"]+calls["errored"],
			float64(later.Requests)/weekScans, 100*share(later.Requests, full.Requests),
			100*share(later.Bytes, full.Bytes), 100*share(int64(later.CPU), int64(full.CPU)),
			fmt.Sprintf("%d of %d", later.Full, weekScans))
	}
	b.ReportMetric(100*requests, "%requests-at-most")
	b.ReportMetric(100*bytes, "%bytes-at-most")
}

// BenchmarkWithoutPages scans a campaign on a server that sends all rows in one answer, and reports the peak memory so far
// of the process, which must hardly depend on the number of rows.
//
//	go test -run '^$' -bench WithoutPages -benchtime 1x ./collector -args -week.rows 30000
func BenchmarkWithoutPages(b *testing.B) {
	for _, rows := range []int{*weekRowsFlag / 10, *weekRowsFlag} {
		b.Run(fmt.Sprintf("%d rows", rows), func(b *testing.B) {
			var served growthServed
			defer startGrowth(b, growthProcess{WeekRows: rows, WithoutPages: true}, &served)()
			w := newWeek(b, served.URL)
			at := weekMonday.Add(35 * time.Hour)
			w.setTime(at)
			var cost weekCost
			for b.Loop() {
				cost = w.scan(w.later, at)
			}
			b.ReportMetric(float64(cost.Bytes)/1e6, "MB")
			b.ReportMetric(float64(cost.Requests), "requests")
			b.ReportMetric(memory("VmHWM:"), "peak-MiB")
		})
	}
}

// week is the two ways to scan, and the API.
type week struct {
	b               *testing.B
	url             string
	later, full     *weekScanner
	requests, bytes atomic.Int64
}

// weekScanner scans the campaign, with its last result.
type weekScanner struct {
	scanner scan.Scanner
	last    *scan.Result
}

// weekCost is what scans cost.
type weekCost struct {
	Requests, Bytes int64
	CPU             time.Duration
	Full            int // scans that read every row
}

func (c *weekCost) add(o weekCost) {
	c.Requests, c.Bytes, c.CPU, c.Full = c.Requests+o.Requests, c.Bytes+o.Bytes, c.CPU+o.CPU, c.Full+o.Full
}

func newWeek(b *testing.B, url string) *week {
	w := &week{b: b, url: url}
	client, err := revoxapi.NewClient(revoxapi.StaticKey(revoxtest.APIKey), revoxapi.WithBaseURL(url+"/api"),
		revoxapi.WithTrace(revoxapi.Trace{Request: func(r revoxapi.RequestTrace) {
			w.requests.Add(1)
			w.bytes.Add(r.BodyBytes)
		}}))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(client.CloseIdleConnections)
	scanner := func(interval time.Duration) *weekScanner {
		return &weekScanner{scanner: scan.Scanner{Client: client, Labels: labelvalue.New(slog.New(slog.DiscardHandler)),
			RowTable: rows.NewTable(), FullInterval: interval}}
	}
	w.later, w.full = scanner(time.Hour), scanner(0)
	return w
}

func (w *week) setTime(at time.Time) {
	resp, err := http.Post(fmt.Sprintf("%s/clock?seconds=%d", w.url, at.Unix()), "", nil)
	if err != nil {
		w.b.Fatal(err)
	}
	_ = resp.Body.Close()
}

func (w *week) scan(s *weekScanner, at time.Time) weekCost {
	requests, bytes, cpu := w.requests.Load(), w.bytes.Load(), cpuTime()
	found, err := s.scanner.Scan(context.Background(), "week", at, s.last, nil, nil)
	if err != nil {
		w.b.Fatal(err)
	}
	cost := weekCost{Requests: w.requests.Load() - requests, Bytes: w.bytes.Load() - bytes, CPU: cpuTime() - cpu}
	if found.Full {
		cost.Full = 1
	}
	s.last = found
	return cost
}

// compare fails if the last later scan counted something else than the last full one.
func (w *week) compare(moment string) {
	later, full := w.later.last.Tally, w.full.last.Tally
	for _, f := range []*tally.Family{tally.Rows, tally.RowsWithoutCall, tally.Calls, tally.CallAttempts} {
		if later, full := byValue(later, f), byValue(full, f); !maps.Equal(later, full) {
			w.b.Errorf("%s: %s is %v, want %v", moment, f.Name, later, full)
		}
	}
}

// serveWeek runs a server process, which ends when its standard input does.
func serveWeek(p growthProcess) error {
	clock := revoxtest.NewClock(weekMonday)
	options := []revoxtest.Option{revoxtest.WithNow(clock.Now), revoxtest.WithRequestLog(0)}
	if p.WithoutPages {
		options = append(options, revoxtest.WithRowsOnly(), revoxtest.WithoutGzip())
	}
	api := revoxtest.NewServer(options...)
	defer api.Close()
	sim.New(api).AddCampaign(sim.Campaign{
		ID: "week", Rows: p.WeekRows, Start: weekMonday.Add(9 * time.Hour), MaxRetryAttempts: 100, HumanShare: 0.5,
		NeverAnswerShare: 0.05, Outcomes: true, QueueOvernight: p.QueueOvernight,
	})
	mux := http.NewServeMux()
	mux.Handle("/api/", api.Handler())
	mux.HandleFunc("POST /clock", func(_ http.ResponseWriter, r *http.Request) {
		seconds, _ := strconv.ParseInt(r.URL.Query().Get("seconds"), 10, 64)
		at := time.Unix(seconds, 0)
		if at.Sub(weekMonday) > 160*time.Hour {
			api.Cancel("week")
		}
		clock.Advance(at.Sub(clock.Now()))
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(growthServed{URL: "http://" + listener.Addr().String()}); err != nil {
		return err
	}
	go func() { panic(http.Serve(listener, mux)) }() // runs until the process ends
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}
