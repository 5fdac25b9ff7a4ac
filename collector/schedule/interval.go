package schedule

import (
	"context"
	"math/bits"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Scan scans a campaign that was due at a time once, and returns when that scan began.
type Scan func(ctx context.Context, campaignID string, due time.Time) time.Time

// Intervals scans each selected campaign once an interval. It is safe for concurrent use. Make one with NewIntervals.
type Intervals struct {
	interval time.Duration
	queue    *Queue
	clock    revoxapi.Clock
	scan     Scan
	began    time.Time // intervals are counted from here

	changed chan struct{} // holds one message where selected is another one
	mu      sync.Mutex
	ids     []string // those selected
}

// NewIntervals returns Intervals that call scan, which waits for its slot in queue.
func NewIntervals(interval time.Duration, queue *Queue, clock revoxapi.Clock, scan Scan) *Intervals {
	return &Intervals{interval: interval, queue: queue, clock: clock, scan: scan, began: clock.Now(), changed: make(chan struct{}, 1)}
}

// Select makes ids the campaigns that are scanned, and no other, while Run runs.
func (s *Intervals) Select(ids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids = ids
	select {
	case s.changed <- struct{}{}:
	default: // Run has not seen the last change yet, and will see this one with it
	}
}

// Run scans campaigns until ctx ends, and returns when every scan has ended. It must be called once.
func (s *Intervals) Run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	scanners := map[string]context.CancelFunc{} // by campaign
	for {
		select {
		case <-s.changed:
		case <-ctx.Done():
			for _, stop := range scanners {
				stop()
			}
			return
		}
		s.mu.Lock()
		ids := s.ids
		s.mu.Unlock()
		selected := make(map[string]bool, len(ids))
		for _, id := range ids {
			selected[id] = true
			if scanners[id] == nil {
				campaign, stop := context.WithCancel(ctx)
				scanners[id] = stop
				running.Go(func() { s.scanOnInterval(campaign, id) })
			}
		}
		for id, stop := range scanners {
			if !selected[id] {
				stop()
				delete(scanners, id)
			}
		}
	}
}

// scanOnInterval scans a campaign until ctx ends. A scan that took longer than the interval is followed by the next.
func (s *Intervals) scanOnInterval(ctx context.Context, id string) {
	first := s.clock.Now()
	due := first
	for ctx.Err() == nil {
		start := s.scan(ctx, id, due)
		due = s.NextDue(id, first, start)
		pause := min(due.Sub(s.clock.Now()), 2*s.interval) // more only where the clock was set back during the scan
		_ = s.clock.Sleep(ctx, pause)                      // its error is that ctx ended
	}
}

// NextDue returns when a campaign's scan is due after one that began at start: an interval later, or up to half of one more or less
// where that brings it to the campaign's phase of the interval. Few campaigns have none, and keep to when each was first due.
func (s *Intervals) NextDue(id string, first, start time.Time) time.Time {
	if s.queue.Len() > s.queue.slots {
		first = s.began.Add(phase(id, s.interval))
	}
	after := start.Add(s.interval / 2).Sub(first)
	intervals := after / s.interval
	if intervals*s.interval < after {
		intervals++
	}
	return first.Add(intervals * s.interval)
}

// phase returns where in the interval a campaign's scans are due: many campaigns are spread evenly over it, and each is where it
// was before a restart.
func phase(id string, interval time.Duration) time.Duration {
	at, _ := bits.Mul64(xxhash.Sum64String(id), uint64(interval))
	return time.Duration(at)
}
