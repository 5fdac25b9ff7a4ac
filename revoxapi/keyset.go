package revoxapi

import "math/bits"

// keySet is a set of 64-bit hashes of ids that remembers in which order they were added. A key takes 13 to 16 bytes; in a
// map it takes 25 to 38. Most of the memory that reading a large campaign takes is this. Two of a million ids have the same
// hash with a probability of about 3 in 100 million. The zero value is an empty set.
type keySet struct {
	chunks [][]uint64 // the keys in their order, in chunks so that they are never copied
	n      int
	slots  []uint32 // open addressing with linear probing: the index of a key plus 1, 0 for none
}

const (
	chunkBits = 12
	chunkSize = 1 << chunkBits
)

// len returns the number of keys.
func (s *keySet) len() int { return s.n }

func (s *keySet) at(index int) uint64 { return s.chunks[index>>chunkBits][index&(chunkSize-1)] }

// add adds key unless it is there, and returns its index in the order. expected is how many keys there will probably be
// in the end, 0 if that is not known; it saves growing step by step.
func (s *keySet) add(key uint64, expected int) (index int, isNew bool) {
	if s.n >= len(s.slots)/5*4 { // with more slots taken, probing takes long
		s.grow(expected)
	}
	slot, index := s.find(key)
	if index >= 0 {
		return index, false
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

// find returns the index of key, or -1 and the empty slot for it.
func (s *keySet) find(key uint64) (slot, index int) {
	// Keys are hashes already: their high bits choose the slot.
	high, _ := bits.Mul64(key, uint64(len(s.slots)))
	slot = int(high)
	for s.slots[slot] != 0 {
		if index := int(s.slots[slot]) - 1; s.at(index) == key {
			return slot, index
		}
		if slot++; slot == len(s.slots) {
			slot = 0
		}
	}
	return slot, -1
}

func (s *keySet) grow(expected int) {
	capacity := max(s.n+s.n/2, 64)
	// The server says what to expect: that is believed up to a few times what has come already.
	if expected > s.n {
		capacity = min(expected, 4*capacity)
	}
	s.slots = make([]uint32, (capacity/4+1)*5)
	for index := range s.n {
		slot, _ := s.find(s.at(index))
		s.slots[slot] = uint32(index + 1)
	}
}
