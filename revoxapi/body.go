package revoxapi

import (
	"context"
	"errors"
	"io"
)

// wireReader counts bytes that come over the wire and remembers the error that ended them: readers on top of it report that
// error in words of their own.
type wireReader struct {
	r     io.Reader
	bytes int64
	err   error
}

func (w *wireReader) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	w.bytes += int64(n)
	if err != nil && err != io.EOF {
		w.err = err
	}
	return n, err
}

var errTooLarge = errors.New("too large")

// maxPieceBytes limits the size of one row, or of one campaign in the list. It is a hundred times the largest that are
// known. A text in it is held whole while it is read, so this is what bounds memory.
const maxPieceBytes = 8 << 20

// sizeLimit fails when too much was read: of the whole, or of the piece since the last call of next.
type sizeLimit struct {
	r                io.Reader
	whole, piece     int64 // bytes left
	bytesOfEachPiece int64
}

func newSizeLimit(r io.Reader, whole int64) *sizeLimit {
	piece := min(max(whole/64, 1), maxPieceBytes)
	return &sizeLimit{r: r, whole: whole, piece: piece, bytesOfEachPiece: piece}
}

// next begins a new piece.
func (l *sizeLimit) next() { l.piece = l.bytesOfEachPiece }

func (l *sizeLimit) Read(p []byte) (int, error) {
	left := min(l.whole, l.piece)
	if left <= 0 {
		return 0, errTooLarge
	}
	if int64(len(p)) > left {
		p = p[:left]
	}
	n, err := l.r.Read(p)
	l.whole -= int64(n)
	l.piece -= int64(n)
	return n, err
}

// readBody passes the decompressed body to read. Its error is an *Error or errStopped.
func (c *Client) readBody(ctx context.Context, codings []string, wire *wireReader, read func(io.Reader, *sizeLimit) error) error {
	plain, done, err := unpack(codings, wire)
	if err != nil {
		return c.bodyError(ctx, wire, err)
	}
	defer done()
	limited := newSizeLimit(plain, c.maxResponseBytes)
	if err := read(limited, limited); err != nil {
		return c.bodyError(ctx, wire, err)
	}
	return nil
}

// bodyError returns the error for err, which reading a body returned. Texts of JSON errors are left out: they quote.
func (c *Client) bodyError(ctx context.Context, wire *wireReader, err error) error {
	if _, ok := err.(*Error); ok || err == errStopped {
		return err
	}
	if errors.Is(wire.err, io.ErrUnexpectedEOF) {
		return cut()
	}
	if wire.err != nil {
		return transportError(ctx, wire.err, c.timeout)
	}
	if errors.Is(err, errTooLarge) {
		return badResponse("the answer, or one row of it, is larger than the limit")
	}
	if e, ok := errors.AsType[unpackError](err); ok {
		return badResponse("%w", e)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return cut()
	}
	switch e := err.(type) {
	case typeError:
		return badResponse("%w", e)
	case syntaxError:
		return badResponse("the answer is %w", e)
	}
	return badResponse("the answer cannot be decoded")
}

func cut() *Error {
	e := badResponse("the answer ended before it was whole")
	e.passing = true
	return e
}
