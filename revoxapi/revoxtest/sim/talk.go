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

	// Somebody speaks every six seconds or so; heavy rows are of people who talk faster.
	pace := uint32(6000)
	if l.spec.Weight == Heavy {
		pace = 400
	}
	turns := int((a.ended - a.answered) / pace)
	e.Raw(`,"transcript":[`)
	switch a.result {
	case resultVoicemail:
		e.said("user", "", voicemailLines, &d)
		e.Raw(",")
		e.said("assistant", "Hello, this is a message for the owner of file ", agentLines, &d)
	case resultScreening:
		e.said("user", "", screeningLines, &d)
		e.Raw(",")
		e.said("assistant", "Hello, this is about your file ", agentLines, &d)
	case resultIVR:
		e.said("user", "", ivrLines, &d)
	case resultHuman:
		e.said("assistant", "Hello, I am calling about your file ", agentLines, &d)
		if a.broken {
			break
		}
		for i := range turns {
			e.Raw(",")
			switch {
			case i%2 == 0:
				e.said("user", "", userLines, &d)
			case d.Under(8) == 0:
				e.tool(&d)
			default:
				e.said("assistant", "", agentLines, &d)
			}
		}
	default:
		e.said("assistant", "Hello, is anybody there? I am calling about your file ", agentLines, &d)
	}
	e.Raw(`]`)
}

// said writes a line of a transcript. One with an opening is like no other.
func (e *encoder) said(role, opening string, lines []string, d *wire.Dice) {
	e.Raw(`{"role":"`)
	e.Raw(role)
	e.Raw(`","content":"`)
	if opening != "" {
		e.Raw(opening)
		e.B = wire.AppendHex(e.B, d.Next(), 8)
		e.Raw(". ")
	}
	e.Raw(lines[d.Under(len(lines))])
	e.Raw(`"}`)
}

// tool writes the use of a tool into a transcript, with one of the three ways in which its arguments may be given.
func (e *encoder) tool(d *wire.Dice) {
	e.Raw(`{"role":"tool","content":"slots free for file `)
	e.B = wire.AppendHex(e.B, d.Next(), 8)
	e.Raw(`: Tuesday 10:30, Thursday 16:00","tool_name":"find_appointment","tool_is_error":`)
	e.Bool(d.Under(10) == 0)
	e.Raw(`,"tool_arguments":`)
	switch d.Under(3) {
	case 0:
		e.Raw(`null}`)
	case 1:
		e.Raw(`"{\"reference\": \"ref-`)
		e.B = wire.AppendHex(e.B, d.Next(), 8)
		e.Raw(`\"}"}`)
	default:
		e.Raw(`{"reference":"ref-`)
		e.B = wire.AppendHex(e.B, d.Next(), 8)
		e.Raw(`","days":[1,2,3],"strict":false}}`)
	}
}
