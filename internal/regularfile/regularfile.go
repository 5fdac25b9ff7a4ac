// Package regularfile reads small files at paths that users give. It never waits for a pipe's writer, and never reads a
// device.
package regularfile

import (
	"fmt"
	"io"
	"os"
	"syscall"
)

// Read returns the content of the file at path. A link may lead to the file. The error names the path; it says so if the
// file is not a regular one, or has more bytes than most.
func Read(path string, most int64) ([]byte, error) {
	// Opening a pipe blocks otherwise until someone writes into it.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	// Of the opened file: the path may name another one by now.
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	text, err := io.ReadAll(io.LimitReader(file, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("%s has more bytes than the limit of %d", path, most)
	}
	return text, err
}
