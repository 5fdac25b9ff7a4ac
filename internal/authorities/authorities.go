// Package authorities checks the files of certificate authorities that the environment names, before Go reads them. It
// does not read them itself.
package authorities

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/revox-exporter/revox_exporter/internal/regularfile"
)

// maxBytes is much more than all certificate authorities need.
const maxBytes = 16 << 20

// Check returns an error if Go would wait for ever on, or be flooded by, the certificate authorities that the
// environment names. It reads them when it first connects, without a limit, and ignores what is not there.
func Check() error {
	size := int64(0)
	check := func(variable, path string) error {
		file, info, err := regularfile.Open(path, os.O_RDONLY, 0)
		if errors.Is(err, regularfile.ErrNotRegular) {
			return fmt.Errorf("the environment variable %s: %w", variable, err)
		} else if err != nil {
			return nil // Go ignores it too
		}
		_ = file.Close() // nothing was read
		if size += info.Size(); size > maxBytes {
			return fmt.Errorf("the environment variable %s: with %s there are more bytes of certificates than the limit of %d",
				variable, path, maxBytes)
		}
		return nil
	}
	if path := os.Getenv("SSL_CERT_FILE"); path != "" {
		if err := check("SSL_CERT_FILE", path); err != nil {
			return err
		}
	}
	for _, folder := range filepath.SplitList(os.Getenv("SSL_CERT_DIR")) {
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
