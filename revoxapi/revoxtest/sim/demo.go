package sim

import (
	"fmt"
	"time"
	_ "time/tzdata" // the demonstration must run where the system has no time zones

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/internal/wire"
)

// NewDemo starts a server to look at: a handful of campaigns in several time zones, already under way, some of them
// calling at any hour of any day. Each day new ones take the places of those that ended, so that it goes on without
// running dry and without growing. It goes by [time.Now], unless told otherwise.
func NewDemo(opts ...revoxtest.Option) *Simulation {
	s := New(revoxtest.NewServer(append([]revoxtest.Option{revoxtest.WithRequestLog(100)}, opts...)...))
	s.series = newSeries()
	s.syncSeries()
	s.addOldCampaigns()
	s.OnLookup(s.syncSeries)
	return s
}

// addOldCampaigns adds what lies about in every account: campaigns that ended, that were stopped, and one that is still
// being written.
func (s *Simulation) addOldCampaigns() {
	const day = 24 * time.Hour
	now := s.Now()
	add := func(name string, began time.Duration, spec Campaign) *life {
		spec.Name, spec.ID, spec.Start = name, wire.UUID(wire.MixString(s.Seed(), name)), now.Add(-began)
		return newLife(spec, s.Seed(), s.Style(), now, nil)
	}
	survey := add("Customer survey 2", 5*day, Campaign{Rows: 220, Timezone: "Europe/London", MaxConcurrentCalls: 4})
	dentists := add("Dentists, cold list", 30*time.Hour, Campaign{Rows: 160, MaxConcurrentCalls: 2, BadNumbersShare: 0.2, NewerFields: true})
	stopped := now.Add(-9 * time.Hour)
	dentists.Advance(stopped)
	dentists.entry.Cancelled = true
	dentists.entry.SetStatus("completed", stopped)
	dentists.Cancelled()
	solar := add("Solar offer (on hold)", 2*day, Campaign{Rows: 240, Timezone: "America/Los_Angeles", MaxConcurrentCalls: 1, RetryDelay: 8 * time.Hour})
	held := now.Add(-20 * time.Hour)
	solar.Advance(held)
	if solar.entry.Status == "running" {
		solar.entry.SetStatus("paused", held)
	}
	for _, l := range []*life{survey, dentists, solar, add("Spring offer", 0, Campaign{Rows: 80, Draft: true})} {
		s.Add(l)
	}
}

// series is a campaign that is run again each day: a list of contacts in the morning and some more over the day. It
// stays to be seen for an hour after the next one has begun.
type series struct {
	name  string
	opens int // hour of the day at which the list is loaded
	spec  Campaign
	loc   *time.Location

	next time.Time // when the next one begins
	live []demoCampaign
}

type demoCampaign struct {
	id  string
	end time.Time
}

func newSeries() (all []series) {
	// The windows of these three cover the 24 hours, in winter as in summer.
	daily := Campaign{Rows: 650, AddRowsPerHour: 45, MaxConcurrentCalls: 9, MaxRetryAttempts: 4, RetryDelay: 75 * time.Minute}
	add := func(name, timezone string, opens int, w Window, change func(*Campaign)) {
		loc, err := time.LoadLocation(timezone)
		if err != nil {
			panic("sim: " + err.Error()) // the time zones are linked in
		}
		spec := daily
		change(&spec)
		spec.Timezone, spec.Windows = timezone, []Window{w}
		all = append(all, series{name: name, opens: opens, spec: spec, loc: loc})
	}
	add("Renewals North America", "America/New_York", 7, Window{"08:00", "21:00"}, func(c *Campaign) {
		c.NewerFields = true
		c.Assistant, c.Model, c.Voice = "Emma, renewals", "gpt-4.1", "elevenlabs"
	})
	add("Réactivation « anciens clients »", "Europe/Paris", 6, Window{"07:30", "20:30"}, func(c *Campaign) {
		c.HumanShare = 0.36
		c.Assistant, c.Model, c.Voice = "Léa, réactivation", "mistralai/mistral-small-3.2-24b-instruct", "cartesia"
	})
	add(`Appointment reminders "Tokyo" 東京`, "Asia/Tokyo", 7, Window{"8am", "9pm"}, func(c *Campaign) {
		c.Outcomes, c.CallTwiceInARow = true, true
		c.Assistant, c.Model, c.Voice = "予約アシスタント", "ministral-3-8b-instruct", "elevenlabs"
		c.ToolErrors = map[string]float64{"find_appointment": 0.35} // the calendar fails now and then
	})
	return all
}

// syncSeries brings the campaigns of a demonstration to the present.
func (s *Simulation) syncSeries() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Now()
	for i := range s.series {
		s.series[i].sync(s, now)
	}
}

// sync adds the campaigns that begin by now and removes those that ended. The caller holds s.mu.
func (r *series) sync(s *Simulation, now time.Time) {
	if r.next.IsZero() {
		r.next = r.begins(now.Add(-24 * time.Hour))
	}
	for !r.next.After(now) {
		begin := r.next
		r.next = r.begins(begin)
		spec := r.spec
		spec.Name = fmt.Sprintf("%s, %s", r.name, begin.Format("2 Jan"))
		spec.ID = wire.UUID(wire.MixString(s.Seed(), r.name+begin.Format(time.DateOnly)))
		spec.Start = begin
		spec.AddRowsFor = r.next.Sub(begin) - 4*time.Hour
		end := r.next.Add(time.Hour)
		if end.After(now) {
			s.addCampaign(spec)
			r.live = append(r.live, demoCampaign{spec.ID, end})
		}
	}
	for len(r.live) > 0 && !r.live[0].end.After(now) {
		s.Remove(r.live[0].id)
		r.live = r.live[1:]
	}
}

// begins returns when the first campaign after t begins.
func (r *series) begins(t time.Time) time.Time {
	y, m, d := t.In(r.loc).Date()
	b := time.Date(y, m, d, r.opens, 0, 0, 0, r.loc)
	if !b.After(t) {
		b = time.Date(y, m, d+1, r.opens, 0, 0, 0, r.loc)
	}
	return b
}
