//go:build !race

// Package soak simulates a long time in which campaigns are added, called, completed and removed. It tests that the
// exporter's series, memory, goroutines and file descriptors are bounded by the campaigns that exist. It is excluded from
// the race detector, which would make it slow.
package soak

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/collector/campaigns"
	"github.com/revox-exporter/revox_exporter/internal/exportertest"
	"github.com/revox-exporter/revox_exporter/internal/logging"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

var days = flag.Int("days", 30, "simulated days")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	// interval is between scans and between readings of the list of campaigns.
	interval = 6 * time.Hour
	// newcomers are the campaigns that are added in each interval.
	newcomers = 5
	// bytesOfACampaign and seriesOfACampaign are more than a campaign needs; series are counted as they are served.
	bytesOfACampaign  = 100 << 10
	seriesOfACampaign = 250
	// forgetting is how long the exporter remembers the counters of a campaign that was removed.
	forgetting = 49 * time.Hour
)

// fleet is the campaigns and the exporter that reads them.
type fleet struct {
	*exportertest.Harness
	t      *testing.T
	random *rand.Rand
	logs   lineCounter

	there []campaign
	came  int
}

type campaign struct {
	id   string
	rows int
	ends time.Time // when it is completed
	goes time.Time // when the API no longer knows it
}

func TestRemovedCampaignsLeaveNothingBehind(t *testing.T) {
	f := newFleet(t)
	begin := f.measure("before any campaign")
	most := 0
	for day := range *days {
		for range int(24 * time.Hour / interval) {
			f.live()
			most = max(most, len(f.there))
		}
		if day%10 != 9 {
			continue
		}
		now := f.measure(fmt.Sprintf("day %d, %d of %d campaigns exist", day+1, len(f.there), f.came))
		// Campaigns whose counters are still remembered need memory too.
		remembered := len(f.there) + int(forgetting/interval+1)*newcomers
		if limit := begin.heap + uint64(remembered)*bytesOfACampaign; now.heap > limit {
			t.Errorf("day %d: %d KiB of heap, want at most %d", day+1, now.heap>>10, limit>>10)
		}
		if limit := begin.series + len(f.there)*seriesOfACampaign; now.series > limit {
			t.Errorf("day %d: %d series, want at most %d", day+1, now.series, limit)
		}
		if limit := begin.goroutines + 2*len(f.there) + 40; now.goroutines > limit {
			t.Errorf("day %d: %d goroutines, want at most %d", day+1, now.goroutines, limit)
		}
		if limit := begin.descriptors + 30; now.descriptors > limit {
			t.Errorf("day %d: %d file descriptors, want at most %d", day+1, now.descriptors, limit)
		}
	}
	if f.came < *days*10 || most > 40*newcomers {
		t.Fatalf("%d campaigns were added, at most %d existed at once: that proves nothing", f.came, most)
	}
	if lines := f.logs.count(); lines > 6*f.came {
		t.Errorf("%d lines were logged about %d campaigns", lines, f.came)
	}

	for _, c := range f.there {
		f.API.Remove(c.id)
	}
	f.there = nil
	for range forgetting/interval + 2 {
		f.pass()
	}
	end := f.measure("after the last campaign")
	if scrape := f.Scrape(); strings.Contains(scrape, "campaign_id=") {
		t.Errorf("campaigns are still shown:\n%s", scrape)
	}
	// Unknown label values stay, at most 20 for each label.
	if end.series > begin.series+40 {
		t.Errorf("%d series are left, before there were %d", end.series, begin.series)
	}
	if end.heap > begin.heap+3<<20 {
		t.Errorf("%d KiB of heap are left, before there were %d", end.heap>>10, begin.heap>>10)
	}
	if end.goroutines > begin.goroutines+20 || end.descriptors > begin.descriptors+20 {
		t.Errorf("left are %+v, before there were %+v", end, begin)
	}
}

func newFleet(t *testing.T) *fleet {
	f := &fleet{t: t, random: rand.New(rand.NewPCG(1, 2))}
	clock := revoxtest.NewClock(exportertest.Start)
	api := exportertest.NewAPI(t, clock, revoxtest.WithRequestLog(0))
	f.Harness = exportertest.Prepare(t, api, clock, func(c *collector.Config) {
		c.Logger = logging.New(&f.logs, "info", "logfmt")
		c.Discovery = &campaigns.Discovery{
			Interval: interval, Statuses: []string{"running", "paused", "completed"}, CompletedFor: 24 * time.Hour,
		}
		c.ScanInterval = interval
	})
	f.Patience = time.Minute
	f.Run()
	f.Settle()
	return f
}

// live adds, changes, completes and removes campaigns, and then lets an interval pass.
func (f *fleet) live() {
	now := f.Clock.Now()
	for range newcomers {
		f.came++
		f.there = append(f.there, campaign{
			id:   fmt.Sprintf("campaign-%d", f.came),
			ends: now.Add(time.Duration(1+f.random.IntN(36)) * time.Hour),
			goes: now.Add(time.Duration(f.random.IntN(72)) * time.Hour),
		})
	}
	var stay []campaign
	for _, c := range f.there {
		if now.After(c.goes) {
			f.API.Remove(c.id)
			continue
		}
		if now.Before(c.ends) {
			c.rows += 1 + f.random.IntN(5)
			f.API.SetRows(c.id, "Campaign "+c.id, f.rows(c))
		} else if now.Sub(c.ends) < interval {
			f.API.Complete(c.id)
		}
		stay = append(stay, c)
	}
	f.there = stay
	// The API fails now and then.
	if f.random.IntN(4) == 0 {
		faults := []revoxtest.Behavior{
			revoxtest.Status(500, nil, ""), revoxtest.Status(401, nil, ""), revoxtest.CutJSON(), revoxtest.Reset(),
			revoxtest.RateLimited("3600"), revoxtest.Body("text/html", "<html>"), revoxtest.InvalidUTF8(),
		}
		fault := revoxtest.Fault{Times: 1 + f.random.IntN(20), Behavior: faults[f.random.IntN(len(faults))]}
		defer f.API.AddFault(fault)()
	}
	f.pass()
}

// pass lets an interval pass.
func (f *fleet) pass() {
	f.Clock.Advance(interval)
	f.Settle()
}

func (f *fleet) rows(c campaign) []json.RawMessage {
	rows := make([]json.RawMessage, c.rows)
	for i := range rows {
		ended := c.goes.Add(time.Duration(i) * time.Second)
		at := func(before time.Duration) string { return ended.Add(-before).Format(time.RFC3339) }
		rows[i] = json.RawMessage(fmt.Sprintf(`{"id":"%s-%d","phone_number":"+33612345678",
			"call":{"status":"completed","created_at":%q,"call_attempts":[{"status":"completed","result":%q,
			"end_reason":"reason-%d","started_at":%q,"answered_at":%q,"ended_at":%q}]}}`, c.id, i,
			at(time.Hour), []string{"human", "voicemail", "IVR"}[i%3], f.random.IntN(1000),
			at(time.Minute), at(50*time.Second), at(0)))
	}
	return rows
}

// footprint is what the exporter uses, together with the API and the test in the same process.
type footprint struct {
	series, goroutines, descriptors int
	heap                            uint64
}

func (f *fleet) measure(when string) footprint {
	f.t.Helper()
	series := 0
	for line := range strings.Lines(f.Scrape()) {
		if !strings.HasPrefix(line, "#") {
			series++
		}
	}
	f.Config.Client.CloseIdleConnections()
	f.Web.Client().CloseIdleConnections()
	var memory runtime.MemStats
	runtime.GC()
	runtime.GC() // the second one empties pools
	runtime.ReadMemStats(&memory)
	descriptors, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		descriptors = nil // this system has no such folder
	}
	now := footprint{
		series: series, goroutines: runtime.NumGoroutine(), descriptors: len(descriptors), heap: memory.HeapAlloc,
	}
	f.t.Logf("%s: %d series, %d KiB of heap, %d goroutines, %d file descriptors",
		when, now.series, now.heap>>10, now.goroutines, now.descriptors)
	return now
}

// lineCounter counts lines that are written to it.
type lineCounter struct {
	mu    sync.Mutex
	lines int
}

func (c *lineCounter) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines += bytes.Count(p, []byte("\n"))
	return len(p), nil
}

func (c *lineCounter) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lines
}
