package scan

import (
	"context"
	"slices"

	"github.com/revox-exporter/revox_exporter/collector/known"
	"github.com/revox-exporter/revox_exporter/collector/paging"
	"github.com/revox-exporter/revox_exporter/collector/rows"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// A filtered list has the rows of one status in the order of all rows. The rows that are known to have the status should
// be this list. A part of it that has as many rows as are known there, none of which can have left it, is as it was. Other
// parts are divided by reading the row in the middle, down to short ones, which are read. So what is new is found in few
// requests, wherever it lies, and whatever changes meanwhile.

// part is a part of a filtered list.
type part struct {
	status       revoxapi.CallStatus
	from, to     int   // indexes in the list
	known        []int // positions of the rows that are known to be in the part
	after, until int   // its rows lie between these positions
	divided      bool  // the row in its middle was asked for
}

// readLists finds finished rows that are not known to be finished, and which scheduled rows rest.
func (l *laterScan) readLists(ctx context.Context) error {
	var parts []part
	for _, c := range known.Finished {
		if status := c.Status(); l.totals[status] > l.finished(status) {
			parts = append(parts, part{status: status})
		}
	}
	if l.listed {
		l.listed = false
		parts = append(parts, part{status: revoxapi.CallScheduled})
	}
	for i := range parts {
		p := &parts[i]
		p.to, p.after, p.until = l.totals[p.status], -1, len(l.keys)
		p.known = l.withStatus(p.status)
	}
	for len(parts) > 0 {
		var err error
		if parts, err = l.readParts(ctx, parts); err != nil {
			return err
		}
	}
	return nil
}

// withStatus returns the positions of the rows that are known to have a status, in order.
func (l *laterScan) withStatus(status revoxapi.CallStatus) (positions []int) {
	for position, c := range l.class {
		r := l.row(position)
		switch {
		case c.Status() == status,
			r != nil && r.Call != nil && revoxapi.CallStatus(r.Call.Status) == status && c == known.Active,
			status == revoxapi.CallScheduled && l.rests[position] && r == nil && l.resting.At(position).Due != 0:
			positions = append(positions, position)
		}
	}
	for i := range l.late {
		if revoxapi.CallStatus(l.lateRow(i).Call.Status) == status {
			positions = append(positions, l.late[i].Position)
		}
	}
	slices.Sort(positions)
	return positions
}

// readParts reads the parts that have changed, or divides them in two, which it returns.
func (l *laterScan) readParts(ctx context.Context, parts []part) (next []part, err error) {
	var requests []paging.Request
	var asked []part // by request
	for _, p := range parts {
		n := p.to - p.from
		same := n == len(p.known) && !slices.ContainsFunc(p.known, l.dueAt)
		for _, position := range p.known {
			l.rests[position] = same // if not, until a smaller part turns out to be as it was
		}
		if same {
			continue
		}
		size := l.layout.PageSize
		p.divided = n > size
		if p.divided && n != len(p.known) {
			middle := p.from + (n+size-1)/size/2*size
			requests, asked = append(requests, l.layout.Row(middle, p.status)), append(asked, p)
			continue
		}
		// If a part has as many rows as are known there, it probably has the same rows in the same places.
		for from := p.from; from < p.to; from += size {
			if p.divided && !slices.ContainsFunc(p.known[from-p.from:min(from+size, p.to)-p.from], l.dueAt) {
				continue
			}
			requests, asked = append(requests, l.layout.Page(from/size, p.status)), append(asked, p)
		}
	}
	if l.run.requests[tally.RequestsMoved]+len(requests) > l.layout.Pages() {
		return nil, errReadAll
	}
	var read []paging.Page[tally.Row]
	err = l.readPages(ctx, tally.RequestsMoved, requests, func(p paging.Page[tally.Row]) error {
		read = append(read, p)
		return l.see(p.Rows)
	})
	if err == nil {
		err = l.place()
	}
	if err != nil {
		return nil, err
	}
	for i, answer := range read {
		p := asked[i]
		positions := make([]int, len(answer.Rows))
		for j, r := range answer.Rows {
			positions[j] = l.at[rows.Key(r.ID)]
		}
		if !slices.IsSorted(positions) {
			return nil, errReadAll // the list has another order
		}
		if !p.divided {
			continue
		}
		// The answer divides the part: into what is before it and what is after it, which the next answer may divide again.
		if i == 0 || asked[i-1].status != p.status || asked[i-1].from != p.from {
			next = append(next, p)
		}
		left := &next[len(next)-1]
		right := *left
		left.to = l.layout.Position(answer.Request)
		right.from = left.to
		if answer.Size > 1 {
			right.from = min(left.to+answer.Size, p.to)
		}
		if len(positions) == 0 { // the list has become shorter
			left.to = min(left.to, int(*answer.Total))
			continue
		}
		first, last := positions[0], positions[len(positions)-1]
		if first < left.after-l.layout.PageSize || last > left.until+l.layout.PageSize {
			return nil, errReadAll // the list has another order: it has not just got longer meanwhile
		}
		from, _ := slices.BinarySearch(left.known, first)
		to := from
		if answer.Size > 1 {
			to, _ = slices.BinarySearch(left.known, last+1)
		}
		left.known, right.known = left.known[:from], left.known[to:]
		left.until, right.after = first, last
		next = append(next, right)
	}
	return next, nil
}
