package exposition

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"

	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/collector/tally"
)

// A histogram is served exactly as client_golang writes one with the same observations.
func TestHistogramEqualsClientGolang(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	durations := [][]time.Duration{
		nil,
		{0},
		{time.Nanosecond, time.Second, 10 * time.Second, 10*time.Second + 1, time.Hour, 10 * 365 * 24 * time.Hour},
	}
	var many []time.Duration
	for range 5000 {
		many = append(many, time.Duration(random.ExpFloat64()*float64(time.Minute)))
	}
	for power := range 39 { // many bounds of buckets
		many = append(many, time.Millisecond<<power)
	}
	durations = append(durations, many)
	buckets := tally.AttemptDuration.Buckets
	for _, observed := range durations {
		theirs := prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "h", Help: "h", Buckets: buckets, NativeHistogramBucketFactor: 1.1,
		})
		for _, d := range observed {
			theirs.Observe(d.Seconds())
		}
		var written dto.Metric
		if err := theirs.Write(&written); err != nil {
			t.Fatal(err)
		}
		want := written.Histogram
		want.CreatedTimestamp = nil

		values := tallyOf(observed...).Values.Distributions[tally.AttemptDuration.Index].Of("")
		var got, reference dto.Metric
		got.Histogram = &dto.Histogram{}
		if err := proto.Unmarshal(appendHistogram(nil, buckets, values), got.Histogram); err != nil {
			t.Fatal(err)
		}
		if err := (referenceHistogram{bounds: buckets, values: values}).Write(&reference); err != nil {
			t.Fatal(err)
		}
		// Both add up the same numbers, but only ours is exact.
		if diff := got.Histogram.GetSampleSum() - want.GetSampleSum(); diff > 1e-3 || diff < -1e-3 {
			t.Errorf("sum %v, want %v", got.Histogram.GetSampleSum(), want.GetSampleSum())
		}
		want.SampleSum = got.Histogram.SampleSum
		for name, h := range map[string]*dto.Histogram{"served": got.Histogram, "the reference": reference.Histogram} {
			if !proto.Equal(h, want) {
				t.Errorf("%d observations, %s:\n%v\nwant %v", len(observed), name, h, want)
			}
		}
	}
}

// tallyOf returns a tally of attempts with these durations.
func tallyOf(durations ...time.Duration) *tally.Tally {
	call := &tally.Call{Status: "calling"}
	for _, d := range durations {
		a := tally.Attempt{Status: "completed"}
		a.StartedAt.Time, a.EndedAt.Time = start, start.Add(d)
		call.Attempts = append(call.Attempts, a)
	}
	t := tally.New(labelvalue.New(nil))
	t.CountRow(tally.Row{ID: "r", Call: call})
	return t
}

// start is a Wednesday morning.
var start = time.Date(2024, 5, 1, 9, 0, 0, 0, time.UTC)
