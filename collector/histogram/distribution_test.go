package histogram

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var buckets = []float64{1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600}

func TestSumIsExactInAnyOrder(t *testing.T) {
	var up, down Distribution
	for i := range 100_000 {
		up = up.Observe(time.Duration(i)*time.Millisecond/10, buckets)
		down = down.Observe(time.Duration(99_999-i)*time.Millisecond/10, buckets)
	}
	if !up.Equal(down) {
		t.Errorf("%v forwards, %v backwards", up, down)
	}
	if _, sum := up.ClassicBuckets(buckets); sum != 499_995 {
		t.Errorf("sum %v, want 499995", sum)
	}
}

// New observations add their own sum, even if other observations disappear at the same time.
func TestSumIncreasesByNewObservations(t *testing.T) {
	var before, now Distribution
	before = before.Observe(1000*time.Second, buckets)
	for range 10 {
		now = now.Observe(10*time.Second, buckets)
	}
	increased, decreased := before.AddIncreases(before, now), before.FallsTo(now)
	if _, sum := increased.ClassicBuckets(buckets); increased.Count() != 11 || sum != 1100 || !decreased {
		t.Errorf("decreased %v: %v", decreased, increased)
	}
}

// Operations on distributions equal the same operations on each cell, and change none of their arguments.
func TestDistributionOperationsWorkOnEachCell(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	randomDistribution := func() (d Distribution) {
		for range random.IntN(30) {
			d = d.Observe(time.Duration(random.ExpFloat64()*float64(time.Minute)), buckets)
		}
		return d
	}
	for range 2000 {
		a, b, c := randomDistribution(), randomDistribution(), randomDistribution()
		merged := Distribution(nil).Merge(a).Merge(b)
		increased, decreased := a.AddIncreases(b, c), b.FallsTo(c)
		larger := a.AtLeast(b)
		for _, result := range []Distribution{merged, increased, larger} {
			if !slices.IsSortedFunc(result, func(x, y observations) int { return cmp.Compare(x.order(), y.order()) }) {
				t.Fatalf("not in order: %v", result)
			}
		}
		wantDecreased := false
		for _, at := range slices.Concat(a, b, c) {
			inA, inB, inC := a.of(at.cell), b.of(at.cell), c.of(at.cell)
			wantDecreased = wantDecreased || inC.count < inB.count
			if want := inA.plus(inB); merged.of(at.cell) != want {
				t.Fatalf("%v and %v merged give %v", inA, inB, merged.of(at.cell))
			}
			wantIncreased := inA
			if inC.count > inB.count {
				wantIncreased = inA.plus(observations{at.cell, inC.count - inB.count, max(0, inC.sum-inB.sum)})
			}
			if increased.of(at.cell) != wantIncreased {
				t.Fatalf("%v plus the increase from %v to %v is %v", inA, inB, inC, increased.of(at.cell))
			}
			wantLarger := inA
			if inB.count > inA.count {
				wantLarger = inB
			}
			if larger.of(at.cell) != wantLarger {
				t.Fatalf("the larger of %v and %v is %v", inA, inB, larger.of(at.cell))
			}
		}
		if decreased != wantDecreased {
			t.Fatalf("decreased %v from %v to %v", decreased, b, c)
		}
		if got, want := merged.Count(), a.Count()+b.Count(); got != want {
			t.Fatalf("%d observations after merging %v and %v, want %d", got, a, b, want)
		}
	}
}

func TestQuantilesAreWithinQuantileError(t *testing.T) {
	if QuantileError < 0.09 || QuantileError > 0.091 {
		t.Errorf("QuantileError is %v, want about 0.0905", QuantileError)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 2, 10, 1000} {
		var d Distribution
		var all []time.Duration
		for range n {
			// From milliseconds to hours, and sometimes 0.
			v := time.Duration(math.Exp(random.Float64()*16)) * time.Millisecond
			if random.IntN(20) == 0 {
				v = 0
			}
			d = d.Observe(v, buckets)
			all = append(all, v)
		}
		slices.Sort(all)
		if d.Count() != uint64(n) {
			t.Errorf("%d observations, want %d", d.Count(), n)
		}
		for _, q := range []float64{0, 0.01, 0.5, 0.95, 0.999, 1} {
			exact := all[max(0, int(math.Ceil(q*float64(n)))-1)]
			got := d.Quantile(q)
			if off := math.Abs(float64(got - exact)); off > QuantileError*float64(exact)+float64(time.Millisecond) {
				t.Errorf("quantile %v of %d observations is %s, want about %s", q, n, got, exact)
			}
		}
	}
	if got := Distribution(nil).Quantile(0.5); got != 0 {
		t.Errorf("the median without observations is %s, want 0", got)
	}
}
