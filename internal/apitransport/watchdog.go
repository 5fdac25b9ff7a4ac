package apitransport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// patience is how long a transport may take to notice that a request's context has ended.
const patience = 200 * time.Millisecond

// maxStuck is how many requests may be stuck until no more are sent.
const maxStuck = 256

// outcome is how a request ended.
type outcome int

const (
	fine     outcome = iota // or its caller cancelled it
	failed                  // the connection broke, or the answer's status says that another connection may do better
	timedOut                // its deadline passed
	stuck                   // what sends it has not returned
)

// watched is a transport of any kind whose requests are given up when their context ends.
type watched struct {
	rt  http.RoundTripper
	dog watchdog
}

// RoundTrip sends a request.
func (w *watched) RoundTrip(req *http.Request) (*http.Response, error) {
	return w.dog.roundTrip(w.rt, req, func(outcome) {})
}

// CloseIdleConnections closes connections that are kept for later requests.
func (w *watched) CloseIdleConnections() {
	if closer, ok := w.rt.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

// watchdog gives up requests.
type watchdog struct {
	stuck atomic.Int64 // the requests that were given up and whose goroutines are still there
}

// roundTrip sends a request and calls end once, when the request was answered and its body closed, or has failed.
func (w *watchdog) roundTrip(rt http.RoundTripper, req *http.Request, end func(outcome)) (*http.Response, error) {
	if n := w.stuck.Load(); n >= maxStuck {
		end(fine)
		return nil, &net.OpError{Op: "request", Err: fmt.Errorf("%d earlier requests never ended", n)}
	}
	ctx := req.Context()
	x := &exchange{
		dog: w, answers: make(chan answer, 1), reads: make(chan struct{}), pieces: make(chan piece, 1), ended: make(chan struct{}),
	}
	go x.run(rt, req)
	a, ok := await(x.answers, ctx.Done())
	switch {
	case !ok:
		close(x.reads)
		x.leave()
		end(stuck)
		return nil, ctx.Err()
	case a.err != nil || a.resp == nil:
		close(x.reads)
		end(outcomeOf(ctx))
		return nil, a.err
	}
	b := &body{exchange: x, done: ctx.Done(), why: ctx.Err, outcomeOf: func() outcome { return outcomeOf(ctx) }, end: end}
	if code := a.resp.StatusCode; code >= 500 || code == http.StatusMisdirectedRequest || code == http.StatusRequestTimeout {
		b.outcome = failed
	}
	a.resp.Body = b
	return a.resp, nil
}

// outcomeOf returns how a request has failed.
func outcomeOf(ctx context.Context) outcome {
	switch {
	case ctx.Err() == nil:
		return failed
	case errors.Is(ctx.Err(), context.DeadlineExceeded) || errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		return timedOut
	}
	return fine
}

// exchange is a request and its answer. Its goroutine calls the transport; another one, which can leave it alone, tells
// it what to do. It ends when the transport returns after reads was closed.
type exchange struct {
	dog     *watchdog
	answers chan answer
	reads   chan struct{} // each demands a piece of the body
	pieces  chan piece
	ended   chan struct{} // closed at the end
	over    atomic.Bool   // it has ended, or was given up
}

type answer struct {
	resp *http.Response
	err  error
}

type piece struct {
	bytes []byte // until the next read
	err   error
}

var buffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

func (x *exchange) run(rt http.RoundTripper, req *http.Request) {
	defer func() {
		if x.over.Swap(true) {
			x.dog.stuck.Add(-1)
		}
		close(x.ended)
	}()
	defer close(x.answers)
	resp, err := rt.RoundTrip(req)
	if err != nil || resp == nil {
		x.answers <- answer{nil, err}
		return
	}
	source := resp.Body
	if source == nil {
		source = http.NoBody
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		source.Close() // it is the connection itself, which does not end with the request
		source = http.NoBody
	}
	defer source.Close()
	x.answers <- answer{resp, nil}
	buffer := buffers.Get().(*[32 << 10]byte)
	defer buffers.Put(buffer)
	for range x.reads {
		n, err := source.Read(buffer[:])
		x.pieces <- piece{buffer[:n], err}
	}
}

// leave leaves the goroutine, whose reads were closed, to itself: it closes what still comes.
func (x *exchange) leave() {
	if !x.over.Swap(true) {
		x.dog.stuck.Add(1)
	}
}

// await returns what comes from a channel, or false if nothing has come when done has been closed for a while.
func await[T any](from <-chan T, done <-chan struct{}) (value T, ok bool) {
	select {
	case value = <-from:
		return value, true
	case <-done:
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case value = <-from:
		return value, true
	case <-timer.C:
		return value, false
	}
}

// body is an answer's body.
type body struct {
	*exchange
	done      <-chan struct{} // the request's context
	why       func() error    // it ended
	outcomeOf func() outcome
	end       func(outcome)

	rest    []byte // what was read, but not yet by the caller
	err     error  // after rest
	outcome outcome
	closed  bool
}

// Read reads from the body.
func (b *body) Read(p []byte) (int, error) {
	if len(b.rest) == 0 && b.err == nil && len(p) > 0 {
		b.reads <- struct{}{}
		if got, ok := await(b.pieces, b.done); ok {
			b.rest, b.err = got.bytes, got.err
			if b.err != nil && b.err != io.EOF {
				b.outcome = max(b.outcome, b.outcomeOf())
			}
		} else {
			b.finish(stuck)
			b.err = b.why()
		}
	}
	if len(b.rest) == 0 {
		return 0, b.err
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// Close ends the reading of the body.
func (b *body) Close() error {
	b.finish(fine)
	b.rest, b.err = nil, http.ErrBodyReadAfterClose
	return nil
}

// finish ends the exchange.
func (b *body) finish(o outcome) {
	if b.closed {
		return
	}
	b.closed = true
	close(b.reads)
	if o != stuck {
		if _, ok := await(b.ended, b.done); !ok {
			o = stuck
		}
	}
	if o == stuck {
		b.leave()
	}
	b.end(max(o, b.outcome))
}
