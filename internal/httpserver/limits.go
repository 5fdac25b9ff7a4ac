package httpserver

import (
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// answerTimeout is longer than most scrapes may last.
	answerTimeout = time.Minute
	// bodyTimeout is how long a client may take to send a body, which no endpoint reads.
	bodyTimeout = 10 * time.Second
)

// maxConnections is more than scrapers and people need.
const maxConnections = 1000

// limitConnections returns a hook for http.Server.ConnState that closes new connections while the server has limit.
func limitConnections(limit int64) func(net.Conn, http.ConnState) {
	var open atomic.Int64
	return func(conn net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			if open.Add(1) > limit {
				_ = conn.Close() // the server notices, and reports it as closed
			}
		case http.StateClosed, http.StateHijacked:
			open.Add(-1)
		}
	}
}

// LimitAnswer returns a handler that gives the client a minute to receive next's answer, counted from when next
// begins. A client that stops reading must not hold a connection and its answer for ever.
func LimitAnswer(next http.Handler) http.Handler { return limitAnswer(next, answerTimeout) }

func limitAnswer(next http.Handler, limit time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// An error means that the connection has no deadlines. The server removes this one when the request ends.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(limit))
		next.ServeHTTP(w, r)
	})
}

// LimitRequests returns a handler that lets next answer at most limit requests at once. refuse answers all others.
func LimitRequests(next, refuse http.Handler, limit int) http.Handler {
	slots := make(chan struct{}, limit)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
			next.ServeHTTP(w, r)
		default:
			refuse.ServeHTTP(w, r)
		}
	})
}

// OnlyMethods returns a handler that answers requests with other methods than those given with 405.
func OnlyMethods(next http.Handler, methods ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(methods, r.Method) {
			w.Header().Set("Allow", strings.Join(methods, ", "))
			http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// noSniff returns a handler that tells browsers to believe the content types that next sends.
func noSniff(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}

// limitBody returns a handler that limits how long the client may take to send a body, which the server reads to its
// end even if next does not.
func limitBody(next http.Handler, limit time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Only with a body: without one the server reads to notice that the client has gone, and a deadline would end
		// the request.
		if r.ContentLength != 0 {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(limit))
		}
		next.ServeHTTP(w, r)
	})
}
