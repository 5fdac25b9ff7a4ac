package statefile

import (
	"fmt"
	"runtime/debug"
)

// damagedError is a panic or memory fault during reading or writing, which only a damaged file explains.
type damagedError struct{ reason any }

func (e *damagedError) Error() string { return fmt.Sprintf("the file is damaged: %v", e.reason) }

// guarded runs do. If it panics because of wrong data or a missing page of the mapped file, it returns a *damagedError.
func guarded(do func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if reason := recover(); reason != nil {
			err = &damagedError{reason}
		}
	}()
	return do()
}
