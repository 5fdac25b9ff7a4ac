package sim

import (
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim/internal/calendar"
)

// events is a heap of what is to happen, the earliest first and what was added first among those of the same time.
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
	if at == calendar.Never {
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
