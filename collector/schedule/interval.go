package schedule

import (
	"context"
	"math/bits"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Scan scans a campaign once and returns when that scan began. due is when it was due.
type Scan func(ctx context.Context, campaignID string, due time.Time) time.Time

// Intervals scans each selected campaign once per interval. It is safe for concurrent use. Make one with NewIntervals.
type Intervals struct {
	interval time.Duration
	queue    *Queue
	clock    revoxapi.Clock
	scan     Scan
	began    time.Time // the start of the first interval

	changed chan struct{} // holds a message if ids has changed
	mu      sync.Mutex
	ids     []string // the selected campaigns
}

// NewIntervals returns Intervals that call scan, which must wait for its slot in queue.
func NewIntervals(interval time.Duration, queue *Queue, clock revoxapi.Clock, scan Scan) *Intervals {
	return &Intervals{
		interval: interval, queue: queue, clock: clock, scan: scan, began: clock.Now(), changed: make(chan struct{}, 1),
	}
}

// Select sets the campaigns that Run scans. A scan of any other campaign is canceled.
func (s *Intervals) Select(ids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids = ids
	select {
	case s.changed <- struct{}{}:
	default: // Run has not processed the last change yet, and will see this one with it
	}
}

// Run scans the selected campaigns until ctx ends. It returns when all scans have ended. It must be called once.
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
		now := s.clock.Now() // new campaigns are due at once, however long it takes to begin their scans
		selected := make(map[string]bool, len(ids))
		for _, id := range ids {
			selected[id] = true
			if scanners[id] == nil {
				campaign, stop := context.WithCancel(ctx)
				scanners[id] = stop
				running.Go(func() { s.scanOnInterval(campaign, id, now) })
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

// scanOnInterval scans a campaign, which is due at first, until ctx ends. The pause after a scan is at least as long as the
// scan was.
func (s *Intervals) scanOnInterval(ctx context.Context, id string, first time.Time) {
	due := first
	for ctx.Err() == nil {
		start := s.scan(ctx, id, due)
		due = s.NextDue(id, first, start)
		now := s.clock.Now()
		pause := min(due.Sub(now), 2*s.interval) // it is longer only if the clock was set back
		pause = max(pause, now.Sub(start))
		_ = s.clock.Sleep(ctx, pause) // the only error is that ctx ended
	}
}

// NextDue returns when a campaign is due again after a scan that began at start: 0.5 to 1.5 intervals later, at the
// campaign's phase. If there are no more campaigns than slots, it is due whole intervals after first instead.
func (s *Intervals) NextDue(id string, first, start time.Time) time.Time {
	if s.queue.crowded() {
		first = s.began.Add(phase(id, s.interval))
	}
	after := start.Add(s.interval / 2).Sub(first)
	intervals := after / s.interval
	if intervals*s.interval < after {
		intervals++
	}
	return first.Add(intervals * s.interval)
}

// phase returns the offset in the interval at which a campaign's scans are due. It spreads campaigns evenly over the
// interval, and is the same after a restart.
func phase(id string, interval time.Duration) time.Duration {
	at, _ := bits.Mul64(xxhash.Sum64String(id), uint64(interval))
	return time.Duration(at)
}
