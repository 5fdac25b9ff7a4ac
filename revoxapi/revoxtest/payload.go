package revoxtest

// The things of a row that dice are rolled for, each with dice of its own so
// that one does not shift the others.
const (
	idDice = iota
	callDice
	traitDice  // whether there is a call at all
	numberDice // the phone number, and whether it exists
	inputDice
	outcomeDice
	attemptDice // and on: one for each attempt
)

func (l *life) dice(row int32, kind int) dice {
	return dice(mix(l.seed + uint64(row)<<16 + uint64(kind)))
}

// len returns the number of rows. The caller holds c.mu.
func (c *campaign) len() int {
	if c.life == nil {
		return len(c.fixed)
	}
	return len(c.life.contacts)
}

// appendRow writes the row at place i as it is at the time ms, which the
// campaign was brought to. The caller holds c.mu.
func (c *campaign) appendRow(e *encoder, i int, ms int64) {
	l := c.life
	if l == nil {
		e.b = append(e.b, c.fixed[i]...)
		return
	}
	if l.spec.NewestFirst {
		i = len(l.contacts) - 1 - i
	}
	row := int32(i)
	e.raw(`{"id":`)
	e.uuid(uint64(l.dice(row, idDice)))
	e.raw(`,"input_data":`)
	l.appendInput(e, row)
	e.raw(`,"phone_number":`)
	l.appendNumber(e, row)
	e.raw(`,"row_index":`)
	e.number(i)
	if r := &l.contacts[i]; r.created != 0 && r.created <= ms {
		e.raw(`,"call":`)
		l.appendCall(e, row, ms)
	} else if i%2 == 0 { // absent in some rows, null in others
		e.raw(`,"call":null`)
	}
	e.raw(`}`)
}

// callStatus returns the API's status of a call at the time ms. Waiting calls
// are queued where they could be made but for a slot.
func (l *life) callStatus(r *contact, ms int64) string {
	switch r.state {
	case callPending:
		if len(r.attempts) == 0 {
			return "initializing"
		}
		return "scheduled"
	case callWaiting:
		if open, _ := l.cal.at(ms); open || l.spec.QueueOvernight {
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
	t := &l.c.text
	status := l.callStatus(r, ms)
	e.raw(`{"id":`)
	e.uuid(uint64(l.dice(row, callDice)))
	e.raw(`,"status":"`)
	e.raw(status)
	e.raw(`","call_attempts":[`)
	for i := len(r.attempts) - 1; i >= 0; i-- { // newest first
		l.appendAttempt(e, row, i, ms)
		if i > 0 {
			e.raw(",")
		}
	}
	e.raw(`]`)
	if l.spec.Weight != Light {
		if n := len(r.attempts); n > 0 {
			e.raw(`,"last_call_attempt":`)
			l.appendAttempt(e, row, n-1, ms)
		} else {
			e.raw(`,"last_call_attempt":null`)
		}
	}
	e.raw(`,"calls_count":`)
	e.number(len(r.attempts))
	e.raw(`,"created_at":`)
	e.time(r.created)
	e.raw(`,"scheduled_at":`)
	l.appendScheduled(e, r)
	e.raw(`,"direction":"outbound","campaign":{"id":`)
	e.text(l.c.id)
	e.raw(`,"name":`)
	e.text(l.c.name)
	e.raw(`},"organization_id":`)
	e.raw(t.organization)
	e.raw(`,"from_phone_number":`)
	e.raw(t.fromNumber)
	e.raw(`,"to_phone_number":`)
	l.appendNumber(e, row)
	e.raw(`,"first_sentence_delay_ms":400,"is_cancelled":`)
	e.bool(status == "cancelled")
	e.raw(`,"is_completed":`)
	e.bool(status == "completed")
	if l.spec.Weight != Light {
		l.appendMetadata(e, row)
		e.raw(`,"call_retry_config":`)
		e.raw(t.retryConfig)
	}
	e.raw(`,"llm_model":`)
	e.raw(t.model)
	if t.assistant != "" {
		e.raw(`,"assistant":`)
		e.raw(t.assistant)
	}
	if l.spec.Outcomes {
		e.raw(`,"outcome":`)
		e.enum(l.outcome(row, r, ms))
	}
	e.raw(`}`)
}

// appendScheduled writes when a call is, or was, to be made: never in hours in
// which none may be.
func (l *life) appendScheduled(e *encoder, r *contact) {
	if at := l.cal.next(r.due); at != never {
		e.time(at)
	} else {
		e.raw("null")
	}
}

// outcome returns what came of a call, or "" while that is not computed: this
// takes a while after the call's end, and is only done where somebody spoke.
func (l *life) outcome(row int32, r *contact, ms int64) string {
	n := len(r.attempts)
	if r.state != callCompleted || n == 0 || r.attempts[n-1].result != resultHuman {
		return ""
	}
	d := l.dice(row, outcomeDice)
	if ms < r.attempts[n-1].end()+5000+int64(d.under(40_000)) {
		return ""
	}
	switch p := d.share(); {
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

	e.raw(`{"id":`)
	e.uuid(id)
	e.raw(`,"status":"`)
	switch {
	case ended && a.failed:
		e.raw("error")
	case ended:
		e.raw("completed")
	case answered:
		e.raw("ongoing")
	case ms >= a.started:
		e.raw("ringing")
	default:
		e.raw("queued")
	}
	e.raw(`","phone_number":`)
	l.appendNumber(e, row)
	e.raw(`,"started_at":`)
	e.timeIf(ms >= a.started, a.started)
	e.raw(`,"answered_at":`)
	e.timeIf(answered, a.started+int64(a.answered))
	e.raw(`,"ended_at":`)
	e.timeIf(ended, a.end())

	// What is not given is null in some attempts and absent in others.
	absent := d.next()&1 == 0
	e.optional(absent, "result", ended, resultNames[l.result(a, &d, ms)])
	e.optional(absent, "dial_error", ended, dialNames[a.dial])
	e.optional(absent, "ended_by", ended, endedByNames[a.endedBy])
	e.optional(absent, "end_reason", ended, reasonNames[a.reason])
	if l.spec.NewerFields {
		e.raw(`,"handled_by_ai":`)
		e.bool(answered)
		e.raw(`,"handled_by_human":`)
		e.bool(ended && a.reason == reasonTransfer)
	}
	if l.spec.Weight != Light {
		l.appendTalk(e, row, a, d, ended && a.answered != notAnswered)
	}
	e.raw(`}`)
}

// result returns the result as far as it is known: some are reclassified after
// the attempt's end.
func (l *life) result(a *attempt, d *dice, ms int64) uint8 {
	p, late := d.share(), int64(60_000+d.under(25*60_000))
	if a.result != resultNone && p < l.spec.ReclassifiedShare && ms < a.end()+late {
		return resultUnknown
	}
	return a.result
}

// timeIf writes a time stamp, or null.
func (e *encoder) timeIf(is bool, ms int64) {
	if is {
		e.time(ms)
	} else {
		e.raw("null")
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
	e.raw(`,"`)
	e.raw(name)
	e.raw(`":`)
	e.enum(value)
}
