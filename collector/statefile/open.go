package statefile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"
)

// Name is that of the file in its folder.
const Name = "revox_exporter.db"

// ErrInUse says that another process has the file.
var ErrInUse = errors.New("another process uses it")

// Identity says whose values a file has, and in what format. A file of another identity is left as it is.
type Identity struct {
	// Owner is kept as it is given.
	Owner string `json:"owner"`
	// Format of the values' bytes; a file of another is not read.
	Format int `json:"format"`
}

// Found is what a file held when it was opened.
type Found struct {
	// Values by kind and name.
	Values map[string]map[string][]byte
	// Damage says why the file was set aside, and where it is; nil where it was whole. Values are then what of it could
	// be trusted, and are in the new file too.
	Damage error
}

// The bucket and the name of the file's own value.
const (
	metaKind     = "statefile"
	identityName = "identity"
)

// Open opens the file in a folder that exists, or makes it there, and returns what it holds. It waits for as long as
// patience for another process to let go of the file; where that does not, the error is ErrInUse. now names a file that
// is set aside.
func Open(folder string, identity Identity, patience time.Duration, now time.Time) (*File, Found, error) {
	path := filepath.Join(folder, Name)
	if _, err := os.Stat(folder); err != nil {
		return nil, Found{}, fmt.Errorf("opening %s: %w", path, withoutPath(err))
	}
	h, err := openHandle(path, patience)
	if h == nil {
		return nil, Found{}, fmt.Errorf("opening %s: %w", path, withoutPath(err))
	}
	values, err := h.load(identity, err)
	if err == nil {
		err = h.sign(identity)
	}
	found := Found{Values: values}
	if isDamage(err) {
		found.Damage = err
		if h, err = h.replace(path, values, now, &found.Damage); err == nil {
			err = h.sign(identity)
		}
	}
	if err != nil {
		h.close()
		return nil, Found{}, fmt.Errorf("opening %s: %w", path, withoutPath(err))
	}
	return newFile(h), found, nil
}

// handle is an open file and its lock.
type handle struct {
	os *os.File
	is os.FileInfo // which file it is, whatever its name becomes
	db *bbolt.DB   // nil where the file is so damaged that it cannot be opened
}

// openHandle opens the file at path, or makes it. Where it is damaged, the handle is not nil and holds the lock.
func openHandle(path string, patience time.Duration) (*handle, error) {
	for {
		h := &handle{}
		err := guarded(func() (err error) {
			h.db, err = bbolt.Open(path, 0o600, &bbolt.Options{
				Timeout: patience,
				OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
					f, err := os.OpenFile(name, flag, mode)
					if err != nil {
						return nil, err
					}
					h.os = f
					h.is, err = f.Stat()
					return f, err
				},
			})
			return err
		})
		switch {
		case errors.Is(err, bbolterrors.ErrTimeout):
			h.close()
			return nil, ErrInUse
		case err != nil && !isDamage(err):
			h.close()
			return nil, err
		case h.isAt(path):
			return h, err
		}
		// Whoever had it has set it aside meanwhile.
		h.close()
	}
}

// isAt tells whether path still names the file.
func (h *handle) isAt(path string) bool {
	there, err := os.Stat(path)
	return err == nil && os.SameFile(there, h.is)
}

func (h *handle) close() {
	if h == nil {
		return
	}
	if h.db != nil {
		_ = guarded(h.db.Close) // all that was to be kept is committed
	}
	if h.os != nil {
		_ = h.os.Close() // closed before, mostly
	}
}

// isDamage tells whether an error is about what is in the file rather than about the machine.
func isDamage(err error) bool {
	var errno syscall.Errno
	var refused *refusedError
	return err != nil && !errors.As(err, &errno) && !errors.As(err, &refused) &&
		!errors.Is(err, ErrInUse) && !errors.Is(err, bbolterrors.ErrVersionMismatch)
}

// refusedError says why a whole file is not for this process.
type refusedError struct{ reason string }

func (e *refusedError) Error() string { return e.reason }

// load returns the values that can be trusted, and an error where something cannot. opened is the error of opening.
func (h *handle) load(identity Identity, opened error) (map[string]map[string][]byte, error) {
	values := map[string]map[string][]byte{}
	if opened != nil {
		return values, opened
	}
	var damage error
	err := guarded(func() error {
		return h.db.View(func(tx *bbolt.Tx) error {
			info, err := h.os.Stat()
			if err != nil {
				return err
			}
			if info.Size() < tx.Size() {
				return fmt.Errorf("the file is damaged: %d bytes where there should be %d", info.Size(), tx.Size())
			}
			if err := checkIdentity(tx, identity); err != nil {
				return err
			}
			return tx.ForEach(func(kind []byte, bucket *bbolt.Bucket) error {
				if string(kind) == metaKind {
					return nil
				}
				named := map[string][]byte{}
				values[string(kind)] = named
				return bucket.ForEach(func(name, sealed []byte) error {
					bytes, err := unseal(string(kind), string(name), sealed)
					if err != nil {
						damage = fmt.Errorf("the file is damaged: %w", err)
						return nil
					}
					named[string(name)] = bytes
					return nil
				})
			})
		})
	})
	if err == nil {
		err = damage
	}
	if refused := (*refusedError)(nil); errors.As(err, &refused) {
		return nil, err
	}
	return values, err
}

// checkIdentity returns an error where the file is not of the identity; a new one has none yet.
func checkIdentity(tx *bbolt.Tx, want Identity) error {
	bucket := tx.Bucket([]byte(metaKind))
	if bucket == nil {
		return nil
	}
	bytes, err := unseal(metaKind, identityName, bucket.Get([]byte(identityName)))
	if errors.Is(err, errLayout) {
		return &refusedError{"it was written by another version of revox_exporter"}
	}
	if err != nil {
		return fmt.Errorf("the file is damaged: %w", err)
	}
	var is Identity
	if err := json.Unmarshal(bytes, &is); err != nil {
		return fmt.Errorf("the file is damaged: its identity cannot be read: %w", err)
	}
	switch {
	case is.Format != want.Format:
		return &refusedError{fmt.Sprintf("it was written by another version of revox_exporter: its format is %d, and this version's is %d", is.Format, want.Format)}
	case is.Owner != want.Owner:
		return &refusedError{"it has campaigns of another API, by its base URL"}
	}
	return nil
}

// replace sets the file aside and makes a new one with the values. It closes h, and says in damage where that now is.
func (h *handle) replace(path string, values map[string]map[string][]byte, now time.Time, damage *error) (*handle, error) {
	// The lock is held until the new file is there, so that nobody else takes the old one for good. Where bbolt has let
	// go of it already, another process may have been faster.
	defer h.close()
	if !h.isAt(path) {
		return nil, ErrInUse
	}
	aside := path + ".damaged-" + now.UTC().Format("20060102T150405Z")
	for n := 2; ; n++ {
		if _, err := os.Lstat(aside); err != nil {
			break
		}
		aside = fmt.Sprintf("%s.damaged-%s-%d", path, now.UTC().Format("20060102T150405Z"), n)
	}
	if err := os.Rename(path, aside); err != nil {
		return nil, fmt.Errorf("%w; it cannot be set aside: %w", *damage, withoutPath(err))
	}
	*damage = fmt.Errorf("%w; it is set aside as %s", *damage, aside)
	fresh, err := openHandle(path, time.Millisecond)
	if err != nil {
		fresh.close()
		return nil, fmt.Errorf("%w, but no new file can be made: %w", *damage, err)
	}
	all := map[place][]byte{}
	for kind, named := range values {
		for name, bytes := range named {
			all[place{kind, name}] = bytes
		}
	}
	return fresh, fresh.commit(all)
}

// sign writes whose the file is. It does so each time, since some damage is met only by writing.
func (h *handle) sign(identity Identity) error {
	bytes, err := json.Marshal(identity)
	if err != nil {
		return err
	}
	return h.commit(map[place][]byte{{metaKind, identityName}: bytes})
}

// put writes a value, or removes it where bytes is nil.
func put(tx *bbolt.Tx, kind, name string, bytes []byte) error {
	bucket, err := tx.CreateBucketIfNotExists([]byte(kind))
	if err != nil {
		return err
	}
	if bytes == nil {
		return bucket.Delete([]byte(name))
	}
	return bucket.Put([]byte(name), seal(kind, name, bytes))
}

// withoutPath returns what went wrong with a file that the caller names.
func withoutPath(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}
