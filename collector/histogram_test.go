package collector

import (
	"math/rand/v2"
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
		ours := distribution{}
		for _, d := range observations {
			theirs.Observe(d.Seconds())
			ours.observe(d, familyAttemptDuration.buckets)
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
	up, down := distribution{}, distribution{}
	for i := range 100_000 {
		up.observe(time.Duration(i)*time.Millisecond/10, callBuckets)
		down.observe(time.Duration(99_999-i)*time.Millisecond/10, callBuckets)
	}
	var sum exactSum
	for c, o := range up {
		sum = sum.plus(o.sum)
		if down[c] != o {
			t.Errorf("%v forwards, %v backwards", o, down[c])
		}
	}
	if got, want := sum.float(), 499_995.0; got != want {
		t.Errorf("sum %v, want %v", got, want)
	}
}

// What is added to a histogram brings its own sum along, also while something else is taken away.
func TestSumRisesByWhatWasAdded(t *testing.T) {
	before, now := distribution{}, distribution{}
	before.observe(1000*time.Second, callBuckets)
	for range 10 {
		now.observe(10*time.Second, callBuckets)
	}
	risen, fell := before.rise(before, now)
	metric := &histogramMetric{bounds: callBuckets, values: risen}
	if h := written(t, metric); h.GetSampleCount() != 11 || h.GetSampleSum() != 1100 || !fell {
		t.Errorf("fell %v: %v", fell, h)
	}
}
