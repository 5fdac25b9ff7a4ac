package calendar_test

import (
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim/internal/calendar"
)

func TestCalendar(t *testing.T) {
	all := []time.Weekday(nil)
	week := []time.Weekday{1, 2, 3, 4, 5}
	for _, c := range []struct {
		name, zone string
		windows    []calendar.Window
		days       []time.Weekday
		at         string
		open       bool
		until      string
	}{
		{"in the window", "", []calendar.Window{{"10:00", "18:00"}}, all, "2026-03-02T10:00:00Z", true, "2026-03-02T18:00:00Z"},
		{"at its end", "", []calendar.Window{{"10:00", "18:00"}}, all, "2026-03-02T18:00:00Z", false, "2026-03-03T10:00:00Z"},
		{"over the weekend", "", []calendar.Window{{"9am", "5:30pm"}}, week, "2026-03-06T17:30:00Z", false, "2026-03-09T09:00:00Z"},
		{"through midnight", "", []calendar.Window{{"22:00", "02:00"}}, all, "2026-03-02T01:00:00Z", true, "2026-03-02T02:00:00Z"},
		{"through midnight into a closed day", "", []calendar.Window{{"22:00", "02:00"}}, week, "2026-03-07T01:00:00Z", true, "2026-03-07T02:00:00Z"},
		{"clocks go forward", "Europe/Paris", []calendar.Window{{"10:00", "18:00"}}, all, "2026-03-29T07:59:59Z", false, "2026-03-29T08:00:00Z"},
		{"before they do", "Europe/Paris", []calendar.Window{{"10:00", "18:00"}}, all, "2026-03-28T08:59:59Z", false, "2026-03-28T09:00:00Z"},
		{"to midnight", "Asia/Tokyo", []calendar.Window{{"12:00", "24:00"}}, all, "2026-03-02T14:00:00Z", true, "2026-03-02T15:00:00Z"},
	} {
		k, err := calendar.New(c.zone, c.windows, c.days)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		open, until := k.At(at.UnixMilli())
		if got := time.UnixMilli(until).UTC().Format(time.RFC3339); open != c.open || got != c.until {
			t.Errorf("%s: open %v until %s", c.name, open, got)
		}
	}
	for _, bad := range []calendar.Window{{"25:00", "26:00"}, {"", "1pm"}, {"10:00", "13pm"}} {
		if _, err := calendar.New("", []calendar.Window{bad}, nil); err == nil {
			t.Errorf("%v is accepted", bad)
		}
	}
}
