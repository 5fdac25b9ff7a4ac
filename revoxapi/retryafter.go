package revoxapi

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter is the longest wait that a server can mean. Quotas of a day are the longest in use.
const maxRetryAfter = 24 * time.Hour

// Headers that say how long to wait, or until when, in the order in which they count.
var (
	waitHeaders = []struct {
		name string
		unit time.Duration
	}{
		{"Retry-After-Ms", time.Millisecond},
		{"Retry-After", time.Second},
	}
	// resetHeaders say when the limit of requests starts again. Servers send them with every answer, so they count only
	// for one that was refused for this limit.
	resetHeaders = []string{"X-RateLimit-Reset-After", "RateLimit-Reset", "X-RateLimit-Reset", "X-Rate-Limit-Reset"}
)

// retryAfter returns how long an answer asks to wait; 0 if it does not ask, or asks for a time that has passed. A wait
// that is longer than maxRetryAfter, or that cannot be parsed, is ignored, and the next header counts. Times are compared
// with the answer's Date, because the server's clock may be wrong, or with now if it has none.
func retryAfter(resp *http.Response, now time.Time) time.Duration {
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		now = date
	}
	for _, h := range waitHeaders {
		if wait, ok := parseWait(resp.Header.Get(h.name), h.unit, now); ok {
			return wait
		}
	}
	if resp.StatusCode != http.StatusTooManyRequests {
		return 0
	}
	for _, name := range resetHeaders {
		if wait, ok := parseWait(resp.Header.Get(name), time.Second, now); ok {
			return wait
		}
	}
	wait, _ := parseWait(rateLimitReset(resp.Header.Get("RateLimit")), time.Second, now)
	return wait
}

// rateLimitReset returns the seconds until the reset in a RateLimit header, whose form differs between drafts of the
// standard: `limit=100, remaining=0, reset=50` and `"default";r=0;t=50`.
func rateLimitReset(header string) string {
	for member := range strings.FieldsFuncSeq(header, func(r rune) bool { return r == ',' || r == ';' }) {
		name, value, _ := strings.Cut(strings.TrimSpace(member), "=")
		if name == "reset" || name == "t" {
			return value
		}
	}
	return ""
}

// parseWait reads a wait: a number of units, a Unix time in seconds or milliseconds, an HTTP date or an RFC 3339 time. ok
// is false if it is none of them, or more than maxRetryAfter away.
func parseWait(text string, unit time.Duration, now time.Time) (wait time.Duration, ok bool) {
	text = strings.TrimSpace(text)
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		if wait, ok := plausible(n * unit.Seconds()); ok || n <= 0 {
			return wait, true
		}
		base := float64(now.UnixMilli()) / 1000
		if wait, ok := plausible(n - base); ok {
			return wait, true
		}
		return plausible(n/1000 - base)
	}
	for _, layout := range []string{http.TimeFormat, time.RFC850, time.ANSIC, time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			return plausible(at.Sub(now).Seconds())
		}
	}
	return 0, false
}

// plausible returns seconds as a wait, 0 if they are negative. ok is false if they are more than maxRetryAfter either way.
func plausible(seconds float64) (wait time.Duration, ok bool) {
	const limit = float64(maxRetryAfter / time.Second)
	if !(-limit <= seconds && seconds <= limit) {
		return 0, false
	}
	// Sums of large and small floats have no more than a microsecond; nobody asks for less than a millisecond.
	return time.Duration(max(seconds, 0) * float64(time.Second)).Round(time.Millisecond), true
}
