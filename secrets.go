package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/revox-exporter/revox_exporter/internal/regularfile"
)

// minKeyLength is less than any key has. What is shorter may be a word of a message, or a part of another value.
const minKeyLength = 8

// environmentKey returns the key in the environment, also if a key file is used, without the quotation marks that the
// shell may not have removed; "" for none.
func environmentKey() string {
	return strings.Trim(os.Getenv("REVOX_API_KEY"), " \t\n\r"+quotationMarks)
}

// withoutKey returns text without the key in the environment, which may be in a flag's value by mistake.
func withoutKey(text string) string {
	if key := environmentKey(); len(key) >= minKeyLength {
		return strings.ReplaceAll(text, key, "<secret>")
	}
	return text
}

// noKey returns the usage error for an error of the key source. It shows the path of a key file that cannot be opened
// only if it is certainly a path: the key itself is easily given instead.
func (f *flagValues) noKey(err error) error {
	flag := f.name("revox.api-key-file")
	_, missing := os.Lstat(f.apiKeyFile)
	folder, _ := filepath.Split(f.apiKeyFile)
	_, noFolder := os.Stat(folder) // also if it is ""
	if pathError, ok := errors.AsType[*fs.PathError](err); ok && missing != nil && noFolder != nil {
		return fmt.Errorf("no API key: the file that %s names cannot be opened: %w: give the file's path, not the key; "+
			"or set the environment variable REVOX_API_KEY", flag, pathError.Err)
	}
	return fmt.Errorf("no API key: %w; set the environment variable REVOX_API_KEY, or name a file in %s", err, flag)
}

// maxTrustedBytes is much more than all certificate authorities need.
const maxTrustedBytes = 16 << 20

// checkTrusted returns an error if Go would wait for ever on, or be flooded by, the certificate authorities that the
// environment names. It reads them when it first connects, without a limit, and ignores what is not there.
func checkTrusted(getenv func(string) string) error {
	size := int64(0)
	check := func(variable, path string) error {
		file, info, err := regularfile.Open(path, os.O_RDONLY, 0)
		if errors.Is(err, regularfile.ErrNotRegular) {
			return fmt.Errorf("the environment variable %s: %w", variable, err)
		} else if err != nil {
			return nil // Go ignores it too
		}
		_ = file.Close() // nothing was read
		if size += info.Size(); size > maxTrustedBytes {
			return fmt.Errorf("the environment variable %s: with %s there are more bytes of certificates than the limit of %d",
				variable, path, maxTrustedBytes)
		}
		return nil
	}
	if path := getenv("SSL_CERT_FILE"); path != "" {
		if err := check("SSL_CERT_FILE", path); err != nil {
			return err
		}
	}
	for _, folder := range filepath.SplitList(getenv("SSL_CERT_DIR")) {
		entries, _ := os.ReadDir(folder) // Go ignores a folder that cannot be read too
		for _, entry := range entries {
			path := filepath.Join(folder, entry.Name())
			if info, err := os.Stat(path); err != nil || info.IsDir() {
				continue // Go ignores it too
			}
			if err := check("SSL_CERT_DIR", path); err != nil {
				return err
			}
		}
	}
	return nil
}
