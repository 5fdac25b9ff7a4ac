//go:build unix

package collector

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-kit/log"

	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

var settledRows = flag.Int("settled.rows", 10_000, "rows of the campaigns that BenchmarkRescan scans")

// BenchmarkRescan scans a campaign for the first time and again, with 1 % of its calls active, and reports what the later
// scan costs in percent of the first. The API is a process of its own, so that its share does not count.
func BenchmarkRescan(b *testing.B) {
	for _, kind := range []string{"finished", "1% active, together", "1% active, spread", "1% active, spread, ETags"} {
		b.Run(fmt.Sprintf("%d rows, %s", *settledRows, kind), func(b *testing.B) {
			url := startBenchmarkServer(b, kind, *settledRows)
			for b.Loop() {
				s := newScanBench(b, url)
				first := s.scan()
				s.scan() // brings the ETags
				again := s.scan()
				again.check(b, kind)
				first.check(b, kind)
				b.ReportMetric(first.cpu.Seconds()/float64(*settledRows)*1e6, "first-cpu-µs/row")
				b.ReportMetric(100*again.cpu.Seconds()/first.cpu.Seconds(), "%cpu")
				b.ReportMetric(100*float64(again.requests)/float64(first.requests), "%requests")
				b.ReportMetric(100*float64(again.bytes)/float64(first.bytes), "%bytes")
				b.ReportMetric(float64(again.requests), "requests")
				if peak, ok := peakMemory(); ok {
					b.ReportMetric(peak, "peak-MiB")
				}
			}
		})
	}
}

// scanBench is an exporter that scans when it is told.
type scanBench struct {
	b        *testing.B
	exporter *Exporter
	requests atomic.Int64
	bytes    atomic.Int64
}

func newScanBench(b *testing.B, url string) *scanBench {
	s := &scanBench{b: b}
	key := revoxapi.StaticKey(revoxtest.APIKey)
	client, err := revoxapi.NewClient(key, revoxapi.WithBaseURL(url), revoxapi.WithTrace(revoxapi.Trace{Request: func(r revoxapi.RequestTrace) {
		s.requests.Add(1)
		s.bytes.Add(r.BodyBytes)
	}}))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(client.CloseIdleConnections)
	s.exporter, err = New(Config{
		Client: client, Key: key, Logger: log.NewNopLogger(), Clock: revoxtest.NewClock(benchmarkTime), CampaignIDs: []string{"c"},
		ScanInterval: time.Minute, FullInterval: time.Hour,
	})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// scanCost is what one scan cost and found.
type scanCost struct {
	cpu             time.Duration
	requests, bytes int64
	tally           *Tally
}

func (s *scanBench) scan() scanCost {
	requests, bytes, cpu := s.requests.Load(), s.bytes.Load(), cpuTime(s.b)
	s.exporter.scanCampaign(context.Background(), "c", s.exporter.Clock.Now())
	c := scanCost{cpuTime(s.b) - cpu, s.requests.Load() - requests, s.bytes.Load() - bytes, nil}
	r := s.exporter.store.get("c")
	if r.err != nil {
		s.b.Fatal(r.err)
	}
	c.tally = r.data.tally
	return c
}

// check fails the benchmark unless the scan found every row and every active call.
func (c *scanCost) check(b *testing.B, kind string) {
	active, rows := uint64(0), uint64(*settledRows)
	if kind != "finished" {
		active = rows / 100
	}
	calls := c.tally.counts[familyCalls.index]
	finished := calls["completed"] + calls["cancelled"] + calls["errored"]
	uncalled := c.tally.counts[familyRowsWithoutCall.index][""]
	pending := calls["initializing"] + calls["queued_for_calling"] + calls["scheduled"]
	if c.tally.rows() != rows || pending != active || finished+uncalled != rows-active || finished < rows*9/10 {
		b.Fatalf("%d rows, %d calls pending, %d finished, %d rows without; want %d rows, %d pending, and the rest finished or without",
			c.tally.rows(), pending, finished, uncalled, rows, active)
	}
}

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// peakMemory returns the most memory that the process ever had, in MiB, where the system tells.
func peakMemory() (mib float64, ok bool) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, false
	}
	_, after, ok := strings.Cut(string(status), "VmHWM:")
	if !ok {
		return 0, false
	}
	kib, err := strconv.Atoi(strings.Fields(after)[0])
	return float64(kib) / 1024, err == nil
}
