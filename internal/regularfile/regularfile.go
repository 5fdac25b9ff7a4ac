// Package regularfile reads small files that users name, whatever is at their path: a pipe, a device or a file that grows
// can neither block the reader nor fill the memory.
package regularfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// ErrNotRegular means that a path has a pipe, a device, a directory or a socket.
var ErrNotRegular = errors.New("not a regular file")

// Open opens a file as os.OpenFile does, but never waits for a pipe's other end or a device. If it is not a regular file,
// the error is an *fs.PathError with ErrNotRegular.
func Open(path string, flag int, mode fs.FileMode) (*os.File, fs.FileInfo, error) {
	file, err := os.OpenFile(path, flag|syscall.O_NONBLOCK, mode)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat() // of what is open: the path may have another file by now
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: ErrNotRegular}
	}
	if err != nil {
		_ = file.Close() // nothing was written
		return nil, nil, err
	}
	return file, info, nil
}

// Read returns the content of a regular file of at most max bytes, and what the file was before it was read. The error
// names the path.
func Read(path string, max int64) ([]byte, fs.FileInfo, error) {
	file, info, err := Open(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, max+1))
	if err == nil && int64(len(content)) > max {
		err = fmt.Errorf("%s has more bytes than the limit of %d", path, max)
	}
	if err != nil {
		return nil, nil, err
	}
	return content, info, nil
}
