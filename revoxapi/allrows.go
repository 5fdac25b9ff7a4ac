package revoxapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// Identified is what a row must be for AllRows to tell it from the others.
type Identified interface {
	// RowID returns the row's `id`.
	RowID() string
}

// RowsSummary says what AllRows read.
type RowsSummary struct {
	// Rows is the number of distinct rows handed over.
	Rows int
	// Pages is the number of pages read, those without anything new included.
	Pages int
	// Duplicates is the number of rows passed over, because a row of the same id had been read before: rows that moved
	// while pages were read. Pages that the server gave again whole, or that were read again on purpose, do not count.
	Duplicates int
	// Missing is how many more rows the server's newest `total` promises than could be found; 0 where it gives none.
	Missing int
	// Layout says how the rows lie on pages, where they lay still: nil unless all were found in one pass, each once, on
	// consecutive pages that were full but for the last, of one page_size, with one total that is their number. It is nil
	// for a campaign without rows.
	Layout *PageLayout
}

const (
	// maxPasses is how often a campaign is read from its first page on to find the rows that `total` promises.
	maxPasses = 3
	// maxPages ends a pass over a server that has something new on every page.
	maxPages = 100_000
)

// AllRows reads every page of a campaign's rows and hands each row to each, once by its id and in the order of the pages.
// R is any struct that the JSON of a row decodes into (see [Row]); fields it does not have are skipped unread. each is
// called from the caller's goroutine.
//
// Where the server says how many rows there are, several pages of up to 1,000 rows are read at once, as far as the
// client's limits allow and 8 at most. Beside those, 16 bytes a row are kept.
//
// It is right whether the server counts pages from 0 or from 1, caps the size of a page, gives a total or not, or does
// not page at all, and it always ends: when `total` distinct rows are there, when a page is empty, or when pages bring
// nothing new. Where rows are missing then, the pages are read again, at most twice; rows that still cannot be found
// while nothing moves are reported in the summary.
//
// A nil error means that the campaign was read whole. Otherwise what was handed over is a part, to be thrown away. The
// error is an *Error, or the first error that each returned, as it was.
//
// params.Page is where paging starts (0 is right for any server); a page given twice is told by its rows' ids.
func AllRows[R Identified](ctx context.Context, c *Client, campaignID string, params RowsParams, each func(R) error) (RowsSummary, error) {
	return AllPages(ctx, c, campaignID, params, func(_ int, row R) error { return each(row) })
}

// AllPages is AllRows that also tells on which page each row was found: the number that was asked for.
func AllPages[R Identified](ctx context.Context, c *Client, campaignID string, params RowsParams, each func(page int, row R) error) (RowsSummary, error) {
	if params.PageSize == 0 {
		params.PageSize = DefaultPageSize
	}
	w := &walk[R]{ctx: ctx, client: c, campaignID: campaignID, params: params, each: each}
	err := w.run()
	if own, ok := err.(callerError); ok {
		err = own.error
	}
	summary := RowsSummary{Rows: w.seen.len(), Pages: w.pages, Duplicates: w.duplicates}
	if w.total != nil {
		summary.Missing = max(0, int(*w.total)-w.seen.len())
	}
	if err == nil && w.passes == 1 {
		summary.Layout = w.layout.found(w.seen.len())
	}
	return summary, err
}

// walk is one AllRows under way.
type walk[R Identified] struct {
	ctx        context.Context
	client     *Client
	campaignID string
	params     RowsParams
	each       func(int, R) error

	seen       keySet
	seenInPass *keySet      // the same set in the first pass
	layout     layoutFinder // of the first pass
	passes     int
	ahead      *readAhead[PageResult[R]] // the pages that come next in this pass; nil where they are read one by one
	total      *Int                      // the newest
	shrank     bool                      // in this pass: rows were removed, and others may have slipped past for it
	pages      int
	duplicates int
}

// page is what reading one page came to.
type page struct {
	pageInfo
	number int
	rows   int // on the page
	fresh  int // of them not seen before in this pass
}

func (w *walk[R]) run() error {
	w.seenInPass, w.passes = &w.seen, 1
	first, err := w.firstPage()
	if err != nil {
		return err
	}
	_, err = w.pass(first, func(p page) bool {
		if p.fresh > 0 {
			w.duplicates += p.rows - p.fresh
		}
		return w.ended(p)
	})
	for ; err == nil && (w.short() || w.shrank); w.passes++ {
		if w.passes == maxPasses {
			return w.incomplete("rows move faster than they can be read: %d found where %d should be", w.seen.len(), *w.total)
		}
		before := w.seen.len()
		// Rows that were read and then removed make up the number too: then only a pass that saw them all will do.
		anew := w.shrank
		w.seenInPass, w.shrank = &keySet{}, false
		// Wherever the count was said to start, rows may be before it.
		first, err = w.openingPage(0)
		if err != nil {
			return err
		}
		var refusal error
		refusal, err = w.pass(first, func(p page) bool {
			return p.rows == 0 || !w.short() && (!anew || w.seenInPass.len() >= int(*w.total))
		})
		if err == nil && w.seen.len() == before {
			if !w.short() {
				return nil
			}
			if refusal != nil {
				return w.incomplete("%d of %d rows found, and no page after them is given: %w", w.seen.len(), *w.total, refusal)
			}
			// Nothing moves: the server's total and its rows disagree for good, and the caller is told.
			return nil
		}
	}
	return err
}

// expected is how many rows there are, by the server's newest word; 0 where it gives none.
func (w *walk[R]) expected() int {
	if w.total == nil {
		return 0
	}
	return int(*w.total)
}

func noID(row int) *Error { return badResponse("row %d of the answer has no id", row) }

// short tells whether the server promises more rows than were found.
func (w *walk[R]) short() bool { return w.total != nil && w.seen.len() < int(*w.total) }

func (w *walk[R]) incomplete(format string, args ...any) error {
	return &Error{Kind: KindIncomplete, Endpoint: EndpointRows, CampaignID: w.campaignID, Page: -1, Err: fmt.Errorf(format, args...)}
}

// firstPage reads where the walk starts.
func (w *walk[R]) firstPage() (page, error) {
	if w.params.Page == 0 && w.client.startsAtOne.Load() {
		p, err := w.open(1)
		// Without a total a row that is missed would go unnoticed: then page 0 is asked for each time.
		if err != nil || w.total != nil {
			return p, err
		}
	}
	return w.openingPage(w.params.Page)
}

// openingPage reads page start or, where that is 0 and the server counts from 1, page 1.
func (w *walk[R]) openingPage(start int) (page, error) {
	p, err := w.open(start)
	switch {
	case err != nil && start == 0 && refusesPage(err):
		return w.openPastRefusal(err)
	case err == nil && start == 0 && p.rows == 0 && (w.total == nil || *w.total > 0):
		// Page 0 of a server that counts from 1 can be empty where its page 1 is not.
		return w.openPastEmpty(p)
	case err == nil && start == 0 && p.rows > 0 && (p.Page == nil || *p.Page == 0):
		w.client.startsAtOne.Store(false)
	}
	return p, err
}

// openPastEmpty reads page 1 of a server whose page 0 is empty. Where there is no total, and page 1 is refused for good,
// page 0 was the first page and the last.
func (w *walk[R]) openPastEmpty(zero page) (page, error) {
	one, err := w.open(1)
	if w.total == nil && refusesPage(err) {
		if one, err = w.open(1); refusesPage(err) {
			return zero, nil
		}
	}
	return one, err
}

// openPastRefusal reads page 1 of a server that refused page 0. Where a second refusal shows that page 0 does not
// exist, and not that the first was a mishap, page 1 is the first.
func (w *walk[R]) openPastRefusal(refusal error) (page, error) {
	one, err := w.open(1)
	if err != nil {
		// That page 1 is not found says more than that page 0 is bad: then there is no such campaign.
		if refusesPage(err) && (KindOf(err) != KindNotFound || KindOf(refusal) == KindNotFound) {
			return page{}, refusal
		}
		return page{}, err
	}
	zero, err := w.open(0)
	if err == nil || !refusesPage(err) {
		return zero, err
	}
	w.client.startsAtOne.Store(w.total != nil)
	return one, nil
}

// refusesPage tells whether err is an answer that a server may give for a page that does not exist.
func refusesPage(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return false
	}
	switch e.StatusCode {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusUnprocessableEntity:
		return true
	}
	return false
}

// pass goes on from an opened page until ended says that nothing can follow, or pages repeat. The first error is the
// refusal of a page past those read, which is how some servers say that there are no more; the second ends the walk.
func (w *walk[R]) pass(p page, ended func(page) bool) (refusal, err error) {
	first := p
	defer w.stopAhead()
	repeats := 0
	for n := 1; !ended(p); n++ {
		// A page whose rows are all known is the server's answer to a page that does not exist. But it is also what a
		// server that counts from 1 can give for page 1 after page 0, and what follows when as many rows were put in
		// before it: so one more is asked for.
		if p.fresh > 0 {
			repeats = 0
		} else if repeats++; repeats == 2 {
			return nil, nil
		}
		if n == maxPages {
			return nil, w.incomplete("there was something new on each of %d pages, with no end", n)
		}
		if n == 1 {
			w.startAhead(p)
		}
		last := p
		if p, err = w.open(last.number + 1); err != nil {
			if refusesPage(err) {
				w.stopAhead()
				return err, w.confirmEnd(last, err)
			}
			return nil, err
		}
		if n == 1 && first.number == 0 && first.Page != nil && *first.Page == 1 && p.fresh == 0 && p.rows == first.rows {
			// Page 0 was answered with page 1, in the server's own words and by its rows.
			w.client.startsAtOne.Store(w.total != nil)
		}
	}
	return nil, nil
}

// largestAhead is the largest page that is kept whole until its turn comes.
const largestAhead = 1000

// startAhead begins to read the pages after p, the first of a pass, up to that which should be the last: several at once,
// though they are taken in order. A page that turns out much larger is given up, and read as a stream in its turn.
func (w *walk[R]) startAhead(p page) {
	size := w.params.PageSize
	if p.PageSize != nil {
		size = int(*p.PageSize)
	}
	if w.client.window == 1 || w.total == nil || size < 1 || size > largestAhead || p.rows != size {
		return
	}
	pages := (int(*w.total) - 1) / size // after p
	if pages < 2 {
		return
	}
	w.ahead = newReadAhead(w.ctx, w.client.window, pages, func(ctx context.Context, i int) (PageResult[R], error) {
		return readPage[R](ctx, w.client, w.campaignID, w.params, PageRequest{Number: p.number + 1 + i}, 2*size)
	})
}

func (w *walk[R]) stopAhead() {
	if w.ahead != nil {
		w.ahead.stop()
		w.ahead = nil
	}
}

// confirmEnd tells whether the refusal of the page after last is the end of the pages. With a total that is known
// anyway. Without one it is, if the last page can still be read and the next is refused again.
func (w *walk[R]) confirmEnd(last page, refusal error) error {
	if w.total != nil {
		return nil
	}
	if _, err := w.open(last.number); err != nil {
		return err
	}
	if _, err := w.open(last.number + 1); !refusesPage(err) {
		if err == nil {
			err = refusal
		}
		return err
	}
	return nil
}

// ended tells whether nothing can follow p in the first pass.
func (w *walk[R]) ended(p page) bool {
	size := w.params.PageSize
	if p.PageSize != nil && *p.PageSize > 0 {
		size = int(*p.PageSize)
	}
	switch {
	case p.rows == 0:
		return true
	case w.total != nil && p.fresh == 0 && w.seen.len() == int(*w.total) && p.rows < w.seen.len():
		return true
	case w.total != nil && w.seen.len() == int(*w.total) && p.rows < size:
		// A full page might be the total of a server that counts only what it sends; a short one is the last.
		return true
	case p.Page == nil && p.PageSize == nil && p.Total == nil && p.rows > size:
		// More than was asked for, and no word of pages: this server sends all rows at once.
		return true
	}
	return false
}

// open reads one page and hands over what is new on it.
func (w *walk[R]) open(number int) (page, error) {
	if w.ahead != nil {
		whole, err, ok := w.ahead.take()
		switch {
		case ok && err != nil:
			return page{}, err
		case ok && !whole.Overfull:
			return w.takeWhole(whole)
		case !ok:
			w.stopAhead()
		}
	}
	params := w.params
	params.Page = number
	before := w.seen.len()
	var p page
	var try try
	begin := func() {
		p = page{number: number}
		try.begin(w.seenInPass.len())
	}
	var err error
	p.pageInfo, err = readRows(w.ctx, w.client, w.campaignID, params, "", begin, func(row R) error {
		if row.RowID() == "" {
			return noID(p.rows + 1)
		}
		if err := w.meet(&p, &try, row); err != nil {
			return callerError{err}
		}
		return nil
	})
	if err != nil {
		return page{}, err
	}
	w.note(p, w.seen.len()-before)
	return p, nil
}

// takeWhole is open for a page that was read already.
func (w *walk[R]) takeWhole(whole PageResult[R]) (page, error) {
	p := page{number: whole.Number, pageInfo: pageInfo{Page: whole.Page, PageSize: whole.PageSize, Total: whole.Total}}
	before := w.seen.len()
	var try try
	try.begin(w.seenInPass.len())
	for _, row := range whole.Rows {
		if err := w.meet(&p, &try, row); err != nil {
			return page{}, err
		}
	}
	w.note(p, w.seen.len()-before)
	return p, nil
}

// try is one of perhaps several tries to read a page as a stream.
type try struct {
	first  int    // place in the pass of the first row that any of them had
	broken int    // place after the last that a try which broke off had
	again  []bool // which of these this try has brought again
	begun  bool
}

// begin begins another try, after so many rows in the pass.
func (t *try) begin(rows int) {
	if !t.begun {
		t.first, t.begun = rows, true
	}
	t.broken = rows
	t.again = make([]bool, t.broken-t.first)
}

// meet hands over row if it is new.
func (w *walk[R]) meet(p *page, t *try, row R) error {
	p.rows++
	key := RowKey(row.RowID())
	place, isNew := w.seenInPass.add(key, w.expected())
	if !isNew {
		if place >= t.first && place < t.broken && !t.again[place-t.first] {
			// It was handed over then; in this try it is new, but once.
			t.again[place-t.first] = true
			p.fresh++
		}
		return nil
	}
	p.fresh++
	if w.seenInPass != &w.seen {
		if _, isNew := w.seen.add(key, w.expected()); !isNew {
			return nil
		}
	}
	if w.seen.len() > w.client.maxRows {
		return w.incomplete("more than %d rows were found, and no more are read of a campaign", w.client.maxRows)
	}
	if err := w.each(p.number, row); err != nil {
		return callerError{err} // until run has ended: an *Error of the caller's own is no answer of the server's
	}
	return nil
}

// note notes a page that was read, and how many of its rows the walk had not met before.
func (w *walk[R]) note(p page, unseen int) {
	w.pages++
	if w.passes == 1 {
		w.layout.saw(p, w.params.PageSize)
	}
	if p.Total != nil {
		w.shrank = w.shrank || w.total != nil && *p.Total < *w.total
		w.total = p.Total
	}
	if w.client.trace.Page != nil {
		w.client.trace.Page(PageTrace{CampaignID: w.campaignID, Asked: p.number, AskedSize: w.params.PageSize,
			Page: p.Page, PageSize: p.PageSize, Total: p.Total, Rows: p.rows, Fresh: unseen})
	}
}
