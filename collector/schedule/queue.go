package schedule

import (
	"context"
	"net/http/httptrace"
	"slices"
	"sync"
	"time"
)

// longScan is the number of answers from the API above which a scan counts as long.
const longScan = 20

// Queue gives out slots for scans: a limited number at once, one per campaign, and the scan that has been due longest
// first. While some campaigns' scans are short, long scans may use all slots except one. So huge campaigns, and slow
// answers, delay no other campaign. It is safe for concurrent use. Make one with NewQueue.
type Queue struct {
	slots int           // the number of concurrent scans
	slow  time.Duration // a scan that takes longer is long, however few its answers; 0: no limit

	mu        sync.Mutex
	campaigns map[string]bool // by selected campaign: its scans are long; false for a new one
	short     int             // the number of campaigns whose scans are not long
	free      int             // free slots
	long      int             // long scans that are running
	running   map[string]bool // campaigns that are being scanned
	waiting   []*Slot         // ordered by when they were due
}

// NewQueue returns a Queue with this number of slots. A scan that takes longer than slow is long, however few its
// answers; 0 means that time does not matter.
func NewQueue(slots int, slow time.Duration) *Queue {
	return &Queue{slots: slots, slow: slow, free: slots, campaigns: map[string]bool{}, running: map[string]bool{}}
}

// Slot is a scan that is waiting or running. Queue.Wait returns it.
type Slot struct {
	queue    *Queue
	campaign string
	due      time.Time
	begun    chan struct{} // closed when the scan gets the slot

	// Guarded by queue.mu.
	long    bool
	answers int
	yielded bool
	ended   bool
	yield   context.CancelFunc // cancels the scan; nil before Watch
}

// SelectOnly sets the selected campaigns.
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

// crowded reports whether there are more selected campaigns than slots.
func (q *Queue) crowded() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.campaigns) > q.slots
}

// Scans returns the number of scans that are running, and the number that wait for a slot.
func (q *Queue) Scans() (running, waiting int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.running), len(q.waiting)
}

// Wait waits until the campaign has a slot, which the caller must End. It fails with the cause of ctx when ctx ends.
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
		return -1 // equally due scans keep the order in which they arrived
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

// dispatch gives free slots to waiting scans. q.mu must be locked.
func (q *Queue) dispatch() {
	for i := 0; i < len(q.waiting) && q.free > 0; {
		next := q.waiting[i]
		if next.long && q.long >= q.maxLong() || q.running[next.campaign] {
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

// maxLong returns the number of long scans that may run at once. q.mu must be locked.
func (q *Queue) maxLong() int {
	if q.short == 0 {
		return q.slots
	}
	return max(q.slots-1, 1)
}

// release frees the slot of a scan. q.mu must be locked.
func (q *Queue) release(slot *Slot) {
	q.free++
	delete(q.running, slot.campaign)
	if slot.long {
		q.long--
	}
	q.dispatch()
}

// classify records whether a campaign's scans are long. q.mu must be locked.
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

// Watch returns a context for the scan that counts the API's answers. If the scan becomes long while the maximum of
// long scans is running, the context is canceled and Yielded returns true: the scan must then wait for another slot.
func (slot *Slot) Watch(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	slot.queue.mu.Lock()
	slot.yield = cancel
	slot.queue.mu.Unlock()
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotFirstResponseByte: slot.answered}), cancel
}

// answered counts an answer. The answer to a canceled request may arrive after the scan has ended.
func (slot *Slot) answered() {
	q := slot.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	slot.answers++
	if slot.ended || slot.long || slot.yielded || slot.answers <= longScan {
		return
	}
	q.classify(slot.campaign, true)
	if q.long >= q.maxLong() {
		slot.yielded = true
		slot.yield()
		return
	}
	slot.long = true
	q.long++
}

// Yielded reports whether the scan was canceled to make way for others: see Watch.
func (slot *Slot) Yielded() bool {
	slot.queue.mu.Lock()
	defer slot.queue.mu.Unlock()
	return slot.yielded
}

// LowPriority reports whether the scan is long and its requests must let those of short scans go first.
func (slot *Slot) LowPriority() bool {
	slot.queue.mu.Lock()
	defer slot.queue.mu.Unlock()
	return slot.long && slot.queue.short > 0
}

// Judge records whether the campaign's scans are long, from the time that this one took and the error it ended with.
func (slot *Slot) Judge(took time.Duration, err error) {
	q := slot.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	many := slot.answers > longScan
	slow := q.slow > 0 && took > q.slow
	// An early failure does not show how long the scan would have been.
	q.classify(slot.campaign, many || slow || err != nil && q.campaigns[slot.campaign])
}

// End frees the slot for the next scan.
func (slot *Slot) End() {
	slot.queue.mu.Lock()
	defer slot.queue.mu.Unlock()
	slot.ended = true
	slot.queue.release(slot)
}
