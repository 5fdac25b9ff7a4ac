package revoxapi

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// acceptedCodings are the content codings that unpack supports. The server chooses.
const acceptedCodings = "gzip, zstd"

// maxZstdWindow limits the memory that a zstd stream may require of its reader. RFC 9659 allows servers no more.
const maxZstdWindow = 8 << 20

// unpackError means that the body is not valid in its content coding. Its text is not that of the library.
type unpackError struct{ text string }

func (e unpackError) Error() string { return e.text }

// unpack returns a reader of the body without its coding, which the values of the Content-Encoding header give. done
// releases the reader, which must not be used after that.
func unpack(codings []string, wire *wireReader) (plain io.Reader, done func(), err error) {
	coding, ok := codingOf(codings)
	if !ok {
		return nil, nil, badResponse("the answer is encoded in a way that was not asked for")
	}
	if coding == "" {
		return wire, func() {}, nil
	}
	u := &unpacker{wire: wire, coding: coding}
	if coding == "zstd" {
		done, err = u.zstd()
	} else {
		done, err = u.gzip()
	}
	if err != nil {
		return nil, nil, u.failed(err)
	}
	return u, done, nil
}

// codingOf returns the one coding that the values of a Content-Encoding header name, as a list or not: gzip, zstd or ""
// for none. ok is false if there are several, or others.
func codingOf(values []string) (coding string, ok bool) {
	for name := range strings.SplitSeq(strings.Join(values, ","), ",") {
		switch name = strings.ToLower(strings.TrimSpace(name)); name {
		case "", "identity":
			continue
		case "x-gzip": // RFC 9110 wants it read as gzip
			name = "gzip"
		case "gzip", "zstd":
		default:
			return "", false
		}
		if coding != "" {
			return "", false
		}
		coding = name
	}
	return coding, true
}

// unpacker distinguishes errors of the compressed data from errors of the connection.
type unpacker struct {
	io.Reader
	wire   *wireReader
	coding string
}

func (u *unpacker) Read(p []byte) (int, error) {
	n, err := u.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = u.failed(err)
	}
	return n, err
}

func (u *unpacker) failed(err error) error {
	switch {
	case u.wire.err != nil || err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF):
		return err
	case errors.Is(err, zstd.ErrWindowSizeExceeded) || errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return unpackError{"the answer's zstd asks for a window larger than 8 MiB"}
	}
	return unpackError{"the answer's " + u.coding + " is broken"}
}

// Decompressors are large (40 KiB for gzip, a window for zstd) and each page needs one, so they are used again.
var (
	gzipReaders sync.Pool // of *gzipReader
	zstdReaders sync.Pool // of *zstd.Decoder
)

type gzipReader struct {
	packed *bufio.Reader
	gzip.Reader
}

func (u *unpacker) gzip() (done func(), err error) {
	z, _ := gzipReaders.Get().(*gzipReader)
	if z == nil {
		z = &gzipReader{packed: bufio.NewReaderSize(nil, 32<<10)}
	}
	z.packed.Reset(u.wire)
	done = func() {
		z.packed.Reset(nil) // releases the body
		gzipReaders.Put(z)
	}
	if err := z.Reset(z.packed); err != nil {
		done()
		return nil, err
	}
	u.Reader = z
	return done, nil
}

func (u *unpacker) zstd() (done func(), err error) {
	z, _ := zstdReaders.Get().(*zstd.Decoder)
	if z == nil {
		// With a concurrency of 1 it has no goroutines that would have to be stopped.
		z, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxZstdWindow), zstd.WithDecoderMaxMemory(maxZstdWindow))
		if err != nil {
			return nil, err
		}
	}
	done = func() {
		if z.Reset(nil) == nil { // releases the body
			zstdReaders.Put(z)
		}
	}
	if err := z.Reset(u.wire); err != nil {
		done()
		return nil, err
	}
	u.Reader = z
	return done, nil
}
