package histogram

import (
	"math"
	"slices"
	"sort"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Distribution counts observations for a classic and a native histogram at once. Each observation falls into one cell,
// the overlap of a classic and a native bucket. The buckets of both histograms are sums of cells, so they always agree,
// also after a merge or a correction that keeps counters from falling. A Distribution holds the cells that have
// observations, the shortest durations first. It is a slice because a map takes three times the memory, and a large
// installation has hundreds of thousands of cells. nil has no observations.
//
// Methods that add to a Distribution return the new one, as append does, and may change the old one.
type Distribution []observations

// cell says where an observation is counted: the index of its classic bucket (the number of upper bounds below it) and
// the index of its native bucket (nativeZero for 0).
type cell struct{ classic, native int16 }

const nativeZero = math.MinInt16

// order is a number by which cells are sorted: by native bucket, then by classic bucket.
func (c cell) order() int32 { return int32(c.native)<<16 | int32(uint16(c.classic)) }

// observations are those of one cell. Each duration is rounded to microseconds. Sums of these are exact, so that the order
// of rows does not change them.
type observations struct {
	cell
	count uint32 // at most its maximum
	sum   int64  // in microseconds; 64 bits are enough for 292,000 years
}

// plus returns the observations of o and other, which must be of the same cell.
func (o observations) plus(other observations) observations {
	o.count += min(other.count, math.MaxUint32-o.count)
	o.sum += other.sum
	return o
}

func seconds(microseconds int64) float64 { return float64(microseconds) / 1e6 }

// find returns the index of a cell in h, or the index at which to insert it.
func (h Distribution) find(c cell) (i int, found bool) {
	// Not slices.BinarySearchFunc, as in LabelMap.
	high := len(h)
	for i < high {
		if middle := (i + high) / 2; h[middle].order() < c.order() {
			i = middle + 1
		} else {
			high = middle
		}
	}
	return i, i < len(h) && h[i].cell == c
}

// of returns the observations of a cell, of which there may be none.
func (h Distribution) of(c cell) observations {
	if i, found := h.find(c); found {
		return h[i]
	}
	return observations{cell: c}
}

// Equal reports whether h and other are equal. It is fast if they share their memory.
func (h Distribution) Equal(other Distribution) bool {
	return h.Same(other) || slices.Equal(h, other)
}

// Same reports whether h and other share their memory, or are both empty.
func (h Distribution) Same(other Distribution) bool {
	return len(h) == len(other) && (len(h) == 0 || &h[0] == &other[0])
}

// Count returns the number of all observations. It adds up all cells.
func (h Distribution) Count() (count uint64) {
	for _, o := range h {
		count += uint64(o.count)
	}
	return count
}

// Observe counts d, 0 or more, for a histogram with these classic upper bounds. Pass a plain number as seconds.
func (h Distribution) Observe(d time.Duration, bounds []float64) Distribution {
	v := d.Seconds()
	c := cell{int16(sort.SearchFloat64s(bounds, v)), nativeIndex(v)}
	o := observations{c, 1, d.Round(time.Microsecond).Microseconds()}
	i, found := h.find(c)
	if !found {
		return slices.Insert(h, i, o)
	}
	h[i] = h[i].plus(o)
	return h
}

// Merge adds other's observations. The result shares no memory with other.
func (h Distribution) Merge(other Distribution) Distribution {
	added := 0 // cells that only other has
	for _, o := range other {
		if _, found := h.find(o.cell); !found {
			added++
		}
	}
	from, to := len(h), len(h)+added
	if merged := h; to > cap(h) {
		h = make(Distribution, to) // no spare capacity: most are kept for a long time
		copy(h, merged)
	}
	h = h[:to]
	// Go backwards, so that no cell is overwritten before it has moved.
	for i := len(other) - 1; i >= 0; i-- {
		for from > 0 && h[from-1].order() > other[i].order() {
			from, to = from-1, to-1
			h[to] = h[from]
		}
		to--
		if from > 0 && h[from-1].cell == other[i].cell {
			from--
			h[to] = h[from].plus(other[i])
		} else {
			h[to] = other[i]
		}
	}
	return h
}

// AddIncreases returns h plus the increase of each cell from before to now. h does not change. If a cell both lost and
// gained observations, the sum of the gained ones is unknown; the increase of the cell's sum, at least 0, is used instead.
func (h Distribution) AddIncreases(before, now Distribution) Distribution {
	if before.Equal(now) {
		return h
	}
	var increase Distribution
	for _, n := range now {
		if was := before.of(n.cell); n.count > was.count {
			increase = append(increase, observations{n.cell, n.count - was.count, max(0, n.sum-was.sum)})
		}
	}
	return slices.Clone(h).Merge(increase)
}

// FallsTo reports whether any cell of now has fewer observations than that of h.
func (h Distribution) FallsTo(now Distribution) bool {
	return slices.ContainsFunc(h, func(o observations) bool { return now.of(o.cell).count < o.count })
}

// AtLeast returns, for each cell, the larger of h's and other's observations. Neither changes.
func (h Distribution) AtLeast(other Distribution) Distribution {
	var more Distribution
	out := slices.Clone(h)
	for _, o := range other {
		if i, found := out.find(o.cell); !found {
			more = append(more, o)
		} else if o.count > out[i].count {
			out[i] = o
		}
	}
	return out.Merge(more)
}

// QuantileError is the largest relative error of a quantile. It is the relative width of a native bucket.
var QuantileError = math.Pow(2, math.Pow(2, -NativeSchema)) - 1

// Quantile returns the q-quantile of the observations, with q from 0 to 1. It is off by QuantileError at most, and
// exact (to the millisecond) if no other observation is in the same bucket. Without observations it is 0.
func (h Distribution) Quantile(q float64) time.Duration {
	rank := max(1, uint64(math.Ceil(q*float64(h.Count()))))
	for _, o := range h {
		if rank <= uint64(o.count) {
			// The mean of the cell's observations is within its bounds, as each of them is.
			return time.Duration(seconds(o.sum) / float64(o.count) * float64(time.Second)).Round(time.Millisecond)
		}
		rank -= uint64(o.count)
	}
	return 0
}

// NativeSchema makes native buckets grow by 2^(1/8), as client_golang does for a growth factor of 1.1.
const NativeSchema = 3

// nativeBounds are the upper bounds 2^(i/8-1) of the native buckets from 0.5 to 1, without the last.
var nativeBounds = []float64{
	0.5, 0.5452538663326288, 0.5946035575013605, 0.6484197773255048,
	0.7071067811865475, 0.7711054127039704, 0.8408964152537144, 0.9170040432046711,
}

// nativeIndex returns the index i of v's native bucket, which goes from 2^((i-1)/8) to 2^(i/8). v must be 0 or more.
func nativeIndex(v float64) int16 {
	if v <= prometheus.DefNativeHistogramZeroThreshold {
		return nativeZero
	}
	frac, exp := math.Frexp(v)
	return int16(sort.SearchFloat64s(nativeBounds, frac) + (exp-1)*len(nativeBounds))
}

// ClassicBuckets returns the cumulative counts of the classic buckets and the sum of observations. bounds are the upper
// bounds that were observed with; one more count, at the end, is that of all observations.
func (h Distribution) ClassicBuckets(bounds []float64) (cumulative []uint64, sum float64) {
	cumulative = make([]uint64, len(bounds)+1)
	var total int64
	for _, o := range h {
		cumulative[o.classic] += uint64(o.count)
		total += o.sum
	}
	for i := range bounds {
		cumulative[i+1] += cumulative[i]
	}
	return cumulative, seconds(total)
}

// NativeBucket is a native bucket that is not empty. It goes from 2^((Index-1)/8) to 2^(Index/8).
type NativeBucket struct {
	Index int16
	Count uint64
}

// NativeBuckets returns the count of the zero bucket, and the other native buckets in ascending order.
func (h Distribution) NativeBuckets() (zero uint64, buckets []NativeBucket) {
	buckets = make([]NativeBucket, 0, len(h))
	for _, o := range h {
		last := len(buckets) - 1
		switch {
		case o.native == nativeZero:
			zero += uint64(o.count)
		case last >= 0 && buckets[last].Index == o.native:
			buckets[last].Count += uint64(o.count)
		default:
			buckets = append(buckets, NativeBucket{o.native, uint64(o.count)})
		}
	}
	return zero, buckets
}
