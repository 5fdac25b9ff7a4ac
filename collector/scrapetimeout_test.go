package collector

import (
	"log/slog"
	"math"
	"strconv"
	"testing"
	"time"
)

func TestScrapeTimeout(t *testing.T) {
	e := &Exporter{cfg: Config{Logger: slog.New(slog.DiscardHandler), ScrapeTimeoutOffset: 500 * time.Millisecond}}
	for header, want := range map[string]time.Duration{
		"":      0,
		"x":     0,
		"NaN":   0,
		"-1":    0,
		"0":     0,
		"+Inf":  0,
		"1e300": 0,
		"10":    9500 * time.Millisecond,
		"0.75":  250 * time.Millisecond,
		"0.5":   250 * time.Millisecond,
		"0.1":   50 * time.Millisecond,
	} {
		got, ok := e.scrapeTimeout(header)
		if got != want || ok != (want > 0) {
			t.Errorf("header %q: %s, %v; want %s", header, got, ok, want)
		}
	}
}

// For any header, the limit is 0 or more and at most the header's value, or there is no limit.
func FuzzScrapeTimeout(f *testing.F) {
	for _, header := range []string{"", "10", "0.4", "1e9", "-1", "NaN", "Inf", "0x1p-2", "1e-300", "10s"} {
		f.Add(header, int64(500*time.Millisecond))
	}
	f.Fuzz(func(t *testing.T, header string, offset int64) {
		e := &Exporter{cfg: Config{Logger: slog.New(slog.DiscardHandler)}}
		e.cfg.ScrapeTimeoutOffset = time.Duration(offset & math.MaxInt64)
		limit, ok := e.scrapeTimeout(header)
		seconds, err := strconv.ParseFloat(header, 64)
		if ok && (err != nil || limit < 0 || limit.Seconds() > seconds) || !ok && limit != 0 {
			t.Errorf("%q with an offset of %s: %s, %t", header, time.Duration(offset), limit, ok)
		}
	})
}
