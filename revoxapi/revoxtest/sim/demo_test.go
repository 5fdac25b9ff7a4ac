//go:build !race

package sim_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

func TestDemoGoesOnForDays(t *testing.T) {
	clock := revoxtest.NewClock(time.Date(2026, 10, 23, 3, 10, 0, 0, time.UTC)) // clocks change in Europe two days later
	s := sim.NewDemo(revoxtest.WithNow(clock.Now))
	t.Cleanup(s.Close)
	statuses := map[string]bool{}
	var buffer []byte
	for hour := 0; hour < 96; hour += 3 {
		list := string(get(t, s, "/campaigns"))
		for _, status := range []string{`"draft"`, `"running"`, `"paused"`, `"completed"`, `"is_cancelled":true`} {
			statuses[status] = statuses[status] || strings.Contains(list, status)
		}
		rows, recent := 0, 0
		ids := s.CampaignIDs()
		s.Each(func(c revoxtest.Campaign) {
			rows += c.Len()
			for i := range c.Len() {
				buffer = c.AppendRow(buffer[:0], i)
				recent += startedSince(t, buffer, clock.Now().Add(-20*time.Minute))
			}
		})
		if len(ids) < 5 || len(ids) > 9 || rows > 6000 || recent < 20 || recent > 20*40 {
			t.Errorf("hour %d, %v: %d campaigns, %d rows, %d attempts in 20 minutes", hour, clock.Now(), len(ids), rows, recent)
		}
		clock.Advance(3 * time.Hour)
	}
	if len(statuses) != 5 {
		t.Errorf("seen: %v", statuses)
	}
	for status, seen := range statuses {
		if !seen {
			t.Errorf("no campaign is ever %s", status)
		}
	}
}

// startedSince returns how many attempts of a row started after a time of the last hour. Only rows that may have such
// an attempt are decoded: there are too many.
func startedSince(t *testing.T, row []byte, since time.Time) (n int) {
	t.Helper()
	for _, at := range []time.Time{since, since.Add(time.Hour)} {
		if !bytes.Contains(row, at.UTC().AppendFormat([]byte(`"started_at":"`), "2006-01-02T15")) {
			continue
		}
		var r testRow
		if err := json.Unmarshal(row, &r); err != nil {
			t.Fatal(err)
		}
		for _, a := range r.Call.Attempts {
			if a.Started.After(since) {
				n++
			}
		}
		return n
	}
	return 0
}
