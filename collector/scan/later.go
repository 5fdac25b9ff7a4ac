package scan

import (
	"cmp"
	"context"
	"errors"
	"math/bits"
	"slices"

	"github.com/revox-exporter/revox_exporter/collector/rows"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// A later scan reads the rows that can have changed, and asks for each status how many rows have it. The order of its
// steps matters, because rows go on while it runs: the totals come first, so that a row that goes on afterwards is found
// where it is then, and check can tell this from a row that nobody found.

// errReadAll says that reading some rows is not enough: something has changed that only a full scan finds.
var errReadAll = errors.New("every row must be read")

// later makes a later scan. The error is errReadAll unless the answers agree with each other and with what was known.
func (s *run) later(ctx context.Context) (*Result, error) {
	was := s.before.Known
	if was == nil || s.before.Rows == nil || !was.Filters() || s.scanner.FullInterval == 0 || s.start.Before(was.At) {
		return nil, errReadAll
	}
	l := &laterScan{
		run: s, was: was, layout: was.Layout, keys: was.keys, class: slices.Clone(was.class), late: slices.Clone(was.late),
		frontier: was.frontier, totals: map[revoxapi.CallStatus]int{}, found: map[uint64]*tally.Row{},
		unplaced: map[uint64]struct{}{}, read: tally.New(s.scanner.Labels),
	}
	for _, step := range []func(context.Context) error{
		l.readTotals, l.readActive, l.readNew, l.readMoved, l.search, l.check,
	} {
		switch err := step(ctx); {
		case errors.Is(err, errFilter):
			s.broken = true
			return nil, errReadAll
		case err != nil:
			s.totals = l.totals
			return nil, err
		}
	}
	return l.result(), nil
}

// laterScan is a later scan in progress.
type laterScan struct {
	run    *run
	was    *Known
	layout Layout
	// keys, class, late and frontier are as in Known, up to date for the rows in found. The class of a row that is found
	// finished is not late.
	keys     []uint64
	class    []class
	late     []lateRow
	frontier int
	called   []int // positions of rows that were waiting and are not any more
	placed   []int // positions of the rows in found
	shift    int   // the number of rows that were added at the beginning
	// active are the statuses whose rows are read.
	active []revoxapi.CallStatus
	// idle reports that nothing is going on: all calls are finished, and there are no new rows.
	idle bool
	// last is the key of the row where the last one was, and total the number of rows.
	last  uint64
	total int
	// totals has the number of rows of each status that was asked for.
	totals map[revoxapi.CallStatus]int
	// read counts all rows that were read, for the campaign's name and the fields that rows have.
	read *tally.Tally
	// found are the rows that were read, by key, except those that were read for the sake of a total.
	found map[uint64]*tally.Row
	// foundParts is the number of rows and attempts in found.
	foundParts int
	// unplaced are the keys of rows in found whose position is not known yet.
	unplaced map[uint64]struct{}
}

// readTotals asks how many rows there are, in all and of the statuses that are counted. If all calls are finished, it asks
// for the statuses that there are: a row that gets another status leaves one of them.
func (l *laterScan) readTotals(ctx context.Context) error {
	l.idle = !slices.ContainsFunc(l.was.class, func(c class) bool { return c < completed })
	requests := []PageRequest{{Number: l.layout.FirstPage + l.layout.Total - 1, Size: 1}}
	var rest []PageRequest
	countable := l.was.countable(l.run.start)
	l.active = slices.Clone(l.was.read)
	for _, status := range countedStatuses {
		switch {
		case l.was.reads(status):
		case countable:
			rest = append(rest, PageRequest{Number: l.layout.FirstPage, Size: 1, Status: status})
		default:
			l.active = append(l.active, status)
		}
	}
	for c, status := range finishedStatuses {
		request := PageRequest{Number: l.layout.FirstPage, Size: 1, Status: status}
		if l.idle && !slices.Contains(l.was.class, c) {
			rest = append(rest, request)
		} else {
			requests = append(requests, request)
		}
	}
	if !l.idle {
		requests = append(requests, rest...)
	}
	each := func(p Page[tally.Row]) error {
		if p.Status != "" {
			l.totals[p.Status] = int(*p.Total)
			return nil
		}
		if len(p.Rows) != 1 || int(*p.Total) < l.layout.Total {
			return errReadAll
		}
		l.total, l.last = int(*p.Total), rows.Key(p.Rows[0].ID)
		return nil
	}
	if err := l.readPages(ctx, tally.RequestsTotals, requests, each); err != nil || !l.idle || l.total == l.layout.Total {
		return err
	}
	l.idle = false // rows were added
	return l.readPages(ctx, tally.RequestsTotals, rest, each)
}

// readActive reads the rows of the statuses in which something may be going on.
func (l *laterScan) readActive(ctx context.Context) error {
	if l.idle {
		return nil
	}
	var first, rest []PageRequest
	for _, status := range l.active {
		first = append(first, PageRequest{Number: l.layout.FirstPage, Size: l.layout.PageSize, Status: status})
	}
	active := 0
	each := func(p Page[tally.Row]) error {
		l.totals[p.Status] = int(*p.Total)
		if p.Number == l.layout.FirstPage {
			active += int(*p.Total)
			for number := 1; number*p.Size < int(*p.Total); number++ {
				rest = append(rest, PageRequest{Number: p.Number + number, Size: p.Size, Status: p.Status})
			}
		}
		return l.see(p.Rows)
	}
	if err := l.readPages(ctx, tally.RequestsActive, first, each); err != nil {
		return err
	}
	if active > min(l.layout.Total/2, maxFoundParts) {
		return errReadAll // it costs as much, and finds more
	}
	return l.readPages(ctx, tally.RequestsActive, rest, each)
}

// maxFoundParts is the number of rows and attempts that a later scan has in memory. A full scan has one page.
const maxFoundParts = 100_000

// see adds rows that were read. The error is errReadAll if there are too many.
func (l *laterScan) see(read []tally.Row) error {
	for i := range read {
		key := rows.Key(read[i].ID)
		if l.found[key] == nil {
			l.foundParts += parts(&read[i])
		}
		l.found[key] = &read[i]
		l.unplaced[key] = struct{}{}
	}
	if l.foundParts > maxFoundParts {
		return errReadAll
	}
	return nil
}

// place finds the positions of the rows that were read since the last time, and updates their class. The error is
// errReadAll if there is a row that was not there, or that nobody would find unless every row is read.
func (l *laterScan) place() error {
	if len(l.unplaced) == 0 {
		return nil
	}
	for position, key := range l.keys {
		if _, ok := l.unplaced[key]; !ok {
			continue
		}
		delete(l.unplaced, key)
		l.placed = append(l.placed, position)
		now, ok := l.was.classify(l.found[key])
		was := l.class[position]
		if !ok || was >= completed && now != was || was == late && now < completed {
			return errReadAll // among others, a finished call that was opened again
		}
		if was == waiting && now != waiting {
			l.called = append(l.called, position)
			l.frontier = position
		}
		if was != late {
			l.class[position] = now
		}
	}
	if len(l.unplaced) > 0 {
		return errReadAll
	}
	return nil
}

// readNew finds the rows that were added at the end or at the beginning.
func (l *laterScan) readNew(ctx context.Context) error {
	last := l.keys[len(l.keys)-1]
	switch added := l.total - l.layout.Total; {
	case added == 0 && l.last != last, added > max(l.layout.PageSize, l.layout.Total):
		return errReadAll
	case added == 0:
	case l.last == last:
		if err := l.append(ctx, added); err != nil {
			return err
		}
	default:
		if err := l.prepend(ctx, added, last); err != nil {
			return err
		}
	}
	return l.place()
}

func (l *laterScan) append(ctx context.Context, added int) error {
	from := l.layout.Total / l.layout.PageSize
	l.keys = slices.Clone(l.keys)
	return l.readRange(ctx, from, (l.total-1)/l.layout.PageSize, func(position int, key uint64) error {
		switch {
		case position < len(l.keys) && l.keys[position] == key:
		case position == len(l.keys) && position < l.total && !l.run.before.Rows.Has(key):
			l.keys, l.class = append(l.keys, key), append(l.class, waiting)
		default:
			return errReadAll
		}
		return nil
	}, func() bool { return len(l.keys) == l.total })
}

func (l *laterScan) prepend(ctx context.Context, added int, last uint64) error {
	var first []uint64
	err := l.readRange(ctx, 0, added/l.layout.PageSize, func(position int, key uint64) error {
		switch {
		case position < added && !l.run.before.Rows.Has(key):
			first = append(first, key)
		case position < added, position-added < len(l.keys) && key != l.keys[position-added]:
			return errReadAll // among others, a row that has moved
		}
		return nil
	}, func() bool { return len(first) == added })
	if err != nil {
		return err
	}
	end := []PageRequest{{Number: l.layout.FirstPage + l.total - 1, Size: 1}}
	err = l.readPages(ctx, tally.RequestsMoved, end, func(p Page[tally.Row]) error {
		if len(p.Rows) != 1 || rows.Key(p.Rows[0].ID) != last {
			return errReadAll
		}
		return nil
	})
	l.keys, l.class = slices.Concat(first, l.keys), slices.Concat(make([]class, added), l.class)
	for i := range l.late {
		l.late[i].position += added
	}
	l.frontier, l.shift = added-1, added
	return err
}

// readRange reads the pages with these indexes, and calls each for every row in order. At the end, complete must return
// true.
func (l *laterScan) readRange(ctx context.Context, from, to int, each func(position int, key uint64) error, complete func() bool) error {
	var requests []PageRequest
	for i := from; i <= to; i++ {
		requests = append(requests, PageRequest{Number: l.layout.FirstPage + i, Size: l.layout.PageSize})
	}
	err := l.readPages(ctx, tally.RequestsMoved, requests, func(p Page[tally.Row]) error {
		if int(*p.Total) != l.total {
			return errReadAll
		}
		for i := range p.Rows {
			if err := each((p.Number-l.layout.FirstPage)*l.layout.PageSize+i, rows.Key(p.Rows[i].ID)); err != nil {
				return err
			}
		}
		return l.see(p.Rows)
	})
	if err == nil && !complete() {
		return errReadAll
	}
	l.layout.Total = l.total
	return err
}

// readMoved reads active rows that were not among those with an active status, and late rows that are due.
func (l *laterScan) readMoved(ctx context.Context) error {
	if err := l.readQueuedAgain(ctx); err != nil {
		return err
	}
	var positions []int
	for position, c := range l.class {
		if c == active && l.found[l.keys[position]] == nil {
			positions = append(positions, position)
		}
	}
	for i := range l.late {
		if r := &l.late[i]; r.due(l.run.start) && l.found[l.keys[r.position]] == nil {
			positions = append(positions, r.position)
		}
	}
	return l.readPositions(ctx, positions)
}

// readQueuedAgain reads the rows of counted statuses through the filter if that takes fewer requests than to look for each
// active row with such a status where it lies.
func (l *laterScan) readQueuedAgain(ctx context.Context) error {
	unread := 0
	for position, c := range l.class {
		if c == active && l.found[l.keys[position]] == nil {
			unread++
		}
	}
	var requests []PageRequest
	for _, status := range countedStatuses {
		for n := 0; !slices.Contains(l.active, status) && n < l.totals[status]; n += l.layout.PageSize {
			requests = append(requests, PageRequest{
				Number: l.layout.FirstPage + n/l.layout.PageSize, Size: l.layout.PageSize, Status: status,
			})
		}
	}
	if len(requests) >= unread {
		return nil
	}
	err := l.readPages(ctx, tally.RequestsActive, requests, func(p Page[tally.Row]) error {
		l.totals[p.Status] = int(*p.Total)
		l.see(p.Rows)
		return nil
	})
	if err != nil {
		return err
	}
	return l.place()
}

// readPositions reads the rows at these positions, one by one, or the whole page where there are many.
func (l *laterScan) readPositions(ctx context.Context, positions []int) error {
	if len(positions) == 0 {
		return nil
	}
	size := l.layout.PageSize
	onPage := map[int]int{}
	for _, position := range positions {
		onPage[position/size]++
	}
	var requests []PageRequest
	slices.Sort(positions)
	for i, position := range positions {
		page := position / size
		switch {
		case onPage[page] <= size/8+1:
			requests = append(requests, PageRequest{Number: l.layout.FirstPage + position, Size: 1})
		case i == 0 || positions[i-1]/size != page:
			requests = append(requests, PageRequest{Number: l.layout.FirstPage + page, Size: size})
		}
	}
	if len(requests) > l.layout.Pages() {
		return errReadAll
	}
	err := l.readPages(ctx, tally.RequestsMoved, requests, func(p Page[tally.Row]) error {
		first := (p.Number - l.layout.FirstPage) * p.Size
		for i := range p.Rows {
			if first+i >= len(l.keys) || rows.Key(p.Rows[i].ID) != l.keys[first+i] {
				return errReadAll
			}
		}
		if len(p.Rows) != min(p.Size, len(l.keys)-first) {
			return errReadAll
		}
		return l.see(p.Rows)
	})
	if err != nil {
		return err
	}
	return l.place()
}

// finished returns how many rows are known to have a finished status.
func (l *laterScan) finished(status revoxapi.CallStatus) (n int) {
	for _, c := range l.class {
		if finishedStatuses[c] == status {
			n++
		}
	}
	for i := range l.late {
		if revoxapi.CallStatus(l.lateRow(i).Call.Status) == status {
			n++
		}
	}
	return n
}

// lateRow returns a late row as it is now.
func (l *laterScan) lateRow(i int) *tally.Row {
	if r := l.found[l.keys[l.late[i].position]]; r != nil {
		return r
	}
	return &l.late[i].row
}

// missing returns how many more rows are finished than are known.
func (l *laterScan) missing() (n int) {
	for _, status := range finishedStatuses {
		n += max(0, l.totals[status]-l.finished(status))
	}
	return n
}

// search looks for waiting rows whose calls were made and finished since the scan before: near the rows that were called
// last, because most campaigns are called in the order of the list.
func (l *laterScan) search(ctx context.Context) error {
	if l.missing() == 0 {
		return nil
	}
	size := l.layout.PageSize
	tried := map[int]bool{}
	for i := range max(3, l.layout.Pages()/4) {
		known := 0
		for _, status := range finishedStatuses {
			if l.totals[status] > l.finished(status) {
				known = max(known, l.finished(status))
			}
		}
		if i > 0 && l.missing()*(bits.Len(uint(known))+1) <= 16 {
			break // bisecting costs less than a few more pages
		}
		best, distance := -1, 0
		for position, c := range l.class {
			page := position / size
			if c != waiting || tried[page] {
				continue
			}
			d := abs(position - l.frontier)
			for _, called := range l.called {
				d = min(d, abs(position-called))
			}
			if best < 0 || d < distance {
				best, distance = page, d
			}
		}
		if best < 0 {
			return errReadAll
		}
		tried[best] = true
		var positions []int
		for position := best * size; position < min((best+1)*size, len(l.keys)); position++ {
			positions = append(positions, position)
		}
		if err := l.readPositions(ctx, positions); err != nil {
			return err
		}
		if l.missing() == 0 {
			return nil
		}
	}
	return l.bisect(ctx)
}

// bisect looks for finished rows that are not known. The rows of a status, in the order of the list, are the known ones and
// among them the others: the first place at which the two differ is found in few requests for a single row.
func (l *laterScan) bisect(ctx context.Context) error {
	for c, status := range finishedStatuses {
		for l.totals[status] > l.finished(status) {
			var known []int // positions
			for position, other := range l.class {
				if other == c {
					known = append(known, position)
				}
			}
			for i := range l.late {
				if revoxapi.CallStatus(l.lateRow(i).Call.Status) == status {
					known = append(known, l.late[i].position)
				}
			}
			slices.Sort(known)
			if l.run.requests[tally.RequestsMoved]+bits.Len(uint(len(known))) > l.layout.Pages()/2 {
				return errReadAll
			}
			read := func(i int) (row tally.Row, err error) {
				request := []PageRequest{{Number: l.layout.FirstPage + i, Size: 1, Status: status}}
				err = l.readPages(ctx, tally.RequestsMoved, request, func(p Page[tally.Row]) error {
					if len(p.Rows) != 1 {
						return errReadAll
					}
					row = p.Rows[0]
					return nil
				})
				return row, err
			}
			var first tally.Row
			from, to := 0, len(known)
			for from < to {
				middle := (from + to) / 2
				row, err := read(middle)
				switch {
				case err != nil:
					return err
				case rows.Key(row.ID) == l.keys[known[middle]]:
					from = middle + 1
				default:
					first, to = row, middle
				}
			}
			if to == len(known) {
				var err error
				if first, err = read(to); err != nil {
					return err
				}
			}
			before := l.finished(status)
			l.see([]tally.Row{first})
			if err := l.place(); err != nil {
				return err
			}
			if l.finished(status) == before {
				return errReadAll // rows are in another order, or have changed meanwhile
			}
		}
	}
	return nil
}

func abs(n int) int { return max(n, -n) }

// check compares what is known of finished rows with the totals. A row that finished after the totals were asked for is
// known already, so that they may have changed since; but what is known must not exceed the totals as they are now.
func (l *laterScan) check(ctx context.Context) error {
	if l.idle {
		sum := 0
		for _, n := range l.totals {
			sum += n
		}
		if sum != l.total {
			return errReadAll
		}
	}
	if called := len(l.called); l.withoutCall() < -called {
		return errReadAll
	}
	var again []PageRequest
	for _, status := range finishedStatuses {
		if total, asked := l.totals[status]; asked && total != l.finished(status) {
			again = append(again, PageRequest{Number: l.layout.FirstPage, Size: 1, Status: status})
		}
	}
	return l.readPages(ctx, tally.RequestsTotals, again, func(p Page[tally.Row]) error {
		if known := l.finished(p.Status); known < l.totals[p.Status] || known > int(*p.Total) {
			return errReadAll
		}
		return nil
	})
}

// waitingCalls returns how many rows with a counted status are waiting.
func (l *laterScan) waitingCalls(status revoxapi.CallStatus) int {
	n := l.totals[status]
	for _, r := range l.found {
		if r.Call != nil && revoxapi.CallStatus(r.Call.Status) == status && len(r.Call.Attempts) > 0 {
			n--
		}
	}
	return max(0, n)
}

// withoutCall returns how many rows have no call. It can be less than 0 if calls were made while the scan ran.
func (l *laterScan) withoutCall() int {
	n := 0
	for _, c := range l.class {
		if c == waiting {
			n++
		}
	}
	for _, status := range countedStatuses {
		if !l.was.reads(status) {
			n -= l.waitingCalls(status)
		}
	}
	return n
}

// result returns the campaign's tally, and what the next scan builds on.
func (l *laterScan) result() *Result {
	labels := l.run.scanner.Labels
	k := &Known{
		Layout: l.layout, FullAt: l.was.FullAt, At: l.run.start, keys: l.keys, class: l.class, finished: l.was.finished,
		read: l.was.read, frontier: l.frontier, outcomes: l.was.outcomes, requeued: l.was.requeued, retry: l.was.retry,
	}
	others, finished := tally.New(labels), tally.New(labels)
	l.countLate(k, others, finished)
	slices.Sort(l.placed)
	for _, position := range slices.Compact(l.placed) {
		key := l.keys[position]
		r := l.found[key]
		k.observe(r)
		before := waiting
		if i := position - l.shift; i >= 0 && i < len(l.was.class) {
			before = l.was.class[i]
		}
		switch c := l.class[position]; {
		case before >= late: // it is counted already
		case c == waiting:
			l.run.rows.Add(key, nil)
		case c == active:
			l.run.count(others, *r)
		case k.addLate(position, *r, l.run.start):
			l.class[position] = late
			l.run.count(others, *r)
		default:
			k.outcomes = k.outcomes || r.Call.HasOutcome()
			l.run.count(finished, *r)
		}
	}
	if finished.Rows() > 0 {
		k.finished = tally.New(labels)
		k.finished.Merge(l.was.finished)
		k.finished.Merge(finished)
	}
	t := tally.New(labels)
	t.Merge(k.finished)
	t.Merge(others)
	t.Name = cmp.Or(l.read.Name, l.run.before.Tally.Name)
	for i := range t.Fields {
		t.Fields[i] = t.Fields[i] || l.read.Fields[i] || l.run.before.Tally.Fields[i]
	}
	l.countWaiting(t)
	return &Result{Tally: t, Known: k, Rows: l.run.before.Rows.With(l.run.rows.Set()), Returned: l.run.returned}
}

// countLate counts the late rows: in finished if they need no further look, else in others.
func (l *laterScan) countLate(k *Known, others, finished *tally.Tally) {
	for _, late := range l.late {
		r := l.found[l.keys[late.position]]
		if r == nil {
			others.CountRow(late.row)
			k.keepLate(late)
			continue
		}
		if late.due(l.run.start) {
			late.looks++
		}
		k.outcomes = k.outcomes || r.Call.HasOutcome()
		if late.looks == len(lateAfter) || !looksUnfinished(r, k.outcomes, l.run.start) {
			l.class[late.position], _ = k.classify(r)
			l.run.count(finished, *r)
			continue
		}
		late.row = *r
		l.run.count(others, *r)
		k.keepLate(late)
	}
}

// countWaiting counts the waiting rows in t.
func (l *laterScan) countWaiting(t *tally.Tally) {
	calls := 0
	for _, status := range countedStatuses {
		if n := l.waitingCalls(status); !l.was.reads(status) && n > 0 {
			t.Add(tally.Calls, string(status), n)
			calls += n
		}
	}
	t.Add(tally.Rows, "", calls+max(0, l.withoutCall()))
	t.Add(tally.RowsWithoutCall, "", max(0, l.withoutCall()))
}
