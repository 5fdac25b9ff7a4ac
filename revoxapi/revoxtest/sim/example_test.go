package sim_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

func Example() {
	clock := revoxtest.NewClock(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))
	s := sim.New(revoxtest.NewServer(revoxtest.WithNow(clock.Now)))
	defer s.Close()
	id := s.AddCampaign(sim.Campaign{Name: "Spring", Rows: 200, Windows: []sim.Window{{Start: "10:00", End: "18:00"}}})
	s.AddIncident(sim.Incident{Kind: sim.Stall, Campaign: id, Start: clock.Now().Add(3 * time.Hour)})

	for range 3 {
		attempts := 0
		for _, raw := range s.Rows(id) {
			var row struct {
				Call struct {
					Attempts []any `json:"call_attempts"`
				}
			}
			if err := json.Unmarshal(raw, &row); err != nil {
				panic(err)
			}
			attempts += len(row.Call.Attempts)
		}
		fmt.Println(clock.Now().Format(time.TimeOnly), attempts > 0)
		clock.Advance(90 * time.Minute)
	}
	// Output:
	// 09:00:00 false
	// 10:30:00 true
	// 12:00:00 true
}
