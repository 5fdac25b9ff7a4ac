package store

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/campaigns"
	"github.com/revox-exporter/revox_exporter/collector/room"
	"github.com/revox-exporter/revox_exporter/collector/scan"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Store has the record of each selected campaign. It is safe for concurrent use, and holds its lock only to look up or
// to replace a record. All takes no lock, so a scrape never makes a scan wait.
type Store struct {
	state *State // nil: nothing survives a restart
	ages  Ages
	// rows and series bound what all campaigns together have, those that were dropped included.
	rows, series *room.Room

	mu      sync.RWMutex
	records map[string]*Record
	// ordered are the records, sorted by ID. The slice is immutable.
	ordered atomic.Pointer[[]*Record]
	labels  *campaigns.Labels // the latest
	// dropped are campaigns that are no longer selected. If one is selected again, its counters continue.
	dropped map[string]Dropped
	// evicted reports that dropped campaigns were forgotten that the state still has.
	evicted atomic.Bool
}

// Dropped is a campaign that is no longer selected since At.
type Dropped struct {
	Record *Record
	At     time.Time
}

// New returns an empty Store. With a nil state nothing survives a restart.
func New(state *State, ages Ages) *Store {
	s := &Store{state: state, ages: ages}
	s.rows = room.New(room.Limits{What: "rows", All: maxRows, One: maxCampaignRows}, s.evict)
	s.series = room.New(room.Limits{What: "series", All: maxSeries}, s.evict)
	return s
}

// The limits of a process, so that it needs less than 512 MiB whatever the API sends. A row counts as more than one if it
// has many attempts (rows.Set.Weight), and a cell of a histogram counts as a series.
const (
	maxRows         = 4_000_000
	maxCampaignRows = 2_000_000
	maxSeries       = 1_500_000
)

// Claim returns the room for the rows of a campaign's scan. It must end after the scan's outcome is published.
func (s *Store) Claim(id string) *room.Claim { return s.rows.Begin(id) }

// Admit makes room for the data of a restored record, and reports whether there is enough.
func (s *Store) Admit(r *Record) bool {
	if r.Data == nil {
		return true
	}
	if s.rows.Admit(r.ID, r.Data.rowWeight()) != nil {
		return false
	}
	if s.series.Admit(r.ID, r.Data.series()) != nil {
		s.rows.Forget(r.ID)
		return false
	}
	return true
}

// evict forgets the campaign that was dropped first, and reports whether there was one.
func (s *Store) evict() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.dropped) == 0 {
		return false
	}
	first := slices.MinFunc(slices.Collect(maps.Keys(s.dropped)), s.byAge)
	s.dropped = maps.Clone(s.dropped) // not the old map: KeepSelection may be reading it
	s.forget(first)
	s.evicted.Store(true)
	return true
}

// byAge compares dropped campaigns by when they were dropped, and then by ID. s.mu must be locked.
func (s *Store) byAge(x, y string) int {
	return cmp.Or(s.dropped[x].At.Compare(s.dropped[y].At), cmp.Compare(x, y))
}

// forget forgets a dropped campaign. s.mu must be locked.
func (s *Store) forget(id string) {
	delete(s.dropped, id)
	s.rows.Forget(id)
	s.series.Forget(id)
}

// RememberDropped is how long the counters of a dropped campaign are remembered. If the list lacks a campaign for a
// while, its counters must not reset; but campaigns that are gone must not take memory for ever.
const RememberDropped = 48 * time.Hour

// SelectOnly makes ids the selected campaigns, with their entries in the list and labels. Campaigns that stay keep their
// data; others are dropped and not shown any more.
func (s *Store) SelectOnly(ids []string, listed map[string]*campaigns.Listed, labels *campaigns.Labels, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.labels = labels
	records := make(map[string]*Record, len(ids))
	for _, id := range ids {
		next := Record{ID: id}
		if was := s.records[id]; was != nil {
			next = *was
		} else if was, ok := s.dropped[id]; ok {
			next.Data, next.Failures = was.Record.Data, was.Record.Failures
		}
		next.Listed = listed[id]
		next.label(labels)
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
	if n := len(s.dropped) - campaigns.MaxSelected; n > 0 {
		for _, id := range slices.SortedFunc(maps.Keys(s.dropped), s.byAge)[:n] {
			s.forget(id)
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

// Get returns a campaign's record; nil if it is not selected.
func (s *Store) Get(id string) *Record {
	record, _ := s.get(id)
	return record
}

// get returns a campaign's record, which is nil if it is not selected, and the latest labels.
func (s *Store) get(id string) (*Record, *campaigns.Labels) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.records[id], s.labels
}

// Publish records the outcome of a campaign's last scan, and returns its record before and after that. Both are nil if
// the campaign is no longer selected. Data that must survive a restart is written to the disk before it is published.
func (s *Store) Publish(id string, o Outcome) (before, after *Record) {
	if s.state.sweepDue(o.End) || s.evicted.Swap(false) {
		s.mu.Lock()
		s.forgetDropped(o.End)
		s.mu.Unlock()
		s.KeepSelection()
	}
	for {
		var labels *campaigns.Labels
		before, labels = s.get(id)
		if before == nil {
			s.mu.Lock()
			if _, ok := s.dropped[id]; !ok {
				s.forget(id)
			}
			s.mu.Unlock()
			return nil, nil
		}
		next := *before
		next.add(o, s.roomForGone(before))
		if next.Data != before.Data {
			if err := s.series.Admit(id, next.Data.series()); err != nil {
				o.Found, o.Err = nil, scan.Error(id, revoxapi.KindIncomplete, err)
				next = *before
				next.add(o, 0)
			} else {
				s.rows.Keep(id, next.Data.rowWeight())
			}
		}
		next.label(labels) // the rows may give another name
		s.state.keep(&next)
		if s.replace(before, &next) {
			return before, &next
		}
	}
}

// maxGone is the weight of the vanished rows, of all campaigns, that are remembered.
const maxGone = 1_000_000

// roomForGone returns how many vanished rows r's campaign may remember, as others remember some.
func (s *Store) roomForGone(r *Record) int {
	room := maxGone
	for _, other := range s.All() {
		if other.Data != nil && other != r {
			room -= other.Data.Gone.Weight()
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
	s.records[after.ID] = after
	ordered := slices.Clone(s.All())
	ordered[slices.Index(ordered, before)] = after
	s.ordered.Store(&ordered)
	return true
}

// Restore sets the records of the selected campaigns and the dropped campaigns.
func (s *Store) Restore(records map[string]*Record, dropped map[string]Dropped) {
	defer s.KeepSelection()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setRecords(records)
	s.dropped = dropped
	known := func(id string) bool { _, is := dropped[id]; return is || records[id] != nil }
	s.rows.ForgetAllBut(known)
	s.series.ForgetAllBut(known)
}

// forgetDropped forgets campaigns that were dropped more than RememberDropped ago. s.mu must be locked.
func (s *Store) forgetDropped(now time.Time) {
	dropped := s.dropped
	s.dropped = make(map[string]Dropped, len(dropped)) // not the old map: KeepSelection may be reading it
	maps.Copy(s.dropped, dropped)
	for id, was := range dropped {
		if now.Sub(was.At) >= RememberDropped {
			s.forget(id)
		}
	}
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
