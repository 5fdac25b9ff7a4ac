// Package readahead reads a list of things several at a time and returns them in order. It does not know what they are.
// Only revoxapi and package paging use it.
//
//	pages := readahead.New(ctx, client.MaxInFlight(), n, read)
//	defer pages.Stop()
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
	jobs    chan job[T]       // of pending, for the next free worker
	workers int
	failed  atomic.Bool // nothing more is read
	running sync.WaitGroup
}

type job[T any] struct {
	i    int
	done chan<- outcome[T]
}

type outcome[T any] struct {
	value T
	err   error
}

// New returns a Reader of n things, of which it reads window at once, but MaxWindow at most. It calls read in goroutines
// of its own, with a context that Stop ends.
func New[T any](ctx context.Context, window, n int, read func(ctx context.Context, i int) (T, error)) *Reader[T] {
	ctx, cancel := context.WithCancel(ctx)
	window = min(window, MaxWindow)
	return &Reader[T]{
		read: func(i int) (T, error) { return read(ctx, i) }, cancel: cancel, window: window, end: n, jobs: make(chan job[T], window),
	}
}

// Stop ends what is being read and returns when no goroutine is left.
func (r *Reader[T]) Stop() {
	r.cancel()
	close(r.jobs)
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
	if r.workers < len(r.pending) {
		r.workers++
		r.running.Go(r.work)
	}
	r.jobs <- job[T]{i, done}
}

// work reads things until Stop. A goroutine for each would have to grow its stack each time.
func (r *Reader[T]) work() {
	for j := range r.jobs {
		value, err := r.read(j.i)
		if err != nil {
			r.failed.Store(true)
		}
		j.done <- outcome[T]{value, err}
	}
}
