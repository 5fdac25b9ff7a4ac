package exposition

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"

	"github.com/revox-exporter/revox_exporter/collector/campaigns"
	"github.com/revox-exporter/revox_exporter/collector/histogram"
	"github.com/revox-exporter/revox_exporter/collector/store"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// reference collects a store in the usual way, with const metrics that are made on each scrape. Tests compare the
// handler's answers with those that client_golang gives for it.
type reference struct {
	store *store.Store
	clock revoxapi.Clock
}

func (c reference) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range families {
		ch <- descOf(f, nil)
	}
}

func descOf(f *family, more []campaigns.Label) *prometheus.Desc {
	fixed := prometheus.Labels{}
	for _, l := range more {
		fixed[l.Name] = l.Value
	}
	return prometheus.NewDesc(f.Name, f.Help, f.labels, fixed)
}

func (c reference) Collect(ch chan<- prometheus.Metric) {
	for _, r := range c.store.All() {
		shown := c.store.Shown(r, c.clock.Now())
		for _, f := range families {
			var made seriesList
			if f.has(r, shown) {
				f.collect(&made, r)
			}
			for _, s := range made {
				labels := []string{r.ID, s.label}[:len(f.labels)]
				switch f.Kind {
				case tally.Histogram:
					pairs := prometheus.MakeLabelPairs(descOf(f, s.more), labels)
					ch <- referenceHistogram{descOf(f, s.more), pairs, f.Buckets, s.distribution}
				case tally.Counter:
					ch <- prometheus.MustNewConstMetric(descOf(f, s.more), prometheus.CounterValue, s.value, labels...)
				default:
					ch <- prometheus.MustNewConstMetric(descOf(f, s.more), prometheus.GaugeValue, s.value, labels...)
				}
			}
		}
	}
}

// referenceHistogram writes a distribution as a classic and native histogram, with dto objects.
type referenceHistogram struct {
	desc   *prometheus.Desc
	labels []*dto.LabelPair
	bounds []float64
	values tally.Distribution
}

func (m referenceHistogram) Desc() *prometheus.Desc { return m.desc }

func (m referenceHistogram) Write(out *dto.Metric) error {
	cumulative, sum := m.values.ClassicBuckets(m.bounds)
	zero, native := m.values.NativeBuckets()
	out.Label = m.labels
	out.Histogram = &dto.Histogram{
		SampleCount:   proto.Uint64(cumulative[len(m.bounds)]),
		SampleSum:     proto.Float64(sum),
		Schema:        proto.Int32(histogram.NativeSchema),
		ZeroThreshold: proto.Float64(prometheus.DefNativeHistogramZeroThreshold),
		ZeroCount:     proto.Uint64(zero),
	}
	for i, bound := range m.bounds {
		bucket := &dto.Bucket{CumulativeCount: proto.Uint64(cumulative[i]), UpperBound: proto.Float64(bound)}
		out.Histogram.Bucket = append(out.Histogram.Bucket, bucket)
	}
	runs := spansOf(native, func(delta int64) {
		out.Histogram.PositiveDelta = append(out.Histogram.PositiveDelta, delta)
	})
	for _, s := range runs {
		span := &dto.BucketSpan{Offset: proto.Int32(s.offset), Length: proto.Uint32(s.length)}
		out.Histogram.PositiveSpan = append(out.Histogram.PositiveSpan, span)
	}
	return nil
}
