package scan

import (
	"cmp"
	"context"
	"slices"

	"github.com/revox-exporter/revox_exporter/collector/known"
	"github.com/revox-exporter/revox_exporter/collector/paging"
	"github.com/revox-exporter/revox_exporter/collector/rows"
	"github.com/revox-exporter/revox_exporter/collector/tally"
)

// This file finds the rows of a later scan that are new, or whose calls have gone on.

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
	if err := l.place(); err != nil {
		return err
	}
	l.startResting()
	return nil
}

func (l *laterScan) append(ctx context.Context, added int) error {
	from := l.layout.Total / l.layout.PageSize
	l.keys = slices.Clone(l.keys)
	return l.readRange(ctx, from, (l.total-1)/l.layout.PageSize, func(position int, key uint64) error {
		switch {
		case position < len(l.keys) && l.keys[position] == key:
		case position == len(l.keys) && position < l.total && !l.run.before.Rows.Has(key):
			l.keys, l.class = append(l.keys, key), append(l.class, known.Waiting)
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
	end := []paging.Request{l.layout.Row(l.total-1, "")}
	err = l.readPages(ctx, tally.RequestsMoved, end, func(p paging.Page[tally.Row]) error {
		if len(p.Rows) != 1 || rows.Key(p.Rows[0].ID) != last {
			return errReadAll
		}
		return nil
	})
	l.keys, l.class = slices.Concat(first, l.keys), slices.Concat(make([]known.Class, added), l.class)
	for i := range l.late {
		l.late[i].Position += added
	}
	l.shift = added
	return err
}

// readRange reads the pages with these indexes, and calls each for every row in order. At the end, complete must return
// true.
func (l *laterScan) readRange(ctx context.Context, from, to int, each func(position int, key uint64) error, complete func() bool) error {
	var requests []paging.Request
	for i := from; i <= to; i++ {
		requests = append(requests, l.layout.Page(i, ""))
	}
	err := l.readPages(ctx, tally.RequestsMoved, requests, func(p paging.Page[tally.Row]) error {
		if int(*p.Total) != l.total {
			return errReadAll
		}
		for i := range p.Rows {
			if err := each(l.layout.Position(p.Request)+i, rows.Key(p.Rows[i].ID)); err != nil {
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

// readMoved reads active rows that neither rest nor were among those with an active status, and late rows that are due.
func (l *laterScan) readMoved(ctx context.Context) error {
	// Queued calls are read through the filter if that takes fewer requests than to read each where it lies.
	var requests []paging.Request
	for _, status := range l.was.Counted() {
		for i := 0; !slices.Contains(l.active, status) && i*l.layout.PageSize < l.totals[status]; i++ {
			requests = append(requests, l.layout.Page(i, status))
		}
	}
	if len(requests) < len(l.layout.RequestsAt(l.unread())) {
		err := l.readPages(ctx, tally.RequestsActive, requests, func(p paging.Page[tally.Row]) error {
			l.totals[p.Status] = int(*p.Total)
			return l.see(p.Rows)
		})
		if err := cmp.Or(err, l.place()); err != nil {
			return err
		}
	}
	positions := l.unread()
	for i := range l.late {
		if r := &l.late[i]; r.Due(l.run.start) && l.row(r.Position) == nil {
			positions = append(positions, r.Position)
		}
	}
	return l.readPositions(ctx, positions)
}

// readQueue reads the queued rows that rest if rows seem to have lost their call: it may be one of these.
func (l *laterScan) readQueue(ctx context.Context) error {
	if l.idle || l.lost() <= 0 {
		return nil
	}
	for _, r := range l.resting {
		l.rests[r.Position] = l.rests[r.Position] && r.Due != 0
	}
	return l.readMoved(ctx)
}

// unread returns the positions of active rows that neither rest nor were read.
func (l *laterScan) unread() (positions []int) {
	for position, c := range l.class {
		if c == known.Active && !l.rests[position] && l.row(position) == nil {
			positions = append(positions, position)
		}
	}
	return positions
}

// readPositions reads the rows at these positions.
func (l *laterScan) readPositions(ctx context.Context, positions []int) error {
	requests := l.layout.RequestsAt(positions)
	if len(requests) > l.layout.Pages() {
		return errReadAll
	}
	err := l.readPages(ctx, tally.RequestsMoved, requests, func(p paging.Page[tally.Row]) error {
		first := l.layout.Position(p.Request)
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
