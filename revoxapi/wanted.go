package revoxapi

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
	"sync"
	"unicode"

	jsonv2 "github.com/go-json-experiment/json"
)

// wanted is the part of a JSON value that a Go type decodes. The zero value wants all of it.
type wanted struct {
	members []wantedMember // of an object; nil for all
	element *wanted        // of an array; nil for all of each
}

type wantedMember struct {
	name string
	*wanted
}

// member returns the wanted part of the member of that name, nil for nothing. There are too few for a map to be faster.
func (w *wanted) member(name []byte) *wanted {
	for i := range w.members {
		if string(name) == w.members[i].name {
			return w.members[i].wanted
		}
	}
	return nil
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
			return &wanted{}
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
	case reflect.Slice, reflect.Array:
		if element := wantedByType(t.Elem(), within); element.members != nil || element.element != nil {
			return &wanted{element: element}
		}
	case reflect.Struct:
		return wantedByStruct(t, within)
	}
	return &wanted{}
}

func wantedByStruct(t reflect.Type, within []reflect.Type) *wanted {
	w := &wanted{members: []wantedMember{}}
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
		w.members = append(w.members, wantedMember{name, wantedByType(f.Type, within)})
	}
	return w
}

// keepValue reads a value and appends its wanted part to kept.
func (s *jsonScanner) keepValue(w *wanted) error {
	switch c := s.peekPastSpace(); {
	case c == '{' && w.members != nil:
		return s.keepMembers(w)
	case c == '[' && w.element != nil:
		return s.keepElements(w)
	}
	s.keep()
	err := s.skipValue()
	s.endKeep()
	return err
}

func (s *jsonScanner) keepMembers(w *wanted) error {
	s.kept = append(s.kept, '{')
	first := true
	err := s.members(func(name []byte) error {
		member := w.member(name)
		if member == nil {
			return s.skipValue()
		}
		if !first {
			s.kept = append(s.kept, ',')
		}
		first = false
		s.kept = append(append(append(s.kept, '"'), name...), '"', ':')
		return s.keepValue(member)
	})
	s.kept = append(s.kept, '}')
	return err
}

func (s *jsonScanner) keepElements(w *wanted) error {
	s.kept = append(s.kept, '[')
	first := true
	err := s.elements(func() error {
		if !first {
			s.kept = append(s.kept, ',')
		}
		first = false
		return s.keepValue(w.element)
	})
	s.kept = append(s.kept, ']')
	return err
}
