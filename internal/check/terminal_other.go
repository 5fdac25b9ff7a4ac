//go:build !unix

package check

import "os"

// windowColumns takes nothing for a terminal.
func windowColumns(*os.File) (columns int, ok bool) { return 0, false }
