package tally

import (
	"cmp"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Distribution counts observations at once for a classic and a native histogram. Each observation falls into one cell,
// which is where a classic and a native bucket overlap: the buckets of both are sums over cells and so agree with each
// other, also after distributions were merged or held from falling. It has the cells that have observations, from the
// shortest on: a slice takes a third of the room of a map, and a fleet has some hundred thousand cells. nil is none.
//
// What adds to a Distribution returns the one to go on with, as append does, and may change the old one.
type Distribution []observations

// cell is the place of an observation: the index of its classic bucket (the number of upper bounds below it), and of
// its native bucket (nativeZero for 0).
type cell struct{ classic, native int16 }

const nativeZero = math.MinInt16

func (c cell) compare(other cell) int {
	return cmp.Or(cmp.Compare(c.native, other.native), cmp.Compare(c.classic, other.classic))
}

// observations are those of one cell. Its sum is split in two so as to take little room: see exactSum.
type observations struct {
	cell
	nanoseconds int32
	count       uint64
	seconds     int64
}

func newObservations(c cell, count uint64, sum exactSum) observations {
	return observations{c, int32(sum.nanoseconds), count, sum.seconds}
}

func (o observations) sum() exactSum { return exactSum{o.seconds, int64(o.nanoseconds)} }

// plus returns the observations of o and other, which are of one cell.
func (o observations) plus(other observations) observations {
	return newObservations(o.cell, o.count+other.count, o.sum().plus(other.sum()))
}

// exactSum adds durations without rounding, so that a sum does not depend on the order of rows. Nanoseconds are less
// than 1e9.
type exactSum struct{ seconds, nanoseconds int64 }

func (s exactSum) plus(other exactSum) exactSum {
	s.seconds += other.seconds
	s.nanoseconds += other.nanoseconds
	if s.nanoseconds >= 1e9 {
		s.seconds++
		s.nanoseconds -= 1e9
	}
	return s
}

// minus returns s less other, 0 where other is larger.
func (s exactSum) minus(other exactSum) exactSum {
	d := exactSum{s.seconds - other.seconds, s.nanoseconds - other.nanoseconds}
	if d.nanoseconds < 0 {
		d.seconds--
		d.nanoseconds += 1e9
	}
	if d.seconds < 0 {
		return exactSum{}
	}
	return d
}

func (s exactSum) float() float64 { return float64(s.seconds) + float64(s.nanoseconds)/1e9 }

// find returns where a cell is in h, or would be.
func (h Distribution) find(c cell) (i int, found bool) {
	return slices.BinarySearchFunc(h, c, func(o observations, c cell) int { return o.compare(c) })
}

// of returns the observations of a cell, also where there are none.
func (h Distribution) of(c cell) observations {
	if i, found := h.find(c); found {
		return h[i]
	}
	return observations{cell: c}
}

// Equal reports whether h and other are equal; at once where they are the same.
func (h Distribution) Equal(other Distribution) bool {
	return same(h, other) || slices.Equal(h, other)
}

// Count returns the number of all observations. It goes through all cells.
func (h Distribution) Count() (count uint64) {
	for _, o := range h {
		count += o.count
	}
	return count
}

// observe counts d, which is 0 or more, for a histogram with these classic upper bounds. A number that is no duration
// is observed as so many seconds.
func (h Distribution) observe(d time.Duration, bounds []float64) Distribution {
	v := d.Seconds()
	c := cell{int16(sort.SearchFloat64s(bounds, v)), nativeIndex(v)}
	o := newObservations(c, 1, exactSum{int64(d / time.Second), int64(d % time.Second)})
	i, found := h.find(c)
	if !found {
		return slices.Insert(h, i, o)
	}
	h[i] = h[i].plus(o)
	return h
}

// Merge adds other's observations. What it returns shares nothing with other.
func (h Distribution) Merge(other Distribution) Distribution {
	added := 0 // cells that h does not have
	for _, o := range other {
		if _, found := h.find(o.cell); !found {
			added++
		}
	}
	from, to := len(h), len(h)+added
	if merged := h; to > cap(h) {
		h = make(Distribution, to) // and no larger: most are kept for long
		copy(h, merged)
	}
	h = h[:to]
	// From the end on, so that nothing is overwritten that is still to be moved.
	for i := len(other) - 1; i >= 0; i-- {
		for from > 0 && h[from-1].compare(other[i].cell) > 0 {
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

// AddIncreases returns h with what each cell increased by from before to now, and whether any decreased. h is not changed.
// Where a cell both lost and gained observations, the sum of those gained is not known; it is taken to be the increase
// of the cell's sum, if it has one.
func (h Distribution) AddIncreases(before, now Distribution) (risen Distribution, fell bool) {
	var increase Distribution
	for _, n := range now {
		if was := before.of(n.cell); n.count > was.count {
			increase = append(increase, newObservations(n.cell, n.count-was.count, n.sum().minus(was.sum())))
		}
	}
	for _, was := range before {
		fell = fell || now.of(was.cell).count < was.count
	}
	return slices.Clone(h).Merge(increase), fell
}

// AtLeast returns, for each cell, the larger of h and other, which are not changed.
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

// QuantileError is how far a quantile can be off: that much of itself, by the width of a native bucket.
var QuantileError = math.Pow(2, math.Pow(2, -NativeSchema)) - 1

// Quantile returns the duration that a share q, from 0 to 1, of the observations does not exceed: within QuantileError of it,
// and exactly where no other observation is in the same bucket. Without observations it is 0.
func (h Distribution) Quantile(q float64) time.Duration {
	rank := max(1, uint64(math.Ceil(q*float64(h.Count()))))
	for _, o := range h {
		if rank <= o.count {
			// The mean of a bucket's observations is between its ends, as each of them is.
			return time.Duration(o.sum().float() / float64(o.count) * float64(time.Second)).Round(time.Millisecond)
		}
		rank -= o.count
	}
	return 0
}

// NativeSchema is that of native buckets: they grow by 2^(1/8), as client_golang chooses for a growth factor of 1.1.
const NativeSchema = 3

// nativeBounds are the upper bounds of the native buckets between 0.5 and 1, less the last: 2^(i/8-1).
var nativeBounds = []float64{
	0.5, 0.5452538663326288, 0.5946035575013605, 0.6484197773255048, 0.7071067811865475, 0.7711054127039704, 0.8408964152537144, 0.9170040432046711,
}

// nativeIndex returns the index i of the native bucket, which reaches from 2^((i-1)/8) to 2^(i/8), for v >= 0.
func nativeIndex(v float64) int16 {
	if v <= prometheus.DefNativeHistogramZeroThreshold {
		return nativeZero
	}
	frac, exp := math.Frexp(v)
	return int16(sort.SearchFloat64s(nativeBounds, frac) + (exp-1)*len(nativeBounds))
}

// ClassicBuckets returns the cumulative counts of classic buckets with these upper bounds, the last of all observations, and
// the sum of observations.
func (h Distribution) ClassicBuckets(bounds []float64) (cumulative []uint64, sum float64) {
	cumulative = make([]uint64, len(bounds)+1)
	var exact exactSum
	for _, o := range h {
		cumulative[o.classic] += o.count
		exact = exact.plus(o.sum())
	}
	for i := range bounds {
		cumulative[i+1] += cumulative[i]
	}
	return cumulative, exact.float()
}

// NativeBucket is a bucket that is not empty.
type NativeBucket struct {
	Index int16
	Count uint64
}

// NativeBuckets returns the native buckets in order, and the count of the zero bucket apart.
func (h Distribution) NativeBuckets() (zero uint64, buckets []NativeBucket) {
	buckets = make([]NativeBucket, 0, len(h))
	for _, o := range h {
		last := len(buckets) - 1
		switch {
		case o.native == nativeZero:
			zero += o.count
		case last >= 0 && buckets[last].Index == o.native:
			buckets[last].Count += o.count
		default:
			buckets = append(buckets, NativeBucket{o.native, o.count})
		}
	}
	return zero, buckets
}
