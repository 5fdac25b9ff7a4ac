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

// deflated is a part of a rendering, compressed so that parts put one after the other are one deflate stream: each
// refers to nothing outside of itself and ends on a byte's bound. It is immutable.
type deflated struct {
	data []byte
	size int    // before compression
	crc  uint32 // of what was compressed
}

// deflater compresses into a buffer.
type deflater struct {
	*flate.Writer
	out bytes.Buffer
}

// deflaters are kept, since each has tables of several hundred KB.
var deflaters = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.BestSpeed)
	if err != nil {
		panic(err) // there is such a level
	}
	return &deflater{Writer: w}
}}

// deflate compresses what write writes.
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

// deflateWriter compresses, and counts and sums up what it compresses.
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
	// gzipHeader says deflate, no time, no name and an unknown system (RFC 1952).
	gzipHeader = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}
	// lastBlock is a deflate block of no bytes that is the last.
	lastBlock = []byte{1, 0, 0, 0xff, 0xff}
)

// gzipMember returns the parts as one gzip member, to be written one after the other.
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

// combineCRC returns the CRC-32 of what has the CRC a, followed by size bytes that have the CRC b, as crc32_combine of
// zlib does: each byte that follows multiplies by x^8, modulo the polynomial.
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

// multiplyCRC multiplies two polynomials, whose bits are reversed, modulo that of the CRC.
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
