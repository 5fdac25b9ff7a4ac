package schedule

import (
	"context"
	"net/http/httptrace"
	"slices"
	"sync"
	"time"
)

// longScan is how many answers of the API a scan gets before it counts as long.
const longScan = 20

// Queue lets campaigns be scanned a few at once, none twice at once, and what is due longest first. While there are
// campaigns whose scans are short, those whose scans are long have all slots but one among them, so that a few huge
// campaigns, or some that the API does not answer for minutes, hold up nobody else. It is safe for concurrent use.
type Queue struct {
	slots int           // scans at once
	slow  time.Duration // a scan that takes longer than this is long, however few its answers; 0: none is for that reason

	mu        sync.Mutex
	campaigns map[string]bool // those selected, and whether their scans are long; a new one's are not
	short     int             // how many campaigns' scans are not
	free      int             // slots
	long      int             // long scans under way
	running   map[string]bool // campaigns that are being scanned
	waiting   []*Slot         // in the order of when they were due
}

// NewQueue returns a Queue of so many slots. A scan that takes longer than slow is long, however few its answers; with 0 none is for
// that reason.
func NewQueue(slots int, slow time.Duration) *Queue {
	return &Queue{slots: slots, slow: slow, free: slots, campaigns: map[string]bool{}, running: map[string]bool{}}
}

// Slot is a scan that waits or is under way.
type Slot struct {
	queue    *Queue
	campaign string
	due      time.Time
	begun    chan struct{} // closed when it has the slot

	// Guarded by queue.mu.
	long    bool
	answers int
	yielded bool
	ended   bool
	yield   context.CancelFunc // ends the scan; nil where it has not begun
}

// SelectOnly makes ids the campaigns there are.
func (q *Queue) SelectOnly(ids []string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	campaigns := make(map[string]bool, len(ids))
	q.short = 0
	for _, id := range ids {
		campaigns[id] = q.campaigns[id]
		if !campaigns[id] {
			q.short++
		}
	}
	q.campaigns = campaigns
	q.dispatch()
}

// Len returns how many campaigns there are.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.campaigns)
}

// Scans returns how many scans go on, and how many wait for their slots.
func (q *Queue) Scans() (running, waiting int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.running), len(q.waiting)
}

// Wait returns when the campaign has a slot, or with an error as soon as ctx ends. The slot must be ended.
func (q *Queue) Wait(ctx context.Context, campaign string, due time.Time) (*Slot, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	slot := &Slot{queue: q, campaign: campaign, due: due, begun: make(chan struct{})}
	q.mu.Lock()
	slot.long = q.campaigns[campaign]
	i, _ := slices.BinarySearchFunc(q.waiting, slot, func(other, slot *Slot) int {
		if other.due.After(slot.due) {
			return 1
		}
		return -1 // those that are due at once go in the order in which they came
	})
	q.waiting = slices.Insert(q.waiting, i, slot)
	q.dispatch()
	q.mu.Unlock()

	select {
	case <-slot.begun:
		return slot, nil
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if i := slices.Index(q.waiting, slot); i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
	} else {
		q.release(slot)
	}
	return nil, context.Cause(ctx)
}

// dispatch begins what may begin. q.mu is held.
func (q *Queue) dispatch() {
	for i := 0; i < len(q.waiting) && q.free > 0; {
		next := q.waiting[i]
		if next.long && q.long >= q.mostLong() || q.running[next.campaign] {
			i++
			continue
		}
		q.waiting = slices.Delete(q.waiting, i, i+1)
		q.free--
		q.running[next.campaign] = true
		if next.long {
			q.long++
		}
		close(next.begun)
	}
}

// mostLong is how many long scans there may be at once. q.mu is held.
func (q *Queue) mostLong() int {
	if q.short == 0 {
		return q.slots
	}
	return max(q.slots-1, 1)
}

// release frees the slot of a scan. q.mu is held.
func (q *Queue) release(slot *Slot) {
	q.free++
	delete(q.running, slot.campaign)
	if slot.long {
		q.long--
	}
	q.dispatch()
}

// classify notes whether a campaign's scans are long. q.mu is held.
func (q *Queue) classify(campaign string, long bool) {
	was, ok := q.campaigns[campaign]
	if !ok || was == long {
		return
	}
	q.campaigns[campaign] = long
	if long {
		q.short--
	} else {
		q.short++
	}
	q.dispatch()
}

// Watch returns a context for the scan that counts each answer that comes. A scan that turns out to be long while there are as many of
// those as there may be is ended: it must wait for another slot, as Yielded reports.
func (slot *Slot) Watch(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	slot.queue.mu.Lock()
	slot.yield = cancel
	slot.queue.mu.Unlock()
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotFirstResponseByte: slot.answered}), cancel
}

// answered notes that an answer has come. One to a request that was given up may come when the scan has ended.
func (slot *Slot) answered() {
	q := slot.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	slot.answers++
	if slot.ended || slot.long || slot.yielded || slot.answers <= longScan {
		return
	}
	q.classify(slot.campaign, true)
	if q.long >= q.mostLong() {
		slot.yielded = true
		slot.yield()
		return
	}
	slot.long = true
	q.long++
}

// Yielded reports whether the scan has given way.
func (slot *Slot) Yielded() bool {
	slot.queue.mu.Lock()
	defer slot.queue.mu.Unlock()
	return slot.yielded
}

// LowPriority reports whether the scan's requests must leave room for those of short scans.
func (slot *Slot) LowPriority() bool {
	slot.queue.mu.Lock()
	defer slot.queue.mu.Unlock()
	return slot.long && slot.queue.short > 0
}

// Judge notes how long the scan was: it took this time, and succeeded or not.
func (slot *Slot) Judge(took time.Duration, err error) {
	q := slot.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	many := slot.answers > longScan
	slow := q.slow > 0 && took > q.slow
	// A failure that came early says nothing of how long the scan would have been.
	q.classify(slot.campaign, many || slow || err != nil && q.campaigns[slot.campaign])
}

// End gives the slot to the next campaign.
func (slot *Slot) End() {
	slot.queue.mu.Lock()
	defer slot.queue.mu.Unlock()
	slot.ended = true
	slot.queue.release(slot)
}
