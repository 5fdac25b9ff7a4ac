package revoxtest

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// Request is a request that the server got.
type Request struct {
	Time   time.Time // by the server's clock
	Method string
	Path   string // as sent, escapes included
	Query  url.Values
	Header http.Header
	Code   int // of the answer; 0 while there is none, or where the connection ended without one
}

// requestLog keeps the newest requests.
type requestLog struct {
	keep int

	mu       sync.Mutex
	ring     []Request // the newest, at their number modulo keep
	count    int       // all there ever were
	flying   int
	most     int
	watchers []*watcher
}

// start notes a request and returns its number.
func (l *requestLog) start(r *http.Request, now time.Time) int {
	req := Request{Time: now, Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.Query(), Header: r.Header.Clone()}
	l.mu.Lock()
	defer l.mu.Unlock()
	n := l.count
	l.count++
	l.flying++
	l.most = max(l.most, l.flying)
	switch {
	case l.keep <= 0:
	case n < l.keep:
		l.ring = append(l.ring, req)
	default:
		l.ring[n%l.keep] = req
	}
	l.watchers = slices.DeleteFunc(l.watchers, func(w *watcher) bool {
		if l.count < w.n {
			return false
		}
		close(w.done)
		return true
	})
	return n
}

// coded notes the status code of request n.
func (l *requestLog) coded(n, code int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.keep > 0 && n >= l.count-l.keep {
		l.ring[n%l.keep].Code = code
	}
}

// end notes that the answer of a request is over.
func (l *requestLog) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flying--
}

// Requests returns the newest requests, oldest first: at most 10,000, or what [WithRequestLog] says. What it returns is
// the caller's, apart from the headers and queries, which must not be changed.
func (s *Server) Requests() []Request {
	l := &s.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.keep <= 0 || l.count <= l.keep {
		return slices.Clone(l.ring)
	}
	oldest := l.count % l.keep
	return append(slices.Clone(l.ring[oldest:]), l.ring[:oldest]...)
}

// RequestCount returns how many requests there ever were.
func (s *Server) RequestCount() int {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.count
}

// MaxInFlight returns how many requests were ever under way at once.
func (s *Server) MaxInFlight() int {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.most
}

// WaitForRequests blocks until the server has got at least n requests since its start, or until ctx ends, and then
// returns ctx's error.
func (s *Server) WaitForRequests(ctx context.Context, n int) error {
	l := &s.log
	l.mu.Lock()
	if l.count >= n {
		l.mu.Unlock()
		return nil
	}
	w := &watcher{n: n, done: make(chan struct{})}
	l.watchers = append(l.watchers, w)
	l.mu.Unlock()
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		l.mu.Lock()
		defer l.mu.Unlock()
		l.watchers = slices.DeleteFunc(l.watchers, func(o *watcher) bool { return o == w })
		return ctx.Err()
	}
}
