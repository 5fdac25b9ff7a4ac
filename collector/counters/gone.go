package counters

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/rows"
	"github.com/revox-exporter/revox_exporter/collector/tally"
)

// rememberGone is how long a row that has vanished is remembered. If it returns later, it counts again.
const rememberGone = 48 * time.Hour

var errBrokenGone = errors.New("its vanished rows are damaged")

// Gone are the rows of a campaign that have vanished. It is immutable. The zero value has none.
type Gone struct {
	// hours are the rows by the hour in which they vanished, the latest last. No row is in two of them.
	hours []goneHour
	// counts is what the rows added to counters, by Family.Index; nil without rows.
	counts []tally.Counts
}

type goneHour struct {
	at   time.Time // the beginning of the hour
	rows *rows.Set
}

// Weight is what the rows count towards limits of memory.
func (g Gone) Weight() (n int) {
	for _, h := range g.hours {
		n += h.rows.Weight()
	}
	return n
}

// Sets returns the rows, those that vanished last in the last set.
func (g Gone) Sets() (sets []*rows.Set) {
	for _, h := range g.hours {
		sets = append(sets, h.rows)
	}
	return sets
}

// next returns the vanished rows after a scan that ended at the time at and found the rows now. vanished are those that
// it found no more. At most limit rows are kept; forgotten is what those counted that are not, by Family.Index.
func (g Gone) next(now, vanished *rows.Set, at time.Time, limit int) (next Gone, forgotten []tally.Counts) {
	hour := at.Truncate(time.Hour)
	hours := make([]goneHour, 0, len(g.hours)+1)
	for _, h := range g.hours {
		if rest := h.rows.Without(now); rest != nil {
			hours = append(hours, goneHour{h.at, rest})
		}
	}
	if vanished != nil {
		if last := len(hours) - 1; last >= 0 && hours[last].at.Equal(hour) {
			hours[last].rows = hours[last].rows.With(vanished)
		} else {
			hours = append(hours, goneHour{hour, vanished})
		}
	}
	next = Gone{hours: hours}
	for n := next.Weight(); len(next.hours) > 0; next.hours = next.hours[1:] {
		first := next.hours[0]
		if n <= limit && hour.Sub(first.at) <= rememberGone {
			break
		}
		n -= first.rows.Weight()
		forgotten = sumOfCounts(forgotten, first.rows.Counts())
	}
	if forgotten == nil && next.Same(g) {
		return g, nil
	}
	for _, h := range next.hours {
		next.counts = sumOfCounts(next.counts, h.rows.Counts())
	}
	return next, forgotten
}

// Same reports whether g and other are the same rows, not only equal ones.
func (g Gone) Same(other Gone) bool {
	return slices.EqualFunc(g.hours, other.hours, func(x, y goneHour) bool { return x.rows == y.rows })
}

func sumOfCounts(a, b []tally.Counts) []tally.Counts {
	if a == nil {
		return b
	}
	for i := range a {
		a[i] = plus(a[i], b[i])
	}
	return a
}

// countsOf returns what a family's counts are; nil if counts is nil.
func countsOf(counts []tally.Counts, f *tally.Family) tally.Counts {
	if counts == nil {
		return nil
	}
	return counts[f.Index]
}

// Encode returns g in its stored form: for each hour, its Unix time and the length of its rows' stored form, each in 8
// bytes, and that form. It is nil without rows.
func (g Gone) Encode() (bytes []byte) {
	for _, h := range g.hours {
		stored := h.rows.Encode()
		bytes = binary.LittleEndian.AppendUint64(bytes, uint64(h.at.Unix()))
		bytes = binary.LittleEndian.AppendUint64(bytes, uint64(len(stored)))
		bytes = append(bytes, stored...)
	}
	return bytes
}

// DecodeGone reverses Encode. It fails if bytes is damaged.
func DecodeGone(bytes []byte, table *rows.Table) (g Gone, err error) {
	for len(bytes) > 0 {
		if len(bytes) < 16 || uint64(len(bytes)-16) < binary.LittleEndian.Uint64(bytes[8:]) {
			return Gone{}, errBrokenGone
		}
		end := 16 + binary.LittleEndian.Uint64(bytes[8:])
		set, err := table.Decode(bytes[16:end])
		if err != nil {
			return Gone{}, err
		}
		at := time.Unix(int64(binary.LittleEndian.Uint64(bytes)), 0)
		if n := len(g.hours); set.Len() == 0 || n > 0 && !at.After(g.hours[n-1].at) {
			return Gone{}, errBrokenGone
		}
		g.hours = append(g.hours, goneHour{at, set})
		g.counts = sumOfCounts(g.counts, set.Counts())
		bytes = bytes[end:]
	}
	return g, nil
}
