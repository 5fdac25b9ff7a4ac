package revoxtest

// texts are the parts of a row that are the same in all rows of a campaign, as
// JSON.
type texts struct {
	organization string
	fromNumber   string
	retryConfig  string
	model        string
	assistant    string // "" where rows do not repeat it
	assistantID  string
}

func newTexts(spec Campaign, own, seed uint64, st style) texts {
	d := dice(own ^ 0xa55)
	var t texts
	t.organization = `"` + uuid(mixString(seed, "organization")) + `"`
	t.fromNumber = `"` + string(appendPhone(nil, &d)) + `"`
	t.assistantID = `"` + uuid(d.next()) + `"`

	e := encoder{style: st}
	appendRetryConfig(&e, spec)
	t.retryConfig = string(e.b)

	t.model = `{"type":"dedicated-instance","name":"gpt-4.1"}`
	switch d.under(3) {
	case 0:
		t.model = `{"type":"dedicated-instance","name":"ministral-3-8b-instruct"}`
	case 1:
		t.model = `{"type":"openrouter","openrouter_model_id":"mistralai/mistral-small-3.2-24b-instruct","openrouter_provider":"mistral"}`
	}
	if spec.Weight != Light {
		e.b = e.b[:0]
		appendAssistant(&e, spec, t, &d)
		t.assistant = string(e.b)
	}
	return t
}

func appendRetryConfig(e *encoder, spec Campaign) {
	e.raw(`{"calling_windows":[`)
	for i, w := range spec.Windows {
		if i > 0 {
			e.raw(",")
		}
		e.raw(`{"calling_window_start_time":`)
		e.text(w.Start)
		e.raw(`,"calling_window_end_time":`)
		e.text(w.End)
		e.raw(`,"retry_delay_seconds":`)
		e.int(int64(spec.RetryDelay.Seconds()))
		e.raw(`}`)
	}
	e.raw(`],"max_retry_attempts":`)
	e.int(int64(spec.MaxRetryAttempts))
	if spec.Timezone != "" {
		e.raw(`,"timezone":`)
		e.text(spec.Timezone)
	}
	if spec.NewerFields {
		e.raw(`,"allowed_days":[`)
		names := [...]string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}
		for i, day := range spec.Days {
			if i > 0 {
				e.raw(",")
			}
			e.text(names[day])
		}
		if spec.Days == nil {
			e.raw(`"monday","tuesday","wednesday","thursday","friday","saturday","sunday"`)
		}
		e.raw(`],"call_twice_in_a_row":`)
		e.bool(spec.CallTwiceInARow)
	}
	e.raw(`}`)
}

var promptLines = []string{
	"Stay friendly and calm, whatever the person says, and never raise a subject twice.\n",
	"If the person asks whether you are a machine, say so at once and offer a call with a colleague.\n",
	"Ask one question at a time. Wait for the answer. Do not read lists aloud.\n",
	"- When a price is asked for, give the monthly price first and the yearly price only on request.\n",
	"- When the person is driving or at work, offer to call again and use the tool `find_appointment`.\n",
	"- When a child answers, say \"thank you\" and end the call with the tool `end_call`.\n",
	"Numbers are spoken as words; dates are spoken with the weekday; addresses are never spoken.\n",
	"## Objections\nAcknowledge first, then ask what would have to be different, then stop.\n",
	"Répondez dans la langue de la personne appelée, même si elle en change pendant l'appel.\n",
	"The notes about the person are given in the variables; treat them as hints, not as facts.\n",
}

func appendAssistant(e *encoder, spec Campaign, t texts, d *dice) {
	size := 4500
	if spec.Weight == Heavy {
		size = 16_000
	}
	prompt := []byte("# Role\nYou call on behalf of a company about file-" + string(appendHex(nil, d.next(), 8)) + ".\n")
	for len(prompt) < size {
		prompt = append(prompt, promptLines[d.under(len(promptLines))]...)
	}
	created := spec.Start.Add(-21 * 24 * 3600 * 1e9).UnixMilli()

	e.raw(`{"id":`)
	e.raw(t.assistantID)
	e.raw(`,"name":"Outbound assistant","organization_id":`)
	e.raw(t.organization)
	e.raw(`,"prompt":`)
	e.text(string(prompt))
	e.raw(`,"created_at":`)
	e.time(created)
	e.raw(`,"updated_at":`)
	e.time(created + 3_600_000)
	e.raw(`,"background_sound":"audio/office.ogg","calendly":{"connection_id":`)
	e.uuid(d.next())
	e.raw(`,"event_type_id":`)
	e.uuid(d.next())
	e.raw(`},"call_retry_config":`)
	e.raw(t.retryConfig)
	e.raw(`,"end_of_call_sentence":"Thank you for your time, and goodbye.","first_sentence":null,"first_sentence_delay_ms":400,`)
	e.raw(`"first_sentence_mode":"generated","ivr_navigation_enabled":false,"llm_model":`)
	e.raw(t.model)
	e.raw(`,"max_call_duration_secs":`)
	e.number(int(spec.MaxCallDuration.Seconds()))
	e.raw(`,"structured_output_config":[{"name":"summary","required":true,"type":"string","description":"One sentence on how the call went"},` +
		`{"name":"interested","required":true,"type":"boolean"},{"name":"budget","required":false,"type":"number"},` +
		`{"name":"callback_date","required":false,"type":"date"},` +
		`{"name":"mood","required":false,"type":"enum","enum_options":["good","neutral","bad"]}]`)
	e.raw(`,"transfer_phone_number":null,"voice":{"id":`)
	e.uuid(d.next())
	if d.under(2) == 0 {
		e.raw(`,"provider":"cartesia","speed":1.1}`)
	} else {
		e.raw(`,"provider":"elevenlabs"}`)
	}
	e.raw(`,"voicemail_message":"We tried to reach you and will call again.","webhook_url":null,` +
		`"faq_items":[{"id":"faq-1","question":"Who is calling?","answer":"The assistant of the company.","needs_human_answer":false,"source":"human"},` +
		`{"question":"How long is the contract?","answer":"Twelve months.","source":"ai"}],"pending_faq_count":`)
	e.number(d.under(4))
	e.raw(`}`)
}

// appendListed writes the campaign as it is in the campaign list at the time
// ms. The caller holds c.mu.
func (c *campaign) appendListed(e *encoder, ms int64) {
	e.raw(`{"id":`)
	e.text(c.id)
	e.raw(`,"name":`)
	e.text(c.name)
	e.raw(`,"status":"`)
	e.raw(c.status)
	e.raw(`","is_cancelled":`)
	e.bool(c.cancelled)
	e.raw(`,"created_at":`)
	e.time(min(c.created, ms))
	e.raw(`,"updated_at":`)
	e.time(min(c.updated, ms))
	e.raw(`,"assistant_id":`)
	e.raw(c.text.assistantID)
	e.raw(`,"organization_id":`)
	e.raw(c.text.organization)
	if c.text.assistant != "" {
		e.raw(`,"assistant":`)
		e.raw(c.text.assistant)
	}
	if c.newer {
		e.raw(`,"max_concurrent_calls":`)
		e.number(c.maxCalls)
		e.raw(`,"from_phone_number":`)
		e.raw(c.text.fromNumber)
		e.raw(`,"scheduled_at":null`)
	}
	e.raw(`}`)
}
