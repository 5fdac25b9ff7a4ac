package rows

import (
	"cmp"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/revox-exporter/revox_exporter/collector/tally"
)

// Key returns a 64-bit hash of a row's id. It is the same in every process and on every machine, so it can be stored.
// The probability that any two of a million ids share a hash is about 3 in 100 million.
func Key(id string) uint64 { return xxhash.Sum64String(id) }

// Set is a set of rows. It is immutable. A nil Set has no rows.
type Set struct {
	table *Table
	keys  []uint64 // ascending, each once
	ends  []uint32 // by index in keys: where the row's codes end
	codes []Code   // of all rows; those of a row are in order, so that that of the call is the last
}

// Builder collects rows. It is not safe for concurrent use. Make one with NewBuilder.
type Builder struct {
	table *Table
	rows  []builderRow
	codes []Code
}

type builderRow struct {
	key      uint64
	from, to uint32 // its codes
}

// NewBuilder returns a Builder without rows that uses table.
func NewBuilder(table *Table) *Builder { return &Builder{table: table} }

// Add adds a row. parts is what it added to counters, as Tally.CountRow returns it. If a row is added again, it counts as
// it was the last time.
func (b *Builder) Add(key uint64, parts [][]tally.Addition) {
	from := uint32(len(b.codes))
	for _, additions := range parts {
		if code := b.table.code(additions); code != 0 {
			b.codes = append(b.codes, code)
		}
	}
	slices.Sort(b.codes[from:])
	b.rows = append(b.rows, builderRow{key, from, uint32(len(b.codes))})
}

// Weight is what the rows that were added count; see Set.Weight.
func (b *Builder) Weight() int { return weight(len(b.rows), len(b.codes)) }

// Set returns the set of the rows that were added.
func (b *Builder) Set() *Set {
	slices.SortStableFunc(b.rows, func(x, y builderRow) int { return cmp.Compare(x.key, y.key) })
	s := newSet(b.table, len(b.rows), len(b.codes))
	for i, r := range b.rows {
		if i+1 == len(b.rows) || b.rows[i+1].key != r.key {
			s.append(r.key, b.codes[r.from:r.to])
		}
	}
	return s
}

func newSet(table *Table, rows, codes int) *Set {
	return &Set{table: table, keys: make([]uint64, 0, rows), ends: make([]uint32, 0, rows), codes: make([]Code, 0, codes)}
}

// append adds a row with a higher key than all others, while the set is made.
func (s *Set) append(key uint64, codes []Code) {
	s.keys = append(s.keys, key)
	s.codes = append(s.codes, codes...)
	s.ends = append(s.ends, uint32(len(s.codes)))
}

func (s *Set) codesOf(i int) []Code {
	from := uint32(0)
	if i > 0 {
		from = s.ends[i-1]
	}
	return s.codes[from:s.ends[i]]
}

// Len returns the number of rows.
func (s *Set) Len() int {
	if s == nil {
		return 0
	}
	return len(s.keys)
}

// codesPerWeight is the number of codes that take about as much memory as a row without any.
const codesPerWeight = 16

// weight returns what rows with so many codes count.
func weight(rows, codes int) int { return rows + codes/codesPerWeight }

// Weight is what the rows count towards limits of memory: 1 each, and more if there are many attempts.
func (s *Set) Weight() int {
	if s == nil {
		return 0
	}
	return weight(len(s.keys), len(s.codes))
}

// Has reports whether the set has the row with this key.
func (s *Set) Has(key uint64) bool {
	if s == nil {
		return false
	}
	_, found := slices.BinarySearch(s.keys, key)
	return found
}

// each calls row for each row that a or b has, in the order of keys. i and j are its indexes in a and b, or -1.
func each(a, b *Set, row func(i, j int)) {
	n, m := a.Len(), b.Len()
	for i, j := 0, 0; i < n || j < m; {
		switch {
		case j == m || i < n && a.keys[i] < b.keys[j]:
			row(i, -1)
			i++
		case i == n || a.keys[i] > b.keys[j]:
			row(-1, j)
			j++
		default:
			row(i, j)
			i, j = i+1, j+1
		}
	}
}

// selected returns the rows of s for which keep, called with the index in other or -1, returns true; s if all are.
func (s *Set) selected(other *Set, keep func(i, j int) bool) *Set {
	if s.Len() == 0 {
		return nil
	}
	var out *Set
	each(s, other, func(i, j int) {
		if i < 0 || !keep(i, j) {
			return
		}
		if out == nil {
			out = &Set{table: s.table}
		}
		out.append(s.keys[i], s.codesOf(i))
	})
	return out
}

// Without returns the rows of s that other does not have; nil if there are none.
func (s *Set) Without(other *Set) *Set {
	if s == other {
		return nil
	}
	return s.selected(other, func(_, j int) bool { return j < 0 })
}

// ChangedFrom returns the rows of s that other does not have, or that added something else to counters then; nil if
// there are none.
func (s *Set) ChangedFrom(other *Set) *Set {
	if s == other {
		return nil
	}
	return s.selected(other, func(i, j int) bool { return j < 0 || !slices.Equal(s.codesOf(i), other.codesOf(j)) })
}

// With returns the rows of s and other. What both have is as in other.
func (s *Set) With(other *Set) *Set {
	switch {
	case other.Len() == 0:
		return s
	case s.Len() == 0:
		return other
	}
	out := newSet(s.table, len(s.keys)+len(other.keys), len(s.codes)+len(other.codes))
	each(s, other, func(i, j int) {
		if j >= 0 {
			out.append(other.keys[j], other.codesOf(j))
		} else {
			out.append(s.keys[i], s.codesOf(i))
		}
	})
	if cap(out.keys) > 2*len(out.keys)-len(out.keys)/2 { // sets are kept for a long time
		out.keys, out.ends, out.codes = slices.Clone(out.keys), slices.Clone(out.ends), slices.Clone(out.codes)
	}
	return out
}

// AtLeast returns the rows of s. Where other has more finished attempts of a row, or the call is finished only there, that
// is as in other.
func (s *Set) AtLeast(other *Set) *Set {
	if s == other {
		return s
	}
	var more *Set
	each(s, other, func(i, j int) {
		if i < 0 || j < 0 {
			return
		}
		attempts, call := split(s.codesOf(i))
		earlier, earlierCall := split(other.codesOf(j))
		if len(earlier) <= len(attempts) && len(earlierCall) <= len(call) {
			return
		}
		if more == nil {
			more = &Set{table: s.table}
		}
		if len(earlier) > len(attempts) {
			attempts = earlier
		}
		if len(call) == 0 {
			call = earlierCall
		}
		more.append(s.keys[i], slices.Concat(attempts, call))
	})
	return s.With(more)
}

// split splits a row's codes into those of attempts and that of the call, if it is finished.
func split(codes []Code) (attempts, call []Code) {
	n := len(codes)
	if n > 0 && codes[n-1]&callBit != 0 {
		n--
	}
	return codes[:n], codes[n:]
}

// Counts returns what the rows added to counters, by Family.Index.
func (s *Set) Counts() []tally.Counts {
	counts := make([]tally.Counts, len(tally.Families()))
	if s.Len() == 0 {
		return counts
	}
	times := map[Code]uint64{}
	for _, code := range s.codes {
		times[code]++
	}
	for code, n := range times {
		for _, a := range s.table.of(code) {
			var at *uint64
			counts[a.Family.Index], at = counts[a.Family.Index].With(a.Label)
			*at += n
		}
	}
	return counts
}
