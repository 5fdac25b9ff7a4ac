package revoxapi

import (
	"bytes"
	stdjson "encoding/json"
	"unicode/utf8"

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

// TranscriptOutline is what a transcript shows without what was said: who spoke how often, and which tools were used. A row
// type that has it in the place of [CallAttempt.Transcript] is read nearly as fast as one without. Nothing of an entry is
// decoded but "role", "tool_name" and "tool_is_error". Any JSON is read.
type TranscriptOutline struct {
	// Given reports that there is a transcript, which can have no entries. It is false for absent, null or an empty object.
	Given bool
	// Assistant and User are the numbers of entries with these roles.
	Assistant, User int32
	// Tools are the entries with the role of a tool, in order.
	Tools []ToolUse
	// Wrong is the number of values that are not of the documented type, and do not count as anything else.
	Wrong int32
}

// ToolUse is the use of a tool in a call.
type ToolUse struct {
	// Name is "tool_name". Empty when absent or null. The first 100 bytes of longer names are kept.
	Name string
	// IsError is "tool_is_error": false when absent or null.
	IsError bool
}

const maxToolName = 100

// outlineEntry is the part of an entry that a [TranscriptOutline] decodes.
type outlineEntry struct {
	Role        stdjson.RawMessage `json:"role"`
	ToolName    stdjson.RawMessage `json:"tool_name"`
	ToolIsError stdjson.RawMessage `json:"tool_is_error"`
}

func (*TranscriptOutline) jsonPart() any { return []outlineEntry(nil) }

// UnmarshalJSON reads any JSON value.
func (o *TranscriptOutline) UnmarshalJSON(data []byte) error {
	o.read(data, pastSpaceOr(data, 0, ' '))
	return nil
}

// The usual entries, as far as they are wanted.
var userEntry, assistantEntry = []byte(`{"role":"user"}`), []byte(`{"role":"assistant"}`)

// read reads the value that begins at data[at], which is valid, and returns the index after it. It is written by hand: rows
// have more entries than all else that is decoded of them.
func (o *TranscriptOutline) read(data []byte, at int) int {
	*o = TranscriptOutline{}
	if data[at] != '[' {
		end := valueEnd(data, at)
		if data[at] != 'n' && (data[at] != '{' || !isEmpty(data[at:end])) {
			o.Wrong++
		}
		return end
	}
	o.Given = true
	for at = pastSpaceOr(data, at+1, ','); data[at] != ']'; at = pastSpaceOr(data, at, ',') {
		switch {
		case bytes.HasPrefix(data[at:], assistantEntry):
			o.Assistant++
			at += len(assistantEntry)
		case bytes.HasPrefix(data[at:], userEntry):
			o.User++
			at += len(userEntry)
		case data[at] == '{':
			at = o.readEntry(data, at)
		default:
			o.Wrong++
			at = valueEnd(data, at)
		}
	}
	return at + 1
}

// readEntry reads the entry that begins at data[at], and returns the index after it.
func (o *TranscriptOutline) readEntry(data []byte, at int) int {
	var e outlineEntry
	for at = pastSpaceOr(data, at+1, ','); data[at] != '}'; at = pastSpaceOr(data, at, ',') {
		name := data[at : stringEnd(data, at)+1]
		from := pastSpaceOr(data, at+len(name), ':')
		at = valueEnd(data, from)
		value := data[from:at]
		switch string(unquoted(name)) {
		case "role":
			e.Role = value
		case "tool_name":
			e.ToolName = value
		case "tool_is_error":
			e.ToolIsError = value
		}
	}
	o.add(e)
	return at + 1
}

// pastSpaceOr returns the index of the first byte from data[at] on that is neither white space nor c.
func pastSpaceOr(data []byte, at int, c byte) int {
	for data[at] <= ' ' || data[at] == c {
		at++
	}
	return at
}

// unquoted returns a JSON string without quotes. What is not UTF-8 is replaced.
func unquoted(text []byte) []byte {
	if inner := text[1 : len(text)-1]; bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return inner
	}
	text, _ = jsontext.AppendUnquote(nil, text)
	return text
}

// text returns a string. It is nil for absent or null, and counts any other value.
func (o *TranscriptOutline) text(value []byte) []byte {
	switch {
	case len(value) == 0 || value[0] == 'n':
	case value[0] == '"':
		return unquoted(value)
	default:
		o.Wrong++
	}
	return nil
}

func (o *TranscriptOutline) add(e outlineEntry) {
	switch TranscriptRole(o.text(e.Role)) {
	case RoleAssistant:
		o.Assistant++
	case RoleUser:
		o.User++
	case RoleTool:
		name := o.text(e.ToolName)
		use := ToolUse{Name: string(name[:min(len(name), maxToolName)])}
		switch {
		case len(e.ToolIsError) == 0 || e.ToolIsError[0] == 'n' || e.ToolIsError[0] == 'f':
		case e.ToolIsError[0] == 't':
			use.IsError = true
		default:
			o.Wrong++
		}
		o.Tools = append(o.Tools, use)
	}
}

// valueEnd returns the index after the value that begins at value[at].
func valueEnd(value []byte, at int) int {
	for depth := 0; at < len(value); at++ {
		switch value[at] {
		case '"':
			at = stringEnd(value, at)
		case '{', '[':
			depth++
			continue
		case '}', ']':
			if depth == 0 {
				return at
			}
			depth--
		case ',':
			if depth == 0 {
				return at
			}
			continue
		default:
			continue
		}
		if depth == 0 {
			return at + 1
		}
	}
	return at
}
