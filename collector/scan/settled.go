package scan

import (
	"math"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/rows"
	"github.com/revox-exporter/revox_exporter/collector/tally"
)

// Settled describes the settled pages of a campaign, which later scans do not read, and its open pages. With it, a scan
// of the open pages can check that no row has moved. It is immutable, and valid until a scan finds otherwise.
type Settled struct {
	// Layout is that of all pages of the campaign.
	Layout Layout
	// ReadAt is the start of the last full scan.
	ReadAt time.Time
	// Tally counts the rows on settled pages. Keys are the keys of these rows in ascending order.
	Tally *tally.Tally
	Keys  []uint64
	// OpenPages are the numbers of the open pages, and OpenKeys the keys of their rows, both in ascending order.
	OpenPages []int
	OpenKeys  []uint64
	// LastOpen reports that the last page never settles, because the server does not send the last row on its own.
	LastOpen bool
	// LastKey is the last row's key, and LastCalled reports whether it has a call. They are set if no page is open.
	LastKey    uint64
	LastCalled bool

	// kept are the open pages that have an ETag, by number.
	kept map[int]*keptPage
}

// ambiguous reports whether there is only one page and it is full. Some servers' total counts only the rows that they
// send, so the campaign may have more.
func ambiguous(l Layout) bool { return l.Total <= l.PageSize && l.Total%l.PageSize == 0 }

// due reports whether a full scan is due. Each campaign's interval is up to a quarter shorter than fullInterval, by a
// share that depends on its ID, so that the full scans of many campaigns do not coincide.
func (p *Settled) due(campaignID string, fullInterval time.Duration, now time.Time) bool {
	share := float64(rows.Key(campaignID)) / math.MaxUint64
	since := now.Sub(p.ReadAt)
	return since < 0 || since >= fullInterval-time.Duration(share*float64(fullInterval/4))
}

// Follows reports whether p resulted from before by scans of open pages only, so that further scans from before give
// the same counts as scans from p. Everything follows nil.
func (p *Settled) Follows(before *Settled) bool {
	return before == nil || p != nil && p.ReadAt.Equal(before.ReadAt)
}

// callsUpTo returns the number of the last settled page, which therefore has calls; -1 if there is none.
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

// endsLike reports whether p has the same layout and last row as a scan that ended with the page last.
func (p *Settled) endsLike(layout Layout, last *countedPage) bool {
	return p.Layout == layout && p.LastKey == last.keys[len(last.keys)-1]
}
