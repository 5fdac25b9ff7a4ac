package check

import (
	"errors"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/statefile"
)

// statePatience is how long a check waits for the disk once everything else is done.
const statePatience = 2 * time.Second

// State is whether the state can be kept that --state.path asks for.
type State struct {
	Path string `json:"path"`
	// OK reports that it can be opened and written. It is also true if another process, probably the exporter, uses it now:
	// then InUse is true.
	OK    bool `json:"ok"`
	InUse bool `json:"in_use"`
	// Problem is why not; "" if OK.
	Problem string `json:"problem"`
}

// tryState begins to try the state, and returns a function that returns the result; nil without a state.
func (o Options) tryState() (result func() *State) {
	if o.StatePath == "" {
		return func() *State { return nil }
	}
	tried := make(chan error, 1)
	go func() { tried <- o.TryState() }() // ends with the process if the disk hangs: such a call cannot be ended
	return func() *State {
		s := &State{Path: o.StatePath}
		select {
		case err := <-tried:
			s.InUse = errors.Is(err, statefile.ErrInUse)
			s.OK = err == nil || s.InUse
			if !s.OK {
				s.Problem = printable(err.Error())
			}
		case <-time.After(statePatience):
			s.Problem = "the disk takes too long"
		}
		return s
	}
}

// text says the result in one line.
func (s *State) text() string {
	switch path := printable(s.Path); {
	case s.InUse:
		return "The state in " + path + " is in use by another process, such as the exporter."
	case s.OK:
		return "The state in " + path + " can be opened and written."
	default:
		return "--state.path=" + path + " cannot be used, so a restart would lose the last data: " + s.Problem
	}
}
