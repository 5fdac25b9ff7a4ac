package sim

import (
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/internal/wire"
)

// What is said in calls, as JSON texts. Each line is long enough to be sought for in places where it must not turn up.

var agentLines = []string{
	"Thanks for taking the call. I'm the virtual assistant, and this will take about two minutes of your time.",
	"I understand completely. May I ask what matters most to you when you compare offers like this one?",
	"That makes sense. From what I can see here, the renewal would come to a little less than last year's.",
	"Let me repeat that, to be sure that I've got it right: you would rather be called back later this week.",
	"Of course. There is nothing to sign today; you would get everything in writing first.",
	"I'm sorry to hear that. I'll make a note, so that nobody calls you about it again.",
	"Good question! The installation itself is included, and the appointment usually lasts under an hour.",
	"Would Tuesday at half past ten suit you, or is the afternoon better?",
	"Très bien, je le note. Est-ce que cela vous conviendrait aussi à l'heure du déjeuner ?",
	"Perfect. You'll get a confirmation in a few minutes. Is there anything else that I can help with?",
}

var userLines = []string{
	"Yes, speaking. Who is this, and what is it about, please?",
	"Well, I have been with them for six years now, so I'd need a good reason to change.",
	"Hmm, I'm driving just now. Can you make it quick or call me again tonight?",
	"How much would that be a month, all in, \\\"no surprises\\\" as they say?",
	"My husband usually looks after that. He's back at around seven, I think.",
	"No, really, I'm not interested, and please take me off your list.",
	"That sounds all right. What would I have to do, then?\\nAnd how long is the contract?",
	"I did get your letter 📬 but I haven't had the time to read it yet.",
	"Écoutez, je préfère recevoir ça par écrit avant de décider quoi que ce soit.",
	"Okay. Okay. Yes, Tuesday would be fine for me, in the morning.",
}

var voicemailLines = []string{
	"You have reached the mailbox of this number. Please leave a message after the tone.",
	"Hi, I can't come to the phone right now. Leave your name and number and I'll call you back.",
	"Votre correspondant n'est pas disponible. Veuillez laisser un message après le signal sonore.",
}

var screeningLines = []string{
	"Hi, if you record your name and reason for calling, I'll see if this person is available.",
	"Thanks, please stay on the line while I check whether the person can talk to you.",
}

var ivrLines = []string{
	"Welcome. For sales, press one. For support, press two. To hear these options again, press nine.",
	"Thank you for calling. Our offices are open from Monday to Friday, eight to five.",
}

// appendTalk writes what there is of an attempt only once it was answered and has ended: recording, structured output,
// transcript.
func (l *life) appendTalk(e *encoder, row int32, a *attempt, d wire.Dice, over bool) {
	if !over {
		if d.Next()&1 == 0 {
			e.Raw(`,"recording_url":null,"structured_output":null,"transcript":null`)
		}
		return
	}
	if l.spec.Weight == Light {
		l.appendTranscript(e, a, d)
		return
	}
	e.Raw(`,"recording_url":"https://recordings.revoxtest.invalid/`)
	e.B = wire.AppendUUID(e.B, d.Next())
	e.Raw(`.mp3"`)
	if a.result == resultHuman && !a.broken {
		e.Raw(`,"structured_output":{"summary":"wishes to hear of it again, file `)
		e.B = wire.AppendHex(e.B, d.Next(), 8)
		e.Raw(`","interested":`)
		e.Bool(d.Next()&1 == 0)
		e.Raw(`,"budget":`)
		e.Number(100 + d.Under(900))
		e.Raw(`,"callback_date":null}`)
	} else {
		e.Raw(`,"structured_output":null`)
	}

	l.appendTranscript(e, a, d)
}

func (l *life) appendTranscript(e *encoder, a *attempt, d wire.Dice) {
	// Somebody speaks every six seconds or so; heavy rows are of people who talk faster.
	pace := uint32(6000)
	if l.spec.Weight == Heavy {
		pace = 400
	}
	turns := int((a.ended - a.answered) / pace)
	e.Raw(`,"transcript":[`)
	defer e.Raw(`]`)
	w := talkWriter{e: e, l: l, a: a, d: &d}
	if a.silent {
		for range 1 + d.Under(2) {
			w.said("user", "", userLines)
		}
		return
	}
	switch a.result {
	case resultVoicemail:
		w.said("user", "", voicemailLines)
		w.said("assistant", "Hello, this is a message for the owner of file ", agentLines)
	case resultScreening:
		w.said("user", "", screeningLines)
		w.said("assistant", "Hello, this is about your file ", agentLines)
	case resultIVR:
		w.said("user", "", ivrLines)
	case resultHuman:
		w.said("assistant", "Hello, I am calling about your file ", agentLines)
		if a.broken {
			return
		}
		for i := range turns {
			switch {
			case i%2 == 0:
				w.said("user", "", userLines)
			case d.Under(8) == 0:
				w.used(findAppointment)
				if d.Under(3) == 0 {
					w.used(bookAppointment)
				}
			default:
				w.said("assistant", "", agentLines)
			}
		}
	default:
		w.said("assistant", "Hello, is anybody there? I am calling about your file ", agentLines)
	}
	switch a.reason {
	case reasonEndCall:
		w.used(endCallTool)
	case reasonTransfer:
		w.used(transferCall)
	}
}

// talkWriter writes the entries of a transcript.
type talkWriter struct {
	e     *encoder
	l     *life
	a     *attempt
	d     *wire.Dice
	count int
}

// entry begins an entry.
func (w *talkWriter) entry() *encoder {
	if w.count++; w.count > 1 {
		w.e.Raw(",")
	}
	return w.e
}

// textless reports whether nothing is told of what is said.
func (w *talkWriter) textless() bool { return w.l.spec.Weight == Light }

// said writes a line of a transcript. One with an opening is like no other.
func (w *talkWriter) said(role, opening string, lines []string) {
	e := w.entry()
	e.Raw(`{"role":"`)
	e.Raw(role)
	e.Raw(`","content":"`)
	if !w.textless() {
		if opening != "" {
			e.Raw(opening)
			e.B = wire.AppendHex(e.B, w.d.Next(), 8)
			e.Raw(". ")
		}
		e.Raw(lines[w.d.Under(len(lines))])
	}
	e.Raw(`"}`)
}

// used writes the use of a tool, with one of the three ways in which its arguments may be given.
func (w *talkWriter) used(tool uint8) {
	e := w.entry()
	e.Raw(`{"role":"tool","content":"`)
	if !w.textless() {
		e.Raw(`slots free for file `)
		e.B = wire.AppendHex(e.B, w.d.Next(), 8)
		e.Raw(`: Tuesday 10:30, Thursday 16:00`)
	}
	e.Raw(`","tool_name":"`)
	e.Raw(toolNames[tool])
	e.Raw(`","tool_is_error":`)
	failing := w.d.Under(255) < int(w.a.failing) && tool == w.a.tool
	e.Bool(w.d.Share() < w.l.spec.ToolErrors[toolNames[tool]] || failing)
	e.Raw(`,"tool_arguments":`)
	switch kind := w.d.Under(3); {
	case kind == 0 || w.textless():
		e.Raw(`null}`)
	case kind == 1:
		e.Raw(`"{\"reference\": \"ref-`)
		e.B = wire.AppendHex(e.B, w.d.Next(), 8)
		e.Raw(`\"}"}`)
	default:
		e.Raw(`{"reference":"ref-`)
		e.B = wire.AppendHex(e.B, w.d.Next(), 8)
		e.Raw(`","days":[1,2,3],"strict":false}}`)
	}
}
