package revoxapi

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
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
}

const (
	// maxPasses is how often a campaign is read from its first page on to find the rows that `total` promises.
	maxPasses = 3
	// maxPages ends a pass over a server that has something new on every page.
	maxPages = 100_000
)

// AllRows reads every page of a campaign's rows and hands each row to each, once by its id, as soon as it is read.
// R is any struct that the JSON of a row decodes into (see [Row]); fields it does not have are skipped unread.
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
	if params.PageSize == 0 {
		params.PageSize = DefaultPageSize
	}
	w := &walk[R]{ctx: ctx, client: c, campaignID: campaignID, params: params, each: each, seen: map[rowKey]struct{}{}}
	err := w.run()
	summary := RowsSummary{Rows: len(w.seen), Pages: w.pages, Duplicates: w.duplicates}
	if w.total != nil {
		summary.Missing = max(0, int(*w.total)-len(w.seen))
	}
	return summary, err
}

// rowKey stands for a row's id: 128 bits of a hash take less room than the text, and do not collide.
type rowKey [2]uint64

var rowKeySeeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

func keyOf(id string) rowKey {
	return rowKey{maphash.String(rowKeySeeds[0], id), maphash.String(rowKeySeeds[1], id)}
}

// walk is one AllRows under way.
type walk[R Identified] struct {
	ctx        context.Context
	client     *Client
	campaignID string
	params     RowsParams
	each       func(R) error

	seen       map[rowKey]struct{}
	seenInPass map[rowKey]struct{} // the same map in the first pass
	total      *Int                // the newest
	shrank     bool                // in this pass: rows were removed, and others may have slipped past for it
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
	w.seenInPass = w.seen
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
	for pass := 1; err == nil && (w.short() || w.shrank); pass++ {
		if pass == maxPasses {
			return w.incomplete("rows move faster than they can be read: %d found where %d should be", len(w.seen), *w.total)
		}
		before := len(w.seen)
		// Rows that were read and then removed make up the number too: then only a pass that saw them all will do.
		anew := w.shrank
		w.seenInPass, w.shrank = map[rowKey]struct{}{}, false
		// Wherever the count was said to start, rows may be before it.
		first, err = w.openingPage(0)
		if err != nil {
			return err
		}
		var refusal error
		refusal, err = w.pass(first, func(p page) bool {
			return p.rows == 0 || !w.short() && (!anew || len(w.seenInPass) >= int(*w.total))
		})
		if err == nil && len(w.seen) == before {
			if !w.short() {
				return nil
			}
			if refusal != nil {
				return w.incomplete("%d of %d rows found, and no page after them is given: %w", len(w.seen), *w.total, refusal)
			}
			// Nothing moves: the server's total and its rows disagree for good, and the caller is told.
			return nil
		}
	}
	return err
}

// short tells whether the server promises more rows than were found.
func (w *walk[R]) short() bool { return w.total != nil && len(w.seen) < int(*w.total) }

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
		if refusesPage(err) {
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
		last := p
		if p, err = w.open(last.number + 1); err != nil {
			if refusesPage(err) {
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
	case w.total != nil && p.fresh == 0 && len(w.seen) == int(*w.total) && p.rows < len(w.seen):
		return true
	case w.total != nil && len(w.seen) == int(*w.total) && p.rows < size:
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
	params := w.params
	params.Page = number
	p := page{number: number}
	var newHere []rowKey            // in this pass, by all tries
	var earlier map[rowKey]struct{} // by the tries before this one
	begin := func() {
		p = page{number: number}
		if len(newHere) > 0 {
			earlier = make(map[rowKey]struct{}, len(newHere))
			for _, key := range newHere {
				earlier[key] = struct{}{}
			}
		}
	}
	var err error
	p.pageInfo, err = readRows(w.ctx, w.client, w.campaignID, params, begin, func(row R) error {
		p.rows++
		if row.RowID() == "" {
			return badResponse("row %d of the answer has no id", p.rows)
		}
		key := keyOf(row.RowID())
		if _, again := earlier[key]; again {
			// A try that broke off had it already; in this one it is new, but once.
			delete(earlier, key)
			p.fresh++
			return nil
		}
		if _, known := w.seenInPass[key]; known {
			return nil
		}
		_, known := w.seen[key]
		w.seenInPass[key] = struct{}{}
		newHere = append(newHere, key)
		p.fresh++
		if known {
			return nil
		}
		w.seen[key] = struct{}{}
		if err := w.each(row); err != nil {
			return callerError{err}
		}
		return nil
	})
	if err != nil {
		return page{}, err
	}
	w.pages++
	if p.Total != nil {
		w.shrank = w.shrank || w.total != nil && *p.Total < *w.total
		w.total = p.Total
	}
	return p, nil
}
