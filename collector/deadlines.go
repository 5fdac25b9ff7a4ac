package collector

import (
	"net/http"
	"time"
)

const (
	// answerTimeout is longer than most scrapes may last.
	answerTimeout = time.Minute
	// bodyTimeout is as long as a body may take that no endpoint asks for.
	bodyTimeout = 10 * time.Second
)

// LimitAnswer gives the client a minute to receive next's answer, from when next begins. A client that reads no more
// must not hold a connection and what it was to read for ever.
func LimitAnswer(next http.Handler) http.Handler { return limitAnswer(next, answerTimeout) }

func limitAnswer(next http.Handler, limit time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Its error says that the connection has no deadlines. The server lifts this one when the request ends.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(limit))
		next.ServeHTTP(w, r)
	})
}

// LimitBody gives a client ten seconds to send a body, which the server reads to its end though next does not.
func LimitBody(next http.Handler) http.Handler { return limitBody(next, bodyTimeout) }

func limitBody(next http.Handler, limit time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Without a body the deadline would be that of noticing that the client is gone, and end the request.
		if r.ContentLength != 0 {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(limit))
		}
		next.ServeHTTP(w, r)
	})
}
