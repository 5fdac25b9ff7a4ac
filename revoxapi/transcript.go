package revoxapi

import (
	stdjson "encoding/json"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// TranscriptEntry is one utterance or tool use of a call attempt's transcript.
// All of it is personal data.
type TranscriptEntry struct {
	// Content is "content": what was said, or what the tool answered.
	Content string `json:"content"`
	// Role is "role": who said it.
	Role TranscriptRole `json:"role"`
	// ToolArguments is "tool_arguments": what the tool was called with.
	ToolArguments ToolArguments `json:"tool_arguments,omitzero"`
	// ToolIsError is "tool_is_error": whether the tool failed. Nil when
	// absent or null.
	ToolIsError *bool `json:"tool_is_error,omitzero"`
	// ToolName is "tool_name". Empty when absent or null.
	ToolName string `json:"tool_name,omitzero"`
}

// ToolArguments is what a tool was called with: an object, a string or nothing. At most one field is set; none is set for
// absent or null. If several are set by hand, the first of them is encoded.
type ToolArguments struct {
	// Object holds the arguments by name, not nil if they came as an object.
	// Its values are those of JSON in an any: numbers are float64.
	Object map[string]any
	// Text holds the arguments as text, not nil if they came as a string.
	Text *string
	// Other is the JSON of arguments of an undocumented kind: a number, a boolean, an array, or an object with a number
	// beyond float64. The row is read all the same.
	Other stdjson.RawMessage
}

// IsZero reports whether there were no arguments: absent or null. It makes omitzero leave the field out.
func (a ToolArguments) IsZero() bool {
	return a.Object == nil && a.Text == nil && a.Other == nil
}

// MarshalJSON writes the field that is set, else null.
func (a ToolArguments) MarshalJSON() ([]byte, error) {
	switch {
	case a.Object != nil:
		return json.Marshal(a.Object, json.Deterministic(true))
	case a.Text != nil:
		return json.Marshal(*a.Text, jsontext.AllowInvalidUTF8(true))
	case a.Other != nil:
		return a.Other, nil
	default:
		return []byte("null"), nil
	}
}

// UnmarshalJSON reads any JSON value.
func (a *ToolArguments) UnmarshalJSON(data []byte) error {
	*a = ToolArguments{}
	if string(data) == "null" {
		return nil
	}
	// As tolerant as encoding/json: an invalid byte in a transcript is no reason to refuse the row.
	tolerant := json.JoinOptions(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	switch jsontext.Value(data).Kind() {
	case '{':
		if json.Unmarshal(data, &a.Object, tolerant) == nil {
			return nil
		}
		a.Object = nil
	case '"':
		var text string
		if json.Unmarshal(data, &text, tolerant) == nil {
			a.Text = &text
			return nil
		}
	}
	a.Other = portableJSON(data)
	return nil
}
