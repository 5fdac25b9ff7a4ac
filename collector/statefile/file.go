package statefile

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"go.etcd.io/bbolt"
)

// Change is a value to write. Where Bytes is nil, the value is removed.
type Change struct {
	Kind, Name string
	Bytes      []byte
}

// File is an open file, which no other process has. It is safe for concurrent use. Open makes one; Close must end it.
type File struct {
	handle *handle
	wake   chan struct{} // has room for one
	ended  chan struct{} // closed when the writer has ended

	mu      sync.Mutex
	pending *batch // nil where there is nothing to write
	slow    bool   // a commit is under way that somebody has given up waiting for
	closed  bool
}

// batch is what one commit writes.
type batch struct {
	changes map[place][]byte
	done    chan struct{}
	err     error
}

type place struct{ kind, name string }

var (
	errClosed = errors.New("writing state: it is closed")
	errSlow   = errors.New("writing state: it takes too long")
)

func newFile(h *handle) *File {
	f := &File{handle: h, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	go f.write()
	return f
}

// Write writes all of the changes or none, and returns when they are safe on the disk; those who write at once share a
// commit. Where ctx ends first, they are written later, if at all; from then until the disk moves on, nobody waits: the
// error comes at once.
func (f *File) Write(ctx context.Context, changes ...Change) error {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return errClosed
	}
	b, slow := f.pending, f.slow
	if b == nil {
		b = &batch{changes: map[place][]byte{}, done: make(chan struct{})}
		f.pending = b
	}
	for _, c := range changes {
		b.changes[place{c.Kind, c.Name}] = c.Bytes
	}
	select {
	case f.wake <- struct{}{}:
	default:
	}
	f.mu.Unlock()
	if slow {
		return errSlow
	}
	select {
	case <-b.done:
		return b.err
	case <-ctx.Done():
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case <-b.done:
		return b.err
	default:
		f.slow = true
		return errSlow
	}
}

// Close writes what is left and lets go of the file. Where ctx ends first, it returns an error at once.
func (f *File) Close(ctx context.Context) error {
	f.mu.Lock()
	if !f.closed {
		f.closed = true
		close(f.wake)
	}
	f.mu.Unlock()
	select {
	case <-f.ended:
		return nil
	case <-ctx.Done():
		return errSlow
	}
}

// write commits batches until Close.
func (f *File) write() {
	defer close(f.ended)
	defer f.handle.close()
	var damage *damagedError // once the file is found to be damaged it is not written on
	for open := true; open; {
		_, open = <-f.wake
		f.mu.Lock()
		b := f.pending
		f.pending = nil
		f.mu.Unlock()
		if b == nil {
			continue
		}
		if damage == nil {
			b.err = f.handle.commit(b.changes)
			errors.As(b.err, &damage)
		} else {
			b.err = damage
		}
		if b.err != nil {
			b.err = fmt.Errorf("writing state: %w", withoutPath(b.err))
		}
		f.mu.Lock()
		f.slow = false
		close(b.done)
		f.mu.Unlock()
	}
}

// commit writes values, all or none. Where it panics over a damaged file, the handle is good for nothing but to be
// closed: what a panic leaves behind is no state that bbolt could go on from, or be closed in.
func (h *handle) commit(changes map[place][]byte) error {
	err := guarded(func() error {
		return h.db.Update(func(tx *bbolt.Tx) error {
			for at, bytes := range changes {
				if err := put(tx, at.kind, at.name, bytes); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if _, damaged := errors.AsType[*damagedError](err); damaged {
		h.db = nil
	}
	return err
}
