package collector

import (
	"io"
	"net/http"
)

// Healthy answers 200 as long as the process serves.
func Healthy(w http.ResponseWriter, _ *http.Request) {
	plain(w, http.StatusOK, "revox_exporter is healthy.")
}

// ServeReady answers 200 once each selected campaign's first scan has ended, well or not, and before that 503 with
// what is awaited.
func (e *Exporter) ServeReady(w http.ResponseWriter, _ *http.Request) {
	if ready, waitingFor := e.Ready(); !ready {
		plain(w, http.StatusServiceUnavailable, "revox_exporter is waiting for "+waitingFor+".")
		return
	}
	plain(w, http.StatusOK, "revox_exporter is ready.")
}

func plain(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, text+"\n") // a client that is gone needs no answer
}
