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

	"github.com/revox-exporter/revox_exporter/internal/regularfile"
)

// Name is the name of the file in its folder.
const Name = "revox_exporter.db"

const (
	// lockTry is how long Try waits for the lock.
	lockTry = 50 * time.Millisecond
	// tryBytes is about the size of a new file.
	tryBytes = 64 << 10
)

// ErrInUse means that another process has locked the file.
var ErrInUse = errors.New("another process uses it")

// Identity says who owns the values in a file, and their format. Open never changes a file with another identity.
type Identity struct {
	// Owner is any string that identifies the owner.
	Owner string `json:"owner"`
	// Format is the version of the values' encoding.
	Format int `json:"format"`
}

// Found describes the content of a file when it was opened.
type Found struct {
	// Values are the valid values by kind and name.
	Values map[string]map[string][]byte
	// Damage says why and where the file was set aside; nil if it was intact. A new file then has the Values.
	Damage error
}

// The bucket and the name of the value that holds the file's Identity.
const (
	metaKind     = "statefile"
	identityName = "identity"
)

// Open opens or creates the file in an existing folder, and returns its values. If another process does not unlock the
// file within patience, the error is ErrInUse. now is the time in the new name of a damaged file.
func Open(folder string, identity Identity, patience time.Duration, now time.Time) (*File, Found, error) {
	path := filepath.Join(folder, Name)
	if err := statFolder(folder); err != nil {
		return nil, Found{}, err
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
		if h, err = h.replace(path, &found, now); err == nil {
			err = h.sign(identity)
		}
	}
	if err != nil {
		h.close()
		return nil, Found{}, fmt.Errorf("opening %s: %w", path, withoutPath(err))
	}
	return newFile(h), found, nil
}

// statFolder returns an error if the folder does not exist or cannot be reached.
func statFolder(folder string) error {
	_, err := os.Stat(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("opening %s: %w; create the folder, writable by the exporter's user", folder, withoutPath(err))
	case err != nil:
		return fmt.Errorf("opening %s: %w", folder, withoutPath(err))
	}
	return nil
}

// handle is an open file and its lock.
type handle struct {
	os *os.File
	is os.FileInfo // identifies the file, even after it is renamed
	db *bbolt.DB   // nil if the file is too damaged to be opened
}

// openHandle opens or creates the file at path. If it is damaged, it returns an error and a handle with the lock.
func openHandle(path string, patience time.Duration) (*handle, error) {
	for {
		h := &handle{}
		err := guarded(func() (err error) {
			h.db, err = bbolt.Open(path, 0o600, &bbolt.Options{
				Timeout: patience,
				OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
					f, info, err := regularfile.Open(name, flag, mode)
					if err != nil {
						return nil, err
					}
					h.os, h.is = f, info
					return f, nil
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
		// Another process has set the file aside since it was opened: try again.
		h.close()
	}
}

// isAt reports whether the file is still the one at path.
func (h *handle) isAt(path string) bool {
	there, err := os.Stat(path)
	return err == nil && os.SameFile(there, h.is)
}

func (h *handle) close() {
	if h == nil {
		return
	}
	if h.db != nil {
		_ = guarded(h.db.Close) // everything is committed already
	}
	if h.os != nil {
		_ = h.os.Close() // usually closed by h.db
	}
}

// isDamage reports whether an error is about the content of the file and not about the machine.
func isDamage(err error) bool {
	var errno syscall.Errno
	var refused *refusedError
	return err != nil && !errors.As(err, &errno) && !errors.As(err, &refused) &&
		!errors.Is(err, ErrInUse) && !errors.Is(err, regularfile.ErrNotRegular) && !errors.Is(err, bbolterrors.ErrVersionMismatch)
}

// refusedError says why this process must not use an intact file.
type refusedError struct{ reason string }

func (e *refusedError) Error() string { return e.reason }

// load returns the valid values, and an error if anything is damaged. opened is the error of openHandle.
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
				return fmt.Errorf("the file is damaged: it has %d bytes and should have %d", info.Size(), tx.Size())
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

// checkIdentity returns an error if the file has another identity than want. A new file has none yet.
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
		return &refusedError{fmt.Sprintf("it was written by another version of revox_exporter: "+
			"its format is %d, and this version's is %d", is.Format, want.Format)}
	case is.Owner != want.Owner:
		return &refusedError{"it has campaigns of another API, because its base URL differs: give another --state.path, or delete the file"}
	}
	return nil
}

// replace sets the file aside, closes h and makes a new file with the values found. It adds the new name to found.Damage.
func (h *handle) replace(path string, found *Found, now time.Time) (*handle, error) {
	// Keep the lock until the new file exists, so that no other process opens the old one. If bbolt has unlocked it
	// already, another process may have been faster.
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
		return nil, fmt.Errorf("%w; it cannot be set aside: %w", found.Damage, withoutPath(err))
	}
	found.Damage = fmt.Errorf("%w; it is set aside as %s", found.Damage, aside)
	fresh, err := openHandle(path, time.Millisecond)
	if err != nil {
		fresh.close()
		return nil, fmt.Errorf("%w, but no new file can be made: %w", found.Damage, err)
	}
	all := map[key][]byte{}
	for kind, named := range found.Values {
		for name, bytes := range named {
			all[key{kind, name}] = bytes
		}
	}
	return fresh, fresh.commit(all)
}

// sign writes the identity. It does so at each start, because some damage shows only on a write.
func (h *handle) sign(identity Identity) error {
	bytes, err := json.Marshal(identity)
	if err != nil {
		return err
	}
	return h.commit(map[key][]byte{{metaKind, identityName}: bytes})
}

// put writes a value, or removes it if bytes is nil.
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

// withoutPath returns err without the path in it, for callers that name the file themselves.
func withoutPath(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	return err
}
