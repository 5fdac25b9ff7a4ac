package schedule

import (
	"context"
	"sync"
)

// SharedScan scans when it is asked to, once for all who ask while it goes on. It is safe for concurrent use. Make one with
// NewSharedScan.
type SharedScan struct {
	scan func(context.Context)

	mu      sync.Mutex
	open    bool
	current *flight
	flights sync.WaitGroup
	one     chan struct{} // holds a message while a scan goes on: one that was given up may still be ending when the next begins
}

// flight is one scan and those who wait for it.
type flight struct {
	done    chan struct{}
	cancel  context.CancelCauseFunc
	waiters int
}

// NewSharedScan returns a SharedScan that calls scan, which ends soon after its context does.
func NewSharedScan(scan func(context.Context)) *SharedScan {
	return &SharedScan{scan: scan, one: make(chan struct{}, 1)}
}

// Open allows scans until Close is called.
func (s *SharedScan) Open() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = true
}

// Close ends the scan that goes on, and returns when it has ended.
func (s *SharedScan) Close() {
	s.mu.Lock()
	s.open = false
	if s.current != nil {
		s.current.cancel(context.Canceled)
	}
	s.mu.Unlock()
	s.flights.Wait()
}

// Wait joins the scan that goes on, or begins one, and returns when it has ended; at once before Open and after Close.
// Where ctx ends first, the last to wait ends the scan; one that ended for want of time counts as failed for that reason.
func (s *SharedScan) Wait(ctx context.Context) {
	s.mu.Lock()
	if !s.open {
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
		<-f.done // soon, and what it says of the failure should be shown
	}
}

// Waiting returns how many callers wait for the scan that goes on.
func (s *SharedScan) Waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		return 0
	}
	return s.current.waiters
}

// begin starts a scan. s.mu is held.
func (s *SharedScan) begin() *flight {
	ctx, cancel := context.WithCancelCause(context.Background())
	f := &flight{done: make(chan struct{}), cancel: cancel}
	s.current = f
	s.flights.Go(func() {
		defer cancel(nil)
		s.one <- struct{}{}
		s.scan(ctx)
		<-s.one
		s.mu.Lock()
		if s.current == f {
			s.current = nil
		}
		s.mu.Unlock()
		close(f.done)
	})
	return f
}
