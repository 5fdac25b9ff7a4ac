package wire

import (
	"cmp"
	"strings"
	"time"
)

// Settings are how a campaign calls, as the API shows it.
type Settings struct {
	Windows          [][2]string // start and end of each, as they are served
	Days             []time.Weekday
	Timezone         string
	MaxRetryAttempts int
	RetryDelay       time.Duration
	CallTwiceInARow  bool
	MaxCallDuration  time.Duration
	Start            time.Time
	NewerFields      bool
	PromptSize       int  // bytes of the assistant's prompt; 0: the assistant is not shown
	SmallAssistant   bool // the assistant is shown without a prompt and other texts
	// Model and Voice are those of the assistant; "": drawn. See Model for the first.
	Model, Voice  string
	AssistantName string    // default "Outbound assistant"
	Updated       time.Time // when the assistant was changed; zero: soon after it was made
}

// Model returns the JSON of a language model: one of a dedicated instance, or else of openrouter, by the provider that its
// name begins with.
func Model(name string) string {
	provider, _, open := strings.Cut(name, "/")
	if !open {
		return `{"type":"dedicated-instance","name":"` + name + `"}`
	}
	return `{"type":"openrouter","openrouter_model_id":"` + name + `","openrouter_provider":"` + provider + `"}`
}

// Models are the language models that assistants have, and Voices the providers of their voices.
var (
	Models = []string{"ministral-3-8b-instruct", "mistralai/mistral-small-3.2-24b-instruct", "gpt-4.1"}
	Voices = []string{"cartesia", "elevenlabs"}
)

// Texts are the texts that are the same in the list entry and in all rows of a campaign.
type Texts struct {
	OrganizationID, AssistantID, FromNumber string

	RetryConfig, Model string // JSON
	Assistant          string // JSON; "" where it is not shown
	ModelName, Voice   string // as they are given in Settings
	Provider           string // of the language model
}

// NewTexts makes the texts of the campaign with the given ID from the seed of its server.
func NewTexts(id string, seed uint64, settings Settings, style Style) Texts {
	d := Dice(MixString(seed, id) ^ 0xa55)
	var t Texts
	t.OrganizationID = UUID(MixString(seed, "organization"))
	t.FromNumber = string(AppendPhone(nil, &d))
	t.AssistantID = UUID(d.Next())

	e := Encoder{Style: style}
	appendRetryConfig(&e, settings)
	t.RetryConfig = string(e.B)

	drawn := Models[d.Under(len(Models))]
	t.ModelName = cmp.Or(settings.Model, drawn)
	t.Model = Model(t.ModelName)
	t.Provider = "dedicated-instance"
	if provider, _, open := strings.Cut(t.ModelName, "/"); open {
		t.Provider = provider
	}
	voice := d // that of a small assistant
	t.Voice = cmp.Or(settings.Voice, Voices[voice.Under(len(Voices))])
	settings.AssistantName = cmp.Or(settings.AssistantName, "Outbound assistant")
	switch e.B = e.B[:0]; {
	case settings.PromptSize > 0:
		appendAssistant(&e, settings, &t, &d)
	case settings.SmallAssistant:
		appendSmallAssistant(&e, settings, t)
	}
	t.Assistant = string(e.B)
	return t
}

var dialPrefixes = []string{"+1202", "+1415", "+3363", "+4930", "+81905", "+6149", "+44794"}

// AppendPhone appends a phone number.
func AppendPhone(b []byte, d *Dice) []byte {
	b = append(b, dialPrefixes[d.Under(len(dialPrefixes))]...)
	for n, i := d.Next()>>20, 0; i < 7; i++ {
		b = append(b, byte('0'+n%10))
		n /= 10
	}
	return b
}

func appendRetryConfig(e *Encoder, settings Settings) {
	e.Raw(`{"calling_windows":[`)
	for i, w := range settings.Windows {
		if i > 0 {
			e.Raw(",")
		}
		e.Raw(`{"calling_window_start_time":`)
		e.Text(w[0])
		e.Raw(`,"calling_window_end_time":`)
		e.Text(w[1])
		e.Raw(`,"retry_delay_seconds":`)
		e.Int(int64(settings.RetryDelay.Seconds()))
		e.Raw(`}`)
	}
	e.Raw(`],"max_retry_attempts":`)
	e.Int(int64(settings.MaxRetryAttempts))
	if settings.Timezone != "" {
		e.Raw(`,"timezone":`)
		e.Text(settings.Timezone)
	}
	if settings.NewerFields {
		e.Raw(`,"allowed_days":[`)
		names := [...]string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}
		for i, day := range settings.Days {
			if i > 0 {
				e.Raw(",")
			}
			e.Text(names[day])
		}
		if settings.Days == nil {
			e.Raw(`"monday","tuesday","wednesday","thursday","friday","saturday","sunday"`)
		}
		e.Raw(`],"call_twice_in_a_row":`)
		e.Bool(settings.CallTwiceInARow)
	}
	e.Raw(`}`)
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

func appendAssistant(e *Encoder, settings Settings, t *Texts, d *Dice) {
	prompt := []byte("# Role\nYou call on behalf of a company about file-" + string(AppendHex(nil, d.Next(), 8)) + ".\n")
	for len(prompt) < settings.PromptSize {
		prompt = append(prompt, promptLines[d.Under(len(promptLines))]...)
	}
	appendAssistantHead(e, settings, *t, string(prompt))
	e.Raw(`,"created_at":`)
	e.Time(settings.assistantCreated())
	e.Raw(`,"updated_at":`)
	e.Time(settings.assistantUpdated())
	e.Raw(`,"background_sound":"audio/office.ogg","calendly":{"connection_id":`)
	e.UUID(d.Next())
	e.Raw(`,"event_type_id":`)
	e.UUID(d.Next())
	e.Raw(`},"call_retry_config":`)
	e.Raw(t.RetryConfig)
	e.Raw(`,"end_of_call_sentence":"Thank you for your time, and goodbye.","first_sentence":null,"first_sentence_delay_ms":400,`)
	e.Raw(`"first_sentence_mode":"generated","ivr_navigation_enabled":false,"llm_model":`)
	e.Raw(t.Model)
	e.Raw(`,"max_call_duration_secs":`)
	e.Number(int(settings.MaxCallDuration.Seconds()))
	e.Raw(`,"structured_output_config":[{"name":"summary","required":true,"type":"string","description":"One sentence on how the call went"},` +
		`{"name":"interested","required":true,"type":"boolean"},{"name":"budget","required":false,"type":"number"},` +
		`{"name":"callback_date","required":false,"type":"date"},` +
		`{"name":"mood","required":false,"type":"enum","enum_options":["good","neutral","bad"]}]`)
	e.Raw(`,"transfer_phone_number":null,"voice":{"id":`)
	e.UUID(d.Next())
	t.Voice = cmp.Or(settings.Voice, Voices[d.Under(2)])
	e.Raw(`,"provider":`)
	e.Text(t.Voice)
	if t.Voice == "cartesia" {
		e.Raw(`,"speed":1.1`)
	}
	e.Raw(`}`)
	e.Raw(`,"voicemail_message":"We tried to reach you and will call again.","webhook_url":null,` +
		`"faq_items":[{"id":"faq-1","question":"Who is calling?","answer":"The assistant of the company.","needs_human_answer":false,"source":"human"},` +
		`{"question":"How long is the contract?","answer":"Twelve months.","source":"ai"}],"pending_faq_count":`)
	e.Number(d.Under(4))
	e.Raw(`}`)
}

func (s *Settings) assistantCreated() int64 { return s.Start.Add(-21 * 24 * time.Hour).UnixMilli() }

func (s *Settings) assistantUpdated() int64 {
	if s.Updated.IsZero() {
		return s.assistantCreated() + 3_600_000
	}
	return s.Updated.UnixMilli()
}

// appendSmallAssistant appends an assistant with the fields that each has, and a voice.
func appendSmallAssistant(e *Encoder, settings Settings, t Texts) {
	appendAssistantHead(e, settings, t, "")
	e.Raw(`,"updated_at":`)
	e.Time(settings.assistantUpdated())
	e.Raw(`,"first_sentence_delay_ms":400,"first_sentence_mode":"generated","ivr_navigation_enabled":false,"llm_model":`)
	e.Raw(t.Model)
	e.Raw(`,"max_call_duration_secs":`)
	e.Number(int(settings.MaxCallDuration.Seconds()))
	e.Raw(`,"voice":{"id":`)
	e.Text(t.AssistantID)
	e.Raw(`,"provider":`)
	e.Text(t.Voice)
	e.Raw(`}}`)
}

// appendAssistantHead appends the fields of an assistant up to its prompt.
func appendAssistantHead(e *Encoder, settings Settings, t Texts, prompt string) {
	e.Raw(`{"id":`)
	e.Text(t.AssistantID)
	e.Raw(`,"name":`)
	e.Text(settings.AssistantName)
	e.Raw(`,"organization_id":`)
	e.Text(t.OrganizationID)
	e.Raw(`,"prompt":`)
	e.Text(prompt)
}
