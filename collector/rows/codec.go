package rows

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"

	"github.com/revox-exporter/revox_exporter/collector/tally"
)

// The stored form of a Set is a JSON text (StoreHead) and the rows. The text has what each code
// stands for, as pairs of a metric's name and a label value. A row is its key in 8 bytes, the number of its codes, and
// each code's index in the text; these are varints. Equal sets that were built in different processes may be stored
// differently, because codes are assigned in the order in which they occur.

var errBroken = errors.New("its rows are damaged")

// Encode returns s in its stored form, which Table.Decode reads.
func (s *Set) Encode() []byte {
	stored := [][][2]string{}
	index := map[Code]uint64{}
	times := s.times()
	codeCount := 0
	for _, code := range slices.Sorted(maps.Keys(times)) {
		index[code] = uint64(len(stored))
		codeCount += int(times[code])
		pairs := [][2]string{}
		for _, a := range s.table.of(code) {
			pairs = append(pairs, [2]string{a.Family.Name, a.Label})
		}
		stored = append(stored, pairs)
	}
	bytes := StoreHead(stored, 9*s.Len()+codeCount) // there may be millions of rows
	var codes []Code
	each(s, nil, func(key uint64, r, _ row) {
		codes = r.appendCodes(codes[:0])
		bytes = binary.LittleEndian.AppendUint64(bytes, key)
		bytes = binary.AppendUvarint(bytes, uint64(len(codes)))
		for _, code := range codes {
			bytes = binary.AppendUvarint(bytes, index[code])
		}
	})
	return bytes
}

// Decode reverses Set.Encode. It fails if bytes is damaged. Metrics that this version does not have are ignored.
func (t *Table) Decode(bytes []byte) (*Set, error) {
	var stored [][][2]string
	rest, ok := RestoreHead(bytes, &stored)
	if !ok {
		return nil, errBroken
	}
	codes := make([]Code, len(stored))
	for i, pairs := range stored {
		codes[i] = t.code(additionsOf(pairs))
	}
	s := &Set{table: t}
	var row []Code
	var data []byte
	for len(rest) > 0 {
		if len(rest) < 9 {
			return nil, errBroken
		}
		key := binary.LittleEndian.Uint64(rest)
		n, size := binary.Uvarint(rest[8:])
		rest = rest[8+max(size, 0):]
		if size <= 0 || n > uint64(len(rest)) || len(s.keys) > 0 && s.keys[len(s.keys)-1] >= key {
			return nil, errBroken
		}
		row = row[:0]
		for range n {
			at, size := binary.Uvarint(rest)
			if size <= 0 || at >= uint64(len(codes)) {
				return nil, errBroken
			}
			rest = rest[size:]
			if code := codes[at]; code != 0 {
				row = append(row, code)
			}
		}
		slices.Sort(row)
		data = appendRow(data[:0], row)
		s.append(key, data)
	}
	s.keys, s.data, s.starts = slices.Clone(s.keys), slices.Clone(s.data), slices.Clone(s.starts) // without spare capacity
	return s, nil
}

func additionsOf(pairs [][2]string) (additions []tally.Addition) {
	for _, pair := range pairs {
		for _, f := range tally.Families() {
			if f.Name != pair[0] || f.Kind != tally.Counter {
				continue
			}
			label := pair[1]
			if i := slices.Index(f.Known, label); i >= 0 {
				label = f.Known[i] // known label values share their memory
			}
			additions = append(additions, tally.Addition{Family: f, Label: label})
		}
	}
	return additions
}
