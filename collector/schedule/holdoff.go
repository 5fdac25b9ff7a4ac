package schedule

import (
	"errors"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

const (
	// authHoldOff is the wait after the key was refused: asking again soon changes nothing and looks like an attack.
	authHoldOff = 5 * time.Minute
	// maxHoldOff is as long as the API is obeyed where it asks to wait: a mistake of its must not blind for days.
	maxHoldOff = time.Hour
)

// HoldOff returns how long to leave the API alone after err, beyond the usual interval; 0 for a nil error.
func HoldOff(err error) time.Duration {
	e, ok := errors.AsType[*revoxapi.Error](err)
	if !ok {
		return 0
	}
	wait := min(e.RetryAfter, maxHoldOff)
	if e.Kind == revoxapi.KindAuth {
		return max(wait, authHoldOff)
	}
	return wait
}

// Within reports whether less than d has passed since a time. Where the clock was set back, nobody knows, and it has.
func Within(d time.Duration, since, now time.Time) bool {
	passed := now.Sub(since)
	return passed >= 0 && passed < d
}
