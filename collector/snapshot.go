package collector

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// published is what complete scans of a campaign came to: the newest tally for the gauges, and counters and histograms
// that never fall. It is immutable.
type published struct {
	at    time.Time     // when the data was complete
	took  time.Duration // the scan that it comes from
	tally *Tally
	// held are what is shown of counters and histograms: the newest count, or more where the count has fallen.
	heldCounts        []map[string]uint64
	heldDistributions []map[string]*distribution
	carries           []bool
	// decreases counts how often a counter or histogram was held.
	decreases uint64
}

// next returns what to publish once t is complete; p is nil for a campaign's first. Counters go up by what increased
// since the tally before and by nothing else, since Prometheus would take a small decrease for a restart and count
// everything again.
func (p *published) next(t *Tally, at time.Time, took time.Duration) *published {
	if p == nil {
		return &published{at: at, took: took, tally: t, heldCounts: t.counts, heldDistributions: t.distributions, carries: t.carries}
	}
	n := &published{
		at:                at,
		took:              took,
		tally:             t,
		heldCounts:        make([]map[string]uint64, len(families)),
		heldDistributions: make([]map[string]*distribution, len(families)),
		carries:           slices.Clone(p.carries),
		decreases:         p.decreases,
	}
	for i, f := range families {
		n.carries[i] = p.carries[i] || t.carries[i]
		switch f.kind {
		case counter:
			held := maps.Clone(p.heldCounts[i])
			before := p.tally.counts[i]
			for value, now := range t.counts[i] {
				held[value] += now - min(now, before[value])
			}
			for value, was := range before {
				if t.counts[i][value] < was {
					n.decreases++
				}
			}
			n.heldCounts[i] = held
		case histogram:
			held := maps.Clone(p.heldDistributions[i])
			for _, value := range unionOfKeys(p.tally.distributions[i], t.distributions[i]) {
				risen, fell := orEmpty(held[value]).rise(orEmpty(p.tally.distributions[i][value]), orEmpty(t.distributions[i][value]))
				held[value] = risen
				if fell {
					n.decreases++
				}
			}
			n.heldDistributions[i] = held
		}
	}
	return n
}

func orEmpty(d *distribution) *distribution {
	if d == nil {
		return &distribution{}
	}
	return d
}

func unionOfKeys[V any](a, b map[string]V) []string {
	keys := maps.Clone(a)
	maps.Copy(keys, b)
	return slices.Collect(maps.Keys(keys))
}

// record is all that is known of one selected campaign. Records are immutable once they are in the store.
type record struct {
	id     string
	listed *listedCampaign // nil where the list of campaigns does not have it
	data   *published      // nil before the first complete scan

	scanned  bool // a scan has ended
	up       bool // the newest succeeded
	ended    time.Time
	duration time.Duration
	err      error // of the newest scan
	failures map[revoxapi.ErrorKind]uint64

	// No scan before this time, or until the key changes where it was refused.
	notBefore  time.Time
	refusedKey revoxapi.Secret
}

// name returns the campaign's name, "" where it is not known.
func (r *record) name() string {
	switch {
	case r.listed != nil && r.listed.Name != "":
		return r.listed.Name
	case r.data != nil:
		return r.data.tally.name
	}
	return ""
}

// store has the record of each selected campaign. It is safe for concurrent use, and holds its lock only to look up or
// to replace a record.
type store struct {
	mu      sync.RWMutex
	records map[string]*record
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
	s.records, s.dropped = records, dropped
}

// get returns a campaign's record, nil where it is not selected.
func (s *store) get(id string) *record {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.records[id]
}

// update replaces a campaign's record by a copy that change has changed, and returns both; it does nothing where the
// campaign is no longer selected.
func (s *store) update(id string, change func(*record)) (before, after *record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before = s.records[id]
	if before == nil {
		return nil, nil
	}
	next := *before
	change(&next)
	s.records[id] = &next
	return before, &next
}

// all returns the records in the order of their campaigns' IDs.
func (s *store) all() []*record {
	s.mu.RLock()
	defer s.mu.RUnlock()
	records := make([]*record, 0, len(s.records))
	for _, id := range sorted(s.records) {
		records = append(records, s.records[id])
	}
	return records
}
