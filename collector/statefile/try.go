package statefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/revox-exporter/revox_exporter/internal/regularfile"
)

// Try returns why Open would fail, or why what is written would not be on the disk. Then it returns nil, or ErrInUse if
// another process uses the file. It leaves everything as it is: it makes no file, and sets no damaged one aside.
func Try(folder string, identity Identity) error {
	path := filepath.Join(folder, Name)
	if err := statFolder(folder); err != nil {
		return err
	}
	if err := tryFolder(folder); err != nil {
		return fmt.Errorf("writing into the folder: %w", withoutPath(err))
	}
	file, info, err := regularfile.Open(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("opening %s: %w", path, withoutPath(err))
	}
	_ = file.Close() // nothing was written
	if info.Size() == 0 {
		return nil // bbolt would write into it
	}
	h, err := openHandle(path, lockTry)
	if h == nil {
		return fmt.Errorf("opening %s: %w", path, withoutPath(err))
	}
	defer h.close()
	if _, err := h.load(identity, err); err != nil {
		return fmt.Errorf("opening %s: %w", path, withoutPath(err))
	}
	return nil
}

// tryFolder writes a file into a folder and removes it.
func tryFolder(folder string) error {
	file, err := os.CreateTemp(folder, Name+".try-*")
	if err != nil {
		return err
	}
	_, err = file.Write(make([]byte, tryBytes))
	return errors.Join(err, file.Sync(), file.Close(), os.Remove(file.Name()))
}
