package statefile

import (
	"fmt"
	"runtime/debug"
)

// damagedError is what reading or writing met that only a damaged file explains.
type damagedError struct{ reason any }

func (e *damagedError) Error() string { return fmt.Sprintf("the file is damaged: %v", e.reason) }

// guarded runs do, and returns a *damagedError where it panics: over what it read, or because a page of the file that
// is mapped into memory is not there.
func guarded(do func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if reason := recover(); reason != nil {
			err = &damagedError{reason}
		}
	}()
	return do()
}
