package tally

import (
	"slices"
	"sync/atomic"

	"github.com/cespare/xxhash/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Row has the few fields of a row that are counted. The decoder skips everything else, personal data included. Values of
// enumerations, times, the campaign's name and the IDs of attempts may have any JSON type; another one that is not the
// documented one fails the scan.
type Row struct {
	ID   string `json:"id"`
	Call *Call  `json:"call"`
}

// RowID returns the row's id.
func (r Row) RowID() string { return r.ID }

// Parts returns the number of structs that the row takes: itself and its attempts. Eight uses of tools take as much as one.
func (r Row) Parts() int {
	if r.Call == nil {
		return 1
	}
	tools := 0
	for i := range r.Call.Attempts {
		tools += len(r.Call.Attempts[i].Transcript.Tools)
	}
	return 1 + len(r.Call.Attempts) + tools/8
}

// Call has the counted fields of a row's `call`.
type Call struct {
	Status    text               `json:"status"`
	Outcome   Value              `json:"outcome"`
	CreatedAt revoxapi.Timestamp `json:"created_at"`
	// ScheduledAt is not counted: it says that no attempt is made before.
	ScheduledAt revoxapi.Timestamp `json:"scheduled_at"`
	Campaign    campaign           `json:"campaign"`
	// Model is shown if the call has no assistant.
	Model     revoxapi.Repeated[model]     `json:"llm_model"`
	Assistant revoxapi.Repeated[assistant] `json:"assistant"`
	// Attempts does not include the copy in last_call_attempt, so that no attempt is counted twice.
	Attempts []Attempt `json:"call_attempts"`
}

// Finished reports whether the call's status is a final one.
func (c *Call) Finished() bool {
	return slices.Contains(CallsFinished.Known, string(c.Status))
}

// HasOutcome reports whether the call has an outcome.
func (c *Call) HasOutcome() bool { return !c.Outcome.IsNone() }

// HasTranscript reports whether any of the call's attempts has a transcript.
func (c *Call) HasTranscript() bool {
	return slices.ContainsFunc(c.Attempts, func(a Attempt) bool { return a.Transcript.Given })
}

// Attempt has the counted fields of one of the `call_attempts`.
type Attempt struct {
	ID         attemptID          `json:"id"`
	Status     text               `json:"status"`
	Result     Value              `json:"result"`
	DialError  Value              `json:"dial_error"`
	EndedBy    Value              `json:"ended_by"`
	EndReason  Value              `json:"end_reason"`
	StartedAt  revoxapi.Timestamp `json:"started_at"`
	AnsweredAt revoxapi.Timestamp `json:"answered_at"`
	EndedAt    revoxapi.Timestamp `json:"ended_at"`
	// Transcript is without what was said.
	Transcript revoxapi.TranscriptOutline `json:"transcript"`
}

// LacksTranscript reports whether somebody talked, and there is no transcript, or nothing in it.
func (a *Attempt) LacksTranscript() bool {
	t := &a.Transcript
	return a.Finished() && a.Result.text == string(revoxapi.ResultHuman) && t.Assistant == 0 && t.User == 0 && len(t.Tools) == 0
}

// Finished reports whether the attempt's status is a final one.
func (a *Attempt) Finished() bool {
	return slices.Contains(AttemptsFinished.Known, string(a.Status))
}

// campaign is a call's `campaign`. It is zero if the JSON is not an object: nothing in it is counted.
type campaign struct{ Name string }

// lastCampaign is the JSON that was last read as a campaign, and its name: most rows have the same one as the row before.
var lastCampaign atomic.Pointer[struct{ json, name string }]

// maxLastCampaign is the size of JSON above which lastCampaign does not keep it.
const maxLastCampaign = 1 << 10

// UnmarshalJSON reads any value.
func (c *campaign) UnmarshalJSON(raw []byte) error {
	if last := lastCampaign.Load(); last != nil && c.Name == "" && last.json == string(raw) {
		c.Name = last.name
		return nil
	}
	if jsontext.Value(raw).Kind() != jsontext.KindBeginObject {
		*c = campaign{}
		return nil
	}
	is := struct {
		Name name `json:"name"`
	}{name(c.Name)} // a campaign that comes twice is one
	err := json.Unmarshal(raw, &is, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	if err == nil && c.Name == "" && len(raw) <= maxLastCampaign {
		lastCampaign.Store(&struct{ json, name string }{string(raw), string(is.Name)})
	}
	c.Name = string(is.Name)
	return err
}

// assistant has of a call's `assistant` what is shown.
type assistant struct {
	ID        text                     `json:"id"`
	Name      name                     `json:"name"`
	UpdatedAt revoxapi.Timestamp       `json:"updated_at"`
	Model     revoxapi.Repeated[model] `json:"llm_model"`
	Voice     revoxapi.Repeated[voice] `json:"voice"`
}

type model struct {
	Type     text `json:"type"`
	Name     text `json:"name"`
	ID       text `json:"openrouter_model_id"`
	Provider text `json:"openrouter_provider"`
}

type voice struct {
	Provider text `json:"provider"`
}

// attemptID identifies an attempt within its call: a hash of its `id`, 0 if it has none.
type attemptID uint64

// UnmarshalJSON reads any value. Only strings and numbers are IDs.
func (id *attemptID) UnmarshalJSON(raw []byte) error {
	*id = 0
	if kind := jsontext.Value(raw).Kind(); kind == jsontext.KindString && len(raw) > 2 || kind == jsontext.KindNumber {
		*id = attemptID(xxhash.Sum64(raw))
	}
	return nil
}

// Active reports whether the attempt is under way: its status is queued, ringing or ongoing.
func (a *Attempt) Active() bool {
	return !a.Finished() && revoxapi.Known(revoxapi.AttemptStatus(a.Status))
}

// What is kept of texts, in bytes: more than label values of that kind may have. Some rows stay in memory for hours.
const (
	maxText = 100
	maxName = 4 << 10
)

// text is a string that is "" if the JSON is not a string. Of a longer one the first maxText bytes are kept.
type text string

// UnmarshalJSON reads any value.
func (t *text) UnmarshalJSON(raw []byte) error {
	*t = text(readValue(raw, maxText).text)
	return nil
}

// name is a text of which maxName bytes are kept.
type name string

// UnmarshalJSON reads any value.
func (n *name) UnmarshalJSON(raw []byte) error {
	*n = name(readValue(raw, maxName).text)
	return nil
}

// Value is the value of an enumeration. The zero value stands for an absent field; MakeValue makes others. Of a longer one
// the first maxText bytes are kept.
type Value struct {
	text    string
	present bool // the field was there, even as null
	wrong   bool // it is neither a string nor null
}

// MakeValue returns the value that a string is read as.
func MakeValue(text string) Value { return Value{text: text, present: true} }

// IsNone reports whether the field was absent, null or empty.
func (v Value) IsNone() bool { return v.text == "" && !v.wrong }

// UnmarshalJSON reads any value.
func (v *Value) UnmarshalJSON(raw []byte) error {
	*v = readValue(raw, maxText)
	return nil
}

// readValue reads any value, and keeps so many bytes of a string at most.
func readValue(raw []byte, most int) Value {
	v := Value{present: true}
	switch jsontext.Value(raw).Kind() {
	case jsontext.KindNull:
	case jsontext.KindString:
		if known, ok := labelvalue.Known(raw[1 : len(raw)-1]); ok { // without an allocation
			v.text = known
			return v
		}
		unquoted, _ := jsontext.AppendUnquote(nil, raw) // what is not UTF-8 is replaced
		v.text = string(unquoted[:min(len(unquoted), most)])
	default:
		v.wrong = true
	}
	return v
}
