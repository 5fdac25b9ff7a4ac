package revoxapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/cespare/xxhash/v2"

	"github.com/revox-exporter/revox_exporter/internal/apirequest"
	"github.com/revox-exporter/revox_exporter/internal/readahead"
)

const (
	// maxPasses limits how often a campaign is read from its first page on to find the rows that `total` promises.
	maxPasses = 3
	// maxPages ends a pass over a server that sends something new on every page.
	maxPages = 100_000
)

// What a Client has learned about the numbers of pages.
const (
	numberingUnknown int32 = iota
	// countsFromZero: page 0 had rows.
	countsFromZero
	// countsFromOne: page 0 is refused, empty or answered with page 1. A server is only taken for that if it gives a
	// total: without one, rows on page 0 would not be missed.
	countsFromOne
)

// errStopped ends the reading of an answer because the caller wants no more of it. It is not an *Error, and it leaves
// [Client.get] as it is.
var errStopped = errors.New("the caller has enough")

// walk reads all rows of a campaign.
type walk[R Identified] struct {
	client     *Client
	campaignID string
	params     RowsParams
	options    apirequest.Options
	yield      func(R) bool

	seen        keySet // the keys of all rows that were yielded
	pass        int    // 1 for the first
	seenInPass  *keySet
	ahead       *readahead.Reader[aheadPage[R]] // the pages that come next in this pass; nil if they are read one by one
	total       *Int                            // the last that the server gave
	shrank      bool                            // in this pass: rows were removed, so others may have been missed
	pages       int
	duplicates  int
	skipped     int  // entries in this pass that are not objects, on pages that were not sent again
	mostSkipped int  // in any pass
	emptyZero   bool // page 0 was empty although the total says that there are rows
}

// aheadPage is a page that was read before its turn.
type aheadPage[R any] struct {
	number int
	*RowsPage[R]
}

// page describes a page that was read whole.
type page struct {
	pageInfo
	number  int
	rows    int // on the page, with what is not an object
	skipped int // of these, not an object
	fresh   int // of these, not seen before in this pass
}

func newWalk[R Identified](c *Client, campaignID string, params RowsParams, o apirequest.Options, yield func(R) bool) *walk[R] {
	if params.PageSize == 0 {
		params.PageSize = DefaultPageSize
	}
	w := &walk[R]{client: c, campaignID: campaignID, params: params, options: o, yield: yield, pass: 1}
	w.seenInPass = &w.seen
	return w
}

func (w *walk[R]) summary() RowsSummary {
	s := RowsSummary{Rows: w.seen.len(), Pages: w.pages, Duplicates: w.duplicates, Skipped: w.mostSkipped}
	if w.total != nil {
		s.Missing = max(0, int(*w.total)-w.found())
	}
	return s
}

// run reads the campaign. Its error is an *Error or, if yield returned false, errStopped.
func (w *walk[R]) run(ctx context.Context) error {
	err := w.readPasses(ctx)
	if err == errStopped && w.seen.len() > w.client.maxRows {
		return w.incomplete("more than %d rows were found, and no more are read of a campaign", w.client.maxRows)
	}
	if err == nil && w.seen.len() == 0 && w.mostSkipped > 0 {
		e := badResponse("none of the campaign's rows is an object")
		e.Endpoint, e.CampaignID, e.Page = EndpointRows, w.campaignID, -1
		return e
	}
	if err == nil && w.emptyZero && w.found() == w.expected() {
		w.learnCountsFromOne() // and its totals are right, so rows on page 0 would be missed
	}
	return err
}

func (w *walk[R]) readPasses(ctx context.Context) error {
	first, err := w.firstPage(ctx)
	if err != nil {
		return err
	}
	_, err = w.readPass(ctx, first, func(p page) bool {
		if p.fresh > 0 {
			w.duplicates += p.rows - p.skipped - p.fresh
		}
		return w.ended(p)
	})
	for err == nil && (w.short() || w.shrank) {
		if w.pass == maxPasses {
			return w.incomplete("rows move faster than they can be read: %d found where %d should be", w.seen.len(), *w.total)
		}
		w.pass++
		before := w.seen.len()
		// Rows that were read and then removed count as found too, so after a removal only a pass that saw as many rows
		// as there are will do.
		wholePass := w.shrank
		w.seenInPass, w.skipped, w.shrank = &keySet{}, 0, false
		// Rows may come before the page that the caller named as the first.
		first, err = w.openingPage(ctx, 0)
		if err != nil {
			return err
		}
		var refusal error
		refusal, err = w.readPass(ctx, first, func(p page) bool {
			return p.rows == 0 || !w.short() && (!wholePass || w.seenInPass.len()+w.skipped >= int(*w.total))
		})
		if err == nil && w.seen.len() == before {
			if refusal != nil && w.short() {
				return w.incomplete("%d of %d rows found, and no page after them is given: %w", w.seen.len(), *w.total, refusal)
			}
			// Nothing moves: either all is found, or the total and the rows disagree for good, which the summary says.
			return nil
		}
	}
	return err
}

// expected returns how many rows there are by the last total, 0 without one.
func (w *walk[R]) expected() int {
	if w.total == nil {
		return 0
	}
	return int(*w.total)
}

// short reports whether the server promises more rows than were found.
func (w *walk[R]) short() bool { return w.total != nil && w.found() < int(*w.total) }

// found returns how many of the rows that the server promises were found. What is not an object is one of them.
func (w *walk[R]) found() int { return w.seen.len() + w.mostSkipped }

// incomplete returns an error about no single page.
func (w *walk[R]) incomplete(format string, args ...any) error {
	return &Error{Kind: KindIncomplete, Endpoint: EndpointRows, CampaignID: w.campaignID, Page: -1, Err: fmt.Errorf(format, args...)}
}

// firstPage reads the page on which the walk starts.
func (w *walk[R]) firstPage(ctx context.Context) (page, error) {
	if w.params.Page == 0 && w.client.numbering.Load() == countsFromOne {
		p, err := w.open(ctx, 1)
		if err != nil || w.total != nil {
			return p, err
		}
	}
	return w.openingPage(ctx, w.params.Page)
}

// openingPage reads page start or, if that is 0 and the server counts from 1, page 1.
func (w *walk[R]) openingPage(ctx context.Context, start int) (page, error) {
	p, err := w.open(ctx, start)
	switch {
	case err != nil && start == 0 && refusesPage(err):
		return w.openPastRefusal(ctx, err)
	case err == nil && start == 0 && p.rows == 0 && (w.expected() > 0 || w.total == nil || w.client.numbering.Load() != countsFromZero):
		// Page 0 of a server that counts from 1 can be empty where its page 1 is not, and its total can be that of the page.
		w.emptyZero = w.expected() > 0
		return w.openPastEmpty(ctx, p)
	case err == nil && start == 0 && p.rows > 0 && (p.Page == nil || *p.Page == 0):
		w.client.numbering.Store(countsFromZero)
	}
	return p, err
}

// openPastEmpty reads page 1 of a server whose page 0 is empty. If page 1 is refused and the total is 0, or there is no
// total and it is refused twice, page 0 was the first page and the last.
func (w *walk[R]) openPastEmpty(ctx context.Context, zero page) (page, error) {
	one, err := w.open(ctx, 1)
	if w.total != nil && *w.total == 0 && refusesPage(err) {
		return zero, nil
	}
	if w.total == nil && refusesPage(err) {
		if one, err = w.open(ctx, 1); refusesPage(err) {
			return zero, nil
		}
	}
	return one, err
}

// openPastRefusal reads page 1 of a server that refused page 0. If page 0 is refused again, it does not exist and page 1
// is the first; otherwise the first refusal was an accident.
func (w *walk[R]) openPastRefusal(ctx context.Context, refusal error) (page, error) {
	one, err := w.open(ctx, 1)
	if err != nil {
		// "Not found" for page 1 says more than "bad request" for page 0: there is no such campaign.
		if refusesPage(err) && (KindOf(err) != KindNotFound || KindOf(refusal) == KindNotFound) {
			return page{}, refusal
		}
		return page{}, err
	}
	zero, err := w.open(ctx, 0)
	if err == nil || !refusesPage(err) {
		return zero, err
	}
	w.learnCountsFromOne()
	return one, nil
}

func (w *walk[R]) learnCountsFromOne() {
	if w.total != nil {
		w.client.numbering.Store(countsFromOne)
	} else {
		w.client.numbering.Store(numberingUnknown)
	}
}

// refusesPage reports whether err is an answer that a server may give for a page that does not exist.
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

// readPass goes on from an opened page until ended returns true or pages repeat. refusal is the error of a page past
// those that were read, which is how some servers say that there are no more. err ends the walk.
func (w *walk[R]) readPass(ctx context.Context, p page, ended func(page) bool) (refusal, err error) {
	first := p
	defer w.stopAhead()
	repeats := 0
	for n := 1; !ended(p); n++ {
		// A page whose rows are all known may be the answer to a page that does not exist. It may also be page 1 of a
		// server that counts from 1 and was asked for page 0 before, or a page before which as many rows were inserted.
		// So one more is read.
		if p.fresh > 0 {
			repeats = 0
		} else if repeats++; repeats == 2 {
			return nil, nil
		}
		if n == maxPages {
			return nil, w.incomplete("there was something new on each of %d pages, with no end", n)
		}
		if n == 1 {
			w.startAhead(ctx, p)
		}
		last := p
		if p, err = w.open(ctx, last.number+1); err != nil {
			if refusesPage(err) {
				w.stopAhead()
				return err, w.confirmEnd(ctx, last, err)
			}
			return nil, err
		}
		if n == 1 && first.number == 0 && first.Page != nil && *first.Page == 1 && p.fresh == 0 && p.rows == first.rows {
			// Page 0 was answered with page 1: the answer's `page` says so, and its rows are the same.
			w.learnCountsFromOne()
		}
	}
	return nil, nil
}

// A page that is larger is not kept until its turn comes.
const (
	largestAhead      = 1000 // rows
	largestAheadBytes = 8 << 20
)

// startAhead begins to read the pages after p, the first of a pass, up to what should be the last. Several are read at
// once and taken in order. After a page that turns out to be much larger, that page and the rest are read as a stream, one
// by one.
func (w *walk[R]) startAhead(ctx context.Context, p page) {
	size := w.params.PageSize
	if p.PageSize != nil {
		size = int(*p.PageSize)
	}
	if w.client.maxInFlight == 1 || w.total == nil || size < 1 || size > largestAhead || p.rows != size {
		return
	}
	pages := (int(*w.total) - 1) / size // after p
	if pages < 2 {
		return
	}
	ahead := w.pageOptions()
	ahead.MaxPageBytes = largestAheadBytes
	read := func(ctx context.Context, i int) (aheadPage[R], error) {
		params := w.params
		params.Page = p.number + 1 + i
		whole, err := readPage[R](ctx, w.client, w.campaignID, params, ahead, 2*size)
		return aheadPage[R]{params.Page, whole}, err
	}
	w.ahead = readahead.New(ctx, w.client.maxInFlight, pages, read)
}

// pageOptions returns the options of a request for one page.
func (w *walk[R]) pageOptions() apirequest.Options {
	return apirequest.Options{LowPriority: w.options.LowPriority, OnRequest: w.options.OnRequest}
}

func (w *walk[R]) stopAhead() {
	if w.ahead != nil {
		w.ahead.Stop()
		w.ahead = nil
	}
}

// confirmEnd returns nil if the refusal of the page after last is the end of the pages. With a total, missing rows are
// noticed anyway. Without one it is the end if the last page can still be read and the next is refused again.
func (w *walk[R]) confirmEnd(ctx context.Context, last page, refusal error) error {
	if w.total != nil {
		return nil
	}
	if _, err := w.open(ctx, last.number); err != nil {
		return err
	}
	if _, err := w.open(ctx, last.number+1); !refusesPage(err) {
		if err == nil {
			err = refusal
		}
		return err
	}
	return nil
}

// ended reports whether nothing can follow p in the first pass.
func (w *walk[R]) ended(p page) bool {
	size := w.params.PageSize
	if p.PageSize != nil && *p.PageSize > 0 {
		size = int(*p.PageSize)
	}
	switch {
	case p.rows == 0:
		return true
	case w.total != nil && p.fresh == 0 && w.found() == int(*w.total) && p.rows < w.found():
		return true
	case w.total != nil && w.found() == int(*w.total) && p.rows < size:
		// A full page might be all that a server counts which counts only what it sends. A short page is the last.
		return true
	case p.Page == nil && p.PageSize == nil && p.Total == nil && p.rows > size:
		// More than was asked for, and nothing about pages: this server sends all rows at once.
		return true
	}
	return false
}

// open reads one page and yields what is new on it.
func (w *walk[R]) open(ctx context.Context, number int) (page, error) {
	if w.ahead != nil {
		whole, ok, err := w.ahead.Next()
		switch {
		case ok && err != nil:
			return page{}, err
		case ok && !whole.Overfull:
			return w.takeWhole(whole)
		}
		w.stopAhead()
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
	skip := func() { p.rows++; p.skipped++ }
	var err error
	p.pageInfo, err = readRows(ctx, w.client, w.campaignID, params, w.pageOptions(), begin, skip, func(row R, _ int) error {
		if row.RowID() == "" {
			return noID(p.rows + 1)
		}
		return w.add(&p, &try, row)
	})
	if err != nil {
		return page{}, err
	}
	w.note(p, w.seen.len()-before)
	return p, nil
}

// takeWhole is open for a page that was read already.
func (w *walk[R]) takeWhole(whole aheadPage[R]) (page, error) {
	p := page{number: whole.number, pageInfo: pageInfo{Page: whole.Page, PageSize: whole.PageSize, Total: whole.Total},
		rows: whole.Skipped, skipped: whole.Skipped}
	before := w.seen.len()
	var try try
	try.begin(w.seenInPass.len())
	for _, row := range whole.Rows {
		if err := w.add(&p, &try, row); err != nil {
			return page{}, err
		}
	}
	w.note(p, w.seen.len()-before)
	return p, nil
}

// try is the present one of perhaps several tries to read a page as a stream.
type try struct {
	first  int    // index in the pass of the first row that any try had
	broken int    // index after the last row of the tries that broke off
	again  []bool // which of these rows this try has brought again
	begun  bool
}

// begin begins the next try, when the pass has so many rows.
func (t *try) begin(rows int) {
	if !t.begun {
		t.first, t.begun = rows, true
	}
	t.broken = rows
	t.again = make([]bool, t.broken-t.first)
}

// add yields row if it is new.
func (w *walk[R]) add(p *page, t *try, row R) error {
	p.rows++
	key := xxhash.Sum64String(row.RowID())
	index, isNew := w.seenInPass.add(key, w.expected())
	if !isNew {
		if index >= t.first && index < t.broken && !t.again[index-t.first] {
			// A try that broke off has yielded it. In this try it is new, the first time.
			t.again[index-t.first] = true
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
	if w.seen.len() > w.client.maxRows || !w.yield(row) {
		return errStopped
	}
	return nil
}

// note takes in a page that was read, of whose rows so many had not been seen before in any pass.
func (w *walk[R]) note(p page, unseen int) {
	w.pages++
	if p.fresh > 0 || p.rows == p.skipped {
		w.skipped += p.skipped
		w.mostSkipped = max(w.mostSkipped, w.skipped)
	}
	if p.Total != nil {
		w.shrank = w.shrank || w.total != nil && *p.Total < *w.total
		w.total = p.Total
	}
	if w.options.OnPage != nil {
		w.options.OnPage(apirequest.Page{Pass: w.pass, Asked: p.number, AskedSize: w.params.PageSize,
			Page: (*int64)(p.Page), PageSize: (*int64)(p.PageSize), Total: (*int64)(p.Total), Rows: p.rows, Fresh: p.fresh})
	}
	if w.client.trace.Page != nil {
		w.client.trace.Page(PageTrace{CampaignID: w.campaignID, Asked: p.number, AskedSize: w.params.PageSize,
			Page: p.Page, PageSize: p.PageSize, Total: p.Total, Rows: p.rows, Fresh: unseen})
	}
}
