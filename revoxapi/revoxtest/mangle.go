package revoxtest

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// CutJSON answers with the first half of the right body; as far as HTTP goes the answer is whole.
func CutJSON() Behavior {
	return mangleBody(func(b []byte) []byte { return b[:len(b)/2] })
}

// TrailingBytes answers as it should, and with something more after it.
func TrailingBytes(more string) Behavior {
	return mangleBody(func(b []byte) []byte { return append(b, more...) })
}

// ByteOrderMark answers as it should, after a byte order mark.
func ByteOrderMark() Behavior {
	return mangleBody(func(b []byte) []byte { return append([]byte("\ufeff"), b...) })
}

// InvalidUTF8 answers as it should, but the names, transcripts, contacts' data, end reasons and dial errors begin with
// bytes that are not UTF-8.
func InvalidUTF8() Behavior {
	return mangleBody(func(b []byte) []byte {
		for _, field := range []string{"name", "full_name", "email", "content", "end_reason", "dial_error", "prompt"} {
			b = bytes.ReplaceAll(b, []byte(`"`+field+`":"`), []byte(`"`+field+"\":\"\xff\xc3("))
		}
		return b
	})
}

// MangleRows answers as it should, but with other rows: those that f makes of the right ones. `total` stays what it is.
func MangleRows(f func([]json.RawMessage) []json.RawMessage) Behavior {
	return mangleAnswer(func(m map[string]json.RawMessage) {
		var rows []json.RawMessage
		if json.Unmarshal(m["rows"], &rows) == nil && m["rows"] != nil {
			rows = f(rows)
			if rows == nil {
				rows = []json.RawMessage{}
			}
			m["rows"] = mustMarshal(rows)
		}
	})
}

// LyingTotal answers as it should, but with this `total`.
func LyingTotal(n int) Behavior {
	return mangleAnswer(func(m map[string]json.RawMessage) { m["total"] = mustMarshal(n) })
}

// WrongType answers as it should, but every value of the named field is of another type, wherever it stands: 12345 for
// a text, "wrong" for anything else.
func WrongType(field string) Behavior {
	return mangleField(field, func(m map[string]any) {
		if _, text := m[field].(string); text {
			m[field] = 12345
		} else {
			m[field] = "wrong"
		}
	})
}

// SetField answers as it should, but every value of the named field is this JSON, wherever the field stands.
func SetField(field string, value string) Behavior {
	raw := json.RawMessage(value)
	return mangleField(field, func(m map[string]any) { m[field] = raw })
}

// WithoutField answers as it should, but without the named field, wherever it stands.
func WithoutField(field string) Behavior {
	return mangleField(field, func(m map[string]any) { delete(m, field) })
}

func mangleBody(f func([]byte) []byte) Behavior {
	return Behavior{func(x *exchange) {
		x.send(http.StatusOK, "application/json", f(x.body()))
	}}
}

func mangleAnswer(f func(map[string]json.RawMessage)) Behavior {
	return mangleBody(func(b []byte) []byte {
		var m map[string]json.RawMessage
		if err := json.Unmarshal(b, &m); err != nil {
			return b // rows that are no JSON cannot be taken apart
		}
		f(m)
		return mustMarshal(m)
	})
}

// mangleField changes every object that has the field, objects in objects included.
func mangleField(field string, f func(map[string]any)) Behavior {
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, inner := range v {
				walk(inner)
			}
			if _, has := v[field]; has {
				f(v)
			}
		case []any:
			for _, inner := range v {
				walk(inner)
			}
		}
	}
	return mangleBody(func(b []byte) []byte {
		d := json.NewDecoder(bytes.NewReader(b))
		d.UseNumber()
		var v any
		if err := d.Decode(&v); err != nil {
			return b
		}
		walk(v)
		return mustMarshal(v)
	})
}

// mustMarshal encodes what was decoded before.
func mustMarshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("revoxtest: " + err.Error())
	}
	return b
}
