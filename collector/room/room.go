package room

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
)

// ErrFull is in the chain of each error that says that there is no room.
var ErrFull = errors.New("no room")

// Limits are the limits of a Room.
type Limits struct {
	// What is limited, as error texts name it.
	What string
	// All is the limit for all campaigns together, and One that for a single campaign; 0: it may have all.
	All, One int
}

// Room is what campaigns share. It is safe for concurrent use. Make one with New.
type Room struct {
	limits Limits
	// evict, if not nil, makes room by forgetting something; it reports whether it did.
	evict func() bool
	turn  chan struct{} // holds an element while a large scan goes on

	mu     sync.Mutex
	used   int
	shares map[string]share // by campaign
}

type share struct{ kept, claimed int }

func (s share) size() int { return max(s.kept, s.claimed) }

// New returns a Room without shares. evict, if not nil, is called while there is no room: it makes some by Forget, and
// reports whether it did.
func New(limits Limits, evict func() bool) *Room {
	return &Room{limits: limits, evict: evict, turn: make(chan struct{}, 1), shares: map[string]share{}}
}

// set changes a campaign's share unless there is no room for that.
func (r *Room) set(id string, change func(*share), force bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.shares[id]
	is := was
	change(&is)
	used := r.used - was.size() + is.size()
	if used > r.limits.All && is.size() > was.size() && !force {
		return false
	}
	r.used = used
	if r.shares[id] = is; is == (share{}) {
		delete(r.shares, id)
	}
	return true
}

// Keep sets what is kept of a campaign.
func (r *Room) Keep(id string, n int) { r.set(id, func(s *share) { s.kept = n }, true) }

// Admit is Keep if there is room for it; else it returns an error and changes nothing.
func (r *Room) Admit(id string, n int) error {
	return r.admit(id, n, func(s *share) { s.kept = n })
}

func (r *Room) admit(id string, n int, change func(*share)) error {
	if most := r.limits.One; most > 0 && n > most {
		return fmt.Errorf("more than %d %s were found, and no more are read of a campaign: %w", most, r.limits.What, ErrFull)
	}
	for !r.set(id, change, false) {
		if r.evict == nil || !r.evict() {
			return fmt.Errorf("all campaigns together would have more than the %d %s that one process keeps: divide them between "+
				"several with --shard.count, or select fewer with --campaign.include: %w", r.limits.All, r.limits.What, ErrFull)
		}
	}
	return nil
}

// ForgetAllBut ends the shares of campaigns for which stays returns false.
func (r *Room) ForgetAllBut(stays func(id string) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.shares, func(id string, s share) bool {
		if stays(id) {
			return false
		}
		r.used -= s.size()
		return true
	})
}

// Forget ends what is kept of a campaign.
func (r *Room) Forget(id string) { r.Keep(id, 0) }

// Claim is the share of a scan that goes on. It is not safe for concurrent use. A nil Claim has no limit.
type Claim struct {
	room  *Room
	id    string
	turns bool
}

// Begin returns the claim of a campaign's scan, which must End. A campaign has one at a time.
func (r *Room) Begin(id string) *Claim { return &Claim{room: r, id: id} }

// Grow makes room for n, in all. It does not wait.
func (c *Claim) Grow(n int) error {
	if c == nil {
		return nil
	}
	return c.room.admit(c.id, n, func(s *share) { s.claimed = n })
}

// Turn waits until no other scan has its turn, which lasts until End, or until ctx ends. Large scans take turns, because a
// scan takes more memory while it goes on than its campaign does afterwards.
func (c *Claim) Turn(ctx context.Context) {
	if c == nil || c.turns {
		return
	}
	select {
	case c.room.turn <- struct{}{}:
		c.turns = true
	case <-ctx.Done():
	}
}

// End ends the claim.
func (c *Claim) End() {
	if c == nil {
		return
	}
	c.room.set(c.id, func(s *share) { s.claimed = 0 }, true)
	if c.turns {
		c.turns = false
		<-c.room.turn
	}
}
