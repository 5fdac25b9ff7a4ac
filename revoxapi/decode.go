package revoxapi

import (
	"bytes"
	"encoding/json"
	"reflect"
	"unicode/utf8"

	jsonv2 "github.com/go-json-experiment/json"
)

// unmarshal decodes value, which the scanner kept and which is therefore valid, into the zero value at to. It does what the
// JSON library does. What most rows consist of is decoded without it, in 60 % of the time ([BenchmarkDecode]); everything
// else is left to it. FuzzScanner compares it with the library.
func unmarshal[T any](w *wanted, value wantedPart, to *T) error {
	d := usualDecoder{value}
	if d.decode(w, 0, reflect.ValueOf(to).Elem()) == len(value.json) {
		return nil
	}
	*to = *new(T)
	return jsonv2.Unmarshal(value.json, to, decodeOptions)
}

// usualDecoder decodes the wanted part of a value. lengths are those of the arrays that it has not come to.
type usualDecoder struct{ wantedPart }

// decode decodes the value that begins at json[at] into v, and returns the index after it. It is 0 for what is left
// to the library: other types than strings, structs, pointers, slices of structs and those that decode themselves, strings
// with escapes or invalid UTF-8, pointers that come twice, and errors.
func (d *usualDecoder) decode(w *wanted, at int, v reflect.Value) int {
	value := d.json
	null := value[at] == 'n'
	switch kind := v.Kind(); {
	case kind == reflect.Pointer:
		if !v.IsNil() {
			return 0
		}
		if null {
			return at + len("null")
		}
		v.Set(reflect.New(v.Type().Elem()))
		return d.decode(w, at, v.Elem())
	case w.method != nil:
		if w.method != reflect.TypeFor[json.Unmarshaler]() {
			return 0
		}
		end := valueEnd(value, at)
		if v.Addr().Interface().(json.Unmarshaler).UnmarshalJSON(value[at:end:end]) != nil {
			return 0
		}
		return end
	case kind == reflect.String && null:
		v.SetString("")
		return at + len("null")
	case kind == reflect.String && value[at] == '"':
		at++
		end := at + plain(value[at:])
		if value[end] != '"' || !utf8.Valid(value[at:end]) {
			return 0
		}
		v.SetString(string(value[at:end]))
		return end + 1
	case kind == reflect.Struct && w.members != nil && value[at] == '{':
		return d.decodeMembers(w, at+1, v)
	case kind == reflect.Slice && w.element != nil && value[at] == '[':
		return d.decodeElements(w, at+1, v)
	}
	return 0
}

func (d *usualDecoder) decodeMembers(w *wanted, at int, v reflect.Value) int {
	value := d.json
	for value[at] != '}' {
		if value[at] == ',' {
			at++
		}
		name := value[at+1:]
		name = name[:bytes.IndexByte(name, '"')]
		m := w.member(name)
		if at = d.decode(m.wanted, at+len(name)+len(`"":`), v.Field(m.field)); at == 0 {
			return 0
		}
	}
	return at + 1
}

func (d *usualDecoder) decodeElements(w *wanted, at int, v reflect.Value) int {
	length := d.lengths[0]
	d.lengths = d.lengths[1:]
	if v.SetZero(); length == 0 {
		v.Set(reflect.MakeSlice(v.Type(), 0, 0)) // not nil
		return at + 1
	}
	v.Grow(length)
	v.SetLen(length)
	for i := range length {
		if at = d.decode(w.element, at, v.Index(i)); at == 0 {
			return 0
		}
		at++ // a comma, or the bracket after the last
	}
	return at
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

// stringEnd returns the index of the quote that ends the string that begins at value[at].
func stringEnd(value []byte, at int) int {
	for at++; ; at += 2 {
		if at += plain(value[at:]); value[at] == '"' {
			return at
		}
	}
}
