package revoxapi

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/revox-exporter/revox_exporter/internal/regularfile"
)

// Secret holds an API key. Printed, marshalled or logged in any way, it reads "<secret>"; only [Secret.Reveal] returns the
// key. The zero value is no key. It is safe for concurrent use.
type Secret struct {
	// A pointer, because fmt prints unexported fields of enclosing structs without calling String.
	value *string
}

// NewSecret returns key without the white space around it, such as the newline at the end of a file.
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

// Equal reports whether both hold the same key.
func (s Secret) Equal(other Secret) bool { return s.Reveal() == other.Reveal() }

const redacted = "<secret>"

// String returns "<secret>".
func (Secret) String() string { return redacted }

// Format prints "<secret>" for every verb. The verbs for numbers would print the key's address in memory.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText returns "<secret>", for JSON, YAML and structured logs.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// check returns an error, without the key in it, if the key is empty or cannot be sent in an HTTP header.
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

// KeySource is where a client gets the API key from, for each request, so that a key can change while the client is in use.
// Implementations must be safe for concurrent use.
type KeySource interface {
	// Key returns the key to use now. Its error, which must not hold a key, fails the request with KindAuth.
	Key() (Secret, error)
}

// StaticKey returns a source of one key that never changes. A key that is empty, or cannot be sent in a header, fails each
// request with KindAuth.
func StaticKey(key string) KeySource { return staticKey{NewSecret(key)} }

type staticKey struct{ key Secret }

func (k staticKey) Key() (Secret, error) { return k.key, k.key.check() }

// KeyFile is a file with the API key. It is read for each request, so a rotated key is used at once, however the file was
// replaced. Only a regular file of at most 64 KiB is read. While the file is missing, unreadable or empty, the last key
// stays in use, because a rotation is often not atomic. It is safe for concurrent use.
type KeyFile struct {
	path string

	mu      sync.Mutex
	last    Secret
	problem error // of the last reading
}

// NewKeyFile returns the key file at path. It does not read the file.
func NewKeyFile(path string) *KeyFile { return &KeyFile{path: path} }

// maxKeyFileBytes keeps a wrong file (a disk image, a log) from being read whole.
const maxKeyFileBytes = 64 << 10

// Key returns the key that the file holds now, else the last one that it held, else an error that names the file.
func (k *KeyFile) Key() (Secret, error) {
	key, err := k.read()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.problem = err
	if err == nil {
		k.last = key
		return key, nil
	}
	if k.last.value != nil {
		return k.last, nil
	}
	return Secret{}, err
}

// Problem returns why the file could not be read the last time, also if Key then returned the last key; else nil.
func (k *KeyFile) Problem() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.problem
}

func (k *KeyFile) read() (Secret, error) {
	text, _, err := regularfile.Read(k.path, maxKeyFileBytes)
	if err != nil {
		return Secret{}, fmt.Errorf("reading the API key file: %w", err)
	}
	key := NewSecret(string(text))
	if err := key.check(); err != nil {
		return Secret{}, fmt.Errorf("reading the API key file %s: %w", k.path, err)
	}
	return key, nil
}
