package tally

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// packedValues are the values that take one byte in a packed row.
var packedValues = labelvalue.All()

// Pack returns what is counted of a row whose call is not finished, in about 10 bytes and 25 for each attempt, for use in
// this process; Unpack reverses it. ok is false if the row has something unusual that it cannot express.
func (r *Row) Pack() (packed string, ok bool) {
	c := r.Call
	if c == nil || c.Finished() || anyDuplicate(c.Attempts) {
		return "", false
	}
	p := packer{ok: true}
	p.text(string(c.Status))
	for i := range c.Attempts {
		a := &c.Attempts[i]
		p.text(string(a.Status))
		for _, v := range []Value{a.Result, a.DialError, a.EndedBy, a.EndReason} {
			p.ok = p.ok && !v.wrong
			p.text(v.text)
		}
		for _, at := range []revoxapi.Timestamp{a.StartedAt, a.AnsweredAt, a.EndedAt} {
			p.time(at)
		}
		p.transcript(&a.Transcript)
	}
	return string(p.b), p.ok
}

// transcript appends 0 if there is none, and else 1, the numbers of entries by role, and the name of each tool with 1 if it
// failed.
func (p *packer) transcript(o *revoxapi.TranscriptOutline) {
	p.ok = p.ok && o.Wrong == 0
	if !o.Given {
		p.b = append(p.b, 0)
		return
	}
	p.b = append(p.b, 1)
	for _, n := range []int{int(o.Assistant), int(o.User), len(o.Tools)} {
		p.b = binary.AppendUvarint(p.b, uint64(n))
	}
	for _, use := range o.Tools {
		p.text(use.Name)
		failed := byte(0)
		if use.IsError {
			failed = 1
		}
		p.b = append(p.b, failed)
	}
}

type packer struct {
	b    []byte
	last int64
	ok   bool
}

// text appends the index of a known value and 1, or 0 and the text.
func (p *packer) text(s string) {
	if i, known := slices.BinarySearch(packedValues, s); known && i < 255 {
		p.b = append(p.b, byte(i+1))
		return
	}
	p.ok = p.ok && len(s) < 256
	p.b = append(p.b, 0, byte(len(s)))
	p.b = append(p.b, s...)
}

// time appends 0 if there is no time, and else 1 and the nanoseconds since the time before.
func (p *packer) time(t revoxapi.Timestamp) {
	if !t.Valid() {
		p.ok = p.ok && !t.Unreadable()
		p.b = append(p.b, 0)
		return
	}
	ns := t.Time.UnixNano()
	p.ok = p.ok && time.Unix(0, ns).Equal(t.Time) // years that do not fit
	p.b = binary.AppendVarint(append(p.b, 1), ns-p.last)
	p.last = ns
}

// Unpack returns the row that was packed. It has no id and no field that is not counted.
func Unpack(packed string) Row {
	u := unpacker{b: []byte(packed)}
	c := &Call{Status: text(u.text())}
	for len(u.b) > 0 {
		a := Attempt{Status: text(u.text())}
		for _, v := range []*Value{&a.Result, &a.DialError, &a.EndedBy, &a.EndReason} {
			v.text = u.text()
		}
		for _, at := range []*revoxapi.Timestamp{&a.StartedAt, &a.AnsweredAt, &a.EndedAt} {
			*at = u.time()
		}
		a.Transcript = u.transcript()
		c.Attempts = append(c.Attempts, a)
	}
	return Row{Call: c}
}

type unpacker struct {
	b    []byte
	last int64
}

func (u *unpacker) transcript() (o revoxapi.TranscriptOutline) {
	o.Given = u.byte() == 1
	if !o.Given {
		return o
	}
	o.Assistant, o.User = int32(u.uvarint()), int32(u.uvarint())
	for range u.uvarint() {
		o.Tools = append(o.Tools, revoxapi.ToolUse{Name: u.text(), IsError: u.byte() == 1})
	}
	return o
}

func (u *unpacker) byte() (b byte) {
	b, u.b = u.b[0], u.b[1:]
	return b
}

func (u *unpacker) uvarint() uint64 {
	x, n := binary.Uvarint(u.b)
	u.b = u.b[n:]
	return x
}

func (u *unpacker) text() (s string) {
	i, n := u.b[0], 1
	if i > 0 {
		s = packedValues[i-1]
	} else {
		n = 2 + int(u.b[1])
		s = string(u.b[2:n])
	}
	u.b = u.b[n:]
	return s
}

func (u *unpacker) time() (t revoxapi.Timestamp) {
	if u.byte() == 1 {
		d, n := binary.Varint(u.b)
		u.b, u.last = u.b[n:], u.last+d
		t.Time = time.Unix(0, u.last).UTC()
	}
	return t
}
