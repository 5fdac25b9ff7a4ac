package revoxapi

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
)

// Secret holds an API key. However it is printed, marshalled or logged, it reads as "<secret>"; only [Secret.Reveal]
// gives the key. The zero value is no key. It is safe for concurrent use.
type Secret struct {
	// A pointer, since fmt prints unexported fields of enclosing structs without asking String.
	value *string
}

// NewSecret returns key with surrounding white space removed: a file's trailing newline is not part of a key.
func NewSecret(key string) Secret {
	key = strings.TrimSpace(key)
	if key == "" {
		return Secret{}
	}
	return Secret{&key}
}

// Reveal returns the key itself, "" for the zero value.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Equal tells whether both hold the same key.
func (s Secret) Equal(other Secret) bool { return s.Reveal() == other.Reveal() }

const redacted = "<secret>"

// String returns "<secret>".
func (Secret) String() string { return redacted }

// Format prints "<secret>" for every verb: those for numbers would print where the key is in memory.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText returns "<secret>", for JSON, YAML and structured logs.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// check refuses what cannot be sent in an HTTP header, in words that do not hold the key.
func (s Secret) check() error {
	if s.value == nil {
		return errors.New("the API key is empty")
	}
	for _, r := range *s.value {
		if r <= ' ' || r > '~' {
			return errors.New("the API key has a space, a control character or one that is not ASCII within it")
		}
	}
	return nil
}

// KeySource gives the API key for each request, so that a key can change while a client lives.
// Implementations are safe for concurrent use; an error must not hold the key.
type KeySource interface {
	Key() (Secret, error)
}

// StaticKey is a key that never changes.
func StaticKey(key string) KeySource { return staticKey{NewSecret(key)} }

type staticKey struct{ key Secret }

func (k staticKey) Key() (Secret, error) { return k.key, k.key.check() }

// KeyFile is a file with the API key. It is read anew for each request, so that a rotated key is used at once,
// however the file was replaced. While it is missing, unreadable or empty, the key read last stays in use, since a
// rotation is often not atomic.
type KeyFile struct {
	path string

	mu   sync.Mutex
	last Secret
}

// NewKeyFile returns the key file at path. The file is first read by the first call of Key.
func NewKeyFile(path string) *KeyFile { return &KeyFile{path: path} }

// maxKeyFileBytes keeps a wrong path (a disk image, a log) from being read whole.
const maxKeyFileBytes = 64 << 10

// Key returns the key as the file has it now, else the one read last, else an error that names the file.
func (k *KeyFile) Key() (Secret, error) {
	key, err := k.read()
	k.mu.Lock()
	defer k.mu.Unlock()
	if err == nil {
		k.last = key
		return key, nil
	}
	if k.last.value != nil {
		return k.last, nil
	}
	return Secret{}, err
}

func (k *KeyFile) read() (Secret, error) {
	info, err := os.Stat(k.path)
	if err != nil {
		return Secret{}, fmt.Errorf("reading the API key file: %w", err)
	}
	if info.Size() > maxKeyFileBytes {
		return Secret{}, fmt.Errorf("reading the API key file: %s is larger than a key can be", k.path)
	}
	text, err := os.ReadFile(k.path)
	if err != nil {
		return Secret{}, fmt.Errorf("reading the API key file: %w", err)
	}
	key := NewSecret(string(text))
	if err := key.check(); err != nil {
		return Secret{}, fmt.Errorf("reading the API key file %s: %w", k.path, err)
	}
	return key, nil
}
