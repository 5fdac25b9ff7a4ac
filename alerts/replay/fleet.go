package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

// fleet is the organization's campaigns: new ones come every day, and old ones end or are deleted.
type fleet struct {
	api     *sim.Simulation
	rng     *rand.Rand
	small   bool
	members map[string]*member // by ID, deleted ones included
	added   int
}

// member is a campaign of the fleet.
type member struct {
	id     string
	spec   sim.Campaign
	kind   string
	gone   time.Time // when it is deleted; zero: never
	isGone bool
	paused bool // or resumed not long ago
	// pauses are the times at which it was paused.
	pauses []span
}

type span struct{ from, to time.Time }

// place is where the people live who are called, which decides when they are called.
type place struct{ name, timezone string }

var places = []place{
	{"Paris", "Europe/Paris"}, {"New York", "America/New_York"}, {"Tokyo", "Asia/Tokyo"},
	{"Los Angeles", "America/Los_Angeles"}, {"London", "Europe/London"}, {"São Paulo", "America/Sao_Paulo"},
	{"Sydney", "Australia/Sydney"},
}

var (
	voices = []string{"cartesia", "elevenlabs"}
	models = []string{"gpt-4.1", "ministral-3-8b-instruct", "mistralai/mistral-small-3.2-24b-instruct"}
)

var weekdays = []time.Weekday{time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday}

// add adds a campaign that starts at spec.Start, and is deleted some time after that; 0: never.
func (f *fleet) add(kind string, at place, spec sim.Campaign, deleteAfter time.Duration) *member {
	f.added++
	spec.Name = fmt.Sprintf("%s %d %s", kind, f.added, at.name)
	spec.Timezone = at.timezone
	spec.Weight, spec.Agent = sim.Light, true
	if spec.Voice == "" {
		spec.Voice = voices[f.added%len(voices)]
	}
	spec.Model = models[f.added%len(models)]
	m := &member{kind: kind, spec: spec}
	if deleteAfter > 0 {
		m.gone = spec.Start.Add(deleteAfter)
	}
	m.id = f.api.AddCampaign(spec)
	f.members[m.id] = m
	return m
}

// day adds the campaigns of a day, which begins at the given midnight UTC.
func (f *fleet) day(n int, midnight time.Time) {
	if f.small {
		f.smallDay(n, midnight)
		return
	}
	morning := func(p place, hour int) time.Time { return localTime(midnight, p, hour, f.rng.IntN(60)) }

	// A campaign that calls for days, with more calls waiting than it can make. It has the volume for incidents that show
	// in a share of its calls, and earlier days to compare with.
	for range 1 + btoi(n == 0)*2 { // the fleet begins with three of them
		p := places[(f.added+n)%3]
		f.add("steady", p, steady(f.rng, morning(p, 8)), 5*24*time.Hour)
	}

	for range 1 + f.rng.IntN(2) {
		p := pick(f.rng, places)
		f.add("big", p, sim.Campaign{
			Start: morning(p, 9), Rows: 500 + f.rng.IntN(300), MaxConcurrentCalls: 5 + f.rng.IntN(4),
			CallTwiceInARow: f.rng.IntN(3) == 0, Windows: []sim.Window{{Start: "09:30", End: "20:00"}},
			QueueOvernight: f.rng.IntN(2) == 0, HumanShare: 0.25 + 0.15*f.rng.Float64(),
		}, time.Duration(30+f.rng.IntN(40))*time.Hour)
	}
	for range 2 {
		p := pick(f.rng, places)
		spec := sim.Campaign{
			Start: morning(p, 7), Rows: 180 + f.rng.IntN(150), MaxConcurrentCalls: 1 + f.rng.IntN(2),
			RetryDelay:     time.Duration(2+f.rng.IntN(3)) * time.Hour,
			Windows:        []sim.Window{{Start: "10:00", End: "12:30"}, {Start: "14:00", End: "18:30"}},
			QueueOvernight: f.rng.IntN(2) == 0, NewerFields: f.rng.IntN(2) == 0, NewestFirst: f.rng.IntN(2) == 0,
		}
		if f.rng.IntN(2) == 0 {
			spec.Days = weekdays
		}
		if f.rng.IntN(3) == 0 {
			spec.ReclassifiedShare = 0.25
		}
		f.add("medium", p, spec, 72*time.Hour)
	}
	for range 7 {
		p := pick(f.rng, places)
		f.add("small", p, sim.Campaign{
			Start: morning(p, 9+f.rng.IntN(8)), Rows: 8 + f.rng.IntN(50), MaxConcurrentCalls: 1,
			RetryDelay: 3 * time.Hour, MaxRetryAttempts: 2,
			BadNumbersShare: 0.1 * f.rng.Float64(), HumanShare: 0.1 + 0.4*f.rng.Float64(),
		}, 60*time.Hour)
	}
	if n%2 == 0 {
		p := pick(f.rng, places)
		// Five attempts an hour, of which four fail: no reason to wake anybody.
		f.add("trickle", p, sim.Campaign{
			Start: morning(p, 6), AddRowsPerHour: 3, AddRowsFor: 60 * time.Hour, MaxConcurrentCalls: 1, MaxRetryAttempts: 1,
			Windows: []sim.Window{{Start: "08:00", End: "21:00"}}, HumanShare: 0.12, VoicemailShare: 0.05, ErroredShare: 0.03,
			DialErrors: map[string]float64{"no_answer": 0.35, "busy": 0.35, "temporarily_unavailable": 0.2,
				"too_many_calls": 0.04, "non_classified_error": 0.03, "number_non_attributed": 0.03},
		}, 72*time.Hour)
	}
	if n%3 == 1 {
		p := pick(f.rng, places)
		// It has called for more than a week when the exporter first reads it.
		f.add("history", p, sim.Campaign{
			Start: midnight.Add(-9 * 24 * time.Hour), Rows: 500, MaxConcurrentCalls: 1, RetryDelay: 40 * time.Hour,
			MaxRetryAttempts: 8, HumanShare: 0.15, ReclassifiedShare: 0.1, NewerFields: true,
			Windows: []sim.Window{{Start: "09:00", End: "21:00"}},
		}, 12*24*time.Hour)
	}
	if n%3 == 2 {
		p := pick(f.rng, places)
		// It calls across midnight.
		f.add("night", p, sim.Campaign{
			Start: morning(p, 19), Rows: 150, MaxConcurrentCalls: 2, QueueOvernight: true,
			Windows: []sim.Window{{Start: "8pm", End: "1am"}},
		}, 48*time.Hour)
	}
}

// smallDay is day for the small fleet: few rows, and at any hour a campaign with volume.
func (f *fleet) smallDay(n int, midnight time.Time) {
	if n == 0 {
		for i, p := range []place{places[0], places[1], places[2], places[4]} {
			spec := steady(f.rng, localTime(midnight, p, 8, 0))
			spec.Rows, spec.Days = 200, nil
			spec.Windows = []sim.Window{{Start: "08:00", End: "20:00"}}
			spec.QueueOvernight = i == 0
			spec.Voice = voices[1]
			switch p.name {
			case "Paris", "London": // call at the same time, and their voices fail together
				spec.Voice, spec.MaxConcurrentCalls, spec.Rows, spec.AddRowsPerHour = voices[0], 3, 400, 48
			case "Tokyo": // a tool that always fails now and then
				spec.ToolErrors = map[string]float64{"find_appointment": 0.35}
			}
			f.add("steady", p, spec, 0)
		}
		f.add("history", places[0], sim.Campaign{
			Start: midnight.Add(-6 * 24 * time.Hour), Rows: 200, MaxConcurrentCalls: 1, RetryDelay: 40 * time.Hour,
			MaxRetryAttempts: 8, HumanShare: 0.15, ReclassifiedShare: 0.25,
		}, 0)
	}
	p := pick(f.rng, places)
	f.add("medium", p, sim.Campaign{
		Start: localTime(midnight, p, 9, 0), Rows: 120, MaxConcurrentCalls: 2, ReclassifiedShare: 0.25,
		NewestFirst: true, NewerFields: true, QueueOvernight: true,
	}, 0)
	for range 2 {
		p := pick(f.rng, places)
		f.add("small", p, sim.Campaign{
			Start: localTime(midnight, p, 10, 0), Rows: 8 + f.rng.IntN(20), MaxConcurrentCalls: 1, RetryDelay: 3 * time.Hour,
		}, 30*time.Hour)
	}
}

func steady(rng *rand.Rand, start time.Time) sim.Campaign {
	spec := sim.Campaign{
		Start: start, Rows: 250, AddRowsPerHour: 32, AddRowsFor: 4 * 24 * time.Hour, MaxConcurrentCalls: 2,
		Windows: []sim.Window{{Start: "08:00", End: "20:00"}}, QueueOvernight: rng.IntN(2) == 0, NewestFirst: rng.IntN(2) == 0,
		Outcomes: rng.IntN(2) == 0, HumanShare: 0.27 + 0.08*rng.Float64(),
	}
	if rng.IntN(4) == 0 {
		spec.ReclassifiedShare = 0.1
	}
	if rng.IntN(4) == 0 {
		spec.Days = weekdays
	}
	if rng.IntN(4) == 0 {
		spec.ToolErrors = map[string]float64{"find_appointment": 0.35} // always
	}
	return spec
}

// deleteDue deletes the campaigns whose time has come.
func (f *fleet) deleteDue(now time.Time) {
	for _, m := range f.members {
		if !m.isGone && !m.gone.IsZero() && !m.gone.After(now) {
			m.isGone = true
			f.api.Remove(m.id)
		}
	}
}

// localTime returns a time on a place's clock, on the date that begins at a midnight UTC.
func localTime(midnight time.Time, p place, hour, minute int) time.Time {
	loc, err := time.LoadLocation(p.timezone)
	if err != nil {
		panic(err) // the time zones are linked in
	}
	y, m, d := midnight.Date()
	return time.Date(y, m, d, hour, minute, 0, 0, loc)
}

// openUntil returns when the campaign's window that is open at a time ends, or the time itself if none is open.
func (m *member) openUntil(now time.Time) time.Time {
	loc, err := time.LoadLocation(m.spec.Timezone)
	if err != nil {
		panic(err)
	}
	local := now.In(loc)
	if len(m.spec.Days) > 0 && (local.Weekday() == time.Saturday || local.Weekday() == time.Sunday) {
		return now
	}
	y, mo, d := local.Date()
	windows := m.spec.Windows
	if windows == nil {
		windows = []sim.Window{{Start: "10:00", End: "18:00"}} // the default
	}
	for _, w := range windows {
		from, to := timeOfDay(w.Start), timeOfDay(w.End)
		start, end := time.Date(y, mo, d, 0, from, 0, 0, loc), time.Date(y, mo, d, 0, to, 0, 0, loc)
		if !now.Before(start) && now.Before(end) {
			return end
		}
	}
	return now
}

// timeOfDay returns the minutes since midnight of `15:04`. Campaigns for incidents write their windows like that.
func timeOfDay(s string) int {
	t, err := time.Parse("15:04", s)
	if err != nil {
		return 0
	}
	return t.Hour()*60 + t.Minute()
}

func pick[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
