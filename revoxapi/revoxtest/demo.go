package revoxtest

import (
	"fmt"
	"time"
	_ "time/tzdata" // the demonstration must run where the system has no time zones
)

// NewDemo starts a server to look at: a handful of campaigns in several time
// zones, already under way, some of them calling at any hour of any day. Each
// day new ones take the places of those that ended, so that it goes on without
// running dry and without growing. It goes by [time.Now], unless told
// otherwise.
func NewDemo(opts ...Option) *Server {
	s := NewServer(append([]Option{WithRequestLog(100)}, opts...)...)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.demo = newDemo()
	s.demo.sync(s)
	s.addOldCampaigns()
	return s
}

// addOldCampaigns adds what lies about in every account: campaigns that ended,
// that were stopped, and one that is still being written. The caller holds s.mu.
func (s *Server) addOldCampaigns() {
	const day = 24 * time.Hour
	now := s.now()
	at := func(name string, began time.Duration, spec Campaign, changed time.Duration, change func(*campaign, int64)) {
		spec.Name, spec.ID, spec.Start = name, uuid(mixString(s.config.seed, name)), now.Add(-began)
		c := newLiving(spec, s.config.seed, s.config.style, now, nil)
		change(c, c.advance(now.Add(-changed)))
		s.put(c)
	}
	at("Customer survey 2", 5*day, Campaign{Rows: 220, Timezone: "Europe/London", MaxConcurrentCalls: 4}, 0, func(*campaign, int64) {})
	at("Dentists, cold list", 30*time.Hour, Campaign{Rows: 160, MaxConcurrentCalls: 2, BadNumbersShare: 0.2, NewerFields: true}, 9*time.Hour, (*campaign).cancel)
	at("Solar offer (on hold)", 2*day, Campaign{Rows: 240, Timezone: "America/Los_Angeles", MaxConcurrentCalls: 1, RetryDelay: 8 * time.Hour}, 20*time.Hour, (*campaign).pause)
	at("Spring offer", 0, Campaign{Rows: 80, Draft: true}, 0, func(*campaign, int64) {})
}

// demo keeps the campaigns of a demonstration coming.
type demo struct {
	series []series
}

// series is a campaign that is run again each day: a list of contacts in the
// morning and some more over the day. It stays to be seen for an hour after the
// next one has begun.
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

func newDemo() *demo {
	d := &demo{}
	// The windows of these three cover the 24 hours, in winter as in summer.
	daily := Campaign{Rows: 650, AddRowsPerHour: 45, MaxConcurrentCalls: 9, MaxRetryAttempts: 4, RetryDelay: 75 * time.Minute}
	add := func(name, timezone string, opens int, w Window, change func(*Campaign)) {
		loc, err := time.LoadLocation(timezone)
		if err != nil {
			panic("revoxtest: " + err.Error()) // the time zones are linked in
		}
		spec := daily
		change(&spec)
		spec.Timezone, spec.Windows = timezone, []Window{w}
		d.series = append(d.series, series{name: name, opens: opens, spec: spec, loc: loc})
	}
	add("Renewals North America", "America/New_York", 7, Window{"08:00", "21:00"}, func(c *Campaign) { c.NewerFields = true })
	add("Réactivation « anciens clients »", "Europe/Paris", 6, Window{"07:30", "20:30"}, func(c *Campaign) { c.HumanShare = 0.36 })
	add(`Appointment reminders "Tokyo" 東京`, "Asia/Tokyo", 7, Window{"8am", "9pm"}, func(c *Campaign) { c.Outcomes = true; c.CallTwiceInARow = true })
	return d
}

// sync brings the list of campaigns to the present. A nil demo does nothing.
// The caller holds s.mu.
func (d *demo) sync(s *Server) {
	if d == nil {
		return
	}
	now := s.now()
	for i := range d.series {
		d.series[i].sync(s, now)
	}
}

func (r *series) sync(s *Server, now time.Time) {
	if r.next.IsZero() {
		r.next = r.begins(now.Add(-24 * time.Hour))
	}
	for !r.next.After(now) {
		begin := r.next
		r.next = r.begins(begin)
		spec := r.spec
		spec.Name = fmt.Sprintf("%s, %s", r.name, begin.Format("2 Jan"))
		spec.ID = uuid(mixString(s.config.seed, r.name+begin.Format(time.DateOnly)))
		spec.Start = begin
		spec.AddRowsFor = r.next.Sub(begin) - 4*time.Hour
		end := r.next.Add(time.Hour)
		if end.After(now) {
			s.addCampaign(spec)
			r.live = append(r.live, demoCampaign{spec.ID, end})
		}
	}
	for len(r.live) > 0 && !r.live[0].end.After(now) {
		s.remove(r.live[0].id)
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
