package statefile

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// A value in the file has one byte with the version of this layout, the CRC-32C of everything else, and the caller's
// bytes. The checksum covers the kind and the name too, so that a value under a wrong name is not valid.
const (
	layoutVersion = 1
	headerSize    = 1 + crc32.Size
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)

	errLayout   = errors.New("a value has another version")
	errChecksum = errors.New("a value has a wrong checksum")
)

// seal returns bytes as a value of the file. unseal reverses it.
func seal(kind, name string, bytes []byte) []byte {
	sealed := make([]byte, headerSize, headerSize+len(bytes))
	sealed[0] = layoutVersion
	binary.LittleEndian.PutUint32(sealed[1:], checksum(kind, name, bytes))
	return append(sealed, bytes...)
}

// unseal returns a copy of the caller's bytes in a value of the file.
func unseal(kind, name string, sealed []byte) ([]byte, error) {
	switch {
	case len(sealed) < headerSize:
		return nil, errChecksum
	case sealed[0] != layoutVersion:
		return nil, errLayout
	case binary.LittleEndian.Uint32(sealed[1:]) != checksum(kind, name, sealed[headerSize:]):
		return nil, errChecksum
	}
	return append([]byte{}, sealed[headerSize:]...), nil
}

func checksum(kind, name string, bytes []byte) uint32 {
	sum := crc32.Update(0, castagnoli, []byte{layoutVersion})
	for _, part := range []string{kind, "\x00", name, "\x00"} {
		sum = crc32.Update(sum, castagnoli, []byte(part))
	}
	return crc32.Update(sum, castagnoli, bytes)
}
