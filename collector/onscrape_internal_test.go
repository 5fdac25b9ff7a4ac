package collector

import (
	"log/slog"
	"testing"
	"time"
)

func TestScrapeTimeout(t *testing.T) {
	e := &Exporter{Config: Config{Logger: slog.New(slog.DiscardHandler), ScrapeTimeoutOffset: 500 * time.Millisecond}}
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
