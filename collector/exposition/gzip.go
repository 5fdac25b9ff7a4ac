package exposition

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
)

// deflated is compressed data: a part of a deflate stream that refers only to itself and ends on a byte boundary. It is
// immutable.
type deflated struct {
	data []byte
	sum  checksum // of the uncompressed data
}

// checksum is what a gzip member ends with.
type checksum struct {
	crc  uint32
	size int
}

// Write adds p. It returns no error.
func (c *checksum) Write(p []byte) (int, error) {
	*c = checksum{crc32.Update(c.crc, crc32.IEEETable, p), c.size + len(p)}
	return len(p), nil
}

// zeros are bytes that combine passes over.
var zeros [64 << 10]byte

// combine adds data of which only the checksum is known. Apart from its inversions, a CRC is linear. So the CRC of both
// is that of the data, combined with what c's becomes after as many zeros.
func (c *checksum) combine(data checksum) {
	crc := ^c.crc
	for left := data.size; left > 0; left -= len(zeros) {
		crc = crc32.Update(crc, crc32.IEEETable, zeros[:min(left, len(zeros))])
	}
	*c = checksum{^crc ^ data.crc, c.size + data.size}
}

// gzipWriter writes compressed data, which may contain parts that were compressed before.
type gzipWriter struct {
	*flate.Writer
	out io.Writer
	sum checksum
}

// deflaters are reused, because each has tables of several hundred KB.
var deflaters = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.BestSpeed)
	if err != nil {
		panic(err) // impossible: the level is valid
	}
	return w
}}

func newGzipWriter(out io.Writer) *gzipWriter {
	z := &gzipWriter{Writer: deflaters.Get().(*flate.Writer), out: out}
	z.Reset(out)
	return z
}

// release lets others use the tables of z, which must not be used any more.
func (z *gzipWriter) release() {
	z.Reset(nil)
	deflaters.Put(z.Writer)
}

func (z *gzipWriter) Write(p []byte) (int, error) {
	z.sum.Write(p)
	return z.Writer.Write(p)
}

// buffers are reused, because they grow to the size of a rendering.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// deflate compresses what write writes.
func deflate(write func(io.Writer) error) deflated {
	out := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(out)
	out.Reset()
	z := newGzipWriter(out)
	defer z.release()
	if err := errors.Join(write(z), z.Flush()); err != nil {
		panic(err) // impossible: a buffer takes everything
	}
	return deflated{bytes.Clone(out.Bytes()), z.sum}
}

// insert writes a part.
func (z *gzipWriter) insert(part deflated) error {
	if err := z.Flush(); err != nil {
		return err
	}
	z.Reset(z.out) // what follows must not refer to what was before the part
	z.sum.combine(part.sum)
	_, err := z.out.Write(part.data)
	return err
}

// writeGzip writes a gzip member with what write writes.
func writeGzip(out io.Writer, write func(io.Writer) error) error {
	z := newGzipWriter(out)
	defer z.release()
	// Deflate, no time, no name and an unknown system (RFC 1952).
	if _, err := out.Write([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}); err != nil {
		return err
	}
	if err := write(z); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	end := binary.LittleEndian.AppendUint32(nil, z.sum.crc)
	end = binary.LittleEndian.AppendUint32(end, uint32(z.sum.size)) // modulo 2^32, by the format
	_, err := out.Write(end)
	return err
}
