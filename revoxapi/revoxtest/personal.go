package revoxtest

import (
	"encoding/json"
	"slices"
	"strings"
)

// Personal returns the personal values in a campaign's rows as they are served now, each once: phone numbers, the
// contacts' data, what is said in transcripts, tool arguments, structured outputs, recording URLs, metadata and the
// assistant's prompt. Values too short to be sought in a text (under six bytes) are left out, and so are those that are
// not texts.
func (s *Server) Personal(id string) []string {
	seen := map[string]bool{}
	var walk func(v any, personal bool)
	walk = func(v any, personal bool) {
		switch v := v.(type) {
		case map[string]any:
			for name, inner := range v {
				walk(inner, personal || personalFields[name])
			}
		case []any:
			for _, inner := range v {
				walk(inner, personal)
			}
		case string:
			if personal && len(v) >= 6 {
				seen[v] = true
			}
		}
	}
	for _, row := range s.Rows(id) {
		var v any
		// Rows that tests made to be no JSON have nothing to be found in.
		_ = json.Unmarshal(row, &v)
		walk(v, false)
	}
	values := make([]string, 0, len(seen))
	for v := range seen {
		values = append(values, v)
	}
	slices.SortFunc(values, strings.Compare)
	return values
}

// personalFields are the fields whose texts, inner ones included, are personal.
var personalFields = map[string]bool{
	"phone_number": true, "to_phone_number": true, "from_phone_number": true,
	"input_data": true, "content": true, "tool_arguments": true, "structured_output": true,
	"recording_url": true, "metadata": true, "prompt": true,
}
