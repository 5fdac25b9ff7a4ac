package tally

import (
	"cmp"

	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Assistant is what is shown of an assistant, as label values. The zero value stands for none.
type Assistant struct {
	ID            string `json:"id,omitzero"`
	Name          string `json:"name,omitzero"`
	Model         string `json:"model,omitzero"`
	ModelProvider string `json:"model_provider,omitzero"`
	VoiceProvider string `json:"voice_provider,omitzero"`
	// Given reports that a call had an assistant, or at least a model.
	Given bool `json:"given,omitzero"`
	// Created is when its last call was created, and Updated when it was changed, in Unix milliseconds; 0 if not known.
	Created int64 `json:"created,omitzero"`
	Updated int64 `json:"updated,omitzero"`
}

// Add makes a the assistant of the call that was created last, of a's and other's. Of an assistant that was changed between,
// the later version counts, because the API may show that with all its calls. It reports whether a is like other now.
func (a *Assistant) Add(other Assistant) bool {
	switch was := *a; {
	case !other.Given:
		return false
	case !was.Given:
		*a = other
	case was.ID == other.ID && was.Updated != other.Updated && was.Updated != 0 && other.Updated != 0:
		if was.Updated < other.Updated {
			*a = other
		}
		a.Created = max(was.Created, other.Created)
		return was.Updated < other.Updated
	case was.Created > other.Created, was.Created == other.Created && was.text() >= other.text():
		return false
	}
	*a = other
	return true
}

// text decides between assistants of calls that were created at the same time.
func (a *Assistant) text() string {
	return a.ID + "\x00" + a.Name + "\x00" + a.Model + "\x00" + a.ModelProvider + "\x00" + a.VoiceProvider
}

// countAssistant takes note of a call's assistant.
func (t *Tally) countAssistant(c *Call) {
	from, created := c.Assistant.Value, milliseconds(c.CreatedAt)
	switch {
	case from == nil && c.Model.Value == nil:
		return
	case t.Assistant.Given && from == t.seenAssistant && c.Model.Value == t.seenModel:
		t.Assistant.Created = max(t.Assistant.Created, created) // as most rows
		return
	}
	is, m := Assistant{Given: true, Created: created}, c.Model.Value
	if from != nil {
		is.ID, is.Name = labelvalue.ID(string(from.ID), t.hider()), labelvalue.Name(string(from.Name), t.hider())
		is.Updated = milliseconds(from.UpdatedAt)
		if from.Model.Value != nil {
			m = from.Model.Value
		}
		if from.Voice.Value != nil {
			is.VoiceProvider = t.optionalLabel(labelvalue.VoiceProvider, string(from.Voice.Value.Provider))
		}
	}
	if m != nil {
		is.Model = t.optionalLabel(labelvalue.LLMModel, string(cmp.Or(m.Name, m.ID)))
		is.ModelProvider = string(m.Provider)
		if revoxapi.LlmModelType(m.Type) == revoxapi.LlmDedicatedInstance {
			is.ModelProvider = string(m.Type)
		}
		is.ModelProvider = t.optionalLabel(labelvalue.LLMProvider, is.ModelProvider)
	}
	if t.Assistant.Add(is) {
		t.seenAssistant, t.seenModel = from, c.Model.Value
	}
}

// optionalLabel is label for a value that may be empty.
func (t *Tally) optionalLabel(e *labelvalue.Enum, raw string) string {
	if raw == "" {
		return ""
	}
	return t.label(e, raw)
}

// milliseconds returns a time in Unix milliseconds; 0 if there is none.
func milliseconds(at revoxapi.Timestamp) int64 {
	if !at.Valid() {
		return 0
	}
	return at.Time.UnixMilli()
}

// restoreAssistant returns a stored assistant with label values that may be shown.
func (t *Tally) restoreAssistant(a Assistant) Assistant {
	for _, v := range []struct {
		enum  *labelvalue.Enum
		value *string
	}{{labelvalue.LLMModel, &a.Model}, {labelvalue.LLMProvider, &a.ModelProvider}, {labelvalue.VoiceProvider, &a.VoiceProvider}} {
		if *v.value != "" {
			*v.value, _ = t.labels.Value(v.enum, *v.value)
		}
	}
	a.ID, a.Name = labelvalue.ID(a.ID, t.hider()), labelvalue.Name(a.Name, t.hider())
	return a
}
