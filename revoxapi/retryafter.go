package revoxapi

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter limits the wait that a server can ask for.
const maxRetryAfter = 24 * time.Hour

// retryAfter returns how long the headers ask to wait: `retry-after-ms`, else `Retry-After` in seconds or as an HTTP date.
// It is 0 if they do not ask, ask for a time in the past, or cannot be parsed, and at most maxRetryAfter.
func retryAfter(h http.Header, now time.Time) time.Duration {
	if wait, ok := parseWait(h.Get("Retry-After-Ms"), time.Millisecond); ok {
		return wait
	}
	text := h.Get("Retry-After")
	if wait, ok := parseWait(text, time.Second); ok {
		return wait
	}
	if at, err := http.ParseTime(strings.TrimSpace(text)); err == nil {
		return min(max(at.Sub(now), 0), maxRetryAfter)
	}
	return 0
}

func parseWait(text string, unit time.Duration) (time.Duration, bool) {
	n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || math.IsNaN(n) {
		return 0, false
	}
	n = min(max(n, 0), float64(maxRetryAfter/unit))
	return time.Duration(n * float64(unit)), true
}
