package tally

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestSumIsExactInAnyOrder(t *testing.T) {
	var up, down Distribution
	for i := range 100_000 {
		up = up.observe(time.Duration(i)*time.Millisecond/10, callBuckets)
		down = down.observe(time.Duration(99_999-i)*time.Millisecond/10, callBuckets)
	}
	var sum exactSum
	for _, o := range up {
		sum = sum.plus(o.sum())
	}
	if !up.Equal(down) {
		t.Errorf("%v forwards, %v backwards", up, down)
	}
	if got, want := sum.float(), 499_995.0; got != want {
		t.Errorf("sum %v, want %v", got, want)
	}
}

// What is added to a histogram brings its own sum along, also while something else is taken away.
func TestSumRisesByWhatWasAdded(t *testing.T) {
	var before, now Distribution
	before = before.observe(1000*time.Second, callBuckets)
	for range 10 {
		now = now.observe(10*time.Second, callBuckets)
	}
	risen, fell := before.AddIncreases(before, now)
	if _, sum := risen.ClassicBuckets(callBuckets); risen.Count() != 11 || sum != 1100 || !fell {
		t.Errorf("fell %v: %v", fell, risen)
	}
}

// What is done to distributions gives what the same gives cell by cell, and changes none that it was given.
func TestDistributionsAreReckonedCellByCell(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	anyone := func() (d Distribution) {
		for range random.IntN(30) {
			d = d.observe(time.Duration(random.ExpFloat64()*float64(time.Minute)), callBuckets)
		}
		return d
	}
	for range 2000 {
		a, b, c := anyone(), anyone(), anyone()
		merged := Distribution(nil).Merge(a).Merge(b)
		risen, fell := a.AddIncreases(b, c)
		larger := a.AtLeast(b)
		for _, result := range []Distribution{merged, risen, larger} {
			if !slices.IsSortedFunc(result, func(x, y observations) int { return x.compare(y.cell) }) {
				t.Fatalf("not in order: %v", result)
			}
		}
		wantFell := false
		for _, at := range slices.Concat(a, b, c) {
			inA, inB, inC := a.of(at.cell), b.of(at.cell), c.of(at.cell)
			wantFell = wantFell || inC.count < inB.count
			if want := inA.plus(inB); merged.of(at.cell) != want {
				t.Fatalf("%v and %v merged to %v", inA, inB, merged.of(at.cell))
			}
			wantRisen := inA
			if inC.count > inB.count {
				wantRisen = inA.plus(newObservations(at.cell, inC.count-inB.count, inC.sum().minus(inB.sum())))
			}
			if risen.of(at.cell) != wantRisen {
				t.Fatalf("%v rose from %v to %v by %v", inA, inB, inC, risen.of(at.cell))
			}
			wantLarger := inA
			if inB.count > inA.count {
				wantLarger = inB
			}
			if larger.of(at.cell) != wantLarger {
				t.Fatalf("%v is the larger of %v and %v", larger.of(at.cell), inA, inB)
			}
		}
		if fell != wantFell {
			t.Fatalf("fell %v from %v to %v", fell, b, c)
		}
		if got, want := merged.Count(), a.Count()+b.Count(); got != want {
			t.Fatalf("%d observations of %v and %v", got, a, b)
		}
	}
}

func TestQuantilesAreAsExactAsIsSaid(t *testing.T) {
	if QuantileError < 0.09 || QuantileError > 0.091 {
		t.Errorf("a bucket's width is said to be %v", QuantileError)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 2, 10, 1000} {
		var d Distribution
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
		if d.Count() != uint64(n) {
			t.Errorf("%d observations, want %d", d.Count(), n)
		}
		for _, q := range []float64{0, 0.01, 0.5, 0.95, 0.999, 1} {
			exact := all[max(0, int(math.Ceil(q*float64(n)))-1)]
			got := d.Quantile(q)
			if off := math.Abs(float64(got - exact)); off > QuantileError*float64(exact)+float64(time.Millisecond) {
				t.Errorf("quantile %v of %d is %s, exactly %s", q, n, got, exact)
			}
		}
	}
	if got := Distribution(nil).Quantile(0.5); got != 0 {
		t.Errorf("the median of nothing is %s", got)
	}
}
