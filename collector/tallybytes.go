package collector

import (
	"encoding/binary"
	"math"
	"slices"
)

// appendBytes appends what t counted in a form of little room, which mergeBytes of the same process reads.
func (t *Tally) appendBytes(b []byte) []byte {
	b = appendText(b, t.name)
	for i, f := range families {
		carries := uint64(0)
		if t.carries[i] {
			carries = 1
		}
		b = binary.AppendUvarint(b, carries)
		if f.kind == histogram {
			b = appendDistributions(b, f, t.distributions[i])
			continue
		}
		n := 0
		for _, c := range t.counts[i] {
			if c.value > 0 {
				n++
			}
		}
		b = binary.AppendUvarint(b, uint64(n))
		for _, c := range t.counts[i] {
			if c.value > 0 {
				b = appendLabelValue(b, f, c.label)
				b = binary.AppendUvarint(b, c.value)
			}
		}
	}
	b = binary.AppendUvarint(b, uint64(len(t.unknown)))
	for u := range t.unknown {
		b = appendText(b, u.label)
		b = appendText(b, u.value)
	}
	return b
}

func appendDistributions(b []byte, f *family, ds distributions) []byte {
	n := 0
	for _, d := range ds {
		if len(d.value) > 0 {
			n++
		}
	}
	b = binary.AppendUvarint(b, uint64(n))
	for _, d := range ds {
		if len(d.value) == 0 {
			continue
		}
		b = appendLabelValue(b, f, d.label)
		b = binary.AppendUvarint(b, uint64(len(d.value)))
		for _, o := range d.value {
			b = binary.AppendVarint(b, int64(o.classic))
			b = binary.AppendVarint(b, int64(o.native))
			b = binary.AppendUvarint(b, o.count)
			b = o.sum().appendBytes(b)
		}
	}
	return b
}

// appendBytes appends the sum: where it is in whole milliseconds, as nearly all are, their number, which takes
// half the room; else -1 less the seconds, and the nanoseconds. Sums are 0 or more.
func (s exactSum) appendBytes(b []byte) []byte {
	if s.nanoseconds%1e6 == 0 && s.seconds < math.MaxInt64/1000-1 {
		return binary.AppendVarint(b, s.seconds*1e3+s.nanoseconds/1e6)
	}
	b = binary.AppendVarint(b, -1-s.seconds)
	return binary.AppendUvarint(b, uint64(s.nanoseconds))
}

// appendLabelValue appends a value of the family's label: one that is known by its place among those, counted from 1, and
// another one after a 0.
func appendLabelValue(b []byte, f *family, value string) []byte {
	if i := slices.Index(f.known, value); i >= 0 {
		return binary.AppendUvarint(b, uint64(i+1))
	}
	return appendText(append(b, 0), value)
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// mergeBytes adds what a tally counted of which appendBytes made b.
func (t *Tally) mergeBytes(b []byte) {
	r := tallyReader(b)
	if name := r.text(); name != "" {
		t.name = name
	}
	var part distribution
	for i, f := range families {
		t.carries[i] = r.uint() == 1 || t.carries[i]
		for range r.uint() {
			value := r.label(f)
			if f.kind != histogram {
				*t.count(f, value) += r.uint()
				continue
			}
			part = part[:0]
			for range r.uint() {
				part = append(part, newObservations(cell{int16(r.int()), int16(r.int())}, r.uint(), r.sum()))
			}
			at := t.distribution(f, value)
			*at = at.merge(part)
		}
	}
	for range r.uint() {
		t.unknown[unknownValue{r.text(), r.text()}] = struct{}{}
	}
}

// tallyReader is what is left to read.
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

func (r *tallyReader) label(f *family) string {
	if i := r.uint(); i > 0 {
		return f.known[i-1]
	}
	return r.text()
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
