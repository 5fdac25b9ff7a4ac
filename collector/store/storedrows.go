package store

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/rows"
	"github.com/revox-exporter/revox_exporter/collector/statefile"
)

// The file has a campaign's rows as they were at some time, and those that have changed since. All of them are written
// again if rows have vanished, if many have changed, or after largeInterval.

// maxRecent is the number of changed rows above which all rows are written again.
const maxRecent = 10_000

var errBrokenGone = errors.New("its vanished rows are damaged")

// rowChanges returns what to write of p's rows when the file has what was describes, and notes in is what it has then.
func rowChanges(id string, p *Snapshot, was keptCampaign, is *keptCampaign, now time.Time) (changes []statefile.Change) {
	write := func(kind string, bytes []byte) {
		changes = append(changes, statefile.Change{Kind: kind, Name: id, Bytes: bytes})
	}
	is.rows, is.rowsAt = was.rows, was.rowsAt
	if was.data == nil || !sameHours(p.gone, was.data.gone) {
		write(keptGone, p.gone.encode())
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
	if p.gone, err = decodeGone(gone, table); err != nil {
		return nil, err
	}
	p.Rows = whole.With(changed)
	return whole, nil
}

// encode returns g in its stored form: for each hour, its Unix time and the length of its rows' stored form, each in 8
// bytes, and that form. It is nil without rows.
func (g gone) encode() (bytes []byte) {
	for _, h := range g.hours {
		stored := h.rows.Encode()
		bytes = binary.LittleEndian.AppendUint64(bytes, uint64(h.at.Unix()))
		bytes = binary.LittleEndian.AppendUint64(bytes, uint64(len(stored)))
		bytes = append(bytes, stored...)
	}
	return bytes
}

// decodeGone reverses encode. It fails if bytes is damaged.
func decodeGone(bytes []byte, table *rows.Table) (g gone, err error) {
	for len(bytes) > 0 {
		if len(bytes) < 16 || uint64(len(bytes)-16) < binary.LittleEndian.Uint64(bytes[8:]) {
			return gone{}, errBrokenGone
		}
		end := 16 + binary.LittleEndian.Uint64(bytes[8:])
		set, err := table.Decode(bytes[16:end])
		if err != nil {
			return gone{}, err
		}
		at := time.Unix(int64(binary.LittleEndian.Uint64(bytes)), 0)
		if n := len(g.hours); set.Len() == 0 || n > 0 && !at.After(g.hours[n-1].at) {
			return gone{}, errBrokenGone
		}
		g.hours = append(g.hours, goneHour{at, set})
		g.counts = sumOfCounts(g.counts, set.Counts())
		bytes = bytes[end:]
	}
	return g, nil
}
