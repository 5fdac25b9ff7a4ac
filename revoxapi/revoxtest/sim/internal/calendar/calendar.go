// Package calendar knows at which hours of which days a campaign may call, across changes of the clocks.
package calendar

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Window is a span of each day, from start to end, as the API writes times of day: `17:00`, `5pm` or `5:30pm`. An end
// that is not after its start is on the next day; `24:00` is allowed as an end.
type Window = [2]string

// Never stands for a time that does not come.
const Never = math.MaxInt64

// Calendar knows when calls may be made. Times are milliseconds since 1970. Its methods must not be called
// concurrently.
type Calendar struct {
	loc     *time.Location
	windows []minutes
	days    [7]bool

	// The answer for [from, until) is remembered: nearly all questions are about the same hours.
	from, until int64
	open        bool
}

// minutes is a window as minutes since midnight; to may be beyond 24 hours.
type minutes struct{ from, to int }

// New returns the calendar of a time zone (an IANA name; "" for UTC), of windows and of days of the week (none for
// all). It fails where one of them cannot be read.
func New(timezone string, windows []Window, days []time.Weekday) (*Calendar, error) {
	loc, err := time.LoadLocation(timezone)
	if err != nil {
		return nil, err
	}
	k := &Calendar{loc: loc}
	for _, w := range windows {
		from, err := parseTimeOfDay(w[0])
		if err != nil {
			return nil, err
		}
		to, err := parseTimeOfDay(w[1])
		if err != nil {
			return nil, err
		}
		if to <= from {
			to += 24 * 60
		}
		k.windows = append(k.windows, minutes{from, to})
	}
	slices.SortFunc(k.windows, func(a, b minutes) int { return a.from - b.from })
	for _, d := range days {
		k.days[d] = true
	}
	if len(days) == 0 {
		k.days = [7]bool{true, true, true, true, true, true, true}
	}
	return k, nil
}

// parseTimeOfDay reads `HH:mm` or `H:mma` (`17:00`, `6pm`) as minutes since midnight.
func parseTimeOfDay(s string) (int, error) {
	if s == "24:00" {
		return 24 * 60, nil
	}
	for _, layout := range []string{"15:04", "3:04pm", "3pm"} {
		if t, err := time.Parse(layout, strings.ToLower(s)); err == nil {
			return t.Hour()*60 + t.Minute(), nil
		}
	}
	return 0, fmt.Errorf("no time of day: %q", s)
}

// At reports whether calls may be made at ms, and when that next changes.
func (k *Calendar) At(ms int64) (open bool, until int64) {
	if ms < k.from || ms >= k.until {
		k.open, k.until = k.look(ms)
		k.from = ms
	}
	return k.open, k.until
}

func (k *Calendar) look(ms int64) (open bool, until int64) {
	y, m, d := time.UnixMilli(ms).In(k.loc).Date()
	until = Never
	// Yesterday's window may last into today; all weekdays are seen within 8 days.
	for day := d - 1; day <= d+8; day++ {
		if !k.days[time.Date(y, m, day, 12, 0, 0, 0, time.UTC).Weekday()] {
			continue
		}
		for _, w := range k.windows {
			from := time.Date(y, m, day, 0, w.from, 0, 0, k.loc).UnixMilli()
			to := time.Date(y, m, day, 0, w.to, 0, 0, k.loc).UnixMilli()
			switch {
			case from <= ms && ms < to:
				return true, to
			case from > ms:
				until = min(until, from)
			}
		}
	}
	return false, until
}

// Hour is the hour of the day where the people called live.
func (k *Calendar) Hour(ms int64) int {
	return time.UnixMilli(ms).In(k.loc).Hour()
}

// Next returns the first time from ms on at which calls may be made, or Never.
func (k *Calendar) Next(ms int64) int64 {
	if open, until := k.look(ms); !open {
		return until
	}
	return ms
}
