package collector

import (
	"context"
	"net/http/httptrace"
	"slices"
	"sync"
	"time"
)

// longScan is how many answers of the API a scan gets before it counts as long.
const longScan = 20

// turns lets campaigns be scanned a few at once, none twice at once, and what is due longest first. While there are
// campaigns whose scans are short, those whose scans are long have all slots but one among them, so that a few huge
// campaigns, or some that the API does not answer for minutes, hold up nobody else. It is safe for concurrent use.
type turns struct {
	slots int           // scans at once
	slow  time.Duration // a scan that takes longer than this is long, however few its answers; 0: none is for that reason

	mu        sync.Mutex
	campaigns map[string]bool // those selected, and whether their scans are long; a new one's are not
	short     int             // how many campaigns' scans are not
	free      int             // slots
	long      int             // long scans under way
	underWay  map[string]bool // campaigns that are being scanned
	waiting   []*turn         // in the order of when they were due
}

func newTurns(slots int, slow time.Duration) *turns {
	return &turns{slots: slots, slow: slow, free: slots, campaigns: map[string]bool{}, underWay: map[string]bool{}}
}

// turn is a scan that waits or is under way.
type turn struct {
	turns    *turns
	campaign string
	due      time.Time
	begun    chan struct{} // closed when its turn has come

	// Guarded by turns.mu.
	long    bool
	answers int
	gaveWay bool
	ended   bool
	giveWay context.CancelFunc // ends the scan; nil where it has not begun
}

// selectOnly makes ids the campaigns there are.
func (t *turns) selectOnly(ids []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	campaigns := make(map[string]bool, len(ids))
	t.short = 0
	for _, id := range ids {
		campaigns[id] = t.campaigns[id]
		if !campaigns[id] {
			t.short++
		}
	}
	t.campaigns = campaigns
	t.dispatch()
}

// count returns how many campaigns there are.
func (t *turns) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.campaigns)
}

// wait returns when it is the campaign's turn, or with an error as soon as ctx ends. The turn must be ended.
func (t *turns) wait(ctx context.Context, campaign string, due time.Time) (*turn, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	own := &turn{turns: t, campaign: campaign, due: due, begun: make(chan struct{})}
	t.mu.Lock()
	own.long = t.campaigns[campaign]
	i, _ := slices.BinarySearchFunc(t.waiting, own, func(other, own *turn) int {
		if other.due.After(own.due) {
			return 1
		}
		return -1 // those that are due at once go in the order in which they came
	})
	t.waiting = slices.Insert(t.waiting, i, own)
	t.dispatch()
	t.mu.Unlock()

	select {
	case <-own.begun:
		return own, nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := slices.Index(t.waiting, own); i >= 0 {
		t.waiting = slices.Delete(t.waiting, i, i+1)
	} else {
		t.release(own)
	}
	return nil, context.Cause(ctx)
}

// dispatch begins what may begin. t.mu is held.
func (t *turns) dispatch() {
	for i := 0; i < len(t.waiting) && t.free > 0; {
		next := t.waiting[i]
		if next.long && t.long >= t.mostLong() || t.underWay[next.campaign] {
			i++
			continue
		}
		t.waiting = slices.Delete(t.waiting, i, i+1)
		t.free--
		t.underWay[next.campaign] = true
		if next.long {
			t.long++
		}
		close(next.begun)
	}
}

// mostLong is how many long scans there may be at once. t.mu is held.
func (t *turns) mostLong() int {
	if t.short == 0 {
		return t.slots
	}
	return max(t.slots-1, 1)
}

// release frees the slot of a scan. t.mu is held.
func (t *turns) release(own *turn) {
	t.free++
	delete(t.underWay, own.campaign)
	if own.long {
		t.long--
	}
	t.dispatch()
}

// classify notes whether a campaign's scans are long. t.mu is held.
func (t *turns) classify(campaign string, long bool) {
	was, ok := t.campaigns[campaign]
	if !ok || was == long {
		return
	}
	t.campaigns[campaign] = long
	if long {
		t.short--
	} else {
		t.short++
	}
	t.dispatch()
}

// watch returns a context for the scan that tells the turn of each answer that comes. A scan that turns out to be long
// while there are as many of those as there may be is ended: it is to wait for another turn, as gave tells.
func (own *turn) watch(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	own.turns.mu.Lock()
	own.giveWay = cancel
	own.turns.mu.Unlock()
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotFirstResponseByte: own.answered}), cancel
}

// answered notes that an answer has come. One to a request that was given up may come when the scan has ended.
func (own *turn) answered() {
	t := own.turns
	t.mu.Lock()
	defer t.mu.Unlock()
	own.answers++
	if own.ended || own.long || own.gaveWay || own.answers <= longScan {
		return
	}
	t.classify(own.campaign, true)
	if t.long >= t.mostLong() {
		own.gaveWay = true
		own.giveWay()
		return
	}
	own.long = true
	t.long++
}

// gave tells whether the scan has given way.
func (own *turn) gave() bool {
	own.turns.mu.Lock()
	defer own.turns.mu.Unlock()
	return own.gaveWay
}

// lowPriority reports whether the scan's requests must leave one of those in flight to short scans.
func (own *turn) lowPriority() bool {
	own.turns.mu.Lock()
	defer own.turns.mu.Unlock()
	return own.long && own.turns.short > 0
}

// judge notes how long the scan was: it took this time, and succeeded or not.
func (own *turn) judge(took time.Duration, err error) {
	t := own.turns
	t.mu.Lock()
	defer t.mu.Unlock()
	many := own.answers > longScan
	slow := t.slow > 0 && took > t.slow
	// A failure that came early says nothing of how long the scan would have been.
	t.classify(own.campaign, many || slow || err != nil && t.campaigns[own.campaign])
}

// end gives the next campaign its turn.
func (own *turn) end() {
	own.turns.mu.Lock()
	defer own.turns.mu.Unlock()
	own.ended = true
	own.turns.release(own)
}
