package revoxtest

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// packer compresses.
type packer interface {
	io.WriteCloser
	Reset(io.Writer)
}

// packers are the ways to compress by their names in HTTP.
var packers = map[string]*sync.Pool{
	"gzip": {New: func() any { z, _ := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed); return z }},
	"zstd": {New: func() any {
		z, _ := zstd.NewWriter(io.Discard, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
		return z
	}},
}

// pack compresses b on its own.
func pack(coding string, b []byte) []byte {
	p := packers[coding].Get().(packer)
	defer packers[coding].Put(p)
	var buf bytes.Buffer
	p.Reset(&buf)
	// A bytes.Buffer takes everything.
	_, _ = p.Write(b)
	_ = p.Close()
	return buf.Bytes()
}

// coding chooses how the answer is compressed; "" for not at all.
func (x *exchange) coding() string {
	switch cfg := &x.s.config; {
	case cfg.zstd && x.accepts("zstd"):
		return "zstd"
	case !cfg.noGzip && x.accepts("gzip"):
		return "gzip"
	}
	return ""
}

func (x *exchange) accepts(coding string) bool {
	for part := range strings.SplitSeq(x.r.Header.Get("Accept-Encoding"), ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if name == coding {
			return !slices.Contains([]string{"q=0", "q=0.0"}, strings.ReplaceAll(q, " ", ""))
		}
	}
	return false
}

// unchanged gives the answer the ETag of its body, and answers with 304 where the client has that body already.
func (x *exchange) unchanged(body []byte, coding string) bool {
	tag := fmt.Sprintf(`"%x-%s"`, sha256.Sum256(body), coding)
	x.w.Header().Set("ETag", tag)
	x.w.Header().Set("Vary", "Accept-Encoding")
	for part := range strings.SplitSeq(x.r.Header.Get("If-None-Match"), ",") {
		if part = strings.TrimSpace(part); part == tag || part == "*" {
			x.w.Header().Del("Content-Type")
			x.header(http.StatusNotModified)
			return true
		}
	}
	return false
}
