package revoxapi

import (
	"encoding/json"
	"reflect"
	"unicode/utf8"

	jsonv2 "github.com/go-json-experiment/json"
)

// unmarshal decodes value, which the scanner kept and which is therefore valid, into the zero value at to. It does what the
// JSON library does. What most rows consist of is decoded without it, in half the time ([BenchmarkDecode]); everything
// else is left to it. FuzzScanner compares it with the library.
func unmarshal[T any](w *wanted, value wantedPart, to *T) error {
	d := usualDecoder{value}
	if d.decode(w, 0, reflect.ValueOf(to).Elem()) == len(value.json) {
		return nil
	}
	*to = *new(T)
	return jsonv2.Unmarshal(value.json, to, decodeOptions)
}

// usualDecoder decodes the wanted part of a value. layout is that of what it has not come to.
type usualDecoder struct{ wantedPart }

// next takes the next number of the layout.
func (d *usualDecoder) next() int {
	n := d.layout[0]
	d.layout = d.layout[1:]
	return int(n)
}

// decode decodes the value that begins at json[at] into v, and returns the index after it. It is 0 for what is left
// to the library: other types than strings, structs, pointers, slices of structs and those that decode themselves, strings
// with escapes or invalid UTF-8, pointers that come twice, and errors.
func (d *usualDecoder) decode(w *wanted, at int, v reflect.Value) int {
	null := d.json[at] == 'n'
	if v.Kind() == reflect.Pointer {
		if !v.IsNil() {
			return 0
		}
		if null {
			return d.next()
		}
		v.Set(reflect.New(v.Type().Elem()))
		return d.decode(w, at, v.Elem())
	}
	switch {
	case w.method != nil:
	case d.json[at] == '{' && w.members != nil:
		return d.decodeMembers(w, at+len("{"), v)
	case d.json[at] == '[' && w.element != nil:
		return d.decodeElements(w, at+len("["), v)
	}
	end := d.next()
	value := d.json[at:end:end]
	switch {
	case w.method == reflect.TypeFor[json.Unmarshaler]():
		if v.Addr().Interface().(json.Unmarshaler).UnmarshalJSON(value) != nil {
			return 0
		}
	case w.method != nil || v.Kind() != reflect.String:
		return 0
	case null:
		v.SetString("")
	default:
		text := value[1:max(1, len(value)-1)]
		if value[0] != '"' || plain(text) != len(text) || !utf8.Valid(text) {
			return 0
		}
		v.SetString(string(text))
	}
	return end
}

func (d *usualDecoder) decodeMembers(w *wanted, at int, v reflect.Value) int {
	for range d.next() {
		if d.json[at] == ',' {
			at++
		}
		m := &w.members[d.next()]
		if at = d.decode(m.wanted, at+len(m.name)+len(`"":`), v.Field(m.field)); at == 0 {
			return 0
		}
	}
	return at + len("}")
}

func (d *usualDecoder) decodeElements(w *wanted, at int, v reflect.Value) int {
	if v.Kind() != reflect.Slice {
		return 0
	}
	length := d.next()
	if v.SetZero(); length == 0 {
		v.Set(reflect.MakeSlice(v.Type(), 0, 0)) // not nil
		return at + len("]")
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

// stringEnd returns the index of the quote that ends the string that begins at value[at].
func stringEnd(value []byte, at int) int {
	for at++; ; at += 2 {
		if at += plain(value[at:]); value[at] == '"' {
			return at
		}
	}
}
