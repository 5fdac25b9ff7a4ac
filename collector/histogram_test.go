package collector

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"
)

// A distribution is written as client_golang would write a histogram of the same observations.
func TestDistributionIsWrittenAsClientGolangWould(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	durations := [][]time.Duration{
		nil,
		{0},
		{time.Nanosecond, time.Second, 10 * time.Second, 10*time.Second + 1, time.Hour, maxPlausibleDuration},
	}
	var many []time.Duration
	for range 5000 {
		many = append(many, time.Duration(random.ExpFloat64()*float64(time.Minute)))
	}
	for power := range 40 { // the bounds of buckets themselves
		many = append(many, time.Millisecond<<power)
	}
	durations = append(durations, many)
	for _, observations := range durations {
		theirs := prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "h", Help: "h", Buckets: familyAttemptDuration.buckets, NativeHistogramBucketFactor: 1.1,
		})
		var ours distribution
		for _, d := range observations {
			theirs.Observe(d.Seconds())
			ours = ours.observe(d, familyAttemptDuration.buckets)
		}
		metric, err := newHistogramMetric(familyAttemptDuration, ours, "c")
		if err != nil {
			t.Fatal(err)
		}
		got, want := written(t, metric), written(t, theirs)
		want.CreatedTimestamp = nil
		// Both add the same numbers up, ours without rounding.
		if diff := got.GetSampleSum() - want.GetSampleSum(); diff > 1e-3 || diff < -1e-3 {
			t.Errorf("sum %v, want %v", got.GetSampleSum(), want.GetSampleSum())
		}
		want.SampleSum = got.SampleSum
		if !proto.Equal(got, want) {
			t.Errorf("%d observations:\ngot  %v\nwant %v", len(observations), got, want)
		}
		cumulative, sum := ours.classic(familyAttemptDuration.buckets)
		shown := &shownHistogram{values: ours, bounds: familyAttemptDuration.buckets, cumulative: cumulative, sum: sum}
		var encoded dto.Histogram
		if err := proto.Unmarshal(shown.protobuf(), &encoded); err != nil || !proto.Equal(&encoded, want) {
			t.Errorf("%d observations are encoded as\n%v, %v\nwant %v", len(observations), &encoded, err, want)
		}
	}
}

func written(t *testing.T, m prometheus.Metric) *dto.Histogram {
	t.Helper()
	var out dto.Metric
	if err := m.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Histogram
}

func TestSumIsExactInAnyOrder(t *testing.T) {
	var up, down distribution
	for i := range 100_000 {
		up = up.observe(time.Duration(i)*time.Millisecond/10, callBuckets)
		down = down.observe(time.Duration(99_999-i)*time.Millisecond/10, callBuckets)
	}
	var sum exactSum
	for _, o := range up {
		sum = sum.plus(o.sum())
	}
	if !up.equal(down) {
		t.Errorf("%v forwards, %v backwards", up, down)
	}
	if got, want := sum.float(), 499_995.0; got != want {
		t.Errorf("sum %v, want %v", got, want)
	}
}

// What is added to a histogram brings its own sum along, also while something else is taken away.
func TestSumRisesByWhatWasAdded(t *testing.T) {
	var before, now distribution
	before = before.observe(1000*time.Second, callBuckets)
	for range 10 {
		now = now.observe(10*time.Second, callBuckets)
	}
	risen, fell := before.rise(before, now)
	metric := &histogramMetric{bounds: callBuckets, values: risen}
	if h := written(t, metric); h.GetSampleCount() != 11 || h.GetSampleSum() != 1100 || !fell {
		t.Errorf("fell %v: %v", fell, h)
	}
}

// What is done to distributions gives what the same gives cell by cell, and changes none that it was given.
func TestDistributionsAreReckonedCellByCell(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	anyone := func() (d distribution) {
		for range random.IntN(30) {
			d = d.observe(time.Duration(random.ExpFloat64()*float64(time.Minute)), callBuckets)
		}
		return d
	}
	for range 2000 {
		a, b, c := anyone(), anyone(), anyone()
		merged := distribution(nil).merge(a).merge(b)
		risen, fell := a.rise(b, c)
		larger := a.atLeast(b)
		for _, result := range []distribution{merged, risen, larger} {
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
		if got, want := merged.total(), a.total()+b.total(); got != want {
			t.Fatalf("%d observations of %v and %v", got, a, b)
		}
	}
}
