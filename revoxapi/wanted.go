package revoxapi

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unicode"

	jsonv2 "github.com/go-json-experiment/json"
)

// wanted is the part of a JSON value that a Go type decodes. The zero value wants all of it.
type wanted struct {
	members []wantedMember // of an object; nil for all
	element *wanted        // of an array; nil for all of each
	// kind is '{' or '[' if only an object or only an array can be decoded. An empty one of the other kind is read as null:
	// for servers in PHP the two are the same. It is 0 for anything else.
	kind byte
	// id reports that this is the string of a member "id". A number is read as the string of its digits.
	id bool
	// method is the one of unmarshalers by which the type decodes itself, nil for none. members and element are those of
	// the part that it decodes; see partial.
	method reflect.Type
}

// partial is a type that decodes itself from a part of its JSON: what a value of the type of that which jsonPart returns
// decodes. UnmarshalJSON must read the whole JSON alike.
type partial interface {
	json.Unmarshaler
	jsonPart() any
}

type wantedMember struct {
	name  string
	field int // of the struct
	*wanted
}

// member returns the index of the member of that name, -1 if it is not wanted. There are too few for a map to be faster.
func (w *wanted) member(name []byte) int {
	for i := range w.members {
		if string(name) == w.members[i].name {
			return i
		}
	}
	return -1
}

var wantedTypes sync.Map // of reflect.Type to *wanted

// wantedBy returns the part of a value that the JSON library uses to decode a T. In doubt that is all.
func wantedBy[T any]() *wanted {
	t := reflect.TypeFor[T]()
	if w, ok := wantedTypes.Load(t); ok {
		return w.(*wanted)
	}
	w, _ := wantedTypes.LoadOrStore(t, wantedByType(t, nil))
	return w.(*wanted)
}

var unmarshalers = []reflect.Type{
	reflect.TypeFor[jsonv2.UnmarshalerFrom](), reflect.TypeFor[json.Unmarshaler](), reflect.TypeFor[encoding.TextUnmarshaler](),
}

// wantedByType is wantedBy for a type that is nested in those of within.
func wantedByType(t reflect.Type, within []reflect.Type) *wanted {
	for _, u := range unmarshalers {
		if t.Implements(u) || reflect.PointerTo(t).Implements(u) {
			w := wanted{}
			if p, ok := reflect.New(t).Interface().(partial); ok {
				w = *wantedByType(reflect.TypeOf(p.jsonPart()), within)
			}
			w.method = u
			return &w
		}
	}
	for _, outer := range within {
		if outer == t {
			return &wanted{}
		}
	}
	within = append(within, t)
	switch t.Kind() {
	case reflect.Pointer:
		return wantedByType(t.Elem(), within)
	case reflect.Map:
		return &wanted{kind: '{'}
	case reflect.Slice, reflect.Array:
		w := &wanted{}
		if t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8 {
			w.kind = '['
		}
		if element := wantedByType(t.Elem(), within); element.members != nil || element.element != nil {
			w.element = element
		}
		return w
	case reflect.Struct:
		return wantedByStruct(t, within)
	}
	return &wanted{}
}

func wantedByStruct(t reflect.Type, within []reflect.Type) *wanted {
	w := &wanted{members: []wantedMember{}, kind: '{'}
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("json")
		if tag == "-" {
			continue
		}
		if f.Anonymous {
			return &wanted{}
		}
		if !f.IsExported() {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		if name == "" {
			name = f.Name
		}
		for _, r := range name {
			if r != '_' && r != '-' && (r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r)) {
				return &wanted{}
			}
		}
		if name == "-" || options != "" && options != "omitempty" && options != "omitzero" {
			return &wanted{}
		}
		member := wantedByType(f.Type, within)
		member.id = name == "id" && isText(f.Type)
		w.members = append(w.members, wantedMember{name, i, member})
	}
	return w
}

// isText reports whether t decodes a string and nothing else.
func isText(t reflect.Type) bool {
	return t.Kind() == reflect.String && !slices.ContainsFunc(unmarshalers, func(u reflect.Type) bool {
		return reflect.PointerTo(t).Implements(u)
	})
}

// layout describes a wanted part, so that nobody has to look for its members and its ends again: for an object that has
// wanted members their number, and for each of them its index in [wanted] and its layout; for an array that has wanted
// elements their number, and the layout of each; for any other value the index after it.
type layout []uint32

// beginCount appends a number to the layout that is counted up later, and returns its index.
func (s *jsonScanner) beginCount() int {
	s.layout = append(s.layout, 0)
	return len(s.layout) - 1
}

// keepValue reads a value and appends its wanted part to kept, and what it is made of to layout.
func (s *jsonScanner) keepValue(w *wanted) error {
	c := s.peekPastSpace()
	switch {
	case w.method != nil && (c == '{' && w.members != nil || c == '[' && w.element != nil):
		return s.keepPart(w)
	case c == '{' && w.members != nil:
		return s.keepMembers(w)
	case c == '[' && w.element != nil:
		return s.keepElements(w)
	}
	before := len(s.kept)
	digits := w.id && (c == '-' || isDigit(c))
	if digits {
		s.kept = append(s.kept, '"')
	}
	s.keep()
	err := s.skipValue()
	s.endKeep()
	switch {
	case digits:
		s.kept = append(s.kept, '"')
	case w.kind != 0 && c != w.kind && isEmpty(s.kept[before:]):
		s.kept = append(s.kept[:before], "null"...)
	}
	s.layout = append(s.layout, uint32(len(s.kept)))
	return err
}

// keepPart reads an array or an object of a type that decodes itself, and keeps its part. An object is one that the API
// repeats in each row, such as the assistant: comparing is several times faster than reading it again.
func (s *jsonScanner) keepPart(w *wanted) (err error) {
	before, layout := len(s.kept), len(s.layout)
	if s.peek() == '[' {
		err = s.keepShortElements(w)
	} else if r := s.part(w); s.skipRepeat(&r.repeat) {
		s.kept = append(s.kept, r.kept...)
	} else {
		err = s.remember(&r.repeat, func() error { return s.keepMembers(w) })
		r.kept = append(r.kept[:0], s.kept[before:]...)
	}
	s.layout = append(s.layout[:layout], uint32(len(s.kept))) // it is one value
	return err
}

// part returns the object of a type that decodes itself that was kept last.
func (s *jsonScanner) part(w *wanted) *repeatedPart {
	for _, p := range s.parts {
		if p.wanted == w {
			return p
		}
	}
	p := &repeatedPart{wanted: w}
	s.parts = append(s.parts, p)
	return p
}

// keepShortElements is keepElements for many small objects, each of a few members of which hardly any is long in its part,
// and none a wanted id: the entries of a transcript. Without it, transcripts cost about twice as much ([BenchmarkTranscripts]).
func (s *jsonScanner) keepShortElements(w *wanted) error {
	s.kept = append(s.kept, '[')
	first := true
	err := s.elements(func() error {
		if s.elementsKept++; s.elementsKept > maxElements {
			return errTooManyElements
		}
		if !first {
			s.kept = append(s.kept, ',')
		}
		first = false
		if s.peekPastSpace() != '{' {
			return s.keepValue(w.element)
		}
		return s.keepShortMembers(w.element)
	})
	s.kept = append(s.kept, ']')
	return err
}

// keepShortMembers is keepMembers for objects in which most members are usual; see usualMembers.
func (s *jsonScanner) keepShortMembers(w *wanted) error {
	if err := s.enter(); err != nil {
		return err
	}
	s.kept = append(s.kept, '{')
	before := len(s.kept)
	for more := s.peekPastSpace() != '}'; more; {
		if s.usualMembers(w) {
			break
		}
		name, err := s.readName()
		member := w.member(name)
		if err == nil {
			err = s.expect(':')
		}
		switch {
		case err != nil:
		case member < 0:
			err = s.skipValue()
		default:
			s.kept = append(append(append(s.kept, '"'), w.members[member].name...), '"', ':')
			err = s.keepValue(w.members[member].wanted)
			s.kept = append(s.kept, ',')
		}
		if err == nil {
			more, err = s.next('}')
		}
		if err != nil {
			return err
		}
	}
	if len(s.kept) > before {
		s.kept = s.kept[:len(s.kept)-1] // the comma after the last
	}
	s.kept = append(s.kept, '}')
	s.leave()
	return nil
}

// isEmpty reports whether a JSON value is an array or an object with nothing in it.
func isEmpty(value []byte) bool {
	return len(value) >= 2 && (value[0] == '[' || value[0] == '{') && len(bytes.TrimSpace(value[1:len(value)-1])) == 0
}

func (s *jsonScanner) keepMembers(w *wanted) error {
	s.kept = append(s.kept, '{')
	object := s.beginCount()
	err := s.members(func(name []byte) error {
		member := w.member(name)
		if member < 0 {
			return s.skipMember(name)
		}
		if s.layout[object] > 0 {
			s.kept = append(s.kept, ',')
		}
		s.layout[object]++
		s.layout = append(s.layout, uint32(member))
		s.kept = append(append(append(s.kept, '"'), name...), '"', ':')
		return s.keepValue(w.members[member].wanted)
	})
	s.kept = append(s.kept, '}')
	return err
}

// A JSON value is small where the Go value that it is decoded into is not: 3 bytes for an attempt of 200. These limits are
// far above what a row or a campaign can mean, and keep what is decoded of one within some tens of MB.
const (
	// maxElements limits the call attempts, transcript entries and so on of a row or a campaign, taken together.
	maxElements = 20_000
	// maxValues limits all values that are kept of one, those in maps included. They are counted only in what is larger
	// than uncountedBytes.
	maxValues      = 200_000
	uncountedBytes = 256 << 10
)

var (
	errTooManyElements = fmt.Errorf("more than %d call attempts, transcript entries and so on, which is more than are read", maxElements)
	errTooManyValues   = fmt.Errorf("more than %d values, which is more than are read", maxValues)
)

// tooMany reports whether value, which is valid JSON, has more values than are decoded.
func tooMany(value []byte) bool {
	if len(value) <= uncountedBytes {
		return false
	}
	n := 0
	for i := 0; i < len(value); i++ {
		switch value[i] {
		case ',', '[', '{':
			n++
		case '"':
			i = stringEnd(value, i)
		}
	}
	return n > maxValues
}

func (s *jsonScanner) keepElements(w *wanted) error {
	s.kept = append(s.kept, '[')
	array := s.beginCount()
	err := s.elements(func() error {
		if s.elementsKept++; s.elementsKept > maxElements {
			return errTooManyElements
		}
		s.layout[array]++
		switch {
		case s.layout[array] > 1:
			s.kept = append(s.kept, ',')
		case s.peekPastSpace() == '{':
			return s.remember(&s.first, func() error { return s.keepValue(w.element) })
		}
		return s.keepValue(w.element)
	})
	s.kept = append(s.kept, ']')
	return err
}
