package sim_test

import (
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

func BenchmarkRows(b *testing.B) {
	for name, w := range map[string]sim.Weight{"realistic": sim.Realistic, "light": sim.Light, "heavy": sim.Heavy} {
		b.Run(name, func(b *testing.B) {
			s := sim.New(revoxtest.NewServer(revoxtest.WithNow(revoxtest.NewClock(monday.Add(7 * 24 * time.Hour)).Now)))
			defer s.Close()
			s.AddCampaign(sim.Campaign{ID: "c", Rows: 1000, Start: monday, Weight: w})
			var rows []byte
			s.Each(func(c revoxtest.Campaign) {
				for b.Loop() {
					rows = rows[:0]
					for i := range c.Len() {
						rows = c.AppendRow(rows, i)
					}
				}
			})
			b.SetBytes(int64(len(rows)))
		})
	}
}

func BenchmarkLife(b *testing.B) {
	s := sim.New(revoxtest.NewServer(revoxtest.WithNow(revoxtest.NewClock(monday.Add(7 * 24 * time.Hour)).Now)))
	defer s.Close()
	for b.Loop() {
		s.AddCampaign(sim.Campaign{ID: "c", Rows: 10_000, Start: monday, Weight: sim.Light})
		s.Each(func(revoxtest.Campaign) {}) // brings it to the present
	}
}
