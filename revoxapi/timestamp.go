package revoxapi

import (
	"bytes"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// Timestamp is a time of the API. The API does not document the JSON type of its times: normally it is an ISO 8601 / RFC
// 3339 string. So decoding a Timestamp never fails, and exactly one of these is true:
//
//   - [Timestamp.IsZero]: the field was absent or null.
//   - [Timestamp.Valid]: it was a time; Time holds it.
//   - [Timestamp.Unreadable]: it was something else; Time is the zero time.
//
// A valid time is a JSON string with a calendar date, a time of day and a zone, like 2024-01-01T12:00:00Z. A fraction of a
// second of any length (read to the nanosecond, after a point or a comma), any offset (+02:00, +0200, +02), seconds left
// out, ISO 8601's basic format (20240101T120000Z), lower case t and z, and a space in place of the T are accepted.
// Unreadable is what would need a guess: no zone, a date alone, a number of seconds or milliseconds, local formats. A leap
// second (:60), the hour 24, and week and ordinal dates are unreadable too.
//
// Encoding writes null, the time in RFC 3339 with its offset, or what was unreadable as it came. To make one, write
// Timestamp{Time: t}.
type Timestamp struct {
	// Time is the time, in the zone that it was written with; the zero time if there is none.
	Time time.Time

	// readable distinguishes the string 0001-01-01T00:00:00Z from no time at all.
	readable bool
	// unreadable is the JSON that came in place of a time, else nil. It could hold anything, so it is behind a pointer:
	// package fmt prints the pointer and not the text, even for a Timestamp inside another struct.
	unreadable *string
}

// maxUnreadable limits how many bytes of JSON in place of a time are kept for encoding. Anything longer is encoded as {},
// which is unreadable as well: a time must not become a store for whatever is sent.
const maxUnreadable = 4 << 10

// IsZero reports whether the field was absent or null. It makes omitzero leave the field out.
func (t Timestamp) IsZero() bool { return !t.Valid() && t.unreadable == nil }

// Valid reports whether Time holds a time.
func (t Timestamp) Valid() bool { return t.readable || !t.Time.IsZero() }

// Unreadable reports whether the field held something that is not an unambiguous ISO 8601 / RFC 3339 date and time.
func (t Timestamp) Unreadable() bool { return !t.Valid() && t.unreadable != nil }

// String returns the time in RFC 3339, "absent" or "unreadable". It never shows what was unreadable.
func (t Timestamp) String() string {
	switch {
	case t.Valid():
		return t.Time.Format(time.RFC3339Nano)
	case t.Unreadable():
		return "unreadable"
	default:
		return "absent"
	}
}

// MarshalJSON writes the time in RFC 3339, null, or what was unreadable as it came, {} if that was longer than 4 KiB. It
// fails only for a Time that RFC 3339 cannot express, which decoding never makes.
func (t Timestamp) MarshalJSON() ([]byte, error) {
	switch {
	case t.Valid():
		if _, offset := t.Time.Zone(); offset%60 != 0 {
			// RFC 3339 has no offsets with seconds.
			return t.Time.UTC().MarshalJSON()
		}
		return t.Time.MarshalJSON()
	case t.Unreadable():
		return []byte(*t.unreadable), nil
	default:
		return []byte("null"), nil
	}
}

// UnmarshalJSON reads any JSON value. It always returns nil.
func (t *Timestamp) UnmarshalJSON(data []byte) error {
	*t = Timestamp{}
	data = bytes.TrimSpace(data)
	if string(data) == "null" {
		return nil
	}
	if text, ok := unquote(data); ok {
		if t.Time, t.readable = parseTime(text); t.readable {
			return nil
		}
	}
	kept := "{}"
	if len(data) <= maxUnreadable {
		if raw := portableJSON(data); raw != nil && len(raw) <= maxUnreadable {
			kept = string(raw)
		}
	}
	t.unreadable = &kept
	return nil
}

// unquote returns the text of a JSON string. It copies only if the string has escapes, like +02:00 from encoders that write
// + as \u002b.
func unquote(data []byte) (text []byte, ok bool) {
	if len(data) < 2 || data[0] != '"' || data[len(data)-1] != '"' {
		return nil, false
	}
	text = data[1 : len(data)-1]
	if bytes.IndexByte(text, '\\') < 0 {
		return text, true
	}
	if len(text) > maxUnreadable {
		return nil, false
	}
	text, err := jsontext.AppendUnquote(nil, data)
	return text, err == nil
}

// parseTime reads the date and time formats that [Timestamp] documents. Package time's parser tries one format at a time
// and allocates an error for each that does not match.
func parseTime(text []byte) (result time.Time, ok bool) {
	s := timeScanner{rest: text}

	year := s.number(4, 0, 9999)
	extended := s.accept("-") // 2024-01-01T12:00:00, else 20240101T120000
	month := s.number(2, 1, 12)
	if extended {
		s.require("-")
	}
	day := s.number(2, 1, 31)
	s.require("Tt ")
	hour := s.number(2, 0, 23)
	if extended {
		s.require(":")
	}
	minute := s.number(2, 0, 59)
	var second, nanosecond int
	if extended && s.accept(":") || !extended && s.atDigit() {
		second = s.number(2, 0, 59)
		nanosecond = s.fraction()
	}
	zone := s.zone()

	if s.failed || len(s.rest) > 0 {
		return time.Time{}, false
	}
	if day > 28 && day > daysIn(year, month) {
		return time.Time{}, false
	}
	return time.Date(year, time.Month(month), day, hour, minute, second, nanosecond, zone), true
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// timeScanner parses a date and time from the left. After the first mismatch it stays failed, so that only the end needs a
// check.
type timeScanner struct {
	rest   []byte
	failed bool
}

// number reads exactly width digits, of a value between low and high.
func (s *timeScanner) number(width, low, high int) int {
	if len(s.rest) < width {
		s.failed = true
		return low
	}
	value := 0
	for _, c := range s.rest[:width] {
		if c < '0' || c > '9' {
			s.failed = true
			return low
		}
		value = value*10 + int(c-'0')
	}
	if value < low || value > high {
		s.failed = true
		return low
	}
	s.rest = s.rest[width:]
	return value
}

// accept reads the next byte if it is one of chars.
func (s *timeScanner) accept(chars string) bool {
	if len(s.rest) == 0 {
		return false
	}
	for i := range len(chars) {
		if s.rest[0] == chars[i] {
			s.rest = s.rest[1:]
			return true
		}
	}
	return false
}

func (s *timeScanner) require(chars string) {
	if !s.accept(chars) {
		s.failed = true
	}
}

func (s *timeScanner) atDigit() bool {
	return len(s.rest) > 0 && s.rest[0] >= '0' && s.rest[0] <= '9'
}

// fraction reads the fraction of a second, if there is one, in nanoseconds.
func (s *timeScanner) fraction() int {
	if !s.accept(".,") {
		return 0
	}
	if !s.atDigit() {
		s.failed = true
		return 0
	}
	nanoseconds := 0
	for unit := 100_000_000; s.atDigit(); unit /= 10 {
		nanoseconds += int(s.rest[0]-'0') * unit // unit is 0 below the nanosecond
		s.rest = s.rest[1:]
	}
	return nanoseconds
}

// zone reads Z or an offset. A time without one is not an instant.
func (s *timeScanner) zone() *time.Location {
	if s.accept("Zz") {
		return time.UTC
	}
	sign := 1
	if !s.accept("+") {
		s.require("-")
		sign = -1
	}
	offset := s.number(2, 0, 23) * 3600
	if s.accept(":") || s.atDigit() {
		offset += s.number(2, 0, 59) * 60
	}
	if offset == 0 || s.failed {
		return time.UTC
	}
	// Without a name, package time shares one Location per whole hour.
	return time.FixedZone("", sign*offset)
}
