package scan

import (
	"context"
	"math/bits"
	"slices"

	"github.com/revox-exporter/revox_exporter/collector/rows"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// This file finds finished rows that nobody has seen under way.

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
