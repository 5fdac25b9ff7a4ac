package revoxapi

import (
	"context"
	"time"
)

// Clock is a source of time. Implementations must be safe for concurrent use.
type Clock interface {
	// Now returns the time.
	Now() time.Time
	// Sleep returns nil after d, or context.Cause(ctx) as soon as ctx ends. It does not wait if d is 0 or less.
	Sleep(ctx context.Context, d time.Duration) error
}

// SystemClock is the system's clock.
type SystemClock struct{}

// Now returns time.Now().
func (SystemClock) Now() time.Time { return time.Now() }

// Sleep waits for d; see [Clock].
func (SystemClock) Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return context.Cause(ctx)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
