package exposition

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
)

// deflated is a compressed part of a rendering. Concatenated parts form one deflate stream: each part refers only to
// itself and ends on a byte boundary. It is immutable.
type deflated struct {
	data []byte
	size int    // before compression
	crc  uint32 // of the uncompressed data
}

// deflater compresses into a buffer.
type deflater struct {
	*flate.Writer
	out bytes.Buffer
}

// deflaters are reused, because each has tables of several hundred KB.
var deflaters = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.BestSpeed)
	if err != nil {
		panic(err) // impossible: the level is valid
	}
	return &deflater{Writer: w}
}}

// deflate compresses the bytes that write writes.
func deflate(write func(io.Writer) error) (*deflated, error) {
	compressor := deflaters.Get().(*deflater)
	defer deflaters.Put(compressor)
	compressor.out.Reset()
	compressor.Reset(&compressor.out)
	d := &deflated{}
	if err := write(deflateWriter{compressor, d}); err != nil {
		return nil, err
	}
	if err := compressor.Flush(); err != nil {
		return nil, fmt.Errorf("compressing metrics: %w", err)
	}
	d.data = bytes.Clone(compressor.out.Bytes())
	return d, nil
}

// deflateWriter compresses bytes, and adds their number and checksum to part.
type deflateWriter struct {
	compressor *deflater
	part       *deflated
}

func (w deflateWriter) Write(p []byte) (int, error) {
	w.part.size += len(p)
	w.part.crc = crc32.Update(w.part.crc, crc32.IEEETable, p)
	n, err := w.compressor.Write(p)
	if err != nil {
		return n, fmt.Errorf("compressing metrics: %w", err)
	}
	return n, nil
}

var (
	// gzipHeader means: deflate, no time, no name and an unknown system (RFC 1952).
	gzipHeader = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}
	// lastBlock is an empty deflate block that ends the stream.
	lastBlock = []byte{1, 0, 0, 0xff, 0xff}
)

// gzipMember returns the pieces of a gzip member with the parts, to be written one after the other.
func gzipMember(parts []*deflated) [][]byte {
	out := make([][]byte, 0, len(parts)+2)
	out = append(out, gzipHeader)
	var crc, size uint32
	for _, part := range parts {
		out = append(out, part.data)
		crc = combineCRC(crc, part.crc, part.size)
		size += uint32(part.size) // modulo 2^32, by the format
	}
	end := bytes.Clone(lastBlock)
	end = binary.LittleEndian.AppendUint32(end, crc)
	return append(out, binary.LittleEndian.AppendUint32(end, size))
}

// combineCRC returns the CRC-32 of data with the CRC a followed by size bytes with the CRC b, as zlib's crc32_combine
// does: each byte that follows multiplies a by x^8, modulo the CRC's polynomial.
func combineCRC(a, b uint32, size int) uint32 {
	shift, power := uint32(1)<<31, uint32(1)<<(31-8) // x^0, and x^8
	for ; size > 0; size >>= 1 {
		if size&1 != 0 {
			shift = multiplyCRC(shift, power)
		}
		power = multiplyCRC(power, power)
	}
	return multiplyCRC(shift, a) ^ b
}

// multiplyCRC multiplies two polynomials, with reversed bits, modulo the CRC's polynomial.
func multiplyCRC(a, b uint32) (product uint32) {
	for bit := uint32(1) << 31; bit != 0; bit >>= 1 {
		if a&bit != 0 {
			product ^= b
		}
		carry := b & 1
		b >>= 1
		if carry != 0 {
			b ^= crc32.IEEE
		}
	}
	return product
}
