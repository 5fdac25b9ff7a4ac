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

// retryAfter returns the RetryAfter of the error of an answer with these headers. It is 9:00 on 2026-03-02.
func retryAfter(t *testing.T, h http.Header) time.Duration {
	t.Helper()
	client := newClient(t, "http://limited.invalid", revoxapi.WithMaxRetries(0), revoxapi.WithTransport(roundTripper(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusTooManyRequests, Header: h, Body: io.NopCloser(strings.NewReader("")), Request: r}, nil
	})))
	e, ok := errors.AsType[*revoxapi.Error](getPage(t.Context(), client))
	if !ok || e.Kind != revoxapi.KindRateLimited {
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
		{"", "Inf", maxRetryAfter},
		{"", "-Inf", 0},
		{"", "1e300", maxRetryAfter},
		{"", "1e999", 0},
		{"1e300", "", maxRetryAfter},
		{"", "99999999999999999999", maxRetryAfter},
		{"", "Mon, 02 Mar 2026 09:00:30 GMT", 30 * time.Second},
		{"", "Monday, 02-Mar-26 09:00:30 GMT", 30 * time.Second},
		{"", "Mon Mar  2 09:00:30 2026", 30 * time.Second},
		{"", "Mon, 02 Mar 2026 08:00:00 GMT", 0},
		{"", "Fri, 02 Mar 9998 08:00:00 GMT", maxRetryAfter},
		{"", "2026-03-02T09:00:30Z", 0},
	} {
		h := http.Header{}
		h.Set("retry-after-ms", test.ms)
		h.Set("Retry-After", test.after)
		if got := retryAfter(t, h); got != test.want {
			t.Errorf("retry-after-ms %q, Retry-After %q: %s, want %s", test.ms, test.after, got, test.want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, text := range []string{"", "1", "-1", "1e9", "NaN", "-Inf", "0x1p1023", "Mon, 02 Mar 2026 09:00:30 GMT", "Sun, 01 Jan 0001 00:00:00 GMT"} {
		f.Add(text, text)
	}
	f.Fuzz(func(t *testing.T, ms, after string) {
		got := retryAfter(t, http.Header{"Retry-After-Ms": {ms}, "Retry-After": {after}})
		if got < 0 || got > maxRetryAfter {
			t.Errorf("retry-after-ms %q, Retry-After %q: %s", ms, after, got)
		}
	})
}
