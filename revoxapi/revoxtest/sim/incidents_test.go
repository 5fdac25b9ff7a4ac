package sim_test

import (
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

func TestIncidentsChangeHowCallsGoAndThenEnd(t *testing.T) {
	type shares map[string]float64
	start := monday.Add(4 * time.Hour)
	measure := func(in *sim.Incident) (during, after shares) {
		clock := revoxtest.NewClock(monday)
		s := newSimulation(t, revoxtest.WithNow(clock.Now))
		id := s.AddCampaign(sim.Campaign{ID: "c", Rows: 3000, MaxConcurrentCalls: 20, Weight: sim.Light})
		if in != nil {
			in.Campaign, in.Start, in.End = "c", start, start.Add(time.Hour)
			s.AddIncident(*in)
		}
		clock.Advance(8 * time.Hour)
		during, after = shares{}, shares{}
		eachAttempt(read(t, s, id), func(c *testCall, a testAttempt) {
			n := during
			switch from := a.Started.Sub(start) - 3*time.Second; {
			case from < 0 || from > 3*time.Hour || from > time.Hour-10*time.Second && from < time.Hour+10*time.Second:
				return
			case from > time.Hour:
				n = after
			}
			n["all"]++
			n[a.Dial]++
			n[a.Result]++
			if !a.Answered.IsZero() {
				n["answered"]++
				if a.EndedBy == "system" && a.Ended.Sub(a.Answered) < 9*time.Second {
					n["broken"]++
				}
			}
			if c.Status == "errored" && a == c.Attempts[0] {
				n["errored"]++
			}
		})
		return during, after
	}
	normal, _ := measure(nil)
	for _, c := range []struct {
		in        sim.Incident
		of, per   string
		low, high float64
	}{
		{sim.Incident{Kind: sim.DialErrorSurge}, "too_many_calls", "all", 0.35, 0.50},
		{sim.Incident{Kind: sim.DialErrorSurge, DialError: "precondition_failed", Share: 0.9}, "precondition_failed", "all", 0.85, 0.95},
		{sim.Incident{Kind: sim.AgentBreaks}, "broken", "answered", 0.7, 0.9},
		{sim.Incident{Kind: sim.AnswersDrop}, "human", "all", 0.02, 0.12},
		{sim.Incident{Kind: sim.ErroredSurge}, "errored", "all", 0.24, 0.36},
		{sim.Incident{Kind: sim.VoicemailSurge}, "voicemail", "all", 0.5, 0.75},
		{sim.Incident{Kind: sim.ScreeningSurge}, "ios-screening-filter", "all", 0.4, 0.6},
	} {
		during, after := measure(&c.in)
		if got := during[c.of] / during[c.per]; got < c.low || got > c.high {
			t.Errorf("%v: %s is %.3f of %s, want %v to %v", c.in.Kind, c.of, got, c.per, c.low, c.high)
		}
		for when, n := range map[string]shares{"without it": normal, "after it": after} {
			if got := n[c.of] / n[c.per]; got >= c.low && got <= c.high {
				t.Errorf("%v: %s is %.3f of %s %s", c.in.Kind, c.of, got, c.per, when)
			}
		}
	}
	during, after := measure(&sim.Incident{Kind: sim.Stall})
	if during["all"] != 0 || after["all"] < 100 {
		t.Errorf("Stall: %v attempts, and %v after it", during["all"], after["all"])
	}
}

func TestAnIncidentDoesNotChangeThePast(t *testing.T) {
	clock := revoxtest.NewClock(monday)
	s := newSimulation(t, revoxtest.WithNow(clock.Now))
	id := s.AddCampaign(sim.Campaign{Rows: 200})
	clock.Advance(4 * time.Hour) // nobody has looked since the start
	s.AddIncident(sim.Incident{Kind: sim.VoicemailSurge, Share: 1, Start: monday})
	eachAttempt(read(t, s, id), func(_ *testCall, a testAttempt) {
		if a.Result == "human" {
			id = ""
		}
	})
	if id != "" {
		t.Error("the incident has changed what had happened")
	}
}
