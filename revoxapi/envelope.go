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

// One bad byte in a transcript that nobody reads must not refuse the whole page, nor must a name given twice.
var decodeOptions = json.JoinOptions(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))

// typeError says that a value is not of the documented type.
type typeError struct {
	at   int64  // byte of the answer where the row, or whatever it is in, begins
	path string // of documented names
}

func (e typeError) Error() string {
	return fmt.Sprintf("in what begins at byte %d of the answer, %s is not of the documented type", e.at, e.path)
}

// envelope is a body that is one object with a list of objects in it. It must have the list, and nothing may follow it.
type envelope struct {
	list string
	// wanted of each object in the list.
	wanted *wanted
	// begin is called before each object is read, and item with the JSON of what is wanted of it, to decode.
	begin func()
	item  func(value []byte) error
	// others are further members that are wanted, and other is called with each that is there, to decode.
	others []string
	other  func(name string, value []byte) error
}

var scanners = sync.Pool{New: func() any { return &jsonScanner{} }}

// read reads the envelope as a stream.
func (e *envelope) read(body io.Reader) error {
	s := scanners.Get().(*jsonScanner)
	s.reset(body)
	defer func() {
		s.reset(nil)
		if cap(s.kept)+cap(s.name) <= 1<<20 {
			scanners.Put(s)
		}
	}()
	if s.peekPastSpace() != '{' {
		return wrongKind(s, "the answer should be a JSON object, not %s")
	}
	found := false
	err := s.members(func(name []byte) error {
		switch name := string(name); {
		case name == e.list && found:
			return badResponse("the answer has %q twice", name)
		case name == e.list:
			found = true
			return e.readList(s)
		case slices.Contains(e.others, name):
			return s.decode(&wanted{}, func(value []byte) error { return e.other(name, value) }, func() string { return name })
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
	return nil
}

func (e *envelope) readList(s *jsonScanner) error {
	if s.peekPastSpace() != '[' {
		return wrongKind(s, e.list+" of the answer should be an array, not %s")
	}
	number := 0
	return s.elements(func() error {
		e.begin()
		if s.peekPastSpace() != '{' {
			return wrongKind(s, "each of the answer's "+e.list+" should be an object, not %s")
		}
		number++
		return s.decode(e.wanted, e.item, func() string { return fmt.Sprintf("%s/%d", e.list, number-1) })
	})
}

// decode hands what is wanted of the value that comes next to decode. Where that finds it of another type, path is where
// the value is.
func (s *jsonScanner) decode(w *wanted, decode func([]byte) error, path func() string) error {
	s.peekPastSpace()
	at := s.offset()
	s.kept = s.kept[:0]
	if err := s.keepValue(w); err != nil {
		return err
	}
	err := decode(s.kept)
	if e, ok := errors.AsType[*json.SemanticError](err); ok {
		return typeError{at, publicPath(path(), e.JSONPointer)}
	}
	return err
}

// publicPath returns where a value is as far as the path consists of documented names: below these fields stand names
// that users chose.
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

// wrongKind says which kind of value comes next; what is no value at all is the scanner's error.
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
