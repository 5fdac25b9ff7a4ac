package revoxtest

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Window is a span of each day in which calls may be made. Both ends are
// written as the API writes them, `17:00` or `5pm` or `5:30pm`, and served as
// they are written. An end that is not after its start is on the next day;
// `24:00` is allowed as an end.
type Window struct {
	Start, End string
}

// never stands for a time that does not come.
const never = math.MaxInt64

// calendar knows when calls may be made. Times are milliseconds since 1970.
type calendar struct {
	loc     *time.Location
	windows []minutes
	days    [7]bool

	// The answer for [from, until) is remembered: nearly all questions are
	// about the same hours.
	from, until int64
	open        bool
}

// minutes is a window as minutes since midnight; to may be beyond 24 hours.
type minutes struct{ from, to int }

func newCalendar(timezone string, windows []Window, days []time.Weekday) (*calendar, error) {
	loc, err := time.LoadLocation(timezone)
	if err != nil {
		return nil, err
	}
	k := &calendar{loc: loc}
	for _, w := range windows {
		from, err := parseTimeOfDay(w.Start)
		if err != nil {
			return nil, err
		}
		to, err := parseTimeOfDay(w.End)
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

// parseTimeOfDay reads `HH:mm` or `H:mma` (`17:00`, `6pm`) as minutes since
// midnight.
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

// at reports whether calls may be made at ms, and when that next changes.
func (k *calendar) at(ms int64) (open bool, until int64) {
	if ms < k.from || ms >= k.until {
		k.open, k.until = k.look(ms)
		k.from = ms
	}
	return k.open, k.until
}

func (k *calendar) look(ms int64) (open bool, until int64) {
	y, m, d := time.UnixMilli(ms).In(k.loc).Date()
	until = never
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

// hour is the hour of the day where the people called live.
func (k *calendar) hour(ms int64) int {
	return time.UnixMilli(ms).In(k.loc).Hour()
}

// next returns the first time from ms on at which calls may be made, or never.
func (k *calendar) next(ms int64) int64 {
	if open, until := k.look(ms); !open {
		return until
	}
	return ms
}
