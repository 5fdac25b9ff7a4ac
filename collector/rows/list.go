package rows

import (
	"encoding/binary"
	"slices"
)

// List has the keys of rows by position. It is immutable. It shares its keys with a Set, and takes 1 to 4 bytes a row
// besides. A nil List has no rows.
type List struct {
	keys  []uint64 // ascending, each once
	width int      // the number of bytes of an index
	index []byte   // by position: the index in keys
}

// newList returns a List of n rows whose indexes are below the given number. All are 0 before they are set.
func newList(n, below int) *List {
	l := &List{width: 1}
	for below > 1<<(8*l.width) {
		l.width++
	}
	l.index = make([]byte, n*l.width)
	return l
}

// set sets the index of a position while the list is made.
func (l *List) set(position, index int) {
	var bytes [8]byte
	binary.LittleEndian.PutUint64(bytes[:], uint64(index))
	copy(l.index[position*l.width:], bytes[:l.width])
}

// Len returns the number of rows.
func (l *List) Len() int {
	if l == nil {
		return 0
	}
	return len(l.index) / l.width
}

// Key returns the key of the row at a position, which must be less than Len.
func (l *List) Key(position int) uint64 {
	index := 0
	for i := l.width - 1; i >= 0; i-- {
		index = index<<8 | int(l.index[position*l.width+i])
	}
	return l.keys[index]
}

// Keys returns the keys by position in a new slice.
func (l *List) Keys() []uint64 {
	keys := make([]uint64, l.Len())
	for position := range keys {
		keys[position] = l.Key(position)
	}
	return keys
}

// List returns the list of rows with these keys by position. If the set does not have all of them, the List has keys of
// its own.
func (s *Set) List(keys []uint64) *List {
	shared := []uint64(nil)
	if s != nil {
		shared = s.keys
	}
	if slices.ContainsFunc(keys, func(key uint64) bool { return !s.Has(key) }) {
		shared = slices.Clone(keys)
		slices.Sort(shared)
		shared = slices.Compact(shared)
	}
	l := newList(len(keys), len(shared))
	l.keys = shared
	for position, key := range keys {
		index, _ := slices.BinarySearch(shared, key)
		l.set(position, index)
	}
	return l
}
