package main

import (
	"context"
	"sync"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// pace is the clock of one exporter: the replay's, and knowledge of who waits on it, so that time moves on only when the
// exporter has done all that is due.
type pace struct {
	*revoxtest.Clock

	mu       sync.Mutex
	sleeping map[*sleep]struct{}
	listed   bool          // the list of campaigns was read, and what follows from it is under way
	lists    int           // how often that came to its end
	changed  chan struct{} // has an element where something changed that settle may not have seen
}

type sleep struct {
	until time.Time
	ctx   context.Context
	over  chan struct{}
}

func newPace(clock *revoxtest.Clock) *pace {
	return &pace{Clock: clock, sleeping: map[*sleep]struct{}{}, changed: make(chan struct{}, 1)}
}

// Sleep is revoxapi.Clock. It does not sleep on the clock itself, since that could have moved between the noting of the
// sleep and its beginning.
func (p *pace) Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return context.Cause(ctx)
	}
	s := p.begin(ctx, d)
	p.tell()
	select {
	case <-s.over:
		return nil
	case <-ctx.Done():
		p.mu.Lock()
		delete(p.sleeping, s)
		p.mu.Unlock()
		p.tell()
		return context.Cause(ctx)
	}
}

func (p *pace) begin(ctx context.Context, d time.Duration) *sleep {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := &sleep{p.Now().Add(d), ctx, make(chan struct{})}
	p.sleeping[s] = struct{}{}
	// Scanners never sleep longer than their interval. The reader of the list does, once it has started and stopped
	// the scanners that it had to.
	if d > scanInterval {
		p.listed = false
		p.lists++
	}
	return s
}

// wake ends the sleeps that are due. It is to be called when the clock was moved.
func (p *pace) wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for s := range p.sleeping {
		if !s.until.After(p.Now()) {
			delete(p.sleeping, s)
			close(s.over)
		}
	}
}

// noteList says that the list of campaigns is about to be answered well.
func (p *pace) noteList() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listed = true
}

func (p *pace) tell() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

// look returns how many sleep on, whether what follows from a list is still under way, and how many lists were dealt
// with. Who was stopped does not sleep any more, even where it has not noticed yet.
func (p *pace) look() (asleep int, listed bool, lists int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for s := range p.sleeping {
		if s.ctx.Err() == nil {
			asleep++
		}
	}
	return asleep, p.listed, p.lists
}

// impatient is a clock whose sleeps end at once: for a client's retries, whose waits make no difference to alerts.
type impatient struct{ *revoxtest.Clock }

func (impatient) Sleep(ctx context.Context, _ time.Duration) error { return context.Cause(ctx) }
