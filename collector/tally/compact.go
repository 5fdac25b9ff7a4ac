package tally

import (
	"encoding/binary"
	"math"
	"slices"
)

// AppendBytes appends t's counts to b in a compact form, which MergeBytes of the same process reads.
func (t *Tally) AppendBytes(b []byte) []byte {
	b = binary.AppendVarint(appendText(b, t.Name), t.OldestActive)
	for i, f := range families {
		field := byte(0)
		if t.Fields[i] {
			field = 1
		}
		b = append(b, field)
		for _, c := range t.Values.Counts[i] {
			if c.Value > 0 {
				b = binary.AppendUvarint(appendLabelValue(b, f, c.Label), c.Value)
			}
		}
		for _, d := range t.Values.Distributions[i] {
			if len(d.Value) > 0 {
				b = d.Value.appendBytes(appendLabelValue(b, f, d.Label))
			}
		}
		b = append(b, 0) // no more label values
	}
	b = binary.AppendUvarint(b, uint64(len(t.Unknown)))
	for u := range t.Unknown {
		b = appendText(b, u.Label)
		b = appendText(b, u.Value)
	}
	return b
}

func (h Distribution) appendBytes(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(h)))
	for _, o := range h {
		b = binary.AppendVarint(b, int64(o.classic))
		b = binary.AppendVarint(b, int64(o.native))
		b = binary.AppendUvarint(b, o.count)
		b = o.sum().appendBytes(b)
	}
	return b
}

// appendBytes appends the sum, which is 0 or more. Nearly all sums are whole milliseconds and are written as that
// number, which takes half the space. Other sums are written as -1 minus the seconds, and then the nanoseconds.
func (s exactSum) appendBytes(b []byte) []byte {
	if s.nanoseconds%1e6 == 0 && s.seconds < math.MaxInt64/1000-1 {
		return binary.AppendVarint(b, s.seconds*1e3+s.nanoseconds/1e6)
	}
	b = binary.AppendVarint(b, -1-s.seconds)
	return binary.AppendUvarint(b, uint64(s.nanoseconds))
}

// appendLabelValue appends a label value: a known one as its index in Known plus 2, an unknown one as a 1 and its text.
func appendLabelValue(b []byte, f *Family, value string) []byte {
	if i := slices.Index(f.Known, value); i >= 0 {
		return binary.AppendUvarint(b, uint64(i+2))
	}
	return appendText(append(b, 1), value)
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// MergeBytes adds the counts in b, which AppendBytes wrote.
func (t *Tally) MergeBytes(b []byte) {
	r := tallyReader(b)
	if name := r.text(); name != "" {
		t.Name = name
	}
	t.seenActiveSince(r.int())
	var part Distribution
	for i, f := range families {
		t.Fields[i] = r.uint() == 1 || t.Fields[i]
		for value, ok := r.label(f); ok; value, ok = r.label(f) {
			if f.Kind != Histogram {
				*t.count(f, value) += r.uint()
				continue
			}
			part = part[:0]
			for range r.uint() {
				part = append(part, newObservations(cell{int16(r.int()), int16(r.int())}, r.uint(), r.sum()))
			}
			at := t.distribution(f, value)
			*at = at.Merge(part)
		}
	}
	for range r.uint() {
		t.Unknown[Unknown{r.text(), r.text()}] = struct{}{}
	}
}

// tallyReader is the rest of the bytes to read.
type tallyReader []byte

func (r *tallyReader) uint() uint64 {
	v, n := binary.Uvarint(*r)
	*r = (*r)[n:]
	return v
}

func (r *tallyReader) int() int64 {
	v, n := binary.Varint(*r)
	*r = (*r)[n:]
	return v
}

// label reads a label value; ok is false if the family has no more.
func (r *tallyReader) label(f *Family) (value string, ok bool) {
	switch i := r.uint(); i {
	case 0:
		return "", false
	case 1:
		return r.text(), true
	default:
		return f.Known[i-2], true
	}
}

func (r *tallyReader) sum() exactSum {
	n := r.int()
	if n >= 0 {
		return exactSum{n / 1e3, n % 1e3 * 1e6}
	}
	return exactSum{-1 - n, int64(r.uint())}
}

func (r *tallyReader) text() string {
	n := r.uint()
	text := string((*r)[:n])
	*r = (*r)[n:]
	return text
}
