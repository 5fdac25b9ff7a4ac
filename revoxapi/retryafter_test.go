package revoxapi

import (
	"net/http"
	"testing"
	"time"
)

var retryNow = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

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
		if got := retryAfter(h, retryNow); got != test.want {
			t.Errorf("retry-after-ms %q, Retry-After %q: %s, want %s", test.ms, test.after, got, test.want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, text := range []string{"", "1", "-1", "1e9", "NaN", "-Inf", "0x1p1023", "Mon, 02 Mar 2026 09:00:30 GMT", "Sun, 01 Jan 0001 00:00:00 GMT"} {
		f.Add(text, text)
	}
	f.Fuzz(func(t *testing.T, ms, after string) {
		got := retryAfter(http.Header{"Retry-After-Ms": {ms}, "Retry-After": {after}}, retryNow)
		if got < 0 || got > maxRetryAfter {
			t.Errorf("retry-after-ms %q, Retry-After %q: %s", ms, after, got)
		}
	})
}
