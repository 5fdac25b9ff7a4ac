package sim_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

// wholeRows returns a campaign's rows with all their fields.
func wholeRows(t *testing.T, s *sim.Simulation, id string) (rows []revoxapi.Row) {
	t.Helper()
	for _, raw := range s.Rows(id) {
		var r revoxapi.Row
		if err := json.Unmarshal(raw, &r); err != nil {
			t.Fatalf("%v: %s", err, raw)
		}
		rows = append(rows, r)
	}
	return rows
}

// agentShares are what the agent did in the attempts of an hour.
type agentShares struct {
	answered, silent, humans, hungUp, tools, failed float64
}

func (n *agentShares) add(a *revoxapi.CallAttempt) {
	if !a.AnsweredAt.Valid() || !a.EndedAt.Valid() {
		return
	}
	n.answered++
	spoke := false
	for _, e := range a.Transcript {
		spoke = spoke || e.Role == revoxapi.RoleAssistant
		if e.Role == revoxapi.RoleTool && e.ToolName == "find_appointment" {
			n.tools++
			if *e.ToolIsError {
				n.failed++
			}
		}
	}
	if a.Result != revoxapi.ResultHuman {
		return
	}
	n.humans++
	if !spoke {
		n.silent++
	}
	if a.EndedBy == revoxapi.EndedByUser && a.EndedAt.Time.Sub(a.AnsweredAt.Time) < 16*time.Second {
		n.hungUp++
	}
}

func TestIncidentsOfTheAgent(t *testing.T) {
	start := monday.Add(4 * time.Hour)
	measure := func(in *sim.Incident) (during, after agentShares) {
		clock := revoxtest.NewClock(monday)
		s := newSimulation(t, revoxtest.WithNow(clock.Now))
		id := s.AddCampaign(sim.Campaign{ID: "c", Rows: 3000, MaxConcurrentCalls: 25, HumanShare: 0.5, Weight: sim.Light, Agent: true, Voice: "cartesia"})
		if in != nil {
			in.Start, in.End = start, start.Add(time.Hour)
			s.AddIncident(*in)
		}
		clock.Advance(8 * time.Hour)
		for _, r := range wholeRows(t, s, id) {
			if r.Call == nil {
				continue
			}
			for i := range r.Call.CallAttempts {
				a := &r.Call.CallAttempts[i]
				switch from := a.StartedAt.Time.Sub(start); {
				case from >= 3*time.Second && from < time.Hour:
					during.add(a)
				case from >= time.Hour+3*time.Second && from < 3*time.Hour:
					after.add(a)
				}
			}
		}
		return during, after
	}
	silent := func(n agentShares) float64 { return n.silent / n.humans }
	hungUp := func(n agentShares) float64 { return n.hungUp / n.humans }
	failed := func(n agentShares) float64 { return n.failed / n.tools }
	normal, _ := measure(nil)
	if normal.tools < 50 || silent(normal) != 0 || failed(normal) > 0.12 {
		t.Errorf("without incidents: %+v", normal)
	}
	for _, c := range []struct {
		in        sim.Incident
		share     func(agentShares) float64
		low, high float64
	}{
		{sim.Incident{Kind: sim.ToolFails}, failed, 0.7, 0.95},
		{sim.Incident{Kind: sim.ToolFails, Share: 0.4}, failed, 0.3, 0.55},
		{sim.Incident{Kind: sim.VoiceSilent}, silent, 0.83, 0.97},
		{sim.Incident{Kind: sim.VoiceSilent, Provider: "cartesia", Share: 0.5}, silent, 0.4, 0.6},
		{sim.Incident{Kind: sim.ModelSwapped}, hungUp, 0.36, 0.7},
	} {
		during, after := measure(&c.in)
		if got := c.share(during); got < c.low || got > c.high {
			t.Errorf("%v: %.3f, want %v to %v: %+v", c.in.Kind, got, c.low, c.high, during)
		}
		for when, n := range map[string]agentShares{"without it": normal, "after it": after} {
			if got := c.share(n); got >= c.low {
				t.Errorf("%v: %.3f %s", c.in.Kind, got, when)
			}
		}
	}
	if during, _ := measure(&sim.Incident{Kind: sim.VoiceSilent, Provider: "elevenlabs"}); silent(during) != 0 {
		t.Errorf("a campaign with another voice is silent: %+v", during)
	}
}

func TestTheModelIsSwappedAndSwappedBack(t *testing.T) {
	clock := revoxtest.NewClock(monday)
	s := newSimulation(t, revoxtest.WithNow(clock.Now))
	id := s.AddCampaign(sim.Campaign{Rows: 3, Model: "gpt-4.1", Voice: "elevenlabs", Assistant: "Léa"})
	s.AddIncident(sim.Incident{Kind: sim.ModelSwapped, Model: "anthropic/claude-3.5-sonnet", Start: monday.Add(time.Hour), End: monday.Add(2 * time.Hour)})
	updated := time.Time{}
	for hour, want := range []string{"gpt-4.1", "anthropic/claude-3.5-sonnet by anthropic", "gpt-4.1"} {
		call := wholeRows(t, s, id)[0].Call
		for _, m := range []revoxapi.LlmModel{call.LlmModel, call.Assistant.LlmModel} {
			got := string(m.Name)
			if m.Type == revoxapi.LlmOpenrouter {
				got = fmt.Sprint(m.OpenrouterModelID, " by ", m.OpenrouterProvider)
			}
			if got != want {
				t.Errorf("hour %d: %s, want %s", hour, got, want)
			}
		}
		a := call.Assistant
		if a.Name != "Léa" || a.Voice.Provider != "elevenlabs" || !a.UpdatedAt.Time.After(updated) {
			t.Errorf("hour %d: %+v, updated at %v before", hour, a, updated)
		}
		updated = a.UpdatedAt.Time
		clock.Advance(time.Hour)
	}
}

func TestOneToolOfTheDemoFailsNowAndThen(t *testing.T) {
	s := sim.NewDemo(revoxtest.WithNow(revoxtest.NewClock(time.Date(2026, 10, 23, 3, 10, 0, 0, time.UTC)).Now))
	t.Cleanup(s.Close)
	failing, models, voices := 0, map[string]bool{}, map[revoxapi.VoiceProvider]bool{}
	for _, id := range s.CampaignIDs() {
		var n agentShares
		for _, r := range wholeRows(t, s, id) {
			if r.Call == nil {
				continue
			}
			m := r.Call.Assistant.LlmModel
			models[string(m.Name)+m.OpenrouterModelID], voices[r.Call.Assistant.Voice.Provider] = true, true
			for i := range r.Call.CallAttempts {
				n.add(&r.Call.CallAttempts[i])
			}
		}
		if n.tools > 20 && n.failed/n.tools > 0.2 {
			failing++
		} else if n.tools > 20 && n.failed/n.tools > 0.12 {
			t.Errorf("campaign %s: %.0f of %.0f uses fail", id, n.failed, n.tools)
		}
	}
	if failing != 1 && failing != 2 || len(models) < 3 || len(voices) != 2 { // the next day's may have begun
		t.Errorf("%d campaigns whose tool fails, %d models, %d voices", failing, len(models), len(voices))
	}
}
