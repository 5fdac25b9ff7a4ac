package revoxtest

import "slices"

// Fault says which requests go wrong, and how. Requests without the right key are refused before any fault.
type Fault struct {
	Campaign string // campaign ID; "" for any, and for the campaign list
	Endpoint string // "rows", "campaigns" (the list, and one campaign), or "" for both
	Page     *int   // the `page` asked for, see [Page]; nil for any
	After    int    // how many of the requests it is about still go well
	Times    int    // how many then go wrong; 0: all, until it is removed

	Behavior Behavior // what happens; the zero value is a server that answers 500
}

// Page returns a pointer to n, for [Fault].
func Page(n int) *int { return &n }

// AnyPage is the [Fault] page that stands for all.
var AnyPage *int

// armedFault is a fault and how far it has got.
type armedFault struct {
	Fault
	met, done int
}

// AddFault makes requests go wrong from now on. Where several faults are about a request, the one added first acts and
// the others do not count it.
func (s *Server) AddFault(f Fault) (remove func()) {
	armed := &armedFault{Fault: f}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, armed)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.faults = slices.DeleteFunc(s.faults, func(o *armedFault) bool { return o == armed })
	}
}

// fault returns what is to happen to a request instead of the answer, or nil.
func (s *Server) fault(x *exchange) *Behavior {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		switch {
		case f.Campaign != "" && f.Campaign != x.id,
			f.Endpoint != "" && f.Endpoint != x.endpoint,
			f.Page != nil && (x.endpoint != endpointRows || *f.Page != x.page),
			f.Times > 0 && f.done == f.Times:
			continue
		}
		if f.met++; f.met <= f.After {
			continue
		}
		f.done++
		return &f.Behavior
	}
	return nil
}
