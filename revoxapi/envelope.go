package revoxapi

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// One invalid byte in a transcript, or a name given twice, is no reason to refuse a whole page.
var decodeOptions = json.JoinOptions(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))

// typeError means that a value is not of the documented type.
type typeError struct {
	at   int64  // byte of the answer at which the row, campaign or other member with the value begins
	path string // of documented names
}

func (e typeError) Error() string {
	return fmt.Sprintf("in what begins at byte %d of the answer, %s is not of the documented type", e.at, e.path)
}

// envelope describes a body that is one object with a list of objects in it. The list must be there, and nothing may
// follow the object. A byte order mark may come before it.
type envelope struct {
	list string
	// wanted is the part of each object in the list that is decoded.
	wanted *wanted
	// begin is called before each object is read, then item with its wanted part.
	begin func()
	item  func(value wantedPart) error
	// stray is called after begin for each entry of the list that is not an object, which is then skipped. If it is nil,
	// such an entry is an error.
	stray func()
	// others are further members that are wanted. other is called with the JSON of each that is there.
	others []string
	other  func(name string, value []byte) error
	// isEmpty is called at the end if the list is null or {}. It reports whether that stands for a list without objects.
	// If it is nil, neither does.
	isEmpty func() bool
}

var scanners = sync.Pool{New: func() any { return &jsonScanner{} }}

// read reads the envelope as a stream.
func (e *envelope) read(body io.Reader) error {
	s := scanners.Get().(*jsonScanner)
	s.reset(body)
	defer func() {
		s.reset(nil)
		if cap(s.kept)+cap(s.name)+4*cap(s.layout) <= 1<<20 {
			scanners.Put(s)
		}
	}()
	if s.peek() == byteOrderMark[0] {
		if err := s.skipLiteral(byteOrderMark); err != nil {
			return err
		}
	}
	if s.peekPastSpace() != '{' {
		return wrongKind(s, "the answer should be a JSON object, not %s")
	}
	found := false
	var noList error
	err := s.members(func(name []byte) error {
		switch name := string(name); {
		case name == e.list && found:
			return badResponse("the answer has %q twice", name)
		case name == e.list:
			found = true
			if s.peekPastSpace() != '[' {
				noList = wrongKind(s, e.list+" of the answer should be an array, not %s")
				return s.skipNothing(noList)
			}
			return e.readList(s)
		case slices.Contains(e.others, name):
			return s.decode(&wanted{}, func(value wantedPart) error { return e.other(name, value.json) }, func() string { return name })
		}
		return s.skipValue()
	})
	if err != nil {
		return err
	}
	if !found {
		return badResponse("the answer has no %q", e.list)
	}
	// Reading to the end also lets gzip compare its checksum.
	if s.peekPastSpace(); s.at < len(s.buf) {
		return badResponse("the answer goes on after its end")
	}
	if s.err != io.EOF {
		return s.err
	}
	if noList != nil && (e.isEmpty == nil || !e.isEmpty()) {
		return noList
	}
	return nil
}

// byteOrderMark may come before the JSON.
const byteOrderMark = "\ufeff"

// skipNothing skips null or {}. Anything else is the error otherwise.
func (s *jsonScanner) skipNothing(otherwise error) error {
	switch s.peek() {
	case 'n':
		return s.skipLiteral("null")
	case '{':
		return s.members(func([]byte) error { return otherwise })
	}
	return otherwise
}

func (e *envelope) readList(s *jsonScanner) error {
	number := 0
	return s.elements(func() error {
		e.begin()
		if s.peekPastSpace() != '{' {
			if e.stray != nil {
				e.stray()
				return s.skipValue()
			}
			return wrongKind(s, "each of the answer's "+e.list+" should be an object, not %s")
		}
		number++
		return s.decode(e.wanted, e.item, func() string { return fmt.Sprintf("%s/%d", e.list, number-1) })
	})
}

// wantedPart is the wanted part of a value.
type wantedPart struct {
	json   []byte
	layout layout
}

// decode calls decode with the wanted part of the next value. path returns the location of the value, for the
// error if it is of another type.
func (s *jsonScanner) decode(w *wanted, decode func(wantedPart) error, path func() string) error {
	s.peekPastSpace()
	at := s.offset()
	s.kept, s.layout, s.elementsKept = s.kept[:0], s.layout[:0], 0
	err := s.keepValue(w)
	if err == nil && tooMany(s.kept) {
		err = errTooManyValues
	}
	if err == errTooManyElements || err == errTooManyValues {
		return badResponse("%s of the answer has %w", path(), err)
	}
	if err != nil {
		return err
	}
	err = decode(wantedPart{s.kept, s.layout})
	if e, ok := errors.AsType[*json.SemanticError](err); ok {
		return typeError{at, publicPath(path(), e.JSONPointer)}
	}
	return err
}

// publicPath returns the location of a value as far as it consists of documented names. Below some fields come names that
// users chose.
func publicPath(path string, within jsontext.Pointer) string {
	for token := range within.Tokens() {
		path += "/" + token
		switch token {
		case "input_data", "metadata", "structured_output", "tool_arguments":
			return path
		}
	}
	return path
}

// wrongKind returns an error that says which kind of value comes next, or the scanner's error if there is no value.
func wrongKind(s *jsonScanner, format string) error {
	switch c := s.peekPastSpace(); {
	case c == 'n':
		return badResponse(format, "null")
	case c == 't' || c == 'f':
		return badResponse(format, "a boolean")
	case c == '"':
		return badResponse(format, "a string")
	case c == '-' || isDigit(c):
		return badResponse(format, "a number")
	case c == '[':
		return badResponse(format, "an array")
	case c == '{':
		return badResponse(format, "an object")
	case c == 0 && s.at == len(s.buf) && s.err == io.EOF:
		return badResponse("the answer is empty")
	}
	return s.failed()
}
