package scan

import (
	"github.com/cespare/xxhash/v2"

	"github.com/revox-exporter/revox_exporter/internal/apirequest"
)

// RowKey returns a 64-bit hash of a row's id. It is the same in every process and on every machine, so it can be stored.
// Two of a million ids have the same hash with a probability of about 3 in 100 million.
func RowKey(id string) uint64 { return xxhash.Sum64String(id) }

// Layout is how the rows of a campaign lie on its pages while they do not move: all pages but the last are full.
type Layout struct {
	// FirstPage is the number of the first page: 0 or 1, depending on the server.
	FirstPage int
	// PageSize is how many rows each page but the last has. It is less than was asked for if the server caps it.
	PageSize int
	// Total is the number of the campaign's rows. The pages are FirstPage to FirstPage + Pages() - 1.
	Total int
}

// Pages returns the number of pages.
func (l Layout) Pages() int { return (l.Total + l.PageSize - 1) / l.PageSize }

// LayoutFinder finds the layout of a campaign while revoxapi.Rows reads it. Pass its Saw as apirequest.Options.OnPage.
// The zero value is ready for one reading.
type LayoutFinder struct {
	layout Layout
	pages  int  // that had rows
	rows   int  // on them
	full   bool // the last page with rows is as full as any
	over   bool // a page without anything new has come after them
	broken bool // there is no layout
}

// Saw takes in the next page that was read.
func (f *LayoutFinder) Saw(p apirequest.Page) {
	if f.broken = f.broken || p.Pass > 1; f.broken {
		return
	}
	if p.Fresh == 0 {
		// Before the first page that has rows and after the last, servers answer differently: with no rows, or with
		// those of a page that exists.
		if f.pages == 1 && !f.over && f.layout.FirstPage == 0 && p.Asked == 1 && p.Rows == f.rows {
			f.layout.FirstPage = 1 // this server counts from 1 and answers page 0 with page 1
			return
		}
		f.over = f.pages > 0
		return
	}
	size := p.AskedSize
	switch {
	case p.PageSize != nil:
		size = int(*p.PageSize)
	case f.pages > 0:
		size = f.layout.PageSize
	case p.Total != nil && p.Rows < int(*p.Total):
		size = p.Rows // the server caps the size without saying so
	}
	if f.pages == 0 && p.Total != nil {
		f.layout = Layout{FirstPage: p.Asked, PageSize: size, Total: int(*p.Total)}
	}
	f.broken = p.Fresh != p.Rows || p.Rows > size || size != f.layout.PageSize || p.Asked != f.layout.FirstPage+f.pages ||
		p.Total == nil || int(*p.Total) != f.layout.Total || p.Page != nil && int(*p.Page) != p.Asked ||
		f.over || f.pages > 0 && !f.full
	f.pages++
	f.rows += p.Rows
	f.full = p.Rows == size
}

// Found returns the layout after a reading that ended without an error and yielded so many rows. ok is false unless all
// were found in one pass, each once, on consecutive pages that were full but for the last, of one size and with one total
// that is their number. A campaign without rows has no layout.
func (f *LayoutFinder) Found(rows int) (layout Layout, ok bool) {
	if f.broken || f.pages == 0 || f.rows != f.layout.Total || rows != f.layout.Total {
		return Layout{}, false
	}
	return f.layout, true
}
