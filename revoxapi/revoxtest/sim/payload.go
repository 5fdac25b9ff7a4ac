package sim

import (
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/internal/wire"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim/internal/calendar"
)

// The things of a row that dice are rolled for, each with dice of its own so that one does not shift the others.
const (
	idDice = iota
	callDice
	traitDice  // whether there is a call at all
	numberDice // the phone number, and whether it exists
	inputDice
	outcomeDice
	attemptDice // and on: one for each attempt
)

func (l *life) dice(row int32, kind int) wire.Dice {
	return wire.Dice(wire.Mix(l.seed + uint64(row)<<16 + uint64(kind)))
}

// encoder writes the JSON of rows.
type encoder struct{ wire.Encoder }

// Len returns the number of rows.
func (l *life) Len() int { return len(l.contacts) }

// AppendRow writes the row at place i as it is at the time that the campaign was brought to.
func (l *life) AppendRow(b []byte, i int) []byte {
	e := &encoder{wire.Encoder{B: b, Style: l.style}}
	ms := l.now
	if l.spec.NewestFirst {
		i = len(l.contacts) - 1 - i
	}
	row := int32(i)
	e.Raw(`{"id":`)
	e.UUID(uint64(l.dice(row, idDice)))
	e.Raw(`,"input_data":`)
	l.appendInput(e, row)
	e.Raw(`,"phone_number":`)
	l.appendNumber(e, row)
	e.Raw(`,"row_index":`)
	e.Number(i)
	if r := &l.contacts[i]; r.created != 0 && r.created <= ms {
		e.Raw(`,"call":`)
		l.appendCall(e, row, ms)
	} else if i%2 == 0 { // absent in some rows, null in others
		e.Raw(`,"call":null`)
	}
	e.Raw(`}`)
	return e.B
}

// StatusOf returns the status of the call of the row at place i; "" if it has none.
func (l *life) StatusOf(i int) string {
	if l.spec.NewestFirst {
		i = len(l.contacts) - 1 - i
	}
	if r := &l.contacts[i]; r.created != 0 && r.created <= l.now {
		return l.callStatus(r, l.now)
	}
	return ""
}

// callStatus returns the API's status of a call at the time ms. Waiting calls are queued where they could be made but
// for a slot.
func (l *life) callStatus(r *contact, ms int64) string {
	switch r.state {
	case callPending:
		if len(r.attempts) == 0 {
			return "initializing"
		}
		return "scheduled"
	case callWaiting:
		if open, _ := l.cal.At(ms); open || l.spec.QueueOvernight {
			return "queued_for_calling"
		}
		return "scheduled"
	case callActive:
		return "calling"
	case callCancelled:
		return "cancelled"
	case callErrored:
		return "errored"
	}
	return "completed"
}

func (l *life) appendCall(e *encoder, row int32, ms int64) {
	r := &l.contacts[row]
	t := &l.text
	status := l.callStatus(r, ms)
	e.Raw(`{"id":`)
	e.UUID(uint64(l.dice(row, callDice)))
	e.Raw(`,"status":"`)
	e.Raw(status)
	e.Raw(`","call_attempts":[`)
	for i := len(r.attempts) - 1; i >= 0; i-- { // newest first
		l.appendAttempt(e, row, i, ms)
		if i > 0 {
			e.Raw(",")
		}
	}
	e.Raw(`]`)
	if l.spec.Weight != Light {
		if n := len(r.attempts); n > 0 {
			e.Raw(`,"last_call_attempt":`)
			l.appendAttempt(e, row, n-1, ms)
		} else {
			e.Raw(`,"last_call_attempt":null`)
		}
	}
	e.Raw(`,"calls_count":`)
	e.Number(len(r.attempts))
	e.Raw(`,"created_at":`)
	e.Time(r.created)
	e.Raw(`,"scheduled_at":`)
	l.appendScheduled(e, r)
	e.Raw(`,"direction":"outbound","campaign":{"id":`)
	e.Text(l.entry.ID)
	e.Raw(`,"name":`)
	e.Text(l.entry.Name)
	e.Raw(`},"organization_id":`)
	e.Text(t.OrganizationID)
	e.Raw(`,"from_phone_number":`)
	e.Text(t.FromNumber)
	e.Raw(`,"to_phone_number":`)
	l.appendNumber(e, row)
	e.Raw(`,"first_sentence_delay_ms":400,"is_cancelled":`)
	e.Bool(status == "cancelled")
	e.Raw(`,"is_completed":`)
	e.Bool(status == "completed")
	if l.spec.Weight != Light {
		l.appendMetadata(e, row)
		e.Raw(`,"call_retry_config":`)
		e.Raw(t.RetryConfig)
	}
	e.Raw(`,"llm_model":`)
	e.Raw(t.Model)
	if t.Assistant != "" {
		e.Raw(`,"assistant":`)
		e.Raw(t.Assistant)
	}
	if l.spec.Outcomes {
		e.Raw(`,"outcome":`)
		e.Enum(l.outcome(row, r, ms))
	}
	e.Raw(`}`)
}

// appendScheduled writes when a call is, or was, to be made: never in hours in which none may be.
func (l *life) appendScheduled(e *encoder, r *contact) {
	if at := l.cal.Next(r.due); at != calendar.Never {
		e.Time(at)
	} else {
		e.Raw("null")
	}
}

// outcome returns what came of a call, or "" while that is not computed: this takes a while after the call's end, and
// is only done where somebody spoke.
func (l *life) outcome(row int32, r *contact, ms int64) string {
	n := len(r.attempts)
	if r.state != callCompleted || n == 0 || r.attempts[n-1].result != resultHuman {
		return ""
	}
	d := l.dice(row, outcomeDice)
	if ms < r.attempts[n-1].end()+5000+int64(d.Under(40_000)) {
		return ""
	}
	switch p := d.Share(); {
	case p < 0.45:
		return "not_interested"
	case p < 0.65:
		return "interested"
	case p < 0.85:
		return "completed"
	}
	return "requested_callback_later"
}

// appendAttempt writes an attempt as far as it has come at the time ms.
func (l *life) appendAttempt(e *encoder, row int32, i int, ms int64) {
	a := &l.contacts[row].attempts[i]
	d := l.dice(row, attemptDice+i)
	id := uint64(d)
	ended := ms >= a.end()
	answered := a.answered != notAnswered && ms >= a.started+int64(a.answered)

	e.Raw(`{"id":`)
	e.UUID(id)
	e.Raw(`,"status":"`)
	switch {
	case ended && a.failed:
		e.Raw("error")
	case ended:
		e.Raw("completed")
	case answered:
		e.Raw("ongoing")
	case ms >= a.started:
		e.Raw("ringing")
	default:
		e.Raw("queued")
	}
	e.Raw(`","phone_number":`)
	l.appendNumber(e, row)
	e.Raw(`,"started_at":`)
	e.timeIf(ms >= a.started, a.started)
	e.Raw(`,"answered_at":`)
	e.timeIf(answered, a.started+int64(a.answered))
	e.Raw(`,"ended_at":`)
	e.timeIf(ended, a.end())

	// What is not given is null in some attempts and absent in others.
	absent := d.Next()&1 == 0
	e.optional(absent, "result", ended, resultNames[l.result(a, &d, ms)])
	e.optional(absent, "dial_error", ended, dialNames[a.dial])
	e.optional(absent, "ended_by", ended, endedByNames[a.endedBy])
	e.optional(absent, "end_reason", ended, reasonNames[a.reason])
	if l.spec.NewerFields {
		e.Raw(`,"handled_by_ai":`)
		e.Bool(answered)
		e.Raw(`,"handled_by_human":`)
		e.Bool(ended && a.reason == reasonTransfer)
	}
	if l.spec.Weight != Light || l.spec.Agent {
		l.appendTalk(e, row, a, d, ended && a.answered != notAnswered)
	}
	e.Raw(`}`)
}

// result returns the result as far as it is known: some are reclassified after the attempt's end.
func (l *life) result(a *attempt, d *wire.Dice, ms int64) uint8 {
	p, late := d.Share(), int64(60_000+d.Under(25*60_000))
	if a.result != resultNone && p < l.spec.ReclassifiedShare && ms < a.end()+late {
		return resultUnknown
	}
	return a.result
}

// timeIf writes a time stamp, or null.
func (e *encoder) timeIf(is bool, ms int64) {
	if is {
		e.Time(ms)
	} else {
		e.Raw("null")
	}
}

// optional writes a field with an enumeration's value, where it has one yet.
func (e *encoder) optional(absent bool, name string, known bool, value string) {
	if !known {
		value = ""
	}
	if value == "" && absent {
		return
	}
	e.Raw(`,"`)
	e.Raw(name)
	e.Raw(`":`)
	e.Enum(value)
}
