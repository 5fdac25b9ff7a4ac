// Package readahead reads a list of things several at a time and returns them in order.
package readahead

import (
	"context"
	"sync"
	"sync/atomic"
)

// MaxWindow is how many things are read at once at most. Each is kept in memory until its turn.
const MaxWindow = 8

// Reader reads a list of things ahead of their turn. It belongs to one goroutine, which must call Stop.
type Reader[T any] struct {
	read    func(i int) (T, error)
	cancel  context.CancelFunc
	window  int
	next    int // the next one to read
	end     int
	pending []chan outcome[T] // what is being read, in order
	failed  atomic.Bool       // nothing more is read
	running sync.WaitGroup
}

type outcome[T any] struct {
	value T
	err   error
}

// New returns a Reader of n things, of which it reads window at once, but MaxWindow at most. It calls read in goroutines
// of its own, with a context that Stop ends.
func New[T any](ctx context.Context, window, n int, read func(ctx context.Context, i int) (T, error)) *Reader[T] {
	ctx, cancel := context.WithCancel(ctx)
	return &Reader[T]{
		read: func(i int) (T, error) { return read(ctx, i) }, cancel: cancel, window: min(window, MaxWindow), end: n,
	}
}

// Stop ends what is being read and returns when no goroutine is left.
func (r *Reader[T]) Stop() {
	r.cancel()
	r.running.Wait()
}

// Next returns the next thing, or the error of reading it. ok is false at the end of the list. After an error, Next
// returns only things that were already being read.
func (r *Reader[T]) Next() (value T, ok bool, err error) {
	for len(r.pending) < r.window && r.next < r.end && !r.failed.Load() {
		r.start(r.next)
		r.next++
	}
	if len(r.pending) == 0 {
		return value, false, nil
	}
	first := <-r.pending[0]
	r.pending = r.pending[1:]
	return first.value, true, first.err
}

func (r *Reader[T]) start(i int) {
	done := make(chan outcome[T], 1)
	r.pending = append(r.pending, done)
	r.running.Go(func() {
		value, err := r.read(i)
		if err != nil {
			r.failed.Store(true)
		}
		done <- outcome[T]{value, err}
	})
}
