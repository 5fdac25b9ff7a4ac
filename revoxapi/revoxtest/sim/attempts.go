package sim

import (
	"math"
	"slices"
)

// attempt is one call made to a number. Its whole course is drawn when it starts; what is to be seen of it depends on
// the time of the look.
type attempt struct {
	started  int64  // milliseconds since 1970: when the phone starts to ring
	answered uint32 // milliseconds after started, or notAnswered
	ended    uint32 // milliseconds after started
	result   uint8  // index into resultNames
	dial     uint8  // index into dialNames
	endedBy  uint8  // index into endedByNames
	reason   uint8  // index into reasonNames
	failed   bool   // its status is error, not completed
	fatal    bool   // its call ends errored
	broken   bool   // the agent fell silent: the transcript is cut short
	silent   bool   // the agent never spoke
	tool     uint8  // index into toolNames of the tool that fails more often than it usually does; noTool
	failing  uint8  // how many of 255 of its uses fail
}

const notAnswered = math.MaxUint32

func (a *attempt) end() int64 { return a.started + int64(a.ended) }

// cut ends an attempt under way before its time.
func (a *attempt) cut(at int64) {
	if at < a.started {
		a.started = at
	}
	a.ended = uint32(at - a.started)
	a.dial, a.reason, a.failed, a.fatal = dialNone, reasonNone, false, false
	a.endedBy = endedBySystem
	if a.answered != notAnswered && a.answered > a.ended {
		a.answered = notAnswered
	}
	if a.answered == notAnswered {
		a.result = resultNone
	}
}

// The enumerations of the API, with the empty text for "not given".

var resultNames = [...]string{"", "IVR", "voicemail", "human", "unknown", "ios-screening-filter"}

const (
	resultNone uint8 = iota
	resultIVR
	resultVoicemail
	resultHuman
	resultUnknown
	resultScreening
)

var dialNames = [...]string{
	"", "number_non_attributed", "too_many_calls", "busy", "temporarily_unavailable",
	"no_answer", "no_international_permission", "precondition_failed", "non_classified_error",
}

const (
	dialNone uint8 = iota
	dialNonAttributed
	dialTooManyCalls
	dialBusy
	dialUnavailable
	dialNoAnswer
	dialNoPermission
	dialPrecondition
	dialNonClassified
)

var endedByNames = [...]string{"", "agent", "user", "system"}

const (
	endedByNone uint8 = iota
	endedByAgent
	endedByUser
	endedBySystem
)

var reasonNames = [...]string{"", "tool_end_call", "voicemail", "transfer", "ivr_no_navigate"}

const (
	reasonNone uint8 = iota
	reasonEndCall
	reasonVoicemail
	reasonTransfer
	reasonIVR
)

// dialErrors draws dial errors by weight.
type dialErrors struct {
	names []uint8
	upTo  []float64 // running sums of the weights
}

func newDialErrors(weights map[string]float64) dialErrors {
	var d dialErrors
	sum := 0.0
	for i, name := range dialNames { // not over the map: its order differs from run to run
		if w := weights[name]; i > 0 && w > 0 {
			sum += w
			d.names = append(d.names, uint8(i))
			d.upTo = append(d.upTo, sum)
		}
	}
	for name := range weights {
		if name == "" || !slices.Contains(dialNames[:], name) {
			panic("sim: not a dial error: " + name)
		}
	}
	return d
}

func (d dialErrors) draw(at float64) uint8 {
	if len(d.names) == 0 {
		return dialNoAnswer
	}
	at *= d.upTo[len(d.upTo)-1]
	for i, upTo := range d.upTo {
		if at < upTo {
			return d.names[i]
		}
	}
	return d.names[len(d.names)-1]
}

// draw makes the attempt of a call that starts at the time at.
func (l *life) draw(at int64, row int32) attempt {
	a := attempt{started: at + 300 + l.rng.Int64N(2200), answered: notAnswered}
	tool, share := l.failingTool(at)
	a.tool, a.failing = tool, uint8(255*share)

	switch kind, dial := l.fate(at, row); kind {
	case fateErrored:
		a.failed, a.fatal = true, true
		a.ended = l.millis(0.4, 0.8, 0.05, 5)
	case fateDialError:
		l.notAnswered(&a, dial)
	default:
		a.result = kind.result()
		l.answer(&a)
		if l.rng.Float64() < l.incidentShare(AgentBreaks, at) {
			a.broken = true
			a.failed = l.rng.Float64() < 0.3
			a.endedBy, a.reason = endedBySystem, reasonNone
			a.ended = a.answered + l.millis(2.5, 0.5, 0.5, 8)
		} else if l.acts(VoiceSilent, at) {
			a.silent = true
			a.endedBy, a.reason = endedByUser, reasonNone
			a.ended = a.answered + l.millis(7, 0.4, 2, 20)
		} else if a.result == resultHuman && l.acts(ModelSwapped, at) {
			a.endedBy, a.reason = endedByUser, reasonNone
			a.ended = a.answered + l.millis(5, 0.5, 1.5, 15)
		}
	}
	return a
}

// fate is what becomes of an attempt.
type fate uint8

const (
	fateDialError fate = iota
	fateErrored
	fateHuman
	fateVoicemail
	fateScreening
	fateIVR
	fateUnknown
)

func (f fate) result() uint8 {
	return [...]uint8{
		fateHuman: resultHuman, fateVoicemail: resultVoicemail, fateScreening: resultScreening,
		fateIVR: resultIVR, fateUnknown: resultUnknown,
	}[f]
}

// fate draws what becomes of an attempt, first by the incidents and else by the shares of the campaign.
func (l *life) fate(at int64, row int32) (fate, uint8) {
	s := &l.spec
	d := l.dice(row, numberDice)
	number := d.Share()
	bad := number < s.BadNumbersShare

	p, normal, dial := l.rng.Float64(), l.rng.Float64(), l.dial.draw(l.rng.Float64())
	if surge, name := l.dialErrorSurge(at); l.rng.Float64() < surge {
		return fateDialError, name
	}
	switch {
	case p < max(s.ErroredShare, l.incidentShare(ErroredSurge, at)):
		return fateErrored, 0
	case bad:
		return fateDialError, dialNonAttributed
	case number >= 1-s.NeverAnswerShare:
		return fateDialError, dialNoAnswer
	case l.rng.Float64() < l.incidentShare(VoicemailSurge, at):
		return fateVoicemail, 0
	case l.rng.Float64() < l.incidentShare(ScreeningSurge, at):
		return fateScreening, 0
	}

	human := min(0.9, s.HumanShare*s.HourFactors[l.cal.Hour(at)])
	switch {
	case normal < human:
		if l.rng.Float64() < l.incidentShare(AnswersDrop, at) {
			// Shown as spam, most let it ring and some push it away.
			if l.rng.Float64() < 0.25 {
				return fateDialError, dialBusy
			}
			return fateDialError, dialNoAnswer
		}
		return fateHuman, 0
	case normal < human+s.VoicemailShare:
		return fateVoicemail, 0
	case normal < human+s.VoicemailShare+s.ScreeningShare:
		return fateScreening, 0
	case normal < human+s.VoicemailShare+s.ScreeningShare+s.IVRShare:
		return fateIVR, 0
	case normal < human+s.VoicemailShare+s.ScreeningShare+s.IVRShare+s.UnknownShare:
		return fateUnknown, 0
	}
	return fateDialError, dial
}

// millis draws a duration that is distributed log-normally, in milliseconds; what it takes is in seconds.
func (l *life) millis(median, sigma, least, most float64) uint32 {
	s := median * math.Exp(sigma*l.rng.NormFloat64())
	return uint32(1000 * min(max(s, least), most))
}

// notAnswered fills in an attempt that ended with a dial error.
func (l *life) notAnswered(a *attempt, dial uint8) {
	a.dial = dial
	// Here and there such an attempt is said to be completed: nothing in the API's documentation ties the status to the
	// dial error.
	a.failed = l.rng.Float64() > 0.02
	switch dial {
	case dialNoAnswer:
		a.ended = l.millis(32, 0.25, 15, 60)
	case dialBusy:
		a.ended = l.millis(4, 0.6, 0.5, 20)
	case dialUnavailable:
		a.ended = l.millis(3, 0.7, 0.3, 15)
	case dialNonAttributed:
		a.ended = l.millis(1.2, 0.5, 0.2, 5)
	default:
		a.ended = l.millis(0.4, 0.7, 0.05, 3)
	}
}

// answer fills in an attempt that was answered.
func (l *life) answer(a *attempt) {
	var talk uint32
	longest := l.spec.MaxCallDuration.Seconds()
	a.endedBy = endedByAgent
	switch a.result {
	case resultHuman:
		a.answered = l.millis(10, 0.5, 1.5, 45)
		talk = l.talkWithHuman(a, longest)
	case resultVoicemail:
		a.answered = l.millis(24, 0.2, 12, 40)
		if l.rng.Float64() < 0.25 { // the phone is off
			a.answered = l.millis(1.5, 0.4, 0.4, 5)
		}
		talk = l.millis(9, 0.6, 1.5, min(60, longest))
		a.reason = reasonVoicemail
		if l.rng.Float64() < 0.1 {
			a.reason = reasonEndCall
		}
	case resultScreening:
		a.answered = l.millis(2, 0.4, 0.5, 8)
		talk = l.millis(14, 0.5, 3, min(60, longest))
		if l.rng.Float64() < 0.6 {
			a.endedBy = endedByUser
		} else {
			a.reason = reasonEndCall
		}
	case resultIVR:
		a.answered = l.millis(3, 0.5, 0.5, 12)
		talk = l.millis(22, 0.6, 4, min(120, longest))
		a.reason = reasonIVR
	default:
		a.answered = l.millis(8, 0.6, 1, 40)
		talk = l.millis(6, 0.8, 1, min(60, longest))
		a.endedBy = endedByUser
	}
	a.ended = a.answered + talk
}

func (l *life) talkWithHuman(a *attempt, longest float64) uint32 {
	by := l.rng.Float64()
	if l.rng.Float64() < 0.12 { // hangs up on hearing a machine
		a.endedBy = endedByUser
		return l.millis(4, 0.5, 1, min(12, longest))
	}
	talk := l.millis(l.spec.TalkMedian.Seconds(), 0.85, 2, longest)
	switch {
	case talk == uint32(1000*longest):
		a.endedBy = endedBySystem
	case by < 0.01:
		a.endedBy = endedBySystem
	case by < 0.5:
		a.endedBy = endedByUser
	case by < 0.58:
		a.reason = reasonTransfer
	default:
		a.reason = reasonEndCall
	}
	return talk
}

// The tools that agents use, with the usual shares of uses that fail.
var (
	toolNames     = [...]string{"find_appointment", "book_appointment", "end_call", "transfer_call"}
	toolUsualFail = [...]float64{0.04, 0.02, 0, 0.03}
)

const (
	findAppointment uint8 = iota
	bookAppointment
	endCallTool
	transferCall
	noTool
)

// toolIndex returns the index of a tool; noTool if there is no such tool.
func toolIndex(name string) uint8 {
	if i := slices.Index(toolNames[:], name); i >= 0 {
		return uint8(i)
	}
	return noTool
}

// toolErrors returns the shares of uses of tools that fail: the given ones, and else the usual.
func toolErrors(given map[string]float64) map[string]float64 {
	shares := map[string]float64{}
	for i, name := range toolNames {
		shares[name] = toolUsualFail[i]
	}
	for name, share := range given {
		if toolIndex(name) == noTool {
			panic("sim: not a tool: " + name)
		}
		shares[name] = share
	}
	return shares
}
