// Package badserver has servers for tests whose connections go bad in ways that a simulated API cannot. For a client that
// meets faults of the API itself, use revoxtest.
package badserver

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Raw starts a server that hands each connection to serve, in a goroutine of its own, and then closes it. It returns the
// server's address. The test's end waits for serve, which must return when the client has gone.
func Raw(t testing.TB, serve func(net.Conn)) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(func() { listener.Close(); serving.Wait() })
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				serve(conn)
			})
		}
	})
	return listener.Addr().String()
}

// Switching starts a server that answers each request with 101 and keeps the connection open. It returns its URL.
func Switching(t testing.TB) string {
	return "http://" + Raw(t, func(conn net.Conn) {
		reader := bufio.NewReader(conn)
		if _, err := http.ReadRequest(reader); err == nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: canary\r\nConnection: Upgrade\r\n\r\n")
			_, _ = io.Copy(io.Discard, reader) // until the client goes
		}
	})
}

// Stuck returns an option for tests that use an Overflow: goroutines that wait for a mutex, as it leaves them in net/http,
// are no leaks.
func Stuck() goleak.Option { return goleak.IgnoreTopFunction("internal/sync.runtime_SemacquireMutex") }

// Kept is a server whose kept connections can go bad while new ones are fine.
type Kept struct {
	*httptest.Server
	accepted, spoiled atomic.Int64
}

type connKey struct{}

// keptConn is a server's connection. When it is silent, what arrives and what is sent is dropped.
type keptConn struct {
	net.Conn
	number int64
	silent atomic.Bool
}

// NewKept starts a server with TLS that passes requests to h, over HTTP/2 or HTTP/1.1. A request on a spoiled connection
// is answered with status; if that is 0, nothing arrives over the connection from then on.
func NewKept(t testing.TB, h http.Handler, overHTTP2 bool, status int) *Kept {
	k := &Kept{}
	k.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn := r.Context().Value(connKey{}).(*keptConn)
		switch {
		case conn.number > k.spoiled.Load():
			h.ServeHTTP(w, r)
		case status == 0:
			conn.silent.Store(true)
		default:
			w.WriteHeader(status)
		}
	}))
	k.Listener = &keptListener{k.Listener, k}
	k.EnableHTTP2 = overHTTP2
	k.Config.ErrorLog = log.New(io.Discard, "", 0)
	k.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, c.(*tls.Conn).NetConn())
	}
	k.StartTLS()
	t.Cleanup(k.Close)
	return k
}

// Spoil spoils all connections that there are, and at least the first.
func (k *Kept) Spoil() { k.spoiled.Store(max(k.accepted.Load(), 1)) }

// Connections returns how many connections were made.
func (k *Kept) Connections() int64 { return k.accepted.Load() }

type keptListener struct {
	net.Listener
	k *Kept
}

func (l *keptListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &keptConn{Conn: c, number: l.k.accepted.Add(1)}, nil
}

func (c *keptConn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if err != nil || !c.silent.Load() {
			return n, err
		}
	}
}

func (c *keptConn) Write(p []byte) (int, error) {
	if c.silent.Load() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// Overflow is a server with TLS and HTTP/2.
type Overflow struct {
	*httptest.Server
	// Bad is whether the server opens the window of each HTTP/2 request too far before it answers. Go's client then waits
	// for itself for ever.
	Bad atomic.Bool
	// Refusal is how the server refuses each HTTP/2 request; nil if it answers.
	Refusal atomic.Pointer[func(*http2.Framer, *http2.MetaHeadersFrame) error]
	// Asked counts the HTTP/2 requests that arrived.
	Asked atomic.Int64
}

// Reset is an Overflow.Refusal that resets the request's stream.
func Reset(code http2.ErrCode) func(*http2.Framer, *http2.MetaHeadersFrame) error {
	return func(framer *http2.Framer, f *http2.MetaHeadersFrame) error {
		return framer.WriteRSTStream(f.StreamID, code)
	}
}

// GoAway is an Overflow.Refusal that says that the connection ends, and that the request was not processed.
func GoAway(framer *http2.Framer, f *http2.MetaHeadersFrame) error {
	return framer.WriteGoAway(f.StreamID-1, http2.ErrCodeNo, nil)
}

// NewOverflow starts a server that passes requests to h, and sends small answers.
func NewOverflow(t testing.TB, h http.Handler) *Overflow {
	o := &Overflow{}
	o.Server = httptest.NewUnstartedServer(h)
	o.TLS = &tls.Config{NextProtos: []string{"h2", "http/1.1"}}
	o.Config.ErrorLog = log.New(io.Discard, "", 0)
	o.Config.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){
		"h2": func(_ *http.Server, c *tls.Conn, _ http.Handler) { _ = o.speak(c, h) }, // until the client goes
	}
	o.StartTLS()
	o.Client().Transport.(*http.Transport).ForceAttemptHTTP2 = true
	t.Cleanup(o.Close)
	return o
}

func (o *Overflow) speak(c *tls.Conn, h http.Handler) error {
	defer c.Close()
	if _, err := io.ReadFull(c, make([]byte, len(http2.ClientPreface))); err != nil {
		return err
	}
	framer := http2.NewFramer(c, c)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if err := framer.WriteSettings(); err != nil {
		return err
	}
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return err
		}
		switch f := frame.(type) {
		case *http2.SettingsFrame:
			if !f.IsAck() {
				err = framer.WriteSettingsAck()
			}
		case *http2.PingFrame:
			if !f.IsAck() {
				err = framer.WritePing(true, f.Data)
			}
		case *http2.MetaHeadersFrame:
			err = o.answer(framer, f, h)
		}
		if err != nil {
			return err
		}
	}
}

func (o *Overflow) answer(framer *http2.Framer, f *http2.MetaHeadersFrame, h http.Handler) error {
	o.Asked.Add(1)
	if refuse := o.Refusal.Load(); refuse != nil {
		return (*refuse)(framer, f)
	}
	if o.Bad.Load() {
		for range 2 {
			if err := framer.WriteWindowUpdate(f.StreamID, 1<<31-1); err != nil {
				return err
			}
		}
	}
	req := httptest.NewRequest(f.PseudoValue("method"), f.PseudoValue("path"), nil)
	for _, field := range f.RegularFields() {
		req.Header.Set(field.Name, field.Value)
	}
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, req)
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	field := func(name, value string) { _ = encoder.WriteField(hpack.HeaderField{Name: name, Value: value}) } // into memory
	field(":status", strconv.Itoa(recorder.Code))
	for _, name := range []string{"Content-Type", "Content-Encoding"} {
		if value := recorder.Header().Get(name); value != "" {
			field(strings.ToLower(name), value)
		}
	}
	if err := framer.WriteHeaders(http2.HeadersFrameParam{StreamID: f.StreamID, BlockFragment: block.Bytes(), EndHeaders: true}); err != nil {
		return err
	}
	const largest = 16 << 10
	rest := recorder.Body.Bytes()
	for ; len(rest) > largest; rest = rest[largest:] {
		if err := framer.WriteData(f.StreamID, false, rest[:largest]); err != nil {
			return err
		}
	}
	return framer.WriteData(f.StreamID, true, rest)
}
