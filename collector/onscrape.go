package collector

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// sharedScan scans when it is asked to, once for all who ask while it goes on.
type sharedScan struct {
	scan func(context.Context)

	mu      sync.Mutex
	ctx     context.Context // that of the owner; nil before start and after stop
	current *flight
	flights sync.WaitGroup
	// one makes scans follow each other: one that was given up may still be ending.
	one sync.Mutex
}

// flight is one scan and those who wait for it.
type flight struct {
	done    chan struct{}
	cancel  context.CancelCauseFunc
	waiters int
}

// start allows scans until ctx ends or stop is called.
func (s *sharedScan) start(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ctx = ctx
}

// stop ends the scan under way and waits for it.
func (s *sharedScan) stop() {
	s.mu.Lock()
	s.ctx = nil
	if s.current != nil {
		s.current.cancel(context.Canceled)
	}
	s.mu.Unlock()
	s.flights.Wait()
}

// wait joins the scan under way, or begins one, and returns when it has ended. Where ctx ends first, the last to wait
// ends the scan; one that ended for want of time counts as failed for that reason.
func (s *sharedScan) wait(ctx context.Context) {
	s.mu.Lock()
	if s.ctx == nil {
		s.mu.Unlock()
		return
	}
	f := s.current
	if f == nil {
		f = s.begin()
	}
	f.waiters++
	s.mu.Unlock()

	select {
	case <-f.done:
		return
	case <-ctx.Done():
	}
	s.mu.Lock()
	f.waiters--
	last := f.waiters == 0
	if last {
		if s.current == f {
			s.current = nil // who comes now gets a scan of his own
		}
		f.cancel(context.Cause(ctx))
	}
	s.mu.Unlock()
	if last {
		<-f.done // soon, and what it says of the failure is to be shown
	}
}

// begin starts a scan. s.mu is held.
func (s *sharedScan) begin() *flight {
	ctx, cancel := context.WithCancelCause(s.ctx)
	f := &flight{done: make(chan struct{}), cancel: cancel}
	s.current = f
	s.flights.Go(func() {
		defer cancel(nil)
		s.one.Lock()
		s.scan(ctx)
		s.one.Unlock()
		s.mu.Lock()
		if s.current == f {
			s.current = nil
		}
		s.mu.Unlock()
		close(f.done)
	})
	return f
}

// ScanOnScrape returns a handler that, where scans are made on scrapes, scans before next serves. The scan ends before
// the scraper would give up, by its X-Prometheus-Scrape-Timeout-Seconds header less the offset; next then serves what
// was complete before.
func (e *Exporter) ScanOnScrape(next http.Handler) http.Handler {
	if e.onScrape == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		if limit, ok := e.scrapeTimeout(r.Header.Get("X-Prometheus-Scrape-Timeout-Seconds")); ok {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, limit)
			defer cancel()
		}
		e.onScrape.wait(ctx)
		next.ServeHTTP(w, r)
	})
}

// scrapeTimeout returns how long a scan may take, of a header's value; false where the header sets no limit.
func (e *Exporter) scrapeTimeout(header string) (time.Duration, bool) {
	if header == "" {
		return 0, false
	}
	seconds, err := strconv.ParseFloat(header, 64)
	if err != nil || !(seconds > 0) || seconds > math.MaxInt32 {
		e.Logger.Debug("a scrape's X-Prometheus-Scrape-Timeout-Seconds header cannot be read; its scan has no deadline")
		return 0, false
	}
	limit := time.Duration(seconds * float64(time.Second))
	if limit > e.ScrapeTimeoutOffset {
		return limit - e.ScrapeTimeoutOffset, true
	}
	// An offset that leaves no time at all was meant for longer timeouts.
	return limit / 2, true
}
