// Package sim makes living campaigns for the simulated API of package revoxtest. Their calls wait for their calling
// window and for a free slot, are rung, answered or not, tried again hours later, and end, as on the real platform.
// Incidents ([Simulation.AddIncident]) change how calls go for a while. [NewDemo] starts a server with campaigns to
// look at.
//
// What a living campaign looks like is a function of the server's seed, the campaign, the incidents and the time, and
// of nothing else: it does not depend on how often it was looked at.
package sim

import (
	"cmp"
	"slices"
	"sync"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// Simulation runs living campaigns on a server. Its methods are safe for concurrent use.
type Simulation struct {
	*revoxtest.Server

	mu        sync.Mutex // the server's methods may be called while it is held
	incidents []Incident
	series    []series // of a demonstration
}

// New returns a simulation on a server, which the caller closes. The server may have other campaigns too, and several
// simulations.
func New(server *revoxtest.Server) *Simulation { return &Simulation{Server: server} }

// AddCampaign adds a living campaign, or puts it in the place of the one with its ID, and returns the ID. It panics
// where the time zone or a window cannot be read.
func (s *Simulation) AddCampaign(spec Campaign) (id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addCampaign(spec)
}

// addCampaign is AddCampaign. The caller holds s.mu.
func (s *Simulation) addCampaign(spec Campaign) (id string) {
	l := newLife(spec, s.Seed(), s.Style(), s.Now(), s.incidents)
	s.Add(l)
	return l.entry.ID
}

// AddIncident adds an incident. It acts on the past of campaigns that are added after it to this simulation, but never
// changes what has already happened in one that is there. It panics where the kind, the dial error or the tool does not exist.
func (s *Simulation) AddIncident(in Incident) {
	if in.Kind < 0 || int(in.Kind) >= len(defaultIncidentShares) {
		panic("sim: no such kind of incident")
	}
	if in.Share == 0 {
		in.Share = defaultIncidentShares[in.Kind]
	}
	if in.DialError == "" {
		in.DialError = "too_many_calls"
	}
	if !slices.Contains(dialNames[1:], in.DialError) {
		panic("sim: not a dial error: " + in.DialError)
	}
	in.Tool = cmp.Or(in.Tool, toolNames[findAppointment])
	if toolIndex(in.Tool) == noTool {
		panic("sim: not a tool: " + in.Tool)
	}
	if in.Start.IsZero() {
		in.Start = s.Now()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.incidents = append(s.incidents, in)
	s.Each(func(c revoxtest.Campaign) {
		if l, ok := c.(*life); ok {
			l.addIncident(in)
		}
	})
}
