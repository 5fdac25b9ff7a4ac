package scan

import (
	"context"
	"slices"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/rows"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/internal/apirequest"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

const (
	// largeScan is the weight of rows from which on scans take turns: between two pages, so that no answer waits.
	largeScan = 100_000
	// largePage is where a scan takes its turn in the middle of a page, because that has no end.
	largePage = 3 * largeScan
)

// full reads every row.
func (s *run) full(ctx context.Context) (*Result, error) {
	if s.before.Rows.Weight() > largeScan {
		s.claim.Turn(ctx)
	}
	f := s.newFull()
	var finder LayoutFinder
	var summary revoxapi.RowsSummary
	onPage := func(o *apirequest.Options) {
		o.OnPage = func(p apirequest.Page) {
			finder.Saw(p)
			if s.rows.Weight() > largeScan {
				s.claim.Turn(ctx)
			}
		}
	}
	for r, err := range revoxapi.Rows[tally.Row](ctx, s.scanner.Client, s.campaignID, s.scanner.Params,
		s.option, onPage, revoxapi.WithSummary(&summary)) {
		if err != nil {
			return nil, err
		}
		f.add(r)
		if weight := s.rows.Weight() + f.known.weight(); weight >= s.grown+growStep {
			if err := s.grow(weight); err != nil {
				return nil, err
			}
			if weight > largePage {
				s.claim.Turn(ctx)
			}
		}
	}
	f.known.finished = f.known.finished.Clone() // without spare capacity
	t := f.known.finished.Clone()
	t.Merge(f.others)
	if f.name != "" {
		t.Name = f.name
	}
	t.Add(tally.RowsMissing, "", summary.Missing)
	t.Add(tally.Anomalies, tally.AnomalyDuplicateRow, summary.Duplicates)
	t.Add(tally.Anomalies, tally.AnomalyNotARow, summary.Skipped)
	s.requests[tally.RequestsFull] += summary.Pages
	set, list := s.rows.SetAndList()
	found := &Result{Tally: t, Rows: set, Returned: s.returned, Full: true, Differences: f.differences}
	// One page is read in fewer requests than the totals. Besides, some servers' total counts only the rows that they send.
	if layout, ok := finder.Found(summary.Rows); ok && s.scanner.FullInterval > 0 && f.filterable && layout.Pages() > 1 {
		f.known.Layout, f.known.list, f.known.class = layout, list, slices.Clone(f.known.class)
		if was := s.before.Known; s.broken || f.totalsAreWrong() {
			f.known.BrokenAt = s.start
		} else if was != nil && s.start.Sub(was.BrokenAt) < filterRetry {
			f.known.BrokenAt = was.BrokenAt
		}
		found.Known = f.known
	}
	return found, nil
}

// fullScan is a full scan in progress.
type fullScan struct {
	run   *run
	known *Known
	// others counts the rows that are not in known.finished.
	others      *tally.Tally
	filterable  bool
	name        string
	differences int
	byStatus    map[revoxapi.CallStatus]int // the number of rows
	changed     int                         // the number of rows whose class has changed, or that were added
}

func (s *run) newFull() *fullScan {
	f := &fullScan{run: s, byStatus: map[revoxapi.CallStatus]int{}, others: tally.New(s.scanner.Labels), filterable: true, known: &Known{
		FullAt: s.start, At: s.start, finished: tally.New(s.scanner.Labels),
		class: make([]class, 0, s.before.Rows.Len()),
		read:  []revoxapi.CallStatus{revoxapi.CallCalling, revoxapi.CallScheduled},
	}}
	if was := s.before.Known; was != nil {
		f.known.read, f.known.early = slices.Clone(was.read), was.early
		f.known.requeued, f.known.retry, f.known.waits = was.requeued, was.retry, was.waits
		f.known.proven = was.proven && was.BrokenAt.IsZero()
	}
	return f
}

// add adds the next row.
func (f *fullScan) add(r tally.Row) {
	k := f.known
	if r.Call != nil && r.Call.Status != "" && !slices.Contains(tally.Calls.Known, string(r.Call.Status)) &&
		!k.reads(revoxapi.CallStatus(r.Call.Status)) {
		// The state keeps these: what must not be shown must not be in it either.
		f.filterable = f.filterable && len(k.read) < maxReadStatuses && f.run.scanner.Labels.MayShow(string(r.Call.Status))
		if f.filterable {
			k.read = append(k.read, revoxapi.CallStatus(r.Call.Status))
		}
	}
	c, ok := k.classify(&r)
	f.filterable = f.filterable && ok
	position := len(k.class)
	f.compare(position, c, &r)
	k.observe(&r, f.run.serverTime())
	if f.run.before.Known != nil {
		k.noteEarly(restingAt(f.run.before.Known.resting, position), &r)
	}
	if c == active {
		k.rest(position, &r, f.run.start)
	}
	defer func() { k.class = append(k.class, c) }()
	into := f.others
	if c >= completed {
		k.proven = k.proven || proves(&r)
		k.outcomes = k.outcomes || r.Call.HasOutcome()
		if k.addLate(position, r, f.run.start) {
			c = late
		} else {
			into = k.finished
		}
	}
	f.run.count(into, r)
	if into.Name != "" {
		f.name = into.Name
	}
}

// totalsAreWrong reports whether the totals that a later scan was given just before differ from the rows by more than the
// rows that have changed since the scan before explain.
func (f *fullScan) totalsAreWrong() bool {
	wrong := 0
	for status, n := range f.run.totals {
		wrong += abs(n - f.byStatus[status])
	}
	return wrong > 2*f.changed+3
}

// compare counts the row at a position as a difference if the later scan just before should have seen that it changed. A
// status whose rows should only be counted is read from then on.
func (f *fullScan) compare(position int, c class, r *tally.Row) {
	was := f.run.before.Known
	if r.Call != nil {
		f.byStatus[revoxapi.CallStatus(r.Call.Status)]++
	}
	if was == nil || position >= len(was.class) || was.class[position] != c && was.class[position] != late {
		f.changed++
	}
	was = f.run.known
	if was == nil || position >= was.list.Len() || was.list.Key(position) != rows.Key(r.ID) {
		return
	}
	switch before := was.class[position]; {
	case before >= completed && c != before, before == late && c < completed:
		f.differences++
	case before == waiting && c != waiting && len(r.Call.Attempts) > 0:
		oldest := r.Call.Attempts[len(r.Call.Attempts)-1]
		if !oldest.StartedAt.Valid() || !oldest.StartedAt.Time.Before(was.At.Add(-time.Minute)) {
			return // it has begun since
		}
		f.differences++
		if status := revoxapi.CallStatus(r.Call.Status); slices.Contains(countedStatuses, status) && !f.known.reads(status) {
			f.known.read = append(f.known.read, status)
		}
	}
}
