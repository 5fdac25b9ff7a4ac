package revoxapi_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// maxRetryAfter is the longest wait that is believed.
const maxRetryAfter = 24 * time.Hour

// waitAfter returns the RetryAfter of the error of an answer with these headers. It is 9:00 on 2026-03-02.
func waitAfter(t *testing.T, code int, h http.Header) time.Duration {
	t.Helper()
	client := newClient(t, "http://limited.invalid", revoxapi.WithMaxRetries(0), revoxapi.WithTransport(roundTripper(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: code, Header: h, Body: io.NopCloser(strings.NewReader("")), Request: r}, nil
	})))
	e, ok := errors.AsType[*revoxapi.Error](getPage(t.Context(), client))
	if !ok || e.StatusCode != code {
		t.Fatal(e)
	}
	return e.RetryAfter
}

func TestRetryAfterReadsEverySpelling(t *testing.T) {
	for _, test := range []struct {
		ms, after string
		want      time.Duration
	}{
		{"", "", 0},
		{"", "7", 7 * time.Second},
		{"", " 7 ", 7 * time.Second},
		{"", "1.5", 1500 * time.Millisecond},
		{"250", "", 250 * time.Millisecond},
		{"250", "7", 250 * time.Millisecond},
		{"garbage", "7", 7 * time.Second},
		{"NaN", "7", 7 * time.Second},
		{"-5", "", 0},
		{"", "0", 0},
		{"", "-7", 0},
		{"", "NaN", 0},
		{"", "soon", 0},
		{"", "-Inf", 0},
		{"", "1e999", 0},
		{"", "Mon, 02 Mar 2026 09:00:30 GMT", 30 * time.Second},
		{"", "Monday, 02-Mar-26 09:00:30 GMT", 30 * time.Second},
		{"", "Mon Mar  2 09:00:30 2026", 30 * time.Second},
		{"", "Mon, 02 Mar 2026 08:00:00 GMT", 0},
		{"", "2026-03-02T10:00:30+01:00", 30 * time.Second},
		// Unix times, in seconds and milliseconds.
		{"", "1772442030", 30 * time.Second},
		{"", "1772442030000", 30 * time.Second},
		{"1772442030", "", 30 * time.Second},
		{"", "1772441970", 0},
		// What cannot be meant is ignored.
		{"", "86400", maxRetryAfter},
		{"", "86401", 0},
		{"", "3600000", 0}, // an hour in milliseconds
		{"", "31536000", 0},
		{"", "1372442030", 0},
		{"", "Inf", 0},
		{"", "1e300", 0},
		{"1e300", "7", 7 * time.Second},
		{"", "99999999999999999999", 0},
		{"", "Fri, 02 Mar 9998 08:00:00 GMT", 0},
	} {
		h := http.Header{}
		h.Set("retry-after-ms", test.ms)
		h.Set("Retry-After", test.after)
		if got := waitAfter(t, 429, h); got != test.want {
			t.Errorf("retry-after-ms %q, Retry-After %q: %s, want %s", test.ms, test.after, got, test.want)
		}
	}
}

// A server's times are those of its own clock.
func TestRetryAfterIsComparedWithTheAnswersDate(t *testing.T) {
	for _, test := range []struct {
		date, after string
		want        time.Duration
	}{
		{"Mon, 02 Mar 2026 10:00:00 GMT", "Mon, 02 Mar 2026 10:00:30 GMT", 30 * time.Second},
		{"Mon, 02 Mar 2026 08:00:00 GMT", "Mon, 02 Mar 2026 08:00:30 GMT", 30 * time.Second},
		{"Thu, 01 Jan 1970 00:00:10 GMT", "Thu, 01 Jan 1970 00:00:40 GMT", 30 * time.Second},
		{"Mon, 02 Mar 2026 10:00:00 GMT", "1772445630", 30 * time.Second},
		{"Mon, 02 Mar 2026 10:00:00 GMT", "30", 30 * time.Second},
		{"soon", "Mon, 02 Mar 2026 09:00:30 GMT", 30 * time.Second},
	} {
		if got := waitAfter(t, 503, http.Header{"Date": {test.date}, "Retry-After": {test.after}}); got != test.want {
			t.Errorf("Date %q, Retry-After %q: %s, want %s", test.date, test.after, got, test.want)
		}
	}
}

func TestRateLimitResetCountsWithoutRetryAfter(t *testing.T) {
	for _, test := range []struct {
		name   string
		code   int
		header []string // names and values in turn
		want   time.Duration
	}{
		{"GitHub: Unix seconds", 429, []string{"X-RateLimit-Reset", "1772442030"}, 30 * time.Second},
		{"Twitter: Unix seconds", 429, []string{"X-Rate-Limit-Reset", "1772442030"}, 30 * time.Second},
		{"Unix milliseconds", 429, []string{"X-RateLimit-Reset", "1772442030000"}, 30 * time.Second},
		{"Discord: fraction of seconds", 429, []string{"X-RateLimit-Reset", "1772442030.5", "X-RateLimit-Reset-After", "30.5"}, 30500 * time.Millisecond},
		{"seconds", 429, []string{"X-RateLimit-Reset", "30"}, 30 * time.Second},
		{"date", 429, []string{"X-RateLimit-Reset", "2026-03-02T09:00:30Z"}, 30 * time.Second},
		{"IETF draft 3", 429, []string{"RateLimit-Limit", "100", "RateLimit-Remaining", "0", "RateLimit-Reset", "30"}, 30 * time.Second},
		{"IETF draft 7", 429, []string{"RateLimit", "limit=100, remaining=0, reset=30"}, 30 * time.Second},
		{"IETF draft 8", 429, []string{"RateLimit", `"default";r=0;t=30`}, 30 * time.Second},
		{"clock of the server", 429, []string{"Date", "Mon, 02 Mar 2026 10:00:00 GMT", "X-RateLimit-Reset", "1772445630"}, 30 * time.Second},
		{"Retry-After too", 429, []string{"Retry-After", "7", "X-RateLimit-Reset", "30"}, 7 * time.Second},
		{"Retry-After that cannot be meant", 429, []string{"Retry-After", "31536000", "X-RateLimit-Reset", "30"}, 30 * time.Second},
		{"one that cannot be meant", 429, []string{"X-RateLimit-Reset", "1872442030"}, 0},
		{"past", 429, []string{"X-RateLimit-Reset", "1772441970"}, 0},
		{"text", 429, []string{"X-RateLimit-Reset", "soon", "RateLimit", "canary"}, 0},
		{"another failure", 500, []string{"X-RateLimit-Reset", "30", "RateLimit", "t=30"}, 0},
	} {
		h := http.Header{}
		for i := 0; i < len(test.header); i += 2 {
			h.Set(test.header[i], test.header[i+1])
		}
		if got := waitAfter(t, test.code, h); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, text := range []string{"", "1", "-1", "1e9", "NaN", "-Inf", "0x1p1023", "1772442030", "t=30", "Mon, 02 Mar 2026 09:00:30 GMT", "Sun, 01 Jan 0001 00:00:00 GMT"} {
		f.Add(text, text, text, text)
	}
	f.Fuzz(func(t *testing.T, ms, after, reset, date string) {
		got := waitAfter(t, 429, http.Header{"Retry-After-Ms": {ms}, "Retry-After": {after}, "X-Ratelimit-Reset": {reset},
			"Ratelimit": {reset}, "Date": {date}})
		if got < 0 || got > maxRetryAfter {
			t.Errorf("retry-after-ms %q, Retry-After %q, X-RateLimit-Reset %q, Date %q: %s", ms, after, reset, date, got)
		}
	})
}
