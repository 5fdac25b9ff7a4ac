package scan

import (
	"math"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/tally"
)

// Settled is what later scans of a campaign need to know of the pages that they do not read, and to tell that these
// still have the rows that they had. It is immutable, and good for as long as no scan says otherwise.
type Settled struct {
	// Layout of all the campaign's pages.
	Layout Layout
	// ReadAt is when the newest scan began that read every page.
	ReadAt time.Time
	// Tally is what the rows on settled pages come to, and Keys, in ascending order, are those rows.
	Tally *tally.Tally
	Keys  []uint64
	// OpenPages are the numbers of the other pages, in ascending order, and OpenKeys, likewise, their rows.
	OpenPages []int
	OpenKeys  []uint64
	// LastOpen tells that the last page never settles, since this server does not give its last row alone.
	LastOpen bool
	// Where there is no open page, LastKey is the last row's, and LastCalled tells whether it has a call.
	LastKey    uint64
	LastCalled bool

	// kept are open pages for which the server gave an ETag.
	kept map[int]*keptPage
}

// ambiguous tells whether there is one page, and it is full: a server whose total counts only the rows that it sends
// says the same of a campaign that has more.
func ambiguous(l Layout) bool { return l.Total <= l.PageSize && l.Total%l.PageSize == 0 }

// due tells whether every page is to be read again because the newest full scan is long ago. Each campaign has a
// shorter interval of its own, by up to a quarter, so that the full scans of many do not fall together.
func (p *Settled) due(campaignID string, fullInterval time.Duration, now time.Time) bool {
	share := float64(RowKey(campaignID)) / math.MaxUint64
	since := now.Sub(p.ReadAt)
	return since < 0 || since >= fullInterval-time.Duration(share*float64(fullInterval/4))
}

// Follows reports whether p is what scans of open pages alone have made of before, so that whoever goes on from before comes
// to the same. Everything follows nil.
func (p *Settled) Follows(before *Settled) bool {
	return before == nil || p != nil && p.ReadAt.Equal(before.ReadAt)
}

// callsUpTo returns the number of the last page that has settled, and so has calls; -1 for none.
func (p *Settled) callsUpTo() int {
	open := p.OpenPages
	for number := p.Layout.FirstPage + p.Layout.Pages() - 1; number >= p.Layout.FirstPage; number-- {
		if len(open) == 0 || open[len(open)-1] != number {
			return number
		}
		open = open[:len(open)-1]
	}
	return -1
}

// endsLike tells whether rows lie in this layout and end with that page, as far as the settled pages tell.
func (p *Settled) endsLike(layout Layout, last *countedPage) bool {
	return p.Layout == layout && p.LastKey == last.keys[len(last.keys)-1]
}
