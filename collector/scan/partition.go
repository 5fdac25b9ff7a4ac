package scan

import (
	"slices"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/tally"
)

// pagePartition divides a campaign's pages, added in order, into settled and open ones. Make a new one for each scan.
//
// A page has settled when all its calls have. Rows without a call do not matter if a later row has one: they were
// skipped. If no later row has one, their calls may still come. The last page stays open too, so that added and removed
// rows are noticed. If all pages have settled, reading the last row is enough for that, and the last page settles too.
type pagePartition struct {
	labels *tally.Labels
	now    time.Time
	// callsAfter is the number of a page that has calls: on earlier pages, rows without a call were skipped.
	callsAfter int

	settled, open         *tally.Tally
	settledKeys, openKeys []uint64
	openPages             []int
	kept                  map[int]*keptPage
	// undecided are pages that end with rows without a call. They settle when a later page has a call.
	undecided []*countedPage
	last      *countedPage
	name      string // of the campaign, from the last row that has it
}

func newPagePartition(labels *tally.Labels, now time.Time) *pagePartition {
	return &pagePartition{
		labels: labels, now: now, callsAfter: -1,
		settled: tally.New(labels), open: tally.New(labels), kept: map[int]*keptPage{},
	}
}

// add adds the next page.
func (s *pagePartition) add(p *countedPage) {
	if s.last != nil {
		s.assign(s.last)
	}
	s.last = p
	if name := p.name(); name != "" {
		s.name = name
	}
	if p.calls {
		for _, earlier := range s.undecided {
			s.addSettled(earlier)
		}
		s.undecided = nil
	}
}

// assign decides about a page that is not the last.
func (s *pagePartition) assign(p *countedPage) {
	switch {
	case !p.callsSettled(s.now):
		s.addOpen(p)
	case p.uncalled == 0 || p.number < s.callsAfter:
		s.addSettled(p)
	default:
		s.undecided = append(s.undecided, p)
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

// end decides about the undecided pages and the last page, and reports whether all pages have settled. The last page
// settles only if lastMaySettle is true and no other page is open.
func (s *pagePartition) end(lastMaySettle bool) (allSettled bool) {
	if s.last == nil {
		return false
	}
	// The very last row may have no call: later scans go on reading that row.
	if lastMaySettle && len(s.openPages) == 0 && len(s.undecided) == 0 &&
		s.last.callsSettled(s.now) && s.last.uncalled <= 1 {
		s.addSettled(s.last)
		return true
	}
	for _, p := range append(s.undecided, s.last) {
		s.addOpen(p)
	}
	return false
}

// following returns the Settled for the next scan: what has settled in this scan, plus was, what had settled before it.
// was is nil after a full scan. It returns nil if the next scan must read every page. All pages must have been added.
func (s *pagePartition) following(was *Settled, layout Layout, lastOpen bool) *Settled {
	// Reading only the last row does not show new rows if it is the only row.
	allSettled := s.end(!lastOpen && layout.Total > 1)
	if !allSettled && ambiguous(layout) {
		return nil
	}
	for i, number := range s.openPages {
		s.openPages[i] = max(number, layout.FirstPage) // page 0 is page 1 of a server that numbers pages from 1
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

// whole returns the tally of the whole campaign: settled, the tally of all settled pages, plus that of the open pages.
func (s *pagePartition) whole(settled *tally.Tally) *tally.Tally {
	t := tally.New(s.labels)
	t.Merge(settled)
	t.Merge(s.open)
	if s.name != "" {
		t.Name = s.name
	}
	return t
}

// mergeSorted returns the elements of a and b in ascending order, in which each of them must be.
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
