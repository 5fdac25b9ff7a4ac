package revoxtest

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// Clock is a clock that stands still until it is told to move. Its methods are safe for concurrent use.
type Clock struct {
	mu       sync.Mutex
	now      time.Time
	sleepers []*sleeper // in the order they came
	watchers []*watcher
}

type sleeper struct {
	due  time.Time
	done chan struct{}
	gone <-chan struct{} // closed when the caller's context has ended
}

// watcher waits for a number of sleepers to be there.
type watcher struct {
	n    int
	done chan struct{}
}

// NewClock returns a clock that shows start.
func NewClock(start time.Time) *Clock {
	return &Clock{now: start}
}

// Now returns the time the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Sleep blocks until the clock has moved on by d, or until ctx ends, and then returns context.Cause(ctx). A d that is
// not positive does not block.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	if err := context.Cause(ctx); err != nil || d <= 0 {
		return err
	}
	c.mu.Lock()
	s := &sleeper{due: c.now.Add(d), done: make(chan struct{}), gone: ctx.Done()}
	c.sleepers = append(c.sleepers, s)
	c.tellWatchers()
	c.mu.Unlock()

	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		c.mu.Lock()
		defer c.mu.Unlock()
		c.sleepers = slices.DeleteFunc(c.sleepers, func(o *sleeper) bool { return o == s })
		return context.Cause(ctx)
	}
}

// Advance moves the clock on by d and wakes the sleepers that are due by then, the earliest first. A woken sleeper sees
// the time that Advance ends at, not the one it was due at; it no longer counts for [Clock.WaitForSleepers] once
// Advance has returned.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moveTo(c.now.Add(d))
}

// Set moves the clock to t, which may also be in the past; it wakes sleepers as [Clock.Advance] does.
func (c *Clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moveTo(t)
}

func (c *Clock) moveTo(t time.Time) {
	c.now = t
	var due []*sleeper
	c.sleepers = slices.DeleteFunc(c.sleepers, func(s *sleeper) bool {
		if s.due.After(t) {
			return false
		}
		due = append(due, s)
		return true
	})
	slices.SortStableFunc(due, func(a, b *sleeper) int { return cmp.Compare(a.due.UnixNano(), b.due.UnixNano()) })
	for _, s := range due {
		close(s.done)
	}
}

// WaitForSleepers blocks until at least n goroutines wait in [Clock.Sleep], or until ctx ends, and then returns ctx's
// error. A goroutine whose own context has ended does not count, even if it has not noticed yet.
func (c *Clock) WaitForSleepers(ctx context.Context, n int) error {
	c.mu.Lock()
	w := &watcher{n: n, done: make(chan struct{})}
	c.watchers = append(c.watchers, w)
	c.tellWatchers()
	c.mu.Unlock()

	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		c.mu.Lock()
		defer c.mu.Unlock()
		c.watchers = slices.DeleteFunc(c.watchers, func(o *watcher) bool { return o == w })
		return context.Cause(ctx)
	}
}

// tellWatchers ends the waits that are satisfied. The caller holds c.mu.
func (c *Clock) tellWatchers() {
	if len(c.watchers) == 0 {
		return
	}
	asleep := 0
	for _, s := range c.sleepers {
		select {
		case <-s.gone:
		default:
			asleep++
		}
	}
	c.watchers = slices.DeleteFunc(c.watchers, func(w *watcher) bool {
		if asleep < w.n {
			return false
		}
		close(w.done)
		return true
	})
}
