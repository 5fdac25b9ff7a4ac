package schedule

import (
	"context"
	"sync"
)

// SharedScan scans on demand. Concurrent callers share a scan. Make one with NewSharedScan.
type SharedScan struct {
	scan func(context.Context)

	opened chan struct{} // closed by Open

	mu      sync.Mutex
	closed  bool
	current *flight
	flights sync.WaitGroup
	one     chan struct{} // holds a message during a scan: a canceled scan may still be ending when the next one starts
}

// flight is one scan and the callers that wait for it.
type flight struct {
	done    chan struct{}
	cancel  context.CancelCauseFunc
	waiters int
}

// NewSharedScan returns a SharedScan that calls scan, which must end soon after its context does.
func NewSharedScan(scan func(context.Context)) *SharedScan {
	return &SharedScan{scan: scan, opened: make(chan struct{}), one: make(chan struct{}, 1)}
}

// Open lets scans begin. It must be called once.
func (s *SharedScan) Open() { close(s.opened) }

// Close cancels the running scan, and returns when it has ended. No further one begins.
func (s *SharedScan) Close() {
	s.mu.Lock()
	s.closed = true
	if s.current != nil {
		s.current.cancel(context.Canceled)
	}
	s.mu.Unlock()
	s.flights.Wait()
}

// Wait joins the running scan or starts one, which begins after Open, and returns when it has ended. After Close it returns
// at once. If ctx ends first, Wait returns; if no other caller waits, it cancels the scan with the cause of ctx first.
func (s *SharedScan) Wait(ctx context.Context) {
	s.mu.Lock()
	if s.closed {
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
			s.current = nil // a caller arriving now starts a new scan
		}
		f.cancel(context.Cause(ctx))
	}
	s.mu.Unlock()
	if last {
		<-f.done // it ends soon, and the scrape should show the failure
	}
}

// Waiting returns the number of callers that wait for the running scan.
func (s *SharedScan) Waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		return 0
	}
	return s.current.waiters
}

// begin starts a scan. s.mu must be locked.
func (s *SharedScan) begin() *flight {
	ctx, cancel := context.WithCancelCause(context.Background())
	f := &flight{done: make(chan struct{}), cancel: cancel}
	s.current = f
	s.flights.Go(func() {
		defer cancel(nil)
		select {
		case <-s.opened:
			s.one <- struct{}{}
			s.scan(ctx)
			<-s.one
		case <-ctx.Done():
		}
		s.mu.Lock()
		if s.current == f {
			s.current = nil
		}
		s.mu.Unlock()
		close(f.done)
	})
	return f
}
