package histogram

import (
	"fmt"
	"math"
)

// StoredCell is the form in which a cell is written to a file, as JSON: classic index, native index, count, and the seconds
// and nanoseconds of its sum.
type StoredCell [5]int64

// Store returns h in its stored form.
func (h Distribution) Store() []StoredCell {
	cells := make([]StoredCell, 0, len(h))
	for _, o := range h {
		cells = append(cells,
			StoredCell{int64(o.classic), int64(o.native), int64(o.count), o.sum / 1e6, o.sum % 1e6 * 1e3})
	}
	return cells
}

// Restore reverses Store. bounds are the classic upper bounds. The error names an impossible value.
func Restore(cells []StoredCell, bounds []float64) (Distribution, error) {
	d := make(Distribution, 0, len(cells))
	for _, s := range cells {
		c := cell{int16(s[0]), int16(s[1])}
		if s[0] < 0 || s[0] > int64(len(bounds)) || s[1] != int64(c.native) || s[2] < 1 || s[2] > math.MaxUint32 ||
			s[3] < 0 || s[3] > 1<<42 || s[4] < 0 || s[4] >= 1e9 {
			return nil, fmt.Errorf("impossible cell: %v", s)
		}
		if last := len(d) - 1; last >= 0 && d[last].order() >= c.order() {
			return nil, fmt.Errorf("cells are not in order: %v", s)
		}
		d = append(d, observations{c, uint32(s[2]), s[3]*1e6 + s[4]/1e3})
	}
	return d, nil
}
