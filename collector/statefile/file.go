package statefile

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"go.etcd.io/bbolt"
)

// Change is a value to write, or to remove if Bytes is nil.
type Change struct {
	Kind, Name string
	Bytes      []byte
}

// File is an open file, which this process has locked. It is safe for concurrent use. Make one with Open, and Close it.
type File struct {
	handle *handle
	wake   chan struct{} // holds a message if something is pending
	ended  chan struct{} // closed when the writer has ended

	mu      sync.Mutex
	pending *batch // nil if there is nothing to write
	slow    bool   // some caller stopped waiting for the running commit
	closed  bool
}

// batch is the changes of one commit.
type batch struct {
	changes map[key][]byte
	done    chan struct{}
	err     error
}

type key struct{ kind, name string }

var (
	errClosed = errors.New("writing state: the file is closed")
	errSlow   = errors.New("writing state: the disk takes too long")
	// errGone means that the file has no name any more, or another one. It has its name again if it is moved back.
	errGone = errors.New("the file was removed or replaced since it was opened; a restart makes a new one")
)

func newFile(h *handle) *File {
	f := &File{handle: h, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	go f.write()
	return f
}

// Write writes all changes or none, and returns when they are on the disk. Concurrent calls share a commit. If ctx ends
// first, it returns an error, and the changes may be written later. Until then, other calls return that error at once.
func (f *File) Write(ctx context.Context, changes ...Change) error {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return errClosed
	}
	b, slow := f.pending, f.slow
	if b == nil {
		b = &batch{changes: map[key][]byte{}, done: make(chan struct{})}
		f.pending = b
	}
	for _, c := range changes {
		b.changes[key{c.Kind, c.Name}] = c.Bytes
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

// Close writes pending changes and closes the file. If ctx ends first, it returns an error and ends later.
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
	var damage *damagedError // set when the file is found to be damaged; then nothing more is written
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

// commit writes all values or none. After errGone they are written, but where no later process finds them. After a
// *damagedError only close may be called: bbolt cannot go on or be closed.
func (h *handle) commit(changes map[key][]byte) error {
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
	if err == nil && !h.isAt(h.os.Name()) {
		return errGone
	}
	return err
}
