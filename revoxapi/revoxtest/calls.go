package revoxtest

import (
	"math/rand/v2"
)

// life is what goes on in a living campaign. It is moved on event by event, and
// everything random in it is drawn while an event is handled: so it comes out
// the same however far apart the looks at it are.
type life struct {
	c    *campaign
	spec Campaign
	seed uint64
	cal  *calendar
	rng  *rand.Rand
	dial dialErrors

	now       int64
	events    events
	contacts  []contact
	waiting   []int32 // contacts that wait for a slot, first come first served
	active    int     // attempts under way
	open      int     // calls that are not finished
	begun     bool
	lastRow   int64 // when contacts stop to come in
	wake      int64 // when the dispatcher is next woken, if at all
	incidents []Incident
}

// contact is a row of the campaign. What is written of it is made from its
// index when it is asked for; only how its call went is kept.
type contact struct {
	created  int64 // when the call was ordered; 0 where there is no call
	due      int64 // when the call is to be made next
	attempts []attempt
	state    callState
}

// callState is where a call stands. Which of the API's statuses that is can
// depend on the hour too, see callStatus.
type callState uint8

const (
	callPending callState = iota // not due yet
	callWaiting                  // due, in the queue
	callActive                   // an attempt is under way
	callCompleted
	callCancelled
	callErrored
)

func newLife(c *campaign, spec Campaign, seed uint64, cal *calendar) *life {
	l := &life{
		c: c, spec: spec, seed: seed, cal: cal,
		rng:      rand.New(rand.NewPCG(seed, mix(seed))),
		dial:     newDialErrors(spec.DialErrors),
		contacts: make([]contact, spec.Rows),
		lastRow:  never,
		wake:     never,
	}
	if !spec.Draft {
		l.events.add(spec.Start.UnixMilli(), beginEvent, 0)
	}
	return l
}

// advance handles everything that happens until now.
func (l *life) advance(now int64) {
	for len(l.events.heap) > 0 && l.events.heap[0].at <= now {
		e := l.events.pop()
		l.now = max(l.now, e.at)
		switch e.kind {
		case beginEvent:
			l.begin(e.at)
		case arriveEvent:
			l.arrive(e.at)
		case dueEvent:
			l.fallDue(e.row, e.at)
		case endEvent:
			l.endAttempt(e.row, e.at)
		case cancelEvent:
			l.cancelCall(e.row, e.at)
			l.dispatch(e.at)
		case wakeEvent:
			if e.at == l.wake {
				l.wake = never
			}
			l.dispatch(e.at)
		}
	}
	l.now = max(l.now, now)
}

// begin orders the calls of the contacts that are there.
func (l *life) begin(at int64) {
	if l.begun {
		return
	}
	l.begun = true
	if l.spec.Paused {
		l.c.setStatus("paused", at)
	} else {
		l.c.setStatus("running", at)
	}
	// A list of contacts is taken in at 50 a second, within two minutes at most.
	n := int64(len(l.contacts))
	for i := range n {
		l.order(int32(i), at+min(i*20, i*120_000/n))
	}
	if l.spec.AddRowsPerHour > 0 {
		if l.spec.AddRowsFor > 0 {
			l.lastRow = at + l.spec.AddRowsFor.Milliseconds()
		}
		l.expectArrival(at)
	} else {
		l.lastRow = at
	}
	l.checkCompleted(at)
}

func (l *life) expectArrival(at int64) {
	next := at + 1 + int64(l.rng.ExpFloat64()*3_600_000/l.spec.AddRowsPerHour)
	if next > l.lastRow {
		next = l.lastRow
	}
	l.events.add(next, arriveEvent, 0)
}

// arrive adds a contact, or ends the stream of them.
func (l *life) arrive(at int64) {
	if at >= l.lastRow {
		l.checkCompleted(at)
		return
	}
	l.contacts = append(l.contacts, contact{})
	l.order(int32(len(l.contacts)-1), at)
	l.expectArrival(at)
}

// order creates the call of a contact, unless it is one that never gets one.
func (l *life) order(row int32, at int64) {
	if d := l.dice(row, traitDice); d.share() < l.spec.RowsWithoutCallShare {
		return
	}
	r := &l.contacts[row]
	r.created = at
	r.due = at + 500 + l.rng.Int64N(4000) // while it is initializing
	l.open++
	l.events.add(r.due, dueEvent, row)
	if l.rng.Float64() < l.spec.CancelledShare {
		l.events.add(at+1000+int64(l.rng.ExpFloat64()*4*3_600_000), cancelEvent, row)
	}
}

func (l *life) fallDue(row int32, at int64) {
	if r := &l.contacts[row]; r.state == callPending && r.due == at {
		r.state = callWaiting
		l.waiting = append(l.waiting, row)
		l.dispatch(at)
	}
}

// dispatch starts attempts while there are calls that wait, slots, and nothing
// that forbids it. It has to be called whenever one of these may have changed.
func (l *life) dispatch(at int64) {
	for len(l.waiting) > 0 && l.active < l.spec.MaxConcurrentCalls && l.c.status == "running" {
		if open, until := l.cal.at(at); !open {
			l.wakeAt(until)
			return
		}
		if until, stalled := l.stalled(at); stalled {
			l.wakeAt(until)
			return
		}
		row := l.waiting[0]
		l.waiting = l.waiting[1:]
		r := &l.contacts[row]
		if r.state != callWaiting { // cancelled while it waited
			continue
		}
		a := l.draw(at, row)
		r.attempts = append(r.attempts, a)
		r.state = callActive
		l.active++
		l.events.add(a.end(), endEvent, row)
	}
	if len(l.waiting) == 0 {
		l.waiting = nil // let go of what the queue has moved past
	}
}

func (l *life) wakeAt(at int64) {
	if at < l.wake {
		l.wake = at
		l.events.add(at, wakeEvent, 0)
	}
}

// endAttempt ends an attempt and decides what becomes of its call.
func (l *life) endAttempt(row int32, at int64) {
	r := &l.contacts[row]
	if r.state != callActive || len(r.attempts) == 0 || r.attempts[len(r.attempts)-1].end() != at {
		return // the call was cancelled meanwhile
	}
	l.active--
	a := &r.attempts[len(r.attempts)-1]
	made := len(r.attempts)
	switch {
	case a.fatal:
		r.state = callErrored
	case a.result == resultHuman, a.result == resultUnknown:
		r.state = callCompleted
	case made > l.spec.MaxRetryAttempts:
		r.state = callCompleted
	case a.dial == dialNonAttributed && made >= 2:
		r.state = callCompleted // nobody will ever answer there
	default:
		r.state = callPending
		r.due = at + l.spec.RetryDelay.Milliseconds() + l.rng.Int64N(60_000)
		if l.spec.CallTwiceInARow && made%2 == 1 && a.dial != dialNone {
			r.due = at + 15_000 + l.rng.Int64N(30_000)
		}
		l.events.add(r.due, dueEvent, row)
	}
	if r.state != callPending {
		l.open--
		l.checkCompleted(at)
	}
	l.dispatch(at)
}

// cancelCall cancels a call that is not finished, and the attempt under way.
func (l *life) cancelCall(row int32, at int64) {
	r := &l.contacts[row]
	if r.created == 0 || r.state >= callCompleted {
		return
	}
	if r.state == callActive {
		r.attempts[len(r.attempts)-1].cut(at)
		l.active--
	}
	r.state = callCancelled
	l.open--
	l.checkCompleted(at)
}

// cancelAll cancels every call, and nothing happens any more.
func (l *life) cancelAll(at int64) {
	for i := range l.contacts {
		l.cancelCall(int32(i), at)
	}
	l.begun = true
	l.waiting, l.events.heap = nil, nil
}

func (l *life) checkCompleted(at int64) {
	if l.begun && l.open == 0 && at >= l.lastRow {
		l.c.setStatus("completed", at)
	}
}

// events is a heap of what is to happen, the earliest first and what was added
// first among those of the same time.
type events struct {
	heap  []event
	added uint32
}

type event struct {
	at   int64
	seq  uint32
	row  int32
	kind eventKind
}

type eventKind uint8

const (
	beginEvent  eventKind = iota // the campaign starts
	arriveEvent                  // a contact comes in
	dueEvent                     // a call falls due
	endEvent                     // an attempt ends
	cancelEvent                  // somebody cancels a call
	wakeEvent                    // calls may be made again
)

func (a event) before(b event) bool {
	return a.at < b.at || a.at == b.at && a.seq < b.seq
}

func (q *events) add(at int64, kind eventKind, row int32) {
	if at == never {
		return
	}
	h := append(q.heap, event{at, q.added, row, kind})
	q.added++
	for i := len(h) - 1; i > 0; {
		up := (i - 1) / 2
		if !h[i].before(h[up]) {
			break
		}
		h[i], h[up] = h[up], h[i]
		i = up
	}
	q.heap = h
}

func (q *events) pop() event {
	h := q.heap
	first := h[0]
	last := len(h) - 1
	h[0] = h[last]
	h = h[:last]
	for i := 0; ; {
		down := 2*i + 1
		if down >= last {
			break
		}
		if down+1 < last && h[down+1].before(h[down]) {
			down++
		}
		if !h[down].before(h[i]) {
			break
		}
		h[i], h[down] = h[down], h[i]
		i = down
	}
	q.heap = h
	return first
}
