// Package apitransport sends the API client's requests, so that no request outlives its deadline and no bad connection
// outlives a failure.
//
//   - A request whose context has ended is given up, even if the code that sends it never returns.
//   - After a request that timed out, lost its connection or was answered 408, 421 or 5xx, the next one is sent over a
//     new connection. Requests that are under way on the old connections may end; then these are closed.
//   - Over HTTP/2, a connection that answers no ping is closed.
//   - An answer 101 (Switching Protocols) has no body, and its connection is closed.
//   - A request is sent once. Go's transport sends one again by itself if a kept connection ends, or if a server refuses
//     an HTTP/2 stream; nobody would count that, and limits of retries and of requests a second would not apply.
//
// It makes no retry and understands no answer: package revoxapi does, which alone uses it.
package apitransport

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// pingAfter is how long an HTTP/2 connection may be silent before it is pinged; pingTimeout is how long the answer
	// may take. Together they are well below the usual timeout of a request, so that a retry comes in time.
	pingAfter   = 10 * time.Second
	pingTimeout = 10 * time.Second
	// replacePause is the shortest time between two replacements because of quick failures. While a server refuses
	// everything, it is not asked for a new connection by every request.
	replacePause = time.Second
	// maxStuckHTTP2 is how many requests may be stuck for good, each with its memory, until HTTP/1.1 is used instead.
	maxStuckHTTP2 = 16
)

// Transport is what New returns.
type Transport interface {
	http.RoundTripper
	// CloseIdleConnections closes connections that are kept for later requests.
	CloseIdleConnections()
}

// New returns a transport that sends requests as rt does. If rt is an *http.Transport, its settings are used for
// connections of the returned transport alone; a transport that dials TLS in its own way keeps its connections.
//
// Bodies of answers are not safe for concurrent use. What the returned transport gave up may still hold on to the
// request and its context.
func New(rt http.RoundTripper) Transport {
	t, ok := rt.(*http.Transport)
	//lint:ignore SA1019 Users may still set the deprecated functions.
	if !ok || t.DialTLSContext != nil || t.DialTLS != nil || t.DialContext == nil && t.Dial != nil {
		return &watched{rt: rt}
	}
	template := t.Clone()
	if template.HTTP2 == nil {
		template.HTTP2 = &http.HTTP2Config{}
	}
	template.HTTP2.SendPingTimeout, template.HTTP2.PingTimeout = pingAfter, pingTimeout
	template.HTTP2.WriteByteTimeout = pingTimeout
	// HTTP/1.1 has no other place where a request can be stopped that is to be sent again.
	proxy := template.Proxy
	template.Proxy = func(req *http.Request) (*url.URL, error) {
		if s, ok := req.Context().Value(sendingKey{}).(*sending); ok && s.sent.Load() {
			return nil, errSentBefore
		}
		if proxy == nil {
			return nil, nil
		}
		return proxy(req)
	}
	f := &fresh{template: template, dial: template.DialContext}
	if f.dial == nil {
		f.dial = (&net.Dialer{}).DialContext
	}
	f.current = f.next()
	return f
}

// fresh is a transport whose connections are replaced after failures.
type fresh struct {
	template *http.Transport // never used itself
	dial     func(ctx context.Context, network, address string) (net.Conn, error)
	dog      watchdog

	mu       sync.Mutex
	current  *generation
	replaced time.Time // when a failure last replaced current
}

// generation is a transport, and its connections. When it was replaced and no request uses it, they are closed. This
// does not go through the transport, because that blocks if a request is stuck in it.
type generation struct {
	f         *fresh
	transport *http.Transport

	// These are protected by f.mu.
	users  int
	conns  map[*conn]struct{}
	closed bool
}

func (f *fresh) next() *generation {
	g := &generation{f: f, transport: f.template.Clone(), conns: map[*conn]struct{}{}}
	g.transport.DialContext = g.dialContext
	if f.dog.stuck.Load() >= maxStuckHTTP2 {
		g.transport.Protocols = new(http.Protocols)
		g.transport.Protocols.SetHTTP1(true)
		if config := g.transport.TLSClientConfig; config != nil { // a clone's; it may offer HTTP/2
			config.NextProtos = nil
		}
	}
	return g
}

// RoundTrip sends a request.
func (f *fresh) RoundTrip(req *http.Request) (*http.Response, error) {
	f.mu.Lock()
	g := f.current
	g.users++
	f.mu.Unlock()
	s := &sending{}
	ctx, cancel := context.WithCancelCause(context.WithValue(req.Context(), sendingKey{}, s))
	trace := &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) {
			s.connected.Store(true)
			if s.sent.Load() {
				cancel(errSentBefore)
			}
		},
		WroteHeaders: func() { s.sent.Store(true) },
	}
	resp, err := f.dog.roundTrip(g.transport, req.WithContext(httptrace.WithClientTrace(ctx, trace)), func(o outcome) {
		switch {
		case o == failed && !s.connected.Load():
			o = fine // a connection that cannot be made says nothing about others
		case o == fine && context.Cause(ctx) == errSentBefore:
			o = failed
		}
		cancel(nil)
		f.release(g, o)
	})
	if err != nil && context.Cause(ctx) == errSentBefore {
		err = errSentBefore
	}
	return resp, err
}

// sending is a request that is being sent.
type sending struct {
	connected atomic.Bool // there was a connection for it
	sent      atomic.Bool // it was written to a connection
}

type sendingKey struct{} // of a context

// errSentBefore is why a request is not sent again.
var errSentBefore = errors.New("the connection ended, or the server refused the request, without an answer")

// release notes that a request no longer uses g.
func (f *fresh) release(g *generation, o outcome) {
	f.mu.Lock()
	g.users--
	if g == f.current && (o == timedOut || o == stuck || o == failed && time.Since(f.replaced) >= replacePause) {
		f.current, f.replaced = f.next(), time.Now()
	}
	unused := f.unused(g)
	f.mu.Unlock()
	closeAll(unused)
}

// unused returns the connections of g for closing, and lets it have no more, if g was replaced and is not used. f.mu is
// held.
func (f *fresh) unused(g *generation) map[*conn]struct{} {
	if g == f.current || g.users > 0 {
		return nil
	}
	conns := g.conns
	g.conns, g.closed = nil, true
	return conns
}

// CloseIdleConnections closes all connections, those of requests that are under way when these have ended.
func (f *fresh) CloseIdleConnections() {
	f.mu.Lock()
	g := f.current
	f.current = f.next()
	unused := f.unused(g)
	f.mu.Unlock()
	closeAll(unused)
}

func (g *generation) dialContext(ctx context.Context, network, address string) (net.Conn, error) {
	raw, err := g.f.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: raw, g: g}
	g.f.mu.Lock()
	closed := g.closed
	if !closed {
		g.conns[c] = struct{}{}
	}
	g.f.mu.Unlock()
	if closed { // the request for which it was dialled has ended over another connection
		raw.Close()
		return nil, net.ErrClosed
	}
	return c, nil
}

// conn is a connection that its generation knows until it is closed.
type conn struct {
	net.Conn
	g *generation
}

// Close closes the connection.
func (c *conn) Close() error {
	c.g.f.mu.Lock()
	delete(c.g.conns, c)
	c.g.f.mu.Unlock()
	return c.Conn.Close()
}

func closeAll(conns map[*conn]struct{}) {
	for c := range conns {
		c.Conn.Close()
	}
}
