package revoxapi

import (
	"fmt"
	"io"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// jsonScanner reads JSON as a stream and keeps only the members that are wanted, which is a few percent. The rest is
// validated and skipped. What is kept is then decoded by [unmarshal].
//
// It accepts exactly what that library accepts with jsontext.AllowInvalidUTF8 and jsontext.AllowDuplicateNames: JSON as in
// RFC 8259, nested at most 10,000 deep, in which strings may have bytes that are not UTF-8 and halves of surrogate pairs,
// and objects may have a name twice. FuzzScanner compares it with the library.
//
// It cannot be used after the first error, until it is reset.
type jsonScanner struct {
	r     io.Reader
	err   error // of r; io.EOF at its end
	buf   []byte
	at    int   // index in buf of the next byte
	gone  int64 // bytes read before buf
	depth int

	// kept is what was kept. While keeping, buf[from:at] belongs to it too.
	kept    []byte
	keeping bool
	from    int
	layout  layout // of what was kept
	// elementsKept is how many elements of arrays with wanted parts were kept.
	elementsKept int

	name []byte // of the member that is being read, if it is not whole in buf

	repeats []repeat // members that were skipped last
	first   repeat   // first object of the array that was kept last

	parts []*repeatedPart // objects of types that decode themselves that were kept last
}

// repeatedPart is an object of which a part was kept.
type repeatedPart struct {
	repeat
	wanted *wanted
	kept   []byte
}

const (
	scanBuffer = 64 << 10
	// maxJSONDepth is the library's limit.
	maxJSONDepth = 10_000
)

// reset makes the scanner ready to read r.
func (s *jsonScanner) reset(r io.Reader) {
	if s.buf == nil {
		s.buf = make([]byte, scanBuffer)
	}
	for _, p := range s.parts {
		p.value = p.value[:0]
	}
	*s = jsonScanner{
		r: r, buf: s.buf[:0], kept: s.kept[:0], layout: s.layout[:0], name: s.name[:0],
		repeats: s.repeats[:0], first: repeat{value: s.first.value[:0]}, parts: s.parts,
	}
}

// syntaxError means that the input is not JSON. It does not quote.
type syntaxError struct{ at int64 }

func (e syntaxError) Error() string { return fmt.Sprintf("not JSON at byte %d", e.at) }

// offset returns how many bytes were read.
func (s *jsonScanner) offset() int64 { return s.gone + int64(s.at) }

// more fills buf when all of it was read. It reports whether there is more.
func (s *jsonScanner) more() bool {
	if s.keeping {
		s.kept = append(s.kept, s.buf[s.from:s.at]...)
		s.from = 0
	}
	s.gone += int64(s.at)
	s.at, s.buf = 0, s.buf[:0]
	s.read()
	return len(s.buf) > 0
}

// read reads something to the end of buf, unless err is there.
func (s *jsonScanner) read() {
	before := len(s.buf)
	for tries := 0; len(s.buf) == before && s.err == nil; tries++ {
		var n int
		n, s.err = s.r.Read(s.buf[before:cap(s.buf)])
		s.buf = s.buf[:before+n]
		if n == 0 && tries == 100 {
			s.err = io.ErrNoProgress
		}
	}
}

// failed returns the error for an unexpected byte or end.
func (s *jsonScanner) failed() error {
	switch {
	case s.at < len(s.buf) || s.err == nil:
		return syntaxError{s.offset()}
	case s.err == io.EOF:
		return io.ErrUnexpectedEOF
	}
	return s.err
}

// peek returns the next byte, 0 at the end. JSON has no byte 0.
func (s *jsonScanner) peek() byte {
	if s.at == len(s.buf) && !s.more() {
		return 0
	}
	return s.buf[s.at]
}

// peekPastSpace skips white space and returns the next byte. It is just small enough to be inlined.
func (s *jsonScanner) peekPastSpace() (c byte) {
	if s.at < len(s.buf) {
		c = s.buf[s.at]
	}
	if c > ' ' {
		return
	}
	return s.pastSpace()
}

func (s *jsonScanner) pastSpace() byte {
	for {
		switch c := s.peek(); c {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return c
		}
	}
}

// expect reads c, after white space.
func (s *jsonScanner) expect(c byte) error {
	if s.peekPastSpace() != c {
		return s.failed()
	}
	s.at++
	return nil
}

func (s *jsonScanner) keep() {
	s.keeping, s.from = true, s.at
}

func (s *jsonScanner) endKeep() {
	s.kept = append(s.kept, s.buf[s.from:s.at]...)
	s.keeping = false
}

// members reads an object. member is called at the value of each member and must read it. name is unescaped and valid
// until member reads.
func (s *jsonScanner) members(member func(name []byte) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	for more := s.peekPastSpace() != '}'; more; {
		name, err := s.readName()
		if err == nil {
			err = s.expect(':')
		}
		if err == nil {
			err = member(name)
		}
		if err == nil {
			more, err = s.next('}')
		}
		if err != nil {
			return err
		}
	}
	s.leave()
	return nil
}

// elements reads an array. element is called at each element and must read it.
func (s *jsonScanner) elements(element func() error) error {
	if err := s.enter(); err != nil {
		return err
	}
	for more := s.peekPastSpace() != ']'; more; {
		err := element()
		if err == nil {
			more, err = s.next(']')
		}
		if err != nil {
			return err
		}
	}
	s.leave()
	return nil
}

// next reads what follows a member or an element, and reports whether there is another one before end.
func (s *jsonScanner) next(end byte) (bool, error) {
	switch s.peekPastSpace() {
	case end:
		return false, nil
	case ',':
		s.at++
		if s.peekPastSpace() != end {
			return true, nil
		}
	}
	return false, s.failed()
}

// enter reads an opening brace or bracket, leave the closing one.
func (s *jsonScanner) enter() error {
	if s.depth == maxJSONDepth {
		return s.failed()
	}
	s.depth++
	s.at++
	return nil
}

func (s *jsonScanner) leave() {
	s.depth--
	s.at++
}

// readName reads and unescapes the name of a member. It must not be called while keeping.
func (s *jsonScanner) readName() ([]byte, error) {
	if s.peek() != '"' {
		return nil, s.failed()
	}
	rest := s.buf[s.at+1:]
	if n := plain(rest); n+1 < len(rest) && rest[n] == '"' && rest[n+1] == ':' {
		// The usual case. The colon is in buf as well, so the name stays valid up to the value.
		s.at += 1 + n + 1
		return rest[:n], nil
	}
	before := len(s.kept)
	s.keep()
	err := s.skipString()
	s.endKeep()
	raw := s.kept[before:]
	s.kept = s.kept[:before]
	if err != nil {
		return nil, err
	}
	s.name = append(s.name[:0], raw[1:len(raw)-1]...)
	if slices.Contains(raw, '\\') {
		// Invalid UTF-8 is an error here, but the replacement character that it leaves is in no known name.
		s.name, _ = jsontext.AppendUnquote(s.name[:0], raw)
	}
	return s.name, nil
}

// skipValue validates a value and skips it.
func (s *jsonScanner) skipValue() error {
	switch s.peekPastSpace() {
	case '{':
		return s.skipMembers()
	case '[':
		return s.skipElements()
	case '"':
		return s.skipString()
	case 't':
		return s.skipLiteral("true")
	case 'f':
		return s.skipLiteral("false")
	case 'n':
		return s.skipLiteral("null")
	default:
		return s.skipNumber()
	}
}

func (s *jsonScanner) skipMembers() error {
	if err := s.enter(); err != nil {
		return err
	}
	for more := s.peekPastSpace() != '}'; more; {
		if s.usualMembers(nil) {
			break
		}
		if s.peek() != '"' {
			return s.failed()
		}
		err := s.skipString()
		if err == nil {
			err = s.expect(':')
		}
		if err == nil {
			err = s.skipValue()
		}
		if err == nil {
			more, err = s.next('}')
		}
		if err != nil {
			return err
		}
	}
	s.leave()
	return nil
}

func (s *jsonScanner) skipElements() error { return s.elements(s.skipValue) }

func (s *jsonScanner) skipLiteral(text string) error {
	for i := range len(text) {
		if s.peek() != text[i] {
			return s.failed()
		}
		s.at++
	}
	return nil
}

func (s *jsonScanner) skipNumber() error {
	if s.peek() == '-' {
		s.at++
	}
	if s.peek() == '0' {
		s.at++
	} else if err := s.skipDigits(); err != nil {
		return err
	}
	if s.peek() == '.' {
		s.at++
		if err := s.skipDigits(); err != nil {
			return err
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.at++
		if c := s.peek(); c == '+' || c == '-' {
			s.at++
		}
		return s.skipDigits()
	}
	return nil
}

// skipDigits skips at least one digit.
func (s *jsonScanner) skipDigits() error {
	if !isDigit(s.peek()) {
		return s.failed()
	}
	for isDigit(s.peek()) {
		s.at++
	}
	return nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// skipString skips a string with its quotes.
func (s *jsonScanner) skipString() error {
	s.at++
	for {
		if s.at += plain(s.buf[s.at:]); s.at == len(s.buf) {
			if !s.more() {
				return s.failed()
			}
			continue
		}
		switch s.buf[s.at] {
		case '"':
			s.at++
			return nil
		case '\\':
			s.at++
			if err := s.skipEscape(); err != nil {
				return err
			}
		default: // a control character
			return s.failed()
		}
	}
}

// skipEscape skips what follows a backslash.
func (s *jsonScanner) skipEscape() error {
	switch s.peek() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.at++
		return nil
	case 'u':
		s.at++
		for range 4 {
			if c := s.peek(); !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'f') {
				return s.failed()
			}
			s.at++
		}
		return nil
	}
	return s.failed()
}
