// Package apikey knows where the API key is given, and keeps a key that is given in the wrong place out of errors. It
// sends the key nowhere.
package apikey

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

const (
	variable = "REVOX_API_KEY"
	// minLength is less than any key has. What is shorter may be a word of a message, or a part of another value.
	minLength      = 8
	quotationMarks = "\"'`"
)

// Source returns where the key comes from: the file at a path, or the environment if the path is "".
func Source(file string) revoxapi.KeySource {
	if file != "" {
		return revoxapi.NewKeyFile(file)
	}
	return revoxapi.StaticKey(os.Getenv(variable))
}

// LogChanges returns a source of the keys of another, that of a file, which logs when the key has become another, and when
// the file can no longer be read and the last key stays. It never logs the key. It is safe for concurrent use.
func LogChanges(source revoxapi.KeySource, file string, logger *slog.Logger) revoxapi.KeySource {
	return &logged{source: source, logger: logger.With("file", file)}
}

type logged struct {
	source revoxapi.KeySource
	logger *slog.Logger

	mu         sync.Mutex
	calls      uint64 // that have begun
	last       revoxapi.Secret
	unreadable bool
	since      uint64 // calls that had begun when last and unreadable were set: what they return may be older
}

// Key returns the source's key.
func (l *logged) Key() (revoxapi.Secret, error) {
	l.mu.Lock()
	l.calls++
	call := l.calls
	l.mu.Unlock()
	key, err := l.source.Key()
	if err != nil {
		return key, err // the request fails with it
	}
	var problem error
	if file, ok := l.source.(interface{ Problem() error }); ok {
		problem = file.Problem()
	}
	switch changed, became := l.compare(key, problem != nil, call); {
	case changed:
		l.logger.Info("the API key has changed: the new one is used from now on")
	case became && problem != nil:
		l.logger.Warn("the API key file cannot be read: the last key stays in use, until a restart", "err", problem)
	case became:
		l.logger.Info("the API key file can be read again, and has the same key")
	}
	return key, nil
}

// compare reports whether key, which a call returns, is another than the last one, and whether the file has become
// unreadable or readable.
func (l *logged) compare(key revoxapi.Secret, unreadable bool, call uint64) (changed, became bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	changed, became = !key.Equal(l.last), unreadable != l.unreadable
	if call <= l.since || !changed && !became {
		return false, false
	}
	first := l.since == 0
	l.last, l.unreadable, l.since = key, unreadable, l.calls
	return changed && !first, became
}

// inEnvironment returns the key in the environment, also if a key file is used, without the quotation marks that the
// shell may not have removed; "" for none.
func inEnvironment() string {
	return strings.Trim(os.Getenv(variable), " \t\n\r"+quotationMarks)
}

// Hide returns text without the key in the environment, which may be in a flag's value by mistake.
func Hide(text string) string {
	if key := inEnvironment(); len(key) >= minLength {
		return strings.ReplaceAll(text, key, "<secret>")
	}
	return text
}

// Secrets returns what no flag may have in its value: the key, and the key in the environment. They are left out if they
// are too short to be keys.
func Secrets(key revoxapi.Secret) (secrets []string) {
	for _, secret := range []string{key.Reveal(), inEnvironment()} {
		if len(secret) >= minLength {
			secrets = append(secrets, secret)
		}
	}
	return secrets
}

// Missing returns the usage error for an error of Source's key. flag is what errors call the flag that names the file. It
// shows the path of a file that cannot be opened only if it is certainly a path: the key itself is easily given instead.
func Missing(err error, flag, file string) error {
	_, missing := os.Lstat(file)
	folder, _ := filepath.Split(file)
	_, noFolder := os.Stat(folder) // also if it is ""
	if pathError, ok := errors.AsType[*fs.PathError](err); ok && missing != nil && noFolder != nil {
		return fmt.Errorf("no API key: the file that %s names cannot be opened: %w: give the file's path, not the key; "+
			"or set the environment variable "+variable, flag, pathError.Err)
	}
	return fmt.Errorf("no API key: %w; set the environment variable "+variable+", or name a file in %s", err, flag)
}

// Warn logs what is probably not meant about a key, and about its file, "" for none. It never logs the key.
func Warn(key revoxapi.KeySource, file string, logger *slog.Logger) {
	if secret, err := key.Key(); err == nil {
		switch text := secret.Reveal(); {
		case strings.Trim(text, quotationMarks) != text:
			logger.Warn("the API key begins or ends with a quotation mark, which is sent as part of the key: " +
				"remove it from " + variable + " or from the key file")
		case strings.HasPrefix(text, variable+"="), strings.HasPrefix(text, "{"):
			logger.Warn("the API key begins with REVOX_API_KEY= or with a brace, which is sent as part of the key: " +
				"the key file has the key and nothing else")
		}
	}
	if info, err := os.Stat(file); file != "" && err == nil && info.Mode().Perm()&0o004 != 0 {
		logger.Warn("every user of this machine can read the API key: remove that permission from the file (chmod o-r)",
			"file", file)
	}
}
