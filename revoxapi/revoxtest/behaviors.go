package revoxtest

import (
	"bytes"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/internal/wire"
)

// Behavior is one way for a request to go wrong on the wire. The functions that return one say what it does.
type Behavior struct {
	do func(x *exchange)
}

func (b *Behavior) apply(x *exchange) {
	if b.do == nil {
		x.error(http.StatusInternalServerError, "internal error")
		return
	}
	defer func() {
		if p := recover(); p != nil && p != errAnswered {
			panic(p)
		}
	}()
	b.do(x)
}

// errAnswered ends a behavior early: what was asked for does not exist, and the answer that says so is sent.
var errAnswered = errors.New("answered")

// Status answers with a status code, further headers (which may be nil) and a body.
func Status(code int, header http.Header, body string) Behavior {
	return Behavior{func(x *exchange) {
		for name, values := range header {
			x.w.Header()[http.CanonicalHeaderKey(name)] = values
		}
		contentType := x.w.Header().Get("Content-Type")
		if contentType == "" {
			contentType = "application/json"
		}
		x.send(code, contentType, []byte(body))
	}}
}

// RateLimited answers with 429, and with a Retry-After header unless that is "".
func RateLimited(retryAfter string) Behavior {
	h := http.Header{}
	if retryAfter != "" {
		h.Set("Retry-After", retryAfter)
	}
	return Status(http.StatusTooManyRequests, h, `{"error":{"message":"too many requests"}}`)
}

// Redirect answers with 302 and a location.
func Redirect(location string) Behavior {
	return Status(http.StatusFound, http.Header{"Location": {location}}, "")
}

// Body answers with 200 and a body instead of the right one.
func Body(contentType, body string) Behavior {
	return Behavior{func(x *exchange) { x.send(http.StatusOK, contentType, []byte(body)) }}
}

// Delay waits in real time and then answers as it should.
func Delay(d time.Duration) Behavior {
	return Behavior{func(x *exchange) {
		if !x.s.sleep(x.r.Context(), d) {
			x.abort()
		}
		x.answer()
	}}
}

// CutBody ends the connection in the middle of the body: less arrives than Content-Length says.
func CutBody() Behavior {
	return Behavior{func(x *exchange) {
		body := x.body()
		x.begin(len(body))
		x.part(body[:len(body)/2])
		x.abort()
	}}
}

// ResetInBody resets the connection in the middle of the body.
func ResetInBody() Behavior {
	return Behavior{func(x *exchange) {
		body := x.body()
		x.begin(len(body))
		x.part(body[:len(body)/2])
		x.reset()
	}}
}

// Reset resets the connection (TCP RST) before there is an answer.
func Reset() Behavior { return Behavior{(*exchange).reset} }

// Hang never answers: it ends with the request, or with the server.
func Hang() Behavior { return Behavior{(*exchange).hang} }

// HangInBody sends half of the body and then nothing more.
func HangInBody() Behavior {
	return Behavior{func(x *exchange) {
		body := x.body()
		x.begin(len(body))
		x.part(body[:len(body)/2])
		x.hang()
	}}
}

// Drip sends the body slowly: n bytes, then a pause, and so on.
func Drip(n int, pause time.Duration) Behavior {
	return Behavior{func(x *exchange) {
		body := x.body()
		x.begin(len(body))
		for len(body) > 0 {
			k := min(max(n, 1), len(body))
			x.part(body[:k])
			body = body[k:]
			if len(body) > 0 && !x.s.sleep(x.r.Context(), pause) {
				x.abort()
			}
		}
	}}
}

// CutGzip answers compressed, whatever the client accepts, and cuts the compressed body in half. As far as HTTP goes
// the answer is whole.
func CutGzip() Behavior { return cutPacked("gzip") }

// CutZstd is CutGzip with zstd.
func CutZstd() Behavior { return cutPacked("zstd") }

func cutPacked(coding string) Behavior {
	return Behavior{func(x *exchange) {
		packed := pack(coding, x.body())
		x.w.Header().Set("Content-Encoding", coding)
		x.send(http.StatusOK, "application/json", packed[:len(packed)/2])
	}}
}

// GzipBomb answers with a compressed page of one row with a text of about size bytes, of which about a thousandth goes
// over the wire.
func GzipBomb(size int64) Behavior { return bomb("gzip", size) }

// ZstdBomb is GzipBomb with zstd.
func ZstdBomb(size int64) Behavior { return bomb("zstd", size) }

func bomb(coding string, size int64) Behavior {
	const mb = 1 << 20
	megabyte := pack(coding, bytes.Repeat([]byte("a"), mb)) // compressed bodies may be strung together
	return Behavior{func(x *exchange) {
		x.w.Header().Set("Content-Type", "application/json")
		x.w.Header().Set("Content-Encoding", coding)
		x.header(http.StatusOK)
		x.mustWrite(pack(coding, []byte(`{"rows":[{"id":"big","phone_number":"+15550000000","row_index":0,"input_data":{"text":"`)))
		for range (size + mb - 1) / mb {
			x.mustWrite(megabyte)
		}
		x.mustWrite(pack(coding, []byte(`"}}],"page":0,"page_size":1,"total":1}`)))
	}}
}

// HugePage answers with an uncompressed page of one row with a text of about size bytes.
func HugePage(size int64) Behavior {
	megabyte := bytes.Repeat([]byte("a"), 1<<20)
	return Behavior{func(x *exchange) {
		x.w.Header().Set("Content-Type", "application/json")
		x.header(http.StatusOK)
		x.mustWrite([]byte(`{"rows":[{"id":"big","phone_number":"+15550000000","row_index":0,"input_data":{"text":"`))
		for left := size; left > 0; left -= int64(len(megabyte)) {
			x.mustWrite(megabyte[:min(left, int64(len(megabyte)))])
		}
		x.mustWrite([]byte(`"}}],"page":0,"page_size":1,"total":1}`))
	}}
}

// DeepNesting answers with rows that are arrays in arrays, depth deep.
func DeepNesting(depth int) Behavior {
	return Behavior{func(x *exchange) {
		b := append([]byte(`{"page":0,"page_size":1,"total":1,"rows":`), bytes.Repeat([]byte("["), depth)...)
		b = append(b, bytes.Repeat([]byte("]"), depth)...)
		x.send(http.StatusOK, "application/json", append(b, '}'))
	}}
}

// body returns the right answer whole. Where that is an error, it is sent, and the behavior ends with it.
func (x *exchange) body() []byte {
	write, code, message := x.content()
	if write == nil {
		x.error(code, message)
		panic(errAnswered)
	}
	e := &wire.Encoder{Style: x.s.config.style}
	if err := write(e, func() error { return x.r.Context().Err() }); err != nil {
		x.abort()
	}
	return e.B
}

// begin sends the header of an answer of the given length.
func (x *exchange) begin(length int) {
	x.w.Header().Set("Content-Type", "application/json")
	x.w.Header().Set("Content-Length", strconv.Itoa(length))
	x.header(http.StatusOK)
}

// part sends a piece of the body at once.
func (x *exchange) part(b []byte) {
	x.mustWrite(b)
	if f, ok := x.w.(http.Flusher); ok {
		f.Flush()
	}
}

func (x *exchange) mustWrite(b []byte) {
	if _, err := x.w.Write(b); err != nil {
		x.abort()
	}
}

// hang waits for the end of the request or of the server.
func (x *exchange) hang() {
	select {
	case <-x.r.Context().Done():
	case <-x.s.closing:
	}
	x.abort()
}

// reset ends the connection with a TCP RST, or as roughly as the writer can.
func (x *exchange) reset() {
	conn, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		x.abort()
	}
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn() // without TLS's own farewell
	}
	if t, ok := conn.(*net.TCPConn); ok {
		t.SetLinger(0)
	}
	conn.Close()
}
