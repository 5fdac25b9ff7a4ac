//go:build unix

package check

import (
	"os"

	"golang.org/x/sys/unix"
)

// windowColumns returns how many columns a terminal has, 0 if it does not say; ok is false if f is none.
func windowColumns(f *os.File) (columns int, ok bool) {
	raw, err := f.SyscallConn()
	if err != nil {
		return 0, false
	}
	_ = raw.Control(func(fd uintptr) { // its error leaves ok false
		size, err := unix.IoctlGetWinsize(int(fd), unix.TIOCGWINSZ)
		if err == nil {
			columns, ok = int(size.Col), true
		}
	})
	return columns, ok
}
