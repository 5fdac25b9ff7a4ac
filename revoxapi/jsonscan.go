package revoxapi

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
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
	*s = jsonScanner{r: r, buf: s.buf[:0], kept: s.kept[:0], layout: s.layout[:0], name: s.name[:0], repeats: s.repeats[:0], first: repeat{value: s.first.value[:0]}, parts: s.parts}
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
		if s.skipUsualMembers() {
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

// skipUsualMembers skips members, each with the comma after it, as long as they are whole in buf, have no white space, and
// the value is a string, a literal or a number of digits alone. Most members are like this, and it makes skipping faster by
// a third. It stops before the first member that is not, or at the brace that ends the object; then it returns true.
func (s *jsonScanner) skipUsualMembers() (end bool) {
	for buf, at := s.buf, s.at; ; s.at = at {
		if at = usualString(buf, at); at == 0 || at+5 > len(buf) || buf[at] != ':' {
			return false
		}
		at++
		switch c := buf[at]; {
		case c == '"':
			if at = usualString(buf, at); at == 0 {
				return false
			}
		case c == 'n' && string(buf[at:at+4]) == "null", c == 't' && string(buf[at:at+4]) == "true":
			at += 4
		case c == 'f' && at+5 <= len(buf) && string(buf[at:at+5]) == "false":
			at += 5
		case c >= '1' && c <= '9':
			for at < len(buf) && isDigit(buf[at]) {
				at++
			}
		default:
			return false
		}
		switch {
		case at < len(buf) && buf[at] == '}':
			s.at = at
			return true
		case at+1 >= len(buf) || buf[at] != ',' || buf[at+1] != '"':
			return false
		}
		at++
	}
}

// keepUsualMembers keeps the wanted ones of the members that it skips as skipUsualMembers does.
func (s *jsonScanner) keepUsualMembers(w *wanted) (end bool) {
	for buf, at := s.buf, s.at; ; s.at = at {
		from := at
		if at = usualString(buf, at); at == 0 || at+5 > len(buf) || buf[at] != ':' {
			return false
		}
		name := buf[from+1 : at-1]
		if at = usualValue(buf, at+1); at == 0 || at+1 >= len(buf) || buf[at] != '}' && (buf[at] != ',' || buf[at+1] != '"') {
			return false
		}
		if w.member(name) >= 0 {
			s.kept = append(append(s.kept, buf[from:at]...), ',')
		}
		if buf[at] == '}' {
			s.at = at
			return true
		}
		at++
	}
}

// usualValue returns the index after the value that begins at buf[at], where there are 4 bytes at least. It is 0 unless that
// is a literal, a number of digits alone, or a usualString.
func usualValue(buf []byte, at int) int {
	switch c := buf[at]; {
	case c == '"':
		return usualString(buf, at)
	case c == 'n' && string(buf[at:at+4]) == "null", c == 't' && string(buf[at:at+4]) == "true":
		return at + 4
	case c == 'f' && at+5 <= len(buf) && string(buf[at:at+5]) == "false":
		return at + 5
	case c >= '1' && c <= '9':
		for at < len(buf) && isDigit(buf[at]) {
			at++
		}
		return at
	}
	return 0
}

// usualString returns the index after the string that begins at buf[at]. It is 0 if there is no string, or if it is not
// whole in buf or has escapes of the form \uXXXX.
func usualString(buf []byte, at int) int {
	if at >= len(buf) || buf[at] != '"' {
		return 0
	}
	for at++; ; at += 2 {
		at += plain(buf[at:])
		if at+1 >= len(buf) {
			return 0
		}
		switch buf[at] {
		case '"':
			return at + 1
		case '\\':
			switch buf[at+1] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
				continue
			}
		}
		return 0
	}
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

// plain returns how many bytes at the beginning of b are plain in a string: neither quotes, backslashes nor control
// characters. It looks at 16 at once.
func plain(b []byte) int {
	n := 0
	for ; len(b)-n >= 16; n += 16 {
		pair := b[n : n+16]
		first, second := special(binary.LittleEndian.Uint64(pair)), special(binary.LittleEndian.Uint64(pair[8:]))
		if first != 0 {
			return n + bits.TrailingZeros64(first)/8
		}
		if second != 0 {
			return n + 8 + bits.TrailingZeros64(second)/8
		}
	}
	for n < len(b) && b[n] >= ' ' && b[n] != '"' && b[n] != '\\' {
		n++
	}
	return n
}

// special sets the high bit of the first byte of word, from the lowest on, that is not plain. The bytes after it are
// undefined, because the subtractions borrow from them.
func special(word uint64) uint64 {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	// With bit 1 flipped, control characters and the quote are less than 0x21 and the space is not.
	control := word ^ 2*ones
	backslash := word ^ '\\'*ones
	return ((control - 0x21*ones) | (backslash - ones)) &^ word & highs
}
