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
// to replace a record. To read all of them takes no lock: a scrape never makes a scan wait.
type Store struct {
	state *State // nil: nothing outlives a restart
	ages  Ages

	mu      sync.RWMutex
	records map[string]*Record
	// ordered are the records in the order of their campaigns' IDs. The slice is immutable.
	ordered atomic.Pointer[[]*Record]
	// dropped are campaigns that were selected until some time ago: where one comes back, its counters go on.
	dropped map[string]Dropped
}

// Dropped is a campaign that is not selected any more, and since when.
type Dropped struct {
	Record *Record
	At     time.Time
}

// New returns a Store of no campaigns. With a nil state nothing outlives a restart.
func New(state *State, ages Ages) *Store { return &Store{state: state, ages: ages} }

// RememberDropped is how long the counters of a campaign that is not selected any more are remembered. A list that
// lacks a campaign for a while must not look like a reset of its counters; one that is gone must not take room for ever.
const RememberDropped = 48 * time.Hour

// SelectOnly makes ids the selected campaigns, in the words of the list where it has them. Records of campaigns that
// stay keep their data; those of others are not shown any more.
func (s *Store) SelectOnly(ids []string, listed map[string]*campaigns.Listed, now time.Time) {
	defer s.keepSelection()
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
	dropped := map[string]Dropped{}
	for id, was := range s.dropped {
		if records[id] == nil && now.Sub(was.At) < RememberDropped {
			dropped[id] = was
		}
	}
	for id, was := range s.records {
		if records[id] == nil {
			dropped[id] = Dropped{was, now}
		}
	}
	s.dropped = dropped
	s.setRecords(records)
}

// setRecords makes records those of the selected campaigns. s.mu is held.
func (s *Store) setRecords(records map[string]*Record) {
	s.records = records
	ordered := make([]*Record, 0, len(records))
	for _, id := range slices.Sorted(maps.Keys(records)) {
		ordered = append(ordered, records[id])
	}
	s.ordered.Store(&ordered)
}

// setRecord puts a record in the place of the campaign's. s.mu is held.
func (s *Store) setRecord(before, after *Record) {
	s.records[after.ID] = after
	ordered := slices.Clone(*s.ordered.Load())
	ordered[slices.Index(ordered, before)] = after
	s.ordered.Store(&ordered)
}

// Get returns a campaign's record, nil where it is not selected.
func (s *Store) Get(id string) *Record {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.records[id]
}

// Publish makes what came of a scan the campaign's last, and returns its record before and after; both are nil where the campaign
// is no longer selected. What outlives a restart is on the disk before it can be seen.
func (s *Store) Publish(id string, o Outcome) (before, after *Record) {
	if s.state.sweepDue(o.End) {
		s.forget(o.End)
	}
	for {
		before = s.Get(id)
		if before == nil {
			return nil, nil
		}
		next := *before
		next.add(o)
		s.state.keep(&next)
		if s.replace(before, &next) {
			return before, &next
		}
	}
}

// replace puts a record in the place of another, and returns false where the other is not there any more.
func (s *Store) replace(before, after *Record) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.records[before.ID] != before {
		return false
	}
	s.setRecord(before, after)
	return true
}

// Restore makes records the selected campaigns, and remembers dropped ones.
func (s *Store) Restore(records map[string]*Record, dropped map[string]Dropped) {
	defer s.keepSelection()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setRecords(records)
	s.dropped = dropped
}

// forget lets go of campaigns that have not been selected for so long that they need not be remembered.
func (s *Store) forget(now time.Time) {
	defer s.keepSelection()
	s.mu.Lock()
	defer s.mu.Unlock()
	// A new map: the old one may be being written to the disk.
	dropped := map[string]Dropped{}
	for id, was := range s.dropped {
		if now.Sub(was.At) < RememberDropped {
			dropped[id] = was
		}
	}
	s.dropped = dropped
}

// keepSelection lets it outlive a restart which campaigns are selected, and which were.
func (s *Store) keepSelection() {
	s.mu.RLock()
	records, dropped := s.All(), s.dropped // at one time: a campaign that is in neither is removed
	s.mu.RUnlock()
	s.state.keepSelection(records, dropped)
}

// All returns the records in the order of their campaigns' IDs. The slice must not be changed.
func (s *Store) All() []*Record {
	if ordered := s.ordered.Load(); ordered != nil {
		return *ordered
	}
	return nil
}
