package revoxapi

import (
	"context"
	"sync"
	"sync/atomic"
)

// maxWindow is how many pages of one campaign are read at once at most: each is kept whole until its turn comes.
const maxWindow = 8

// readAhead reads several pages at once and gives them in their order. A page that waits for its turn keeps no other
// request from being made. It belongs to one goroutine, which must stop it.
type readAhead[T any] struct {
	ctx     context.Context
	cancel  context.CancelFunc
	window  int
	read    func(ctx context.Context, i int) (T, error)
	next    int // to be read
	end     int
	pending []chan outcome[T] // what is being read, in order
	failed  atomic.Bool       // whatever comes after a failure will not be asked for
	running sync.WaitGroup
}

type outcome[T any] struct {
	value T
	err   error
}

// newReadAhead reads n things, window of them at once.
func newReadAhead[T any](ctx context.Context, window, n int, read func(ctx context.Context, i int) (T, error)) *readAhead[T] {
	a := &readAhead[T]{window: window, end: n, read: read}
	a.ctx, a.cancel = context.WithCancel(ctx)
	return a
}

// stop ends what is being read, and returns when it has ended.
func (a *readAhead[T]) stop() {
	a.cancel()
	a.running.Wait()
}

// take returns what comes next; ok is false where nothing does, or something before it failed.
func (a *readAhead[T]) take() (value T, err error, ok bool) {
	for len(a.pending) < a.window && a.next < a.end && !a.failed.Load() {
		a.start(a.next)
		a.next++
	}
	if len(a.pending) == 0 {
		return value, nil, false
	}
	first := <-a.pending[0]
	a.pending = a.pending[1:]
	return first.value, first.err, true
}

func (a *readAhead[T]) start(i int) {
	done := make(chan outcome[T], 1)
	a.pending = append(a.pending, done)
	a.running.Go(func() {
		value, err := a.read(a.ctx, i)
		if err != nil {
			a.failed.Store(true)
		}
		done <- outcome[T]{value, err}
	})
}
