package revoxtest

import (
	"strings"
	"testing"
	"time"
)

func TestDemoGoesOnForDays(t *testing.T) {
	clock := NewClock(time.Date(2026, 10, 23, 3, 10, 0, 0, time.UTC)) // clocks change in Europe two days later
	s := NewDemo(WithNow(clock.Now))
	t.Cleanup(s.Close)
	statuses := map[string]bool{}
	for hour := range 96 {
		list := string(get(t, s, "/campaigns"))
		for _, status := range []string{`"draft"`, `"running"`, `"paused"`, `"completed"`, `"is_cancelled":true`} {
			statuses[status] = statuses[status] || strings.Contains(list, status)
		}
		rows, recent := 0, 0
		ids := s.CampaignIDs()
		s.mu.Lock()
		for _, id := range ids {
			c := s.campaigns[id]
			c.mu.Lock()
			ms := c.advance(clock.Now())
			rows += c.len()
			for _, r := range c.life.contacts {
				for _, a := range r.attempts {
					if a.started > ms-20*60_000 {
						recent++
					}
				}
			}
			c.mu.Unlock()
		}
		s.mu.Unlock()
		if len(ids) < 5 || len(ids) > 9 || rows > 6000 || recent < 20 || recent > 20*40 {
			t.Errorf("hour %d, %v: %d campaigns, %d rows, %d attempts in 20 minutes", hour, clock.Now(), len(ids), rows, recent)
		}
		clock.Advance(time.Hour)
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
