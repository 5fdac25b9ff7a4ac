package exposition

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/revox-exporter/revox_exporter/collector/histogram"
	"github.com/revox-exporter/revox_exporter/collector/tally"
)

// Field numbers of dto.MetricFamily, dto.Metric and the messages in it.
const (
	familyNameField   protowire.Number = 1
	familyHelpField   protowire.Number = 2
	familyTypeField   protowire.Number = 3
	familyMetricField protowire.Number = 4

	metricLabelField     protowire.Number = 1
	metricGaugeField     protowire.Number = 2
	metricCounterField   protowire.Number = 3
	metricHistogramField protowire.Number = 7

	labelNameField  protowire.Number = 1
	labelValueField protowire.Number = 2
	valueField      protowire.Number = 1 // of a gauge or a counter

	histogramCountField         protowire.Number = 1
	histogramSumField           protowire.Number = 2
	histogramBucketField        protowire.Number = 3
	histogramSchemaField        protowire.Number = 5
	histogramZeroThresholdField protowire.Number = 6
	histogramZeroCountField     protowire.Number = 7
	histogramSpanField          protowire.Number = 12
	histogramDeltaField         protowire.Number = 13

	bucketCountField protowire.Number = 1
	bucketBoundField protowire.Number = 2
	spanOffsetField  protowire.Number = 1
	spanLengthField  protowire.Number = 2
)

// protobufFormat writes each family as a length-delimited dto.MetricFamily, with classic and native histograms. It makes
// no dto objects: a scrape might need 100,000 of them.
var protobufFormat = format{head: appendProtobufHead, sized: true, series: appendMetric}

func appendProtobufHead(out []byte, f *family, size int) []byte {
	head := appendString(nil, familyNameField, f.Name)
	head = appendString(head, familyHelpField, f.Help)
	head = appendUint(head, familyTypeField, uint64(f.metricType()))
	return append(protowire.AppendVarint(out, uint64(len(head)+size)), head...)
}

// appendMetric appends a series as a field of the family.
func appendMetric(out []byte, f *family, id string, s series) []byte {
	return appendMessage(out, familyMetricField, func(out []byte) []byte {
		for name, value := range f.labelsOf(id, &s) {
			out = appendMessage(out, metricLabelField, func(out []byte) []byte {
				return appendString(appendString(out, labelNameField, name), labelValueField, value)
			})
		}
		switch f.Kind {
		case tally.Histogram:
			return appendMessage(out, metricHistogramField, func(out []byte) []byte {
				return appendHistogram(out, f.Buckets, s.distribution)
			})
		case tally.Counter:
			return appendValue(out, metricCounterField, s.value)
		}
		return appendValue(out, metricGaugeField, s.value)
	})
}

// appendHistogram appends the fields of a dto.Histogram.
func appendHistogram(out []byte, bounds []float64, values tally.Distribution) []byte {
	cumulative, sum := values.ClassicBuckets(bounds)
	zero, native := values.NativeBuckets()
	out = appendUint(out, histogramCountField, cumulative[len(bounds)])
	out = appendDouble(out, histogramSumField, sum)
	for i, bound := range bounds {
		out = appendMessage(out, histogramBucketField, func(out []byte) []byte {
			return appendDouble(appendUint(out, bucketCountField, cumulative[i]), bucketBoundField, bound)
		})
	}
	out = appendUint(out, histogramSchemaField, protowire.EncodeZigZag(histogram.NativeSchema))
	out = appendDouble(out, histogramZeroThresholdField, prometheus.DefNativeHistogramZeroThreshold)
	out = appendUint(out, histogramZeroCountField, zero)
	var space [512]byte
	deltas := space[:0]
	spans := spansOf(native, func(delta int64) {
		deltas = appendUint(deltas, histogramDeltaField, protowire.EncodeZigZag(delta))
	})
	for _, s := range spans {
		out = appendMessage(out, histogramSpanField, func(out []byte) []byte {
			out = appendUint(out, spanOffsetField, protowire.EncodeZigZag(int64(s.offset)))
			return appendUint(out, spanLengthField, uint64(s.length))
		})
	}
	return append(out, deltas...)
}

// appendMessage appends a message, whose fields are appended by fields, as a field.
func appendMessage(out []byte, field protowire.Number, fields func(out []byte) []byte) []byte {
	out = append(protowire.AppendTag(out, field, protowire.BytesType), 0) // the length, if that is enough
	start := len(out)
	out = fields(out)
	size := len(out) - start
	if size < 0x80 {
		out[start-1] = byte(size)
		return out
	}
	var length [binary.MaxVarintLen64]byte
	return slices.Replace(out, start-1, start, protowire.AppendVarint(length[:0], uint64(size))...)
}

func appendString(out []byte, field protowire.Number, text string) []byte {
	return protowire.AppendString(protowire.AppendTag(out, field, protowire.BytesType), text)
}

func appendValue(out []byte, field protowire.Number, value float64) []byte {
	return appendMessage(out, field, func(out []byte) []byte { return appendDouble(out, valueField, value) })
}

func appendUint(out []byte, field protowire.Number, value uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(out, field, protowire.VarintType), value)
}

func appendDouble(out []byte, field protowire.Number, value float64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(out, field, protowire.Fixed64Type), math.Float64bits(value))
}

// maxFilledGap is the longest gap of empty buckets that is written instead of a new span, as in client_golang.
const maxFilledGap = 2

// span is a run of native buckets. offset is the number of buckets before it, or the first index of all.
type span struct {
	offset int32
	length uint32
}

// spansOf encodes native buckets as runs of adjacent buckets. It calls delta with the differences between their counts.
func spansOf(buckets []histogram.NativeBucket, delta func(int64)) (spans []span) {
	var next int32 // the index after the last written bucket
	var last int64 // the count in that bucket
	write := func(count int64) {
		spans[len(spans)-1].length++
		delta(count - last)
		next, last = next+1, count
	}
	for i, bucket := range buckets {
		index := int32(bucket.Index)
		gap := index - next
		if i == 0 || gap > maxFilledGap {
			spans = append(spans, span{offset: gap})
			next = index
		}
		for next < index {
			write(0)
		}
		write(int64(bucket.Count))
	}
	return spans
}
