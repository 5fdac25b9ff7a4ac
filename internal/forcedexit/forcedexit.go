// Package forcedexit ends the process when it does not end by itself, because something waits for ever, such as a write
// to a pipe that nobody reads. What must outlive the process was written when it was published. Only main may call it.
package forcedexit

import (
	"context"
	"os"
	"sync/atomic"
	"time"
)

// patience is less than the 5 s within which the process ends after a signal, and less than the usual timeout of
// containers' health checks.
const patience = 4500 * time.Millisecond

// Start ends the process soon, with what code is then. Stop the timer to call it off.
func Start(code *atomic.Int32) *time.Timer {
	return time.AfterFunc(patience, func() { os.Exit(int(code.Load())) })
}

// After calls Start when ctx ends. stop calls that off.
func After(ctx context.Context, code *atomic.Int32) (stop func() bool) {
	return context.AfterFunc(ctx, func() { Start(code) })
}
