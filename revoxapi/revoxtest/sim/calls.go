package sim

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/internal/wire"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim/internal/calendar"
)

// life is what goes on in a living campaign. It is moved on event by event, and everything random in it is drawn while
// an event is handled: so it comes out the same however far apart the looks at it are.
type life struct {
	entry revoxtest.Entry
	text  wire.Texts
	style revoxtest.Style

	spec Campaign
	seed uint64 // of this campaign

	serverSeed uint64
	cal        *calendar.Calendar
	rng        *rand.Rand
	dial       dialErrors

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
	ownModel  string    // the language model of the campaign
	model     string    // the language model that swapModel has set; "": that of the campaign
	updated   time.Time // when it did
}

// contact is a row of the campaign. What is written of it is made from its index when it is asked for; only how its
// call went is kept.
type contact struct {
	created  int64 // when the call was ordered; 0 where there is no call
	due      int64 // when the call is to be made next
	attempts []attempt
	state    callState
}

// callState is where a call stands. Which of the API's statuses that is can depend on the hour too, see callStatus.
type callState uint8

const (
	callPending callState = iota // not due yet
	callWaiting                  // due, in the queue
	callActive                   // an attempt is under way
	callCompleted
	callCancelled
	callErrored
)

// newLife makes a campaign from its description. It panics where that makes no sense: this is a mistake in the test.
func newLife(spec Campaign, seed uint64, style revoxtest.Style, now time.Time, incidents []Incident) *life {
	spec = spec.withDefaults(seed, now)
	spec.NewerFields = spec.NewerFields || style.NewerFields
	spec.Outcomes = spec.Outcomes || spec.NewerFields
	settings := spec.settings()
	cal, err := calendar.New(spec.Timezone, settings.Windows, spec.Days)
	if err != nil {
		panic(fmt.Sprintf("sim: campaign %q: %v", spec.Name, err))
	}
	text := wire.NewTexts(spec.ID, seed, settings, style)
	own := wire.MixString(seed, spec.ID)
	created := spec.Start.Add(-30 * time.Minute)
	l := &life{
		serverSeed: seed, ownModel: text.ModelName, entry: revoxtest.Entry{
			ID: spec.ID, Name: spec.Name, Status: "draft", Created: created, Updated: created,
			AssistantID: text.AssistantID, OrganizationID: text.OrganizationID, Assistant: text.Assistant,
			NewerFields: spec.NewerFields, MaxConcurrentCalls: spec.MaxConcurrentCalls, FromPhoneNumber: text.FromNumber,
		},
		text: text, style: style, spec: spec, seed: own, cal: cal,
		rng:      rand.New(rand.NewPCG(own, wire.Mix(own))),
		dial:     newDialErrors(spec.DialErrors),
		contacts: make([]contact, spec.Rows),
		lastRow:  calendar.Never,
		wake:     calendar.Never,
	}
	for _, in := range incidents {
		l.addIncident(in)
	}
	if !spec.Draft {
		l.events.add(spec.Start.UnixMilli(), beginEvent, 0)
	}
	return l
}

// Entry returns the campaign's entry in the campaign list.
func (l *life) Entry() *revoxtest.Entry { return &l.entry }

// Advance brings the campaign to the time now.
func (l *life) Advance(now time.Time) { l.advance(now.UnixMilli()) }

// Resumed lets the campaign go on, or begin.
func (l *life) Resumed() {
	if l.entry.Status == "draft" {
		l.begin(l.now)
	} else {
		l.dispatch(l.now)
	}
}

// Cancelled cancels every call, and nothing happens any more.
func (l *life) Cancelled() {
	for i := range l.contacts {
		l.cancelCall(int32(i), l.now)
	}
	l.begun = true
	l.waiting, l.events.heap = nil, nil
}

func (l *life) setStatus(status string, at int64) { l.entry.SetStatus(status, time.UnixMilli(at)) }

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
				l.wake = calendar.Never
			}
			l.dispatch(e.at)
		}
	}
	l.now = max(l.now, now)
	l.swapModel()
}

// begin orders the calls of the contacts that are there.
func (l *life) begin(at int64) {
	if l.begun {
		return
	}
	l.begun = true
	if l.spec.Paused {
		l.setStatus("paused", at)
	} else {
		l.setStatus("running", at)
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
	if d := l.dice(row, traitDice); d.Share() < l.spec.RowsWithoutCallShare {
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

// dispatch starts attempts while there are calls that wait, slots, and nothing that forbids it. It has to be called
// whenever one of these may have changed.
func (l *life) dispatch(at int64) {
	for len(l.waiting) > 0 && l.active < l.spec.MaxConcurrentCalls && l.entry.Status == "running" {
		if open, until := l.cal.At(at); !open {
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

func (l *life) checkCompleted(at int64) {
	if l.begun && l.open == 0 && at >= l.lastRow {
		l.setStatus("completed", at)
	}
}
