// Package pages serves everything except the metrics: the landing page, health, readiness and the request to reload. It
// knows no more of the exporter than its collector.Status, and neither counts nor scans. The caller chooses where its
// handlers are served. They are safe for concurrent use if the functions that they are given are.
package pages

import (
	"io"
	"net/http"
	"sync"

	"github.com/revox-exporter/revox_exporter/collector"
)

// Healthy answers 200 as long as the process serves.
func Healthy(w http.ResponseWriter, _ *http.Request) {
	plain(w, http.StatusOK, "revox_exporter is healthy.")
}

// Ready returns a handler that answers 200 once the exporter is ready, and 503 with what it is waiting for before that.
func Ready(status func() collector.Status) http.Handler {
	var one sync.Mutex // a status has a copy of every campaign's
	waitingFor := func() string {
		one.Lock()
		defer one.Unlock()
		return status().WaitingFor
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if missing := waitingFor(); missing != "" {
			plain(w, http.StatusServiceUnavailable, "revox_exporter is waiting for "+missing+".")
			return
		}
		plain(w, http.StatusOK, "revox_exporter is ready.")
	})
}

func plain(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, text+"\n") // an error means that the client has gone
}
