package scan

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/known"
	"github.com/revox-exporter/revox_exporter/collector/paging"
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
	var finder paging.LayoutFinder
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
		if weight := s.rows.Weight() + f.known.Weight(); weight >= s.grown+growStep {
			if err := s.grow(weight); err != nil {
				return nil, err
			}
			if weight > largePage {
				s.claim.Turn(ctx)
			}
		}
	}
	f.known.Finished = f.known.Finished.Clone() // without spare capacity
	t := f.known.Finished.Clone()
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
		f.known.Layout, f.known.List, f.known.Classes = layout, list, slices.Clone(f.known.Classes)
		if s.broken || f.totalsAreWrong() {
			f.known.BrokenAt = s.start
		} else if s.start.Sub(f.was.BrokenAt) < filterRetry {
			f.known.BrokenAt = f.was.BrokenAt
		}
		found.Known = f.known
	}
	return found, nil
}

// fullScan is a full scan in progress.
type fullScan struct {
	run   *run
	was   *known.Rows // what the scan before has found; empty if there was none
	known *known.Rows
	// others counts the rows that are not in known.Finished.
	others      *tally.Tally
	filterable  bool
	name        string
	differences int
	byStatus    map[revoxapi.CallStatus]int // the number of rows
	changed     int                         // the number of rows whose class has changed, or that were added
}

func (s *run) newFull() *fullScan {
	was := cmp.Or(s.before.Known, known.Nothing())
	k := was.Next(s.start)
	k.FullAt, k.BrokenAt, k.Outcomes, k.Transcripts = s.start, time.Time{}, false, false
	k.Proven = was.Proven && was.BrokenAt.IsZero()
	k.Read, k.Classes = slices.Clone(was.Read), make([]known.Class, 0, s.before.Rows.Len())
	k.Finished = tally.New(s.scanner.Labels)
	return &fullScan{
		run: s, was: was, known: k, others: tally.New(s.scanner.Labels), filterable: true, byStatus: map[revoxapi.CallStatus]int{},
	}
}

// maxReadStatuses is the number of statuses that are read by each scan. If there are more, all scans are full.
const maxReadStatuses = 8

// add adds the next row.
func (f *fullScan) add(r tally.Row) {
	k := f.known
	if r.Call != nil && r.Call.Status != "" && !slices.Contains(tally.Calls.Known, string(r.Call.Status)) &&
		!slices.Contains(k.Read, revoxapi.CallStatus(r.Call.Status)) {
		// The state keeps these: what must not be shown must not be in it either.
		f.filterable = f.filterable && len(k.Read) < maxReadStatuses && f.run.scanner.Labels.MayShow(string(r.Call.Status))
		if f.filterable {
			k.Read = append(k.Read, revoxapi.CallStatus(r.Call.Status))
		}
	}
	c, ok := k.Classify(&r)
	f.filterable = f.filterable && ok
	position := len(k.Classes)
	f.compare(position, c, &r)
	k.Observe(&r, f.was.Resting.At(position), f.run.serverTime())
	if c >= known.Completed {
		k.Proven = k.Proven || proves(&r)
		k.Learn(&r)
	}
	into := f.others
	if c = k.Keep(position, &r, c); c >= known.Completed {
		into = k.Finished
	}
	k.Classes = append(k.Classes, c)
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
		difference := n - f.byStatus[status]
		wrong += max(difference, -difference)
	}
	return wrong > 2*f.changed+3
}

// compare counts the row at a position as a difference if the later scan just before should have seen that it changed. A
// status whose rows should only be counted is read from then on.
func (f *fullScan) compare(position int, c known.Class, r *tally.Row) {
	if r.Call != nil {
		f.byStatus[revoxapi.CallStatus(r.Call.Status)]++
	}
	if position >= len(f.was.Classes) || f.was.Classes[position] != c && f.was.Classes[position] != known.Late {
		f.changed++
	}
	was := f.run.known
	if was == nil || position >= was.List.Len() || was.List.Key(position) != rows.Key(r.ID) {
		return
	}
	switch before := was.Classes[position]; {
	case !c.Follows(before):
		f.differences++
	case before == known.Waiting && c != known.Waiting && len(r.Call.Attempts) > 0:
		oldest := r.Call.Attempts[len(r.Call.Attempts)-1]
		if !oldest.StartedAt.Valid() || !oldest.StartedAt.Time.Before(was.At.Add(-time.Minute)) {
			return // it has begun since
		}
		f.differences++
		if status := revoxapi.CallStatus(r.Call.Status); slices.Contains(f.known.Counted(), status) {
			f.known.Read = append(f.known.Read, status)
		}
	}
}

// filterRetry is how long scans are full after a filter proved wrong.
const filterRetry = 24 * time.Hour
