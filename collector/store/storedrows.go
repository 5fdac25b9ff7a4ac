package store

import (
	"time"

	"github.com/revox-exporter/revox_exporter/collector/counters"
	"github.com/revox-exporter/revox_exporter/collector/rows"
	"github.com/revox-exporter/revox_exporter/collector/statefile"
)

// The file has a campaign's rows as they were at some time, and those that have changed since. All of them are written
// again if rows have vanished, if many have changed, or after largeInterval.

// maxRecent is the number of changed rows above which all rows are written again.
const maxRecent = 10_000

// rowChanges returns what to write of p's rows when the file has what was describes, and notes in is what it has then.
func rowChanges(id string, p *Snapshot, was keptCampaign, is *keptCampaign, now time.Time) (changes []statefile.Change) {
	write := func(kind string, bytes []byte) {
		changes = append(changes, statefile.Change{Kind: kind, Name: id, Bytes: bytes})
	}
	is.rows, is.rowsAt = was.rows, was.rowsAt
	if was.data == nil || !p.Gone.Same(was.data.Gone) {
		write(keptGone, p.Gone.Encode())
	}
	if p.Rows == nil || was.data != nil && was.data.Rows == p.Rows {
		return changes
	}
	recent := p.Rows.ChangedFrom(was.rows)
	switch {
	case was.rows == nil, recent.Len() > maxRecent, now.Sub(was.rowsAt) >= largeInterval, was.rows.Without(p.Rows) != nil:
		write(keptRows, p.Rows.Encode())
		write(keptRecent, nil)
		is.rows, is.rowsAt = p.Rows, now
	case recent == nil:
		write(keptRecent, nil)
	default:
		write(keptRecent, recent.Encode())
	}
	return changes
}

// restoreRows sets p's rows to those in the file. whole is what the file has under keptRows.
func restoreRows(p *Snapshot, table *rows.Table, stored, recent, gone []byte) (whole *rows.Set, err error) {
	if stored == nil {
		return nil, nil
	}
	if whole, err = table.Decode(stored); err != nil {
		return nil, err
	}
	var changed *rows.Set
	if recent != nil {
		if changed, err = table.Decode(recent); err != nil {
			return nil, err
		}
	}
	if p.Gone, err = counters.DecodeGone(gone, table); err != nil {
		return nil, err
	}
	p.Rows = whole.With(changed)
	return whole, nil
}
