package collector

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestQuantilesAreAsExactAsIsSaid(t *testing.T) {
	if DurationsError < 0.09 || DurationsError > 0.091 {
		t.Errorf("a bucket's width is said to be %v", DurationsError)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 2, 10, 1000} {
		var d distribution
		var all []time.Duration
		for range n {
			// From milliseconds to hours, and 0 now and then.
			v := time.Duration(math.Exp(random.Float64()*16)) * time.Millisecond
			if random.IntN(20) == 0 {
				v = 0
			}
			d = d.observe(v, callBuckets)
			all = append(all, v)
		}
		slices.Sort(all)
		durations := newDurations(d)
		if durations.Count() != uint64(n) {
			t.Errorf("%d observations, want %d", durations.Count(), n)
		}
		for _, q := range []float64{0, 0.01, 0.5, 0.95, 0.999, 1} {
			exact := all[max(0, int(math.Ceil(q*float64(n)))-1)]
			got := durations.Quantile(q)
			if off := math.Abs(float64(got - exact)); off > DurationsError*float64(exact)+float64(time.Millisecond) {
				t.Errorf("quantile %v of %d is %s, exactly %s", q, n, got, exact)
			}
		}
	}
	if got := (Durations{}).Quantile(0.5); got != 0 {
		t.Errorf("the median of nothing is %s", got)
	}
}
