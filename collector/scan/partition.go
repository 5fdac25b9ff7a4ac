package scan

import (
	"slices"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/tally"
)

// pagePartition sorts a campaign's pages, in the order in which they lie, into those that have settled and those that are
// open. Make one with newPagePartition, for one scan.
//
// A page has settled when all its calls have come to rest. Rows without a call are no hindrance as long as a row after
// them has one: they were passed over. Where none has, the calls may just not have come that far yet. The last page is
// open as well, so that rows that come or go are noticed, unless all pages have settled: then its last row alone will do.
type pagePartition struct {
	labels *tally.Labels
	now    time.Time
	// callsAfter is the number of a page that is known to have calls: those before it need not wait for that.
	callsAfter int

	settled, open         *tally.Tally
	settledKeys, openKeys []uint64
	openPages             []int
	kept                  map[int]*keptPage
	// passedOver are pages at rest that have settled if a later page has a call.
	passedOver []*countedPage
	last       *countedPage
	name       string // of the campaign, by the last row that has it
}

func newPagePartition(labels *tally.Labels, now time.Time) *pagePartition {
	return &pagePartition{
		labels: labels, now: now, callsAfter: -1,
		settled: tally.New(labels), open: tally.New(labels), kept: map[int]*keptPage{},
	}
}

// add adds the page that is next.
func (s *pagePartition) add(p *countedPage) {
	if s.last != nil {
		s.place(s.last)
	}
	s.last = p
	if name := p.name(); name != "" {
		s.name = name
	}
	if p.calls {
		for _, earlier := range s.passedOver {
			s.addSettled(earlier)
		}
		s.passedOver = nil
	}
}

func (s *pagePartition) place(p *countedPage) {
	switch {
	case !p.atRest(s.now):
		s.addOpen(p)
	case p.uncalled == 0 || p.number < s.callsAfter:
		s.addSettled(p)
	default:
		s.passedOver = append(s.passedOver, p)
	}
}

func (s *pagePartition) addSettled(p *countedPage) {
	p.addTo(s.settled)
	s.settledKeys = append(s.settledKeys, p.keys...)
}

func (s *pagePartition) addOpen(p *countedPage) {
	p.addTo(s.open)
	s.openKeys = append(s.openKeys, p.keys...)
	s.openPages = append(s.openPages, p.number)
	if p.etag != "" {
		s.kept[p.number] = p.keep()
	}
}

// end places the pages that waited for later ones, and tells whether all have settled. The last page settles only where
// it may, and where no other is open.
func (s *pagePartition) end(lastMaySettle bool) (allSettled bool) {
	if s.last == nil {
		return false
	}
	// A row without a call may be the very last, which is the row that scans go on looking at.
	if lastMaySettle && len(s.openPages) == 0 && len(s.passedOver) == 0 && s.last.atRest(s.now) && s.last.uncalled <= 1 {
		s.addSettled(s.last)
		return true
	}
	for _, p := range append(s.passedOver, s.last) {
		s.addOpen(p)
	}
	return false
}

// following returns what the next scan goes by: what has settled in this one and, after a scan of the open pages alone,
// before it; was is nil after a full scan. It returns nil where the next scan must read every page. The last page was
// added before.
func (s *pagePartition) following(was *Settled, layout Layout, lastOpen bool) *Settled {
	// The last row alone is no sign of more where it is the only one.
	allSettled := s.end(!lastOpen && layout.Total > 1)
	if !allSettled && ambiguous(layout) {
		return nil
	}
	for i, number := range s.openPages {
		s.openPages[i] = max(number, layout.FirstPage) // page 0 of a server that counts from 1 is its page 1
	}
	slices.Sort(s.settledKeys)
	slices.Sort(s.openKeys)
	slices.Sort(s.openPages)
	next := &Settled{
		Layout: layout, ReadAt: s.now, Tally: s.settled, Keys: s.settledKeys,
		OpenPages: s.openPages, OpenKeys: s.openKeys, LastOpen: lastOpen, kept: s.kept,
	}
	if was != nil {
		next.ReadAt = was.ReadAt
		next.Tally, next.Keys = was.Tally, was.Keys
		if len(s.settledKeys) > 0 {
			next.Tally = tally.New(s.labels)
			next.Tally.Merge(was.Tally)
			next.Tally.Merge(s.settled)
			next.Keys = mergeSorted(was.Keys, s.settledKeys)
		}
	}
	if allSettled {
		next.LastKey, next.LastCalled = s.last.keys[len(s.last.keys)-1], s.last.uncalled == 0
	}
	return next
}

// whole returns what the whole campaign comes to, of the tally of all settled pages and of the open ones.
func (s *pagePartition) whole(settled *tally.Tally) *tally.Tally {
	t := tally.New(s.labels)
	t.Merge(settled)
	t.Merge(s.open)
	if s.name != "" {
		t.Name = s.name
	}
	return t
}

// mergeSorted returns the elements of both in ascending order, as those of each are.
func mergeSorted(a, b []uint64) []uint64 {
	merged := make([]uint64, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0] <= b[0] {
			merged, a = append(merged, a[0]), a[1:]
		} else {
			merged, b = append(merged, b[0]), b[1:]
		}
	}
	return append(append(merged, a...), b...)
}
