package revoxapi

import (
	"math/bits"

	"github.com/cespare/xxhash/v2"
)

// RowKey stands for a row's id: a 64-bit hash, the same in every process and on every machine, so that it can be kept in
// a file. Two of a million ids share one with a probability of some 3 in 100 million.
func RowKey(id string) uint64 { return xxhash.Sum64String(id) }

// keySet is a set of RowKeys that remembers in which order they came. A key takes 13 to 16 bytes, where a map of the same
// keys takes 25 to 38: what is kept of a campaign of a million rows while it is read is mostly this. The zero value is an
// empty set.
type keySet struct {
	chunks [][]uint64 // the keys in their order, in chunks so that they are never copied
	n      int
	slots  []uint32 // open addressing with linear probing: the place of a key plus 1, 0 for none
}

const (
	chunkBits = 12
	chunkSize = 1 << chunkBits
)

// len returns the number of keys.
func (s *keySet) len() int { return s.n }

func (s *keySet) at(place int) uint64 { return s.chunks[place>>chunkBits][place&(chunkSize-1)] }

// add puts key into the set unless it is there, and returns its place in the order. expected is how many keys there
// will probably be in the end, 0 where that is not known: with it, room is made once and not bit by bit.
func (s *keySet) add(key uint64, expected int) (place int, isNew bool) {
	if s.n >= len(s.slots)/5*4 { // with more slots taken, looking for one takes long
		s.grow(expected)
	}
	slot, place := s.find(key)
	if place >= 0 {
		return place, false
	}
	if s.n&(chunkSize-1) == 0 {
		size := chunkSize
		if s.n == 0 {
			size = 64
		}
		s.chunks = append(s.chunks, make([]uint64, 0, size))
	}
	last := &s.chunks[len(s.chunks)-1]
	*last = append(*last, key)
	s.n++
	s.slots[slot] = uint32(s.n)
	return s.n - 1, true
}

// find returns the place of key, or -1 and the empty slot where that belongs.
func (s *keySet) find(key uint64) (slot, place int) {
	// Keys are hashes already: their high bits choose the slot.
	high, _ := bits.Mul64(key, uint64(len(s.slots)))
	slot = int(high)
	for s.slots[slot] != 0 {
		if place := int(s.slots[slot]) - 1; s.at(place) == key {
			return slot, place
		}
		if slot++; slot == len(s.slots) {
			slot = 0
		}
	}
	return slot, -1
}

func (s *keySet) grow(expected int) {
	room := max(s.n+s.n/2, 64)
	// What is expected is a server's word: it is believed as far as a few times what has come already.
	if expected > s.n {
		room = min(expected, 4*room)
	}
	s.slots = make([]uint32, (room/4+1)*5)
	for place := range s.n {
		slot, _ := s.find(s.at(place))
		s.slots[slot] = uint32(place + 1)
	}
}
