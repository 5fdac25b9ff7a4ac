package schedule

import (
	"errors"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

const (
	// authHoldOff is the wait after the API refused the key: asking again soon does not help and looks like an attack.
	authHoldOff = 5 * time.Minute
	// maxHoldOff limits the wait that the API can ask for: a mistake there must not stop scans for days.
	maxHoldOff = time.Hour
)

// HoldOff returns the minimum wait between a failure with err and the next scan; 0 for a nil error.
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

// Within reports whether less than d has passed from since to now. It is false if the clock was set back between them.
func Within(d time.Duration, since, now time.Time) bool {
	passed := now.Sub(since)
	return passed >= 0 && passed < d
}
