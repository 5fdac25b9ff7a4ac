package collector

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// published is what complete scans of a campaign came to: the newest tally for the gauges, and counters and histograms
// that never fall. It is immutable.
type published struct {
	at    time.Time     // when the data was complete
	took  time.Duration // by the newest scan of every page, or a later one that took longer, from asking for its turn on
	tally *Tally
	// held are what is shown of counters and histograms: the newest count, or more where the count has fallen.
	heldCounts        []counts
	heldDistributions []distributions
	// base are the counts that the next tally's increases are reckoned from: the newest, save where rows were missing.
	baseCounts        []counts
	baseDistributions []distributions
	carries           []bool
	// decreases counts how often a counter or histogram that is shown was held.
	decreases uint64
	// settled says which pages the next scan need not read; nil for none.
	settled *settledPages
}

// next returns what to publish once t is complete; p is nil for a campaign's first. Counters go up by what increased
// since the tally before and by nothing else, since Prometheus would take a small decrease for a restart and count
// everything again.
func (p *published) next(t *Tally, at time.Time, took time.Duration) *published {
	n := &published{
		at: at, took: took, tally: t,
		heldCounts: t.counts, heldDistributions: t.distributions,
		baseCounts: t.counts, baseDistributions: t.distributions,
		carries: t.carries,
	}
	if p == nil {
		return n
	}
	if t == p.tally { // what a scan that found nothing changed returns
		same := *p
		same.at, same.took = at, took
		return &same
	}
	n.heldCounts, n.heldDistributions = slices.Clone(n.heldCounts), slices.Clone(n.heldDistributions)
	n.baseCounts, n.baseDistributions = slices.Clone(n.baseCounts), slices.Clone(n.baseDistributions)
	n.carries, n.decreases = slices.Clone(n.carries), p.decreases
	// What rows that could not be found have to say is not gone, and must not count anew when they are found again.
	missing := t.counts[familyRowsMissing.index].of("") > 0
	for i, f := range families {
		if !p.counted(i) {
			continue // an earlier version left the state, and did not know the family
		}
		n.carries[i] = p.carries[i] || t.carries[i]
		var fell uint64
		switch f.kind {
		case counter:
			n.heldCounts[i], n.baseCounts[i], fell = riseCounts(p.heldCounts[i], p.baseCounts[i], t.counts[i], missing)
		case histogram:
			n.heldDistributions[i], n.baseDistributions[i], fell = riseDistributions(p.heldDistributions[i], p.baseDistributions[i], t.distributions[i], missing)
		}
		if n.carries[i] || !f.optional {
			n.decreases += fell // of what is shown
		}
	}
	// Nearly all are as the tally has them.
	internCounts(n.heldCounts, t.counts)
	internCounts(n.baseCounts, t.counts)
	internDistributions(n.heldDistributions, t.distributions)
	internDistributions(n.baseDistributions, t.distributions)
	return n
}

// riseCounts returns held with what each count increased by from before to now, the counts to reckon from next time, and
// how many decreased. Where rows are missing, those that did are reckoned from what they were. Nothing given is changed.
func riseCounts(held, before, now counts, missing bool) (risen, base counts, fell uint64) {
	if equalCounts(before, now) {
		return held, now, 0
	}
	risen, base = slices.Clone(held), slices.Clone(now)
	for _, label := range unionOfLabels(before, now) {
		was, is := before.of(label), now.of(label)
		var at *uint64
		risen, at = risen.with(label)
		*at += is - min(is, was)
		if is >= was {
			continue
		}
		fell++
		if missing {
			base, at = base.with(label)
			*at = was
		}
	}
	return risen, base, fell
}

// riseDistributions is riseCounts for distributions, cell by cell.
func riseDistributions(held, before, now distributions, missing bool) (risen, base distributions, fell uint64) {
	if equalDistributions(before, now) {
		return held, now, 0
	}
	risen, base = slices.Clone(held), slices.Clone(now)
	for _, label := range unionOfLabels(before, now) {
		was, is := before.of(label), now.of(label)
		var at *distribution
		risen, at = risen.with(label)
		if was.equal(is) {
			continue
		}
		var anyFell bool
		if *at, anyFell = at.rise(was, is); anyFell {
			fell++
		}
		if missing {
			base, at = base.with(label)
			*at = is.atLeast(was)
		}
	}
	return risen, base, fell
}

// counted tells whether p has counts of a family at all.
func (p *published) counted(family int) bool {
	return p.tally.counts[family] != nil || p.tally.distributions[family] != nil
}

// unionOfLabels returns the labels of a and of b, each once.
func unionOfLabels[V any](a, b byLabel[V]) []string {
	labels := make([]string, 0, len(a)+len(b))
	for _, l := range slices.Concat(a, b) {
		labels = append(labels, l.label)
	}
	slices.Sort(labels)
	return slices.Compact(labels)
}

// record is all that is known of one selected campaign. Records are immutable once they are in the store.
type record struct {
	id     string
	listed *listedCampaign // nil where the list of campaigns does not have it
	data   *published      // nil before the first complete scan
	shrunk int             // scans in a row that found so few rows that they are not believed

	scanned  bool // a scan has ended
	up       bool // the newest succeeded
	ended    time.Time
	duration time.Duration
	lag      time.Duration // from when it was due until it began
	err      error         // of the newest scan
	failures map[revoxapi.ErrorKind]uint64

	// No scan until this long after the newest ended, or until the key changes where it was refused.
	holdOff time.Duration
}

// name returns the campaign's name, "" where it is not known.
func (r *record) name() string {
	switch {
	case r.listed != nil && r.listed.Name.value != "":
		return r.listed.Name.value
	case r.data != nil:
		return r.data.tally.name
	}
	return ""
}

// store has the record of each selected campaign. It is safe for concurrent use, and holds its lock only to look up or
// to replace a record. To read all of them takes no lock: a scrape never makes a scan wait.
type store struct {
	state *State // nil: nothing outlives a restart

	mu      sync.RWMutex
	records map[string]*record
	// ordered are the records in the order of their campaigns' IDs. The slice is immutable.
	ordered atomic.Pointer[[]*record]
	// dropped are campaigns that were selected until some time ago: where one comes back, its counters go on.
	dropped map[string]droppedRecord
}

type droppedRecord struct {
	record
	at time.Time
}

// rememberDropped is how long the counters of a campaign that is not selected any more are remembered. A list that
// lacks a campaign for a while must not look like a reset of its counters; one that is gone must not take room for ever.
const rememberDropped = 48 * time.Hour

// selectOnly makes ids the selected campaigns, in the words of the list where it has them. Records of campaigns that
// stay keep their data; those of others are not shown any more.
func (s *store) selectOnly(ids []string, listed map[string]*listedCampaign, now time.Time) {
	defer s.keepSelection()
	s.mu.Lock()
	defer s.mu.Unlock()
	records := make(map[string]*record, len(ids))
	for _, id := range ids {
		next := record{id: id}
		if was := s.records[id]; was != nil {
			next = *was
		} else if was, ok := s.dropped[id]; ok {
			next.data, next.failures = was.data, was.failures
		}
		next.listed = listed[id]
		records[id] = &next
	}
	dropped := map[string]droppedRecord{}
	for id, was := range s.dropped {
		if records[id] == nil && now.Sub(was.at) < rememberDropped {
			dropped[id] = was
		}
	}
	for id, was := range s.records {
		if records[id] == nil {
			dropped[id] = droppedRecord{*was, now}
		}
	}
	s.dropped = dropped
	s.setRecords(records)
}

// setRecords makes records those of the selected campaigns. s.mu is held.
func (s *store) setRecords(records map[string]*record) {
	s.records = records
	ordered := make([]*record, 0, len(records))
	for _, id := range sorted(records) {
		ordered = append(ordered, records[id])
	}
	s.ordered.Store(&ordered)
}

// setRecord puts a record in the place of the campaign's. s.mu is held.
func (s *store) setRecord(before, after *record) {
	s.records[after.id] = after
	ordered := slices.Clone(*s.ordered.Load())
	ordered[slices.Index(ordered, before)] = after
	s.ordered.Store(&ordered)
}

// get returns a campaign's record, nil where it is not selected.
func (s *store) get(id string) *record {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.records[id]
}

// update replaces a campaign's record by a copy that change has changed, and returns both; it does nothing where the
// campaign is no longer selected. What outlives a restart is on the disk before it can be seen. change may be called
// more than once.
func (s *store) update(id string, change func(*record)) (before, after *record) {
	for {
		before = s.get(id)
		if before == nil {
			return nil, nil
		}
		next := *before
		change(&next)
		s.state.keep(&next)
		if s.replace(before, &next) {
			return before, &next
		}
	}
}

// replace puts a record in the place of another, and returns false where the other is not there any more.
func (s *store) replace(before, after *record) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.records[before.id] != before {
		return false
	}
	s.setRecord(before, after)
	return true
}

// restore makes records the selected campaigns, and remembers dropped ones.
func (s *store) restore(records map[string]*record, dropped map[string]droppedRecord) {
	defer s.keepSelection()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setRecords(records)
	s.dropped = dropped
}

// forget lets go of campaigns that have not been selected for so long that they need not be remembered.
func (s *store) forget(now time.Time) {
	defer s.keepSelection()
	s.mu.Lock()
	defer s.mu.Unlock()
	// A new map: the old one may be being written to the disk.
	dropped := map[string]droppedRecord{}
	for id, was := range s.dropped {
		if now.Sub(was.at) < rememberDropped {
			dropped[id] = was
		}
	}
	s.dropped = dropped
}

// keepSelection lets it outlive a restart which campaigns are selected, and which were.
func (s *store) keepSelection() {
	s.mu.RLock()
	records, dropped := s.all(), s.dropped // at one time: a campaign that is in neither is removed
	s.mu.RUnlock()
	s.state.keepSelection(records, dropped)
}

// all returns the records in the order of their campaigns' IDs. The slice must not be changed.
func (s *store) all() []*record {
	if ordered := s.ordered.Load(); ordered != nil {
		return *ordered
	}
	return nil
}
