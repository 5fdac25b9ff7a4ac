package revoxapi

// PageLayout says how the rows of a campaign lie on its pages.
type PageLayout struct {
	// FirstPage is the number of the first page: 0 or 1, as the server counts.
	FirstPage int
	// PageSize is how many rows each page but the last has, as the server gave them: its own page_size where it caps.
	PageSize int
	// Total is the number of the campaign's rows; the pages are FirstPage to FirstPage + ceil(Total/PageSize) - 1.
	Total int
}

// layoutFinder watches the pages of one pass go by, and finds how rows lie on them, as far as they lie still.
type layoutFinder struct {
	layout PageLayout
	pages  int  // that had rows
	rows   int  // on them
	full   bool // the newest page is as full as any
	over   bool // a page without anything new has come after them
	broken bool // this is no layout
}

// saw adds a page. asked is the page size that was asked for.
func (f *layoutFinder) saw(p page, asked int) {
	if f.broken {
		return
	}
	if p.fresh == 0 {
		// Before the first page that has rows and after the last, servers answer in ways of their own: with no rows, or
		// with those of a page that there is.
		if f.pages == 1 && !f.over && f.layout.FirstPage == 0 && p.number == 1 && p.rows == f.rows {
			f.layout.FirstPage = 1 // this one counts from 1, and answers page 0 with page 1
			return
		}
		f.over = f.pages > 0
		return
	}
	size := asked
	switch {
	case p.PageSize != nil:
		size = int(*p.PageSize)
	case f.pages > 0:
		size = f.layout.PageSize
	case p.Total != nil && p.rows < int(*p.Total):
		size = p.rows // a cap that the server does not tell of
	}
	if f.pages == 0 && p.Total != nil {
		f.layout = PageLayout{FirstPage: p.number, PageSize: size, Total: int(*p.Total)}
	}
	f.broken = p.fresh != p.rows || p.rows > size || size != f.layout.PageSize || p.number != f.layout.FirstPage+f.pages ||
		p.Total == nil || int(*p.Total) != f.layout.Total || p.Page != nil && int(*p.Page) != p.number ||
		f.over || f.pages > 0 && !f.full
	f.pages++
	f.rows += p.rows
	f.full = p.rows == size
}

// found returns the layout, nil where there is none. rows is how many there are in all.
func (f *layoutFinder) found(rows int) *PageLayout {
	if f.broken || f.pages == 0 || f.rows != f.layout.Total || rows != f.layout.Total {
		return nil
	}
	layout := f.layout
	return &layout
}
