package exposition

import (
	"bytes"
	"io"
	"math"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"google.golang.org/protobuf/encoding/protowire"
)

// Numbers of the fields of dto.MetricFamily, dto.Metric and what is in it.
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

// writeProtobuf writes a family as a length-delimited dto.MetricFamily, with both halves of histograms. It reckons the
// length before, so that the family is never in memory as a whole.
func writeProtobuf(w io.Writer, f *family, campaigns []*campaignSeries) error {
	head := appendString(nil, familyNameField, f.Name)
	head = appendString(head, familyHelpField, f.Help)
	head = appendUint(head, familyTypeField, uint64(f.metricType()))
	size := len(head)
	for _, c := range campaigns {
		for _, s := range c.of(f) {
			size += protowire.SizeTag(familyMetricField) + protowire.SizeBytes(metricSize(f, c, s))
		}
	}
	if _, err := w.Write(append(protowire.AppendVarint(nil, uint64(size)), head...)); err != nil {
		return err
	}
	var out []byte
	for _, c := range campaigns {
		for _, s := range c.of(f) {
			out = appendMetric(out[:0], f, c, s)
			if _, err := w.Write(out); err != nil {
				return err
			}
		}
	}
	return nil
}

// metricSize returns the length of a series as a dto.Metric.
func metricSize(f *family, c *campaignSeries, s series) int {
	size := protowire.SizeTag(metricLabelField) + protowire.SizeBytes(labelSize(f.labels[0], c.record.ID))
	for i, value := range s.labels {
		size += protowire.SizeTag(metricLabelField) + protowire.SizeBytes(labelSize(f.labels[i+1], value))
	}
	if s.histogram == nil {
		return size + protowire.SizeTag(metricGaugeField) + protowire.SizeBytes(valueSize)
	}
	return size + protowire.SizeTag(metricHistogramField) + protowire.SizeBytes(len(s.histogram.protobuf()))
}

// appendMetric appends a series as a field of the family.
func appendMetric(out []byte, f *family, c *campaignSeries, s series) []byte {
	out = protowire.AppendVarint(protowire.AppendTag(out, familyMetricField, protowire.BytesType), uint64(metricSize(f, c, s)))
	out = appendLabel(out, f.labels[0], c.record.ID)
	for i, value := range s.labels {
		out = appendLabel(out, f.labels[i+1], value)
	}
	switch {
	case s.histogram != nil:
		return protowire.AppendBytes(protowire.AppendTag(out, metricHistogramField, protowire.BytesType), s.histogram.protobuf())
	case f.Kind == tally.Counter:
		return appendValue(out, metricCounterField, s.value)
	default:
		return appendValue(out, metricGaugeField, s.value)
	}
}

func appendString(out []byte, field protowire.Number, text string) []byte {
	return protowire.AppendString(protowire.AppendTag(out, field, protowire.BytesType), text)
}

func labelSize(name, value string) int {
	return protowire.SizeTag(labelNameField) + protowire.SizeBytes(len(name)) + protowire.SizeTag(labelValueField) + protowire.SizeBytes(len(value))
}

func appendLabel(out []byte, name, value string) []byte {
	out = protowire.AppendVarint(protowire.AppendTag(out, metricLabelField, protowire.BytesType), uint64(labelSize(name, value)))
	return appendString(appendString(out, labelNameField, name), labelValueField, value)
}

// valueSize is the length of a dto.Gauge or dto.Counter.
var valueSize = protowire.SizeTag(valueField) + protowire.SizeFixed64()

func appendValue(out []byte, field protowire.Number, value float64) []byte {
	out = protowire.AppendVarint(protowire.AppendTag(out, field, protowire.BytesType), uint64(valueSize))
	return appendDouble(out, valueField, value)
}

// protobuf returns the histogram as an encoded dto.Histogram, which is made once.
func (h *shownHistogram) protobuf() []byte {
	h.encode.Do(func() {
		buffer := protobufBuffers.Get().(*[]byte)
		defer protobufBuffers.Put(buffer)
		*buffer = h.appendProtobuf((*buffer)[:0])
		h.encoded = bytes.Clone(*buffer) // and no larger: it is kept for long
	})
	return h.encoded
}

// protobufBuffers are those that histograms are encoded in.
var protobufBuffers = sync.Pool{New: func() any { return new([]byte) }}

// appendProtobuf appends an encoded dto.Histogram. It does without the objects, of which a scrape would make some hundred thousand
// after each scan of a fleet.
func (h *shownHistogram) appendProtobuf(out []byte) []byte {
	zero, native := h.values.NativeBuckets()
	out = appendUint(out, histogramCountField, h.cumulative[len(h.bounds)])
	out = appendDouble(out, histogramSumField, h.sum)
	for i, bound := range h.bounds {
		size := protowire.SizeTag(bucketCountField) + protowire.SizeVarint(h.cumulative[i]) + protowire.SizeTag(bucketBoundField) + protowire.SizeFixed64()
		out = protowire.AppendVarint(protowire.AppendTag(out, histogramBucketField, protowire.BytesType), uint64(size))
		out = appendUint(out, bucketCountField, h.cumulative[i])
		out = appendDouble(out, bucketBoundField, bound)
	}
	out = appendUint(out, histogramSchemaField, protowire.EncodeZigZag(tally.NativeSchema))
	out = appendDouble(out, histogramZeroThresholdField, prometheus.DefNativeHistogramZeroThreshold)
	out = appendUint(out, histogramZeroCountField, zero)
	runs, deltas := spansOf(native)
	for _, s := range runs {
		offset, length := protowire.EncodeZigZag(int64(s.offset)), uint64(s.length)
		size := protowire.SizeTag(spanOffsetField) + protowire.SizeVarint(offset) + protowire.SizeTag(spanLengthField) + protowire.SizeVarint(length)
		out = protowire.AppendVarint(protowire.AppendTag(out, histogramSpanField, protowire.BytesType), uint64(size))
		out = appendUint(out, spanOffsetField, offset)
		out = appendUint(out, spanLengthField, length)
	}
	for _, delta := range deltas {
		out = appendUint(out, histogramDeltaField, protowire.EncodeZigZag(delta))
	}
	return out
}

func appendUint(out []byte, field protowire.Number, value uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(out, field, protowire.VarintType), value)
}

func appendDouble(out []byte, field protowire.Number, value float64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(out, field, protowire.Fixed64Type), math.Float64bits(value))
}

// maxFilledGap is how many empty buckets are cheaper to write than a span of its own; client_golang's choice.
const maxFilledGap = 2

// span is a run of native buckets: how many are left out before it, or its first index, and how many it has.
type span struct {
	offset int32
	length uint32
}

// spansOf encodes native buckets as runs of neighbours, and as the differences of their counts.
func spansOf(buckets []tally.NativeBucket) (spans []span, deltas []int64) {
	var next int32 // the index after the last bucket written
	var last int64 // the count in that bucket
	write := func(count int64) {
		spans[len(spans)-1].length++
		deltas = append(deltas, count-last)
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
	return spans, deltas
}
