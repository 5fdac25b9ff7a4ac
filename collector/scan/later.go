package scan

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/revox-exporter/revox_exporter/collector/known"
	"github.com/revox-exporter/revox_exporter/collector/paging"
	"github.com/revox-exporter/revox_exporter/collector/rows"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// A later scan reads the rows that can have changed, and asks for each status how many rows have it. The order of its
// steps matters, because rows go on while it runs: the totals come first, so that a row that goes on afterwards is found
// where it is then, and check can tell this from a row that nobody found.

// errReadAll says that reading some rows is not enough: something has changed that only a full scan finds.
var errReadAll = errors.New("every row must be read")

// later makes a later scan. The error is errReadAll or errFilter unless the answers agree, also with what was known.
func (s *run) later(ctx context.Context) (*Result, error) {
	was := s.before.Known
	if was == nil || s.before.Rows == nil || !was.Filters() || s.scanner.FullInterval == 0 || s.start.Before(was.At) {
		return nil, errReadAll
	}
	l := &laterScan{
		run: s, was: was, layout: was.Layout, keys: was.List.Keys(), class: slices.Clone(was.Classes), late: slices.Clone(was.Late),
		resting: slices.Clone(was.Resting),
		totals:  map[revoxapi.CallStatus]int{}, found: map[uint64]*tally.Row{}, at: map[uint64]int{},
		unplaced: map[uint64]struct{}{}, read: tally.New(s.scanner.Labels),
	}
	if l.expected() > l.layout.Total/2 {
		return nil, errReadAll // it costs as much, and finds more
	}
	for _, step := range []func(context.Context) error{
		l.readTotals, l.readActive, l.readNew, l.readLists, l.readMoved, l.readQueue, l.readLists, l.checkOpen, l.check,
	} {
		if err := step(ctx); err != nil {
			s.broken, s.totals = errors.Is(err, errFilter), l.totals
			return nil, err
		}
	}
	return l.result(), nil
}

// laterScan is a later scan in progress.
type laterScan struct {
	run    *run
	was    *known.Rows
	layout paging.Layout
	// keys, class and late are as in known.Rows, up to date for the rows in found. The class of a row that is found finished
	// is not late.
	keys   []uint64
	class  []known.Class
	late   []known.LateRow
	called int // the number of rows that were waiting and are not any more
	shift  int // the number of rows that were added at the beginning
	// active are the statuses whose rows are read.
	active []revoxapi.CallStatus
	// listed reports that the list of scheduled calls is compared with the rows that rest, instead of being read.
	listed bool
	// resting is as in known.Rows, and rests reports, by position, which of these rows rest unless they are found.
	resting known.RestingRows
	rests   []bool
	// idle reports that nothing is going on: all calls are finished, and there are no new rows.
	idle bool
	// last is the key of the row where the last one was, and total the number of rows.
	last  uint64
	total int
	// totals has the number of rows of each status that was asked for.
	totals map[revoxapi.CallStatus]int
	// read counts all rows that were read, for the campaign's name, its assistant and the fields that rows have.
	read *tally.Tally
	// found are the rows that were read, by key, except those that were read for the sake of a total.
	found map[uint64]*tally.Row
	// foundParts is the number of rows and attempts in found.
	foundParts int
	// at has the positions of the rows in found, by key.
	at map[uint64]int
	// unplaced are the keys of rows in found whose position is not known yet.
	unplaced map[uint64]struct{}
}

// readTotals asks how many rows there are, in all and of the statuses that are counted. If all calls are finished, it asks
// for the statuses that there are: a row that gets another status leaves one of them.
func (l *laterScan) readTotals(ctx context.Context) error {
	l.idle = !slices.ContainsFunc(l.was.Classes, func(c known.Class) bool { return c < known.Completed })
	requests := []paging.Request{l.layout.Row(l.layout.Total-1, "")}
	var rest []paging.Request
	countable := l.was.Countable(l.run.start)
	l.active = slices.Clone(l.was.Read)
	if l.listed = l.was.Resting.Scheduled() > l.layout.PageSize; l.listed {
		l.active = slices.DeleteFunc(l.active, func(s revoxapi.CallStatus) bool { return s == revoxapi.CallScheduled })
		rest = append(rest, l.layout.Row(0, revoxapi.CallScheduled))
	}
	for _, status := range l.was.Counted() {
		if countable {
			rest = append(rest, l.layout.Row(0, status))
		} else {
			l.active = append(l.active, status)
		}
	}
	for _, c := range known.Finished {
		request := l.layout.Row(0, c.Status())
		if l.idle && !slices.Contains(l.was.Classes, c) {
			rest = append(rest, request)
		} else {
			requests = append(requests, request)
		}
	}
	if !l.idle {
		requests = append(requests, rest...)
	}
	each := func(p paging.Page[tally.Row]) error {
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
	if total := l.totals[revoxapi.CallScheduled]; l.listed && total <= wholeList*l.layout.PageSize &&
		(total != l.was.Resting.Scheduled() || slices.ContainsFunc(l.resting, l.due)) {
		l.listed, l.active = false, append(l.active, revoxapi.CallScheduled)
	}
	var first, rest []paging.Request
	active := 0
	for _, status := range l.active {
		first = append(first, l.layout.Page(0, status))
	}
	each := func(p paging.Page[tally.Row]) error {
		l.totals[p.Status] = int(*p.Total)
		if p.Number == l.layout.FirstPage {
			active += int(*p.Total)
			for index := 1; index*p.Size < int(*p.Total); index++ {
				rest = append(rest, l.layout.Page(index, p.Status))
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

const (
	// maxFoundParts is the number of rows and attempts that a later scan has in memory. A full scan has one page.
	maxFoundParts = 100_000
	// smallCampaign is the number of rows up to which a campaign is read whole while the filter may hide a call.
	smallCampaign = 1000
)

// see adds rows that were read. The error is errReadAll if there are too many.
func (l *laterScan) see(read []tally.Row) error {
	for i := range read {
		key := rows.Key(read[i].ID)
		if l.found[key] == nil {
			l.foundParts += read[i].Parts()
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
		l.at[key] = position
		now, ok := l.was.Classify(l.found[key])
		was := l.class[position]
		if !ok || !now.Follows(was) {
			return errReadAll // among others, a finished call that was opened again
		}
		if was == known.Waiting && now != known.Waiting {
			l.called++
		}
		if was != known.Late {
			l.class[position] = now
		}
	}
	if len(l.unplaced) > 0 {
		return errReadAll
	}
	return nil
}

// row returns the row at a position as it was read; nil if it was not.
func (l *laterScan) row(position int) *tally.Row { return l.found[l.keys[position]] }

// finished returns how many rows are known to have a finished status.
func (l *laterScan) finished(status revoxapi.CallStatus) (n int) {
	for _, c := range l.class {
		if c.Status() == status {
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
	return cmp.Or(l.row(l.late[i].Position), &l.late[i].Row)
}

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
	// If the filter goes by the status of attempts, rows with attempts seem to be completed, or to have no call.
	mayHide := l.totals[revoxapi.CallCompleted] > 0 || l.withoutCall() > 0 && (len(l.keys) <= smallCampaign || l.lost() != 0)
	if l.withoutCall() < -l.called || mayHide && !l.proven() {
		return errReadAll
	}
	var again []paging.Request
	for _, c := range known.Finished {
		if total, asked := l.totals[c.Status()]; asked && total != l.finished(c.Status()) {
			again = append(again, l.layout.Row(0, c.Status()))
		}
	}
	err := l.readPages(ctx, tally.RequestsTotals, again, func(p paging.Page[tally.Row]) error {
		if n := l.finished(p.Status); n < l.totals[p.Status] || n > int(*p.Total) {
			return errReadAll
		}
		return nil
	})
	if err == nil && l.proven() {
		l.run.scanner.filterProven.Store(true)
	}
	return err
}

// checkOpen compares what is known of rows that are not finished with the totals. Rows that go on while the scan runs make
// small differences. A filter that does not know a status makes large ones, or has no row at all.
func (l *laterScan) checkOpen(ctx context.Context) error {
	if l.idle {
		return nil
	}
	wrong := func() (statuses []revoxapi.CallStatus, clearly bool) {
		open := l.open()
		for status, total := range l.totals {
			if excess := open[status] - total; excess > 0 {
				statuses = append(statuses, status)
				clearly = clearly || total == 0 || excess > 2+open[status]/4
			}
		}
		if lost := l.lost(); lost > 0 {
			calls := 0
			for _, status := range l.was.Counted() {
				before := int(l.run.before.Tally.Values.Counts[tally.Calls.Index].Of(string(status)))
				statuses, calls = append(statuses, status), calls+before
				clearly = clearly || l.totals[status] == 0 && 0 < before && before <= lost
			}
			clearly = clearly || lost > 2+calls/4
		}
		slices.Sort(statuses)
		return slices.Compact(statuses), clearly
	}
	statuses, _ := wrong()
	var again []paging.Request
	for _, status := range statuses {
		again = append(again, l.layout.Row(0, status))
	}
	err := l.readPages(ctx, tally.RequestsTotals, again, func(p paging.Page[tally.Row]) error {
		l.totals[p.Status] = max(l.totals[p.Status], int(*p.Total))
		return nil
	})
	if _, clearly := wrong(); err == nil && clearly {
		return errReadAll
	}
	return err
}

// open returns how many rows are known to have each status that is not finished.
func (l *laterScan) open() map[revoxapi.CallStatus]int {
	n := map[revoxapi.CallStatus]int{}
	for _, r := range l.found {
		if r.Call != nil {
			n[revoxapi.CallStatus(r.Call.Status)]++
		}
	}
	for r := range l.stillResting {
		n[revoxapi.CallStatus(r.Row().Call.Status)]++
	}
	for _, c := range known.Finished {
		delete(n, c.Status())
	}
	return n
}

// lost returns how many rows seem to have lost their call since the scan before.
func (l *laterScan) lost() int {
	added := len(l.keys) - l.was.List.Len()
	return l.withoutCall() - added - int(l.run.before.Tally.Total(tally.RowsWithoutCall))
}

// proven reports whether the filter was seen to go by the call's status, or will be if what is known agrees with the totals.
func (l *laterScan) proven() bool { return l.was.Proven || l.run.scanner.filterProven.Load() }

// waitingCalls returns how many rows with a counted status are waiting. It is less than 0 if rows that rest have left it.
func (l *laterScan) waitingCalls(status revoxapi.CallStatus) int {
	n := l.totals[status]
	for _, r := range l.found {
		if r.Call != nil && revoxapi.CallStatus(r.Call.Status) == status && len(r.Call.Attempts) > 0 {
			n--
		}
	}
	if status == revoxapi.CallQueuedForCalling {
		for r := range l.stillResting {
			if r.Due == 0 {
				n--
			}
		}
	}
	return n
}

// withoutCall returns how many rows have no call. It can be less than 0 if calls were made while the scan ran.
func (l *laterScan) withoutCall() int {
	n := known.Count(l.class, known.Waiting)
	for _, status := range l.was.Counted() {
		n -= l.waitingCalls(status)
	}
	return n
}

// result returns the campaign's tally, and what the next scan builds on.
func (l *laterScan) result() *Result {
	labels := l.run.scanner.Labels
	k := l.was.Next(l.run.start)
	k.Layout, k.Classes, k.Proven = l.layout, l.class, l.proven()
	others, finished := tally.New(labels), tally.New(labels)
	l.countLate(k, others, finished)
	for r := range l.stillResting {
		others.CountRow(r.Row())
		k.KeepResting(r)
	}
	for _, position := range slices.Sorted(maps.Values(l.at)) {
		key := l.keys[position]
		r := l.found[key]
		k.Observe(r, l.was.Resting.At(position-l.shift), l.run.serverTime())
		before := known.Waiting
		if i := position - l.shift; i >= 0 && i < len(l.was.Classes) {
			before = l.was.Classes[i]
		}
		switch c := l.class[position]; {
		case before >= known.Late: // it is counted already
		case c == known.Waiting:
			l.run.rows.Add(key, nil)
		default:
			into := others
			if l.class[position] = k.Keep(position, r, c); l.class[position] >= known.Completed {
				k.Learn(r)
				into = finished
			}
			l.run.count(into, *r)
		}
	}
	slices.SortFunc(k.Resting, func(a, b known.RestingRow) int { return cmp.Compare(a.Position, b.Position) })
	if finished.Rows() > 0 {
		k.Finished = tally.New(labels)
		k.Finished.Merge(l.was.Finished)
		k.Finished.Merge(finished)
	}
	t := tally.New(labels)
	t.Merge(k.Finished)
	t.Merge(others)
	t.Name = cmp.Or(l.read.Name, l.run.before.Tally.Name)
	// The call that was created last may wait, and is not read then.
	t.Assistant = l.run.before.Tally.Assistant
	t.Assistant.Add(l.read.Assistant)
	for i := range t.Fields {
		t.Fields[i] = t.Fields[i] || l.read.Fields[i] || l.run.before.Tally.Fields[i]
	}
	l.countWaiting(t)
	now := l.run.before.Rows.With(l.run.rows.Set())
	if len(l.keys) != k.List.Len() {
		k.List = now.List(l.keys)
	}
	return &Result{Tally: t, Known: k, Rows: now, Returned: l.run.returned}
}

// countLate counts the late rows: in finished if they need no further look, else in others.
func (l *laterScan) countLate(k *known.Rows, others, finished *tally.Tally) {
	for _, late := range l.late {
		r := l.row(late.Position)
		if r == nil {
			others.CountRow(late.Row)
			k.KeepLate(late)
			continue
		}
		into := finished
		if l.class[late.Position] = k.LookAgain(late, r); l.class[late.Position] == known.Late {
			into = others
		}
		l.run.count(into, *r)
	}
}

// countWaiting counts the waiting rows in t.
func (l *laterScan) countWaiting(t *tally.Tally) {
	calls := 0
	for _, status := range l.was.Counted() {
		if n := l.waitingCalls(status); n > 0 {
			t.Add(tally.Calls, string(status), n)
			calls += n
		}
	}
	withoutCall := max(0, known.Count(l.class, known.Waiting)-calls)
	t.Add(tally.Rows, "", calls+withoutCall)
	t.Add(tally.RowsWithoutCall, "", withoutCall)
}
