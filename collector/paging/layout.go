package paging

import (
	"slices"

	"github.com/revox-exporter/revox_exporter/internal/apirequest"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Layout describes how a campaign's rows are divided into pages while no row moves: all pages except the last are full.
type Layout struct {
	// FirstPage is the number of the first page, 0 or 1, depending on the server.
	FirstPage int
	// PageSize is the number of rows on each page except the last. It is less than requested if the server caps it.
	PageSize int
	// Total is the number of the campaign's rows. The pages are FirstPage to FirstPage + Pages() - 1.
	Total int
}

// Pages returns the number of pages.
func (l Layout) Pages() int { return (l.Total + l.PageSize - 1) / l.PageSize }

// Page returns the request for the page with an index, counted from 0. It is a page of the rows that have the status, if
// that is not empty.
func (l Layout) Page(index int, status revoxapi.CallStatus) Request {
	return Request{Number: l.FirstPage + index, Size: l.PageSize, Status: status}
}

// Row returns the request for the row at a position, counted from 0; among the rows that have the status, if that is not
// empty.
func (l Layout) Row(position int, status revoxapi.CallStatus) Request {
	return Request{Number: l.FirstPage + position, Size: 1, Status: status}
}

// Position returns the position of the first row of the answer to r.
func (l Layout) Position(r Request) int { return (r.Number - l.FirstPage) * r.Size }

// RequestsAt returns the requests that read the rows at these positions, which it sorts: one by one, or the whole page where
// there are many.
func (l Layout) RequestsAt(positions []int) (requests []Request) {
	onPage := map[int]int{}
	for _, position := range positions {
		onPage[position/l.PageSize]++
	}
	slices.Sort(positions)
	for i, position := range positions {
		page := position / l.PageSize
		switch {
		case onPage[page] <= l.PageSize/16+1:
			requests = append(requests, l.Row(position, ""))
		case i == 0 || positions[i-1]/l.PageSize != page:
			requests = append(requests, l.Page(page, ""))
		}
	}
	return requests
}

// LayoutFinder finds the layout of a campaign while revoxapi.Rows reads it. Pass its Saw as apirequest.Options.OnPage.
// The zero value is ready to use for one reading.
type LayoutFinder struct {
	layout Layout
	pages  int  // pages that had rows
	rows   int  // rows on these pages
	full   bool // the last page with rows was full
	over   bool // a page without new rows followed them
	broken bool // there is no layout
}

// Saw processes the next page that was read.
func (f *LayoutFinder) Saw(p apirequest.Page) {
	if f.broken = f.broken || p.Pass > 1; f.broken {
		return
	}
	if p.Fresh == 0 {
		// Outside the pages with rows, some servers send no rows, and others those of a page that exists.
		if f.pages == 1 && !f.over && f.layout.FirstPage == 0 && p.Asked == 1 && p.Rows == f.rows {
			f.layout.FirstPage = 1 // the server numbers pages from 1 and answers page 0 with page 1
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

// Found returns the layout after a reading that ended without an error and yielded this number of rows. ok is true only
// if one pass found each row once, on consecutive pages of one size, all full except the last, and each page gave the
// number of rows as the total. A campaign without rows has no layout.
func (f *LayoutFinder) Found(rows int) (layout Layout, ok bool) {
	if f.broken || f.pages == 0 || f.rows != f.layout.Total || rows != f.layout.Total {
		return Layout{}, false
	}
	return f.layout, true
}
