package rows

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/revox-exporter/revox_exporter/collector/tally"
)

// Key returns a 64-bit hash of a row's id. It is the same in every process and on every machine, so it can be stored.
// The probability that any two of a million ids share a hash is about 3 in 100 million.
func Key(id string) uint64 { return xxhash.Sum64String(id) }

// Set is a set of rows. It is immutable. A nil Set has no rows.
type Set struct {
	table  *Table
	keys   []uint64 // ascending, each once; other sets may share them
	data   []byte   // of all rows, one after the other; see row
	starts []uint32 // where every startEvery-th row starts in data
}

// startEvery is so large that starts take little memory, and so small that a row is found fast.
const startEvery = 16

// row is what a row added to counters: 2 times the number of bytes that follow, plus 1 if the last code is that of the
// call, as a varint, and the codes without callBit, each as a varint. Codes are in order: uses of tools, attempts, the call.
// Equal rows of a Table have equal bytes.
type row []byte

// appendRow appends a row with these codes, which must be in order.
func appendRow(data []byte, codes []Code) []byte {
	var buffer [64]byte
	body, head := buffer[:0], uint64(0)
	for _, code := range codes {
		body = binary.AppendUvarint(body, uint64(code&^callBit))
		head = uint64(code >> 15) // callBit
	}
	return append(binary.AppendUvarint(data, uint64(2*len(body))|head), body...)
}

// firstRow returns the first row in data.
func firstRow(data []byte) row {
	head, size := binary.Uvarint(data)
	return data[:size+int(head/2)]
}

// appendCodes appends the row's codes.
func (r row) appendCodes(codes []Code) []Code {
	head, size := binary.Uvarint(r)
	for r = r[size:]; len(r) > 0; r = r[size:] {
		var code uint64
		code, size = binary.Uvarint(r)
		codes = append(codes, Code(code))
	}
	if head%2 == 1 {
		codes[len(codes)-1] |= callBit
	}
	return codes
}

// Builder collects rows. It is not safe for concurrent use. Make one with NewBuilder.
type Builder struct {
	table  *Table
	keys   []uint64 // in the order in which they were added
	starts []uint32 // by index in keys: where the row starts in data
	data   []byte
	codes  []Code // of the last row
}

// NewBuilder returns a Builder without rows that uses table.
func NewBuilder(table *Table) *Builder { return &Builder{table: table} }

// Add adds a row. parts is what it added to counters, as Tally.CountRow returns it. If a row is added again, it counts as
// it was the last time.
func (b *Builder) Add(key uint64, parts [][]tally.Addition) {
	b.codes = b.codes[:0]
	for _, additions := range parts {
		if code := b.table.code(additions); code != 0 {
			b.codes = append(b.codes, code)
		}
	}
	slices.Sort(b.codes)
	b.keys, b.starts = append(b.keys, key), append(b.starts, uint32(len(b.data)))
	b.data = appendRow(b.data, b.codes)
}

// Weight is what the rows that were added count; see Set.Weight.
func (b *Builder) Weight() int { return weight(len(b.keys), len(b.data)) }

// Set returns the set of the rows that were added.
func (b *Builder) Set() *Set {
	s, _ := b.SetAndList()
	return s
}

// SetAndList returns the set of the rows that were added, and the list of them in the order in which they were.
func (b *Builder) SetAndList() (*Set, *List) {
	order := make([]uint32, len(b.keys))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(x, y uint32) int { return cmp.Or(cmp.Compare(b.keys[x], b.keys[y]), cmp.Compare(x, y)) })
	s, l := newSet(b.table, len(b.keys), len(b.data)), newList(len(b.keys), len(b.keys))
	for i, at := range order {
		l.set(int(at), len(s.keys))
		if i+1 == len(order) || b.keys[order[i+1]] != b.keys[at] {
			s.append(b.keys[at], firstRow(b.data[b.starts[at]:]))
		}
	}
	l.keys = s.keys
	return s, l
}

func newSet(table *Table, rows, bytes int) *Set {
	return &Set{
		table: table, keys: make([]uint64, 0, rows), data: make([]byte, 0, bytes),
		starts: make([]uint32, 0, (rows+startEvery-1)/startEvery),
	}
}

// append adds a row with a higher key than all others, while the set is made.
func (s *Set) append(key uint64, r row) {
	s.appendData(len(s.keys), r)
	s.keys = append(s.keys, key)
}

// appendData adds the data of the row with index i, which is the next one, while the set is made.
func (s *Set) appendData(i int, r row) {
	if i%startEvery == 0 {
		s.starts = append(s.starts, uint32(len(s.data)))
	}
	s.data = append(s.data, r...)
}

// find returns the row with this key; nil if there is none.
func (s *Set) find(key uint64) row {
	if s == nil {
		return nil
	}
	i, found := slices.BinarySearch(s.keys, key)
	if !found {
		return nil
	}
	data := s.data[s.starts[i/startEvery]:]
	for range i % startEvery {
		data = data[len(firstRow(data)):]
	}
	return firstRow(data)
}

// Len returns the number of rows.
func (s *Set) Len() int {
	if s == nil {
		return 0
	}
	return len(s.keys)
}

// bytesPerWeight is the number of bytes in data that count as much as a row.
const bytesPerWeight = 24

// weight returns what rows with so many bytes in data count. Rows without a code have one byte.
func weight(rows, bytes int) int { return rows + (bytes-rows)/bytesPerWeight }

// Weight is what the rows count towards limits of memory: 1 each, and more if there are many attempts.
func (s *Set) Weight() int {
	if s == nil {
		return 0
	}
	return weight(len(s.keys), len(s.data))
}

// Has reports whether the set has the row with this key.
func (s *Set) Has(key uint64) bool { return s.find(key) != nil }

// each calls do for each row that a or b has, in the order of keys. x is the row in a and y that in b; nil if there is none.
func each(a, b *Set, do func(key uint64, x, y row)) {
	if a == nil {
		a = &Set{}
	}
	if b == nil {
		b = &Set{}
	}
	n, m := len(a.keys), len(b.keys)
	dataA, dataB := a.data, b.data
	for i, j := 0, 0; i < n || j < m; {
		var x, y row
		var key uint64
		if i < n && (j == m || a.keys[i] <= b.keys[j]) {
			key, x = a.keys[i], firstRow(dataA)
		}
		if j < m && (i == n || b.keys[j] <= a.keys[i]) {
			key, y = b.keys[j], firstRow(dataB)
		}
		if x != nil {
			i, dataA = i+1, dataA[len(x):]
		}
		if y != nil {
			j, dataB = j+1, dataB[len(y):]
		}
		do(key, x, y)
	}
}

// selected returns the rows of s for which keep, called with the row in s and that in other or nil, returns true.
func (s *Set) selected(other *Set, keep func(x, y row) bool) *Set {
	if s.Len() == 0 {
		return nil
	}
	var out *Set
	each(s, other, func(key uint64, x, y row) {
		if x == nil || !keep(x, y) {
			return
		}
		if out == nil {
			out = &Set{table: s.table}
		}
		out.append(key, x)
	})
	return out
}

// Without returns the rows of s that other does not have; nil if there are none.
func (s *Set) Without(other *Set) *Set {
	if s.sharesKeys(other) {
		return nil
	}
	return s.selected(other, func(_, y row) bool { return y == nil })
}

// sharesKeys reports whether s and other have the same rows for sure.
func (s *Set) sharesKeys(other *Set) bool {
	return s == other || s.Len() > 0 && s.Len() == other.Len() && &s.keys[0] == &other.keys[0]
}

// ChangedFrom returns the rows of s that other does not have, or that added something else to counters then; nil if
// there are none.
func (s *Set) ChangedFrom(other *Set) *Set {
	if s == other {
		return nil
	}
	return s.selected(other, func(x, y row) bool { return !bytes.Equal(x, y) })
}

// With returns the rows of s and other. What both have is as in other. It is s if that makes no difference.
func (s *Set) With(other *Set) *Set {
	switch {
	case other.Len() == 0:
		return s
	case s.Len() == 0:
		return other
	}
	added, size, changed := 0, len(s.data)+len(other.data), false
	data := other.data
	for _, key := range other.keys {
		now, was := firstRow(data), s.find(key)
		data = data[len(now):]
		if was == nil {
			added++
		}
		size -= len(was)
		changed = changed || !bytes.Equal(was, now)
	}
	if !changed {
		return s
	}
	out := newSet(s.table, len(s.keys)+added, size)
	if added == 0 {
		out.keys = s.keys
	}
	i := 0
	each(s, other, func(key uint64, x, y row) {
		if y == nil {
			y = x
		}
		out.appendData(i, y)
		if i++; added > 0 {
			out.keys = append(out.keys, key)
		}
	})
	return out
}

// AtLeast returns the rows of s. Where other has more finished attempts of a row, or more uses of tools in these, or the call
// is finished only there, that is as in other.
func (s *Set) AtLeast(other *Set) *Set {
	if s == other {
		return s
	}
	var more *Set
	var codes, earlierCodes []Code
	each(s, other, func(key uint64, x, y row) {
		if x == nil || y == nil || bytes.Equal(x, y) {
			return
		}
		codes, earlierCodes = x.appendCodes(codes[:0]), y.appendCodes(earlierCodes[:0])
		parts, fewer := split(codes), false
		for i, earlier := range split(earlierCodes) {
			if len(earlier) > len(parts[i]) {
				parts[i], fewer = earlier, true
			}
		}
		if !fewer {
			return
		}
		if more == nil {
			more = &Set{table: s.table}
		}
		more.append(key, appendRow(nil, slices.Concat(parts[:]...)))
	})
	return s.With(more)
}

// split splits a row's codes into those of uses of tools, those of attempts, and that of the call, if it is finished.
func split(codes []Code) (parts [3][]Code) {
	tools, n := 0, len(codes)
	for tools < n && codes[tools] <= maxToolCodes {
		tools++
	}
	end := n
	if n > 0 && codes[n-1]&callBit != 0 {
		end--
	}
	return [...][]Code{codes[:tools], codes[tools:end], codes[end:]}
}

// Counts returns what the rows added to counters, by Family.Index.
func (s *Set) Counts() []tally.Counts {
	counts := make([]tally.Counts, len(tally.Families()))
	if s.Len() == 0 {
		return counts
	}
	for code, n := range s.times() {
		for _, a := range s.table.of(code) {
			var at *uint64
			counts[a.Family.Index], at = counts[a.Family.Index].With(a.Label)
			*at += n
		}
	}
	return counts
}

// times returns how often each code occurs.
func (s *Set) times() map[Code]uint64 {
	times := map[Code]uint64{}
	var codes []Code
	each(s, nil, func(_ uint64, r row, _ row) {
		codes = r.appendCodes(codes[:0])
		for _, code := range codes {
			times[code]++
		}
	})
	return times
}
