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
func unmarshal[T any](w *wanted, value []byte, to *T) error {
	if w.decodeUsual(value, 0, reflect.ValueOf(to).Elem()) == len(value) {
		return nil
	}
	*to = *new(T)
	return jsonv2.Unmarshal(value, to, decodeOptions)
}

// decodeUsual decodes the value that begins at value[at] into v, and returns the index after it. It is 0 for what is left
// to the library: other types than strings, structs, pointers, slices of structs and those that decode themselves, strings
// with escapes or invalid UTF-8, pointers that come twice, and errors.
func (w *wanted) decodeUsual(value []byte, at int, v reflect.Value) int {
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
		return w.decodeUsual(value, at, v.Elem())
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
		return w.decodeMembers(value, at+1, v)
	case kind == reflect.Slice && w.element != nil && value[at] == '[':
		return w.decodeElements(value, at+1, v)
	}
	return 0
}

func (w *wanted) decodeMembers(value []byte, at int, v reflect.Value) int {
	for value[at] != '}' {
		if value[at] == ',' {
			at++
		}
		name := value[at+1:]
		name = name[:bytes.IndexByte(name, '"')]
		m := w.member(name)
		if at = m.decodeUsual(value, at+len(name)+len(`"":`), v.Field(m.field)); at == 0 {
			return 0
		}
	}
	return at + 1
}

func (w *wanted) decodeElements(value []byte, at int, v reflect.Value) int {
	v.Set(reflect.MakeSlice(v.Type(), 0, 2))
	for n := 0; value[at] != ']'; n++ {
		if value[at] == ',' {
			at++
		}
		if n == v.Cap() {
			v.Grow(n)
		}
		v.SetLen(n + 1)
		if at = w.element.decodeUsual(value, at, v.Index(n)); at == 0 {
			return 0
		}
	}
	return at + 1
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
