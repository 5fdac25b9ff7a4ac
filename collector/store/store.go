package store

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/campaigns"
)

// Store has the record of each selected campaign. It is safe for concurrent use, and holds its lock only to look up or
// to replace a record. All takes no lock, so a scrape never makes a scan wait.
type Store struct {
	state *State // nil: nothing survives a restart
	ages  Ages

	mu      sync.RWMutex
	records map[string]*Record
	// ordered are the records, sorted by ID. The slice is immutable.
	ordered atomic.Pointer[[]*Record]
	// dropped are campaigns that are no longer selected. If one is selected again, its counters continue.
	dropped map[string]Dropped
}

// Dropped is a campaign that is no longer selected since At.
type Dropped struct {
	Record *Record
	At     time.Time
}

// New returns an empty Store. With a nil state nothing survives a restart.
func New(state *State, ages Ages) *Store { return &Store{state: state, ages: ages} }

// RememberDropped is how long the counters of a dropped campaign are remembered. If the list lacks a campaign for a
// while, its counters must not reset; but campaigns that are gone must not take memory for ever.
const RememberDropped = 48 * time.Hour

// SelectOnly makes ids the selected campaigns, with their entries in the list. Campaigns that stay keep their data;
// others are dropped and not shown any more.
func (s *Store) SelectOnly(ids []string, listed map[string]*campaigns.Listed, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	records := make(map[string]*Record, len(ids))
	for _, id := range ids {
		next := Record{ID: id}
		if was := s.records[id]; was != nil {
			next = *was
		} else if was, ok := s.dropped[id]; ok {
			next.Data, next.Failures = was.Record.Data, was.Record.Failures
		}
		next.Listed = listed[id]
		records[id] = &next
	}
	s.forgetDropped(now)
	for id := range records {
		delete(s.dropped, id)
	}
	for id, was := range s.records {
		if records[id] == nil {
			s.dropped[id] = Dropped{was, now}
		}
	}
	s.setRecords(records)
}

// setRecords sets the records of the selected campaigns. s.mu must be locked.
func (s *Store) setRecords(records map[string]*Record) {
	s.records = records
	ordered := make([]*Record, 0, len(records))
	for _, id := range slices.Sorted(maps.Keys(records)) {
		ordered = append(ordered, records[id])
	}
	s.ordered.Store(&ordered)
}

// setRecord replaces a campaign's record. s.mu must be locked.
func (s *Store) setRecord(before, after *Record) {
	s.records[after.ID] = after
	ordered := slices.Clone(*s.ordered.Load())
	ordered[slices.Index(ordered, before)] = after
	s.ordered.Store(&ordered)
}

// Get returns a campaign's record; nil if it is not selected.
func (s *Store) Get(id string) *Record {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.records[id]
}

// Publish records the outcome of a campaign's last scan, and returns its record before and after that. Both are nil if
// the campaign is no longer selected. Data that must survive a restart is written to the disk before it is published.
func (s *Store) Publish(id string, o Outcome) (before, after *Record) {
	if s.state.sweepDue(o.End) {
		s.mu.Lock()
		s.forgetDropped(o.End)
		s.mu.Unlock()
		s.KeepSelection()
	}
	for {
		before = s.Get(id)
		if before == nil {
			return nil, nil
		}
		next := *before
		next.add(o, s.roomForGone(before))
		s.state.keep(&next)
		if s.replace(before, &next) {
			return before, &next
		}
	}
}

// roomForGone returns how many vanished rows r's campaign may remember, as others remember some.
func (s *Store) roomForGone(r *Record) int {
	room := maxGone
	for _, other := range s.All() {
		if other.Data != nil && other != r {
			room -= other.Data.gone.len()
		}
	}
	return room
}

// replace replaces the record before by after. It returns false if before is no longer the campaign's record.
func (s *Store) replace(before, after *Record) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.records[before.ID] != before {
		return false
	}
	s.setRecord(before, after)
	return true
}

// Restore sets the records of the selected campaigns and the dropped campaigns.
func (s *Store) Restore(records map[string]*Record, dropped map[string]Dropped) {
	defer s.KeepSelection()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setRecords(records)
	s.dropped = dropped
}

// forgetDropped forgets campaigns that were dropped more than RememberDropped ago. s.mu must be locked.
func (s *Store) forgetDropped(now time.Time) {
	dropped := map[string]Dropped{} // not the old map: KeepSelection may be reading it
	for id, was := range s.dropped {
		if now.Sub(was.At) < RememberDropped {
			dropped[id] = was
		}
	}
	s.dropped = dropped
}

// KeepSelection writes to the state which campaigns are selected or dropped; call it after SelectOnly. It waits for the disk, but not for
// long.
func (s *Store) KeepSelection() {
	s.mu.RLock()
	records, dropped := s.All(), s.dropped // both under one lock: a campaign that is in neither is removed
	s.mu.RUnlock()
	s.state.keepSelection(records, dropped)
}

// All returns the records of the selected campaigns, sorted by ID. The slice must not be changed.
func (s *Store) All() []*Record {
	if ordered := s.ordered.Load(); ordered != nil {
		return *ordered
	}
	return nil
}
