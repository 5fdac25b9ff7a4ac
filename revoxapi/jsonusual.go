package revoxapi

import (
	"encoding/binary"
	"math/bits"
)

// usualMembers reads members, each with the comma after it, as long as they are whole in buf, have no white space, and the
// value is a string, a literal or a number of digits alone. Most members are like this, and it makes skipping faster by a
// third. It keeps those that w wants, each with a comma, if w is not nil. It stops before the first member that is not, or
// at the brace that ends the object; then it returns true.
func (s *jsonScanner) usualMembers(w *wanted) (end bool) {
	for buf, at := s.buf, s.at; ; s.at = at {
		from := at
		if at = usualString(buf, at); at == 0 || at+5 > len(buf) || buf[at] != ':' {
			return false
		}
		name := buf[from+1 : at-1]
		if at = usualValue(buf, at+1); at == 0 || at+1 >= len(buf) || buf[at] != '}' && (buf[at] != ',' || buf[at+1] != '"') {
			return false
		}
		if w != nil && w.member(name) >= 0 {
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
