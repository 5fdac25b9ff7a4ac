package pages

import (
	"context"
	"net/http"
	"sync"

	"golang.org/x/time/rate"
)

// reloads per second, and how many may follow each other at once.
const (
	reloadRate  = 1
	reloadBurst = 5
)

// Reload returns a handler that calls reload on POST and answers 200, or 500 with reload's error. Other methods are
// answered with 405, and requests that a browser sends for another site with 403. One call runs at a time, and all
// requests that arrive meanwhile share the next one, at most one a second except for a few at first.
func Reload(reload func() error) http.Handler {
	r := &reloader{reload: reload, limit: rate.NewLimiter(reloadRate, reloadBurst), turn: make(chan struct{}, 1)}
	protection := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			plain(w, http.StatusMethodNotAllowed, "revox_exporter reloads on POST alone.")
			return
		}
		if protection.Check(req) != nil {
			plain(w, http.StatusForbidden, "revox_exporter does not reload for a page of another site.")
			return
		}
		switch err := r.do(req.Context()); {
		case req.Context().Err() != nil:
			return // the client has gone
		case err != nil:
			plain(w, http.StatusInternalServerError, "revox_exporter could not reload: "+err.Error()+".")
		default:
			plain(w, http.StatusOK, "revox_exporter has reloaded.")
		}
	})
}

// reloader lets requests share calls of reload.
type reloader struct {
	reload func() error
	limit  *rate.Limiter
	turn   chan struct{} // holds an element while a call runs

	mu   sync.Mutex
	next *sharedReload // the call that has not begun; nil if no request waits for one
}

type sharedReload struct {
	done chan struct{} // closed when err is set
	err  error
}

// do returns the error of a call that begins after now, or that of ctx if it ends first. The first request that waits for
// a call makes it, even if its client leaves.
func (r *reloader) do(ctx context.Context) error {
	r.mu.Lock()
	call, first := r.next, r.next == nil
	if first {
		call = &sharedReload{done: make(chan struct{})}
		r.next = call
	}
	r.mu.Unlock()
	if !first {
		select {
		case <-call.done:
			return call.err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	r.turn <- struct{}{}
	defer func() { <-r.turn }()
	defer close(call.done)
	// The wait is short, and others may depend on the call. It cannot fail.
	_ = r.limit.Wait(context.WithoutCancel(ctx))
	r.mu.Lock()
	r.next = nil
	r.mu.Unlock()
	call.err = r.reload()
	return call.err
}
