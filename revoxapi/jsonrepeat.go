package revoxapi

import "bytes"

// repeat is an object that was read, of a member of this name if it was skipped. The same bytes are the same object wherever
// they come again, unless it would be nested deeper there.
type repeat struct {
	name, value []byte
	depth       int
}

const (
	// Smaller objects are skipped as fast. Larger ones might not fit in the buffer.
	minRepeat, maxRepeat = 64, scanBuffer / 2
	// maxRepeats and maxRepeatName limit what is kept to compare with.
	maxRepeats, maxRepeatName = 8, 64
)

// skipMember skips the value of a member. The API repeats some in each row, such as the assistant, or in the same row, as
// the last attempt. Comparing is several times faster than validating.
func (s *jsonScanner) skipMember(name []byte) error {
	if s.peekPastSpace() != '{' {
		return s.skipValue()
	}
	r := s.repeat(name) // now: name is not valid later
	if r == nil {
		return s.skipValue()
	}
	if s.skipRepeat(r) || s.skipRepeat(&s.first) {
		return nil
	}
	return s.remember(r, s.skipValue)
}

// remember makes r the object that read reads if that is whole in buf and of a size that is worth it.
func (s *jsonScanner) remember(r *repeat, read func() error) error {
	gone, from := s.gone, s.at
	err := read()
	r.value = r.value[:0]
	if size := s.at - from; err == nil && s.gone == gone && size >= minRepeat && size <= maxRepeat {
		r.value, r.depth = append(r.value, s.buf[from:s.at]...), s.depth
	}
	return err
}

// repeat returns what was skipped last of the members of that name, nil if there are too many names.
func (s *jsonScanner) repeat(name []byte) *repeat {
	for i := range s.repeats {
		if string(name) == string(s.repeats[i].name) {
			return &s.repeats[i]
		}
	}
	n := len(s.repeats)
	if n == maxRepeats || len(name) > maxRepeatName {
		return nil
	}
	if n == cap(s.repeats) {
		s.repeats = append(s.repeats, repeat{})
	}
	s.repeats = s.repeats[:n+1]
	r := &s.repeats[n]
	r.name, r.value = append(r.name[:0], name...), r.value[:0]
	return r
}

// skipRepeat skips r if it comes next, and else nothing. It reads no more than it takes to find out.
func (s *jsonScanner) skipRepeat(r *repeat) bool {
	if len(r.value) == 0 || s.depth > r.depth {
		return false
	}
	for same := 0; ; {
		next := s.buf[s.at:min(s.at+len(r.value), len(s.buf))]
		if !bytes.HasPrefix(r.value[same:], next[same:]) {
			return false
		}
		if same = len(next); same == len(r.value) {
			s.at += same
			return true
		}
		if s.at > 0 {
			s.gone += int64(s.at)
			s.at, s.buf = 0, s.buf[:copy(s.buf, s.buf[s.at:])]
		}
		if s.read(); len(s.buf) == same {
			return false
		}
	}
}
