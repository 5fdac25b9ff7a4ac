package collector

import "time"

// What tests of the exported API look at or change beside it. Each of these goes when its tests move to a package that
// exports it.

// Scrapers returns how many scrapes wait for the scan under way.
func (e *Exporter) Scrapers() int {
	s := e.onScrape
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		return 0
	}
	return s.current.waiters
}

// Scans returns how many scans are under way, and how many wait for their turns.
func (e *Exporter) Scans() (underWay, waiting int) {
	t := e.turns
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.underWay), len(t.waiting)
}

// Break makes a campaign's data such that it cannot be shown: in part, or at all.
func (e *Exporter) Break(id string, wholly bool) {
	e.store.update(id, func(r *record) {
		if wholly {
			r.data = &published{at: r.data.at}
			return
		}
		tally := newTally(e.labels)
		tally.add(familyCalls, "bad\xff", 7) // no valid UTF-8
		r.data = r.data.next(tally, r.data.at, 0)
	})
}

// Has reports whether a campaign is the shard's.
func (s Shard) Has(id string) bool { return s.has(id) }

// Found is what was found when the state was opened, by kind and campaign.
func (s *State) Found() map[string]map[string][]byte { return s.found }

// WriteTo makes the state be written to the file of another one.
func (s *State) WriteTo(other *State) (back func()) {
	own := s.file
	s.file = other.file
	return func() { s.file = own }
}

const (
	KeptData, KeptScan, KeptSettled = keptData, keptScan, keptSettled
	MaxUnknownValues                = maxUnknownValues
	NativeSchema                    = nativeSchema
	CampaignLabel                   = campaignLabel
	CampaignFileInterval            = campaignFileInterval
	RememberDropped                 = time.Duration(rememberDropped)
)
