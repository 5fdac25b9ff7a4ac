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

// writeProtobuf writes a family as a length-delimited dto.MetricFamily, with classic and native histograms. It computes
// the length first, so that the whole family is never in memory.
func writeProtobuf(w io.Writer, f *family, campaigns []*campaignSeries) error {
	head := appendString(nil, familyNameField, f.Name)
	head = appendString(head, familyHelpField, f.Help)
	head = appendUint(head, familyTypeField, uint64(f.metricType()))
	size := len(head)
	for _, c := range campaigns {
		for _, s := range c.of(f) {
			size += bytesSize(familyMetricField, metricSize(f, c, s))
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

// bytesSize returns the length of a field of n bytes, including its tag and its length prefix.
func bytesSize(field protowire.Number, n int) int {
	return protowire.SizeTag(field) + protowire.SizeBytes(n)
}

// metricSize returns the length of a series as a dto.Metric.
func metricSize(f *family, c *campaignSeries, s series) int {
	size := bytesSize(metricLabelField, labelSize(f.labels[0], c.record.ID))
	for i, value := range s.labels {
		size += bytesSize(metricLabelField, labelSize(f.labels[i+1], value))
	}
	if s.histogram == nil {
		return size + bytesSize(metricGaugeField, valueSize)
	}
	return size + bytesSize(metricHistogramField, len(s.histogram.protobuf()))
}

// appendMetric appends a series as a field of the family.
func appendMetric(out []byte, f *family, c *campaignSeries, s series) []byte {
	out = appendHead(out, familyMetricField, metricSize(f, c, s))
	out = appendLabel(out, f.labels[0], c.record.ID)
	for i, value := range s.labels {
		out = appendLabel(out, f.labels[i+1], value)
	}
	switch {
	case s.histogram != nil:
		encoded := s.histogram.protobuf()
		return append(appendHead(out, metricHistogramField, len(encoded)), encoded...)
	case f.Kind == tally.Counter:
		return appendValue(out, metricCounterField, s.value)
	default:
		return appendValue(out, metricGaugeField, s.value)
	}
}

// appendHead appends the tag and the length prefix of a field of size bytes.
func appendHead(out []byte, field protowire.Number, size int) []byte {
	return protowire.AppendVarint(protowire.AppendTag(out, field, protowire.BytesType), uint64(size))
}

func appendString(out []byte, field protowire.Number, text string) []byte {
	return append(appendHead(out, field, len(text)), text...)
}

func labelSize(name, value string) int {
	return bytesSize(labelNameField, len(name)) + bytesSize(labelValueField, len(value))
}

func appendLabel(out []byte, name, value string) []byte {
	out = appendHead(out, metricLabelField, labelSize(name, value))
	return appendString(appendString(out, labelNameField, name), labelValueField, value)
}

// valueSize is the length of a dto.Gauge or dto.Counter.
var valueSize = protowire.SizeTag(valueField) + protowire.SizeFixed64()

func appendValue(out []byte, field protowire.Number, value float64) []byte {
	return appendDouble(appendHead(out, field, valueSize), valueField, value)
}

// protobuf returns the histogram as an encoded dto.Histogram. It encodes it once.
func (h *shownHistogram) protobuf() []byte {
	h.encode.Do(func() {
		buffer := protobufBuffers.Get().(*[]byte)
		defer protobufBuffers.Put(buffer)
		*buffer = h.appendProtobuf((*buffer)[:0])
		h.encoded = bytes.Clone(*buffer) // no spare capacity: it is kept for a long time
	})
	return h.encoded
}

// protobufBuffers are buffers for encoding histograms.
var protobufBuffers = sync.Pool{New: func() any { return new([]byte) }}

// appendProtobuf appends an encoded dto.Histogram. It makes no dto objects: a scrape might need 100,000 of them.
func (h *shownHistogram) appendProtobuf(out []byte) []byte {
	zero, native := h.values.NativeBuckets()
	out = appendUint(out, histogramCountField, h.cumulative[len(h.bounds)])
	out = appendDouble(out, histogramSumField, h.sum)
	for i, bound := range h.bounds {
		size := protowire.SizeTag(bucketCountField) + protowire.SizeVarint(h.cumulative[i]) +
			protowire.SizeTag(bucketBoundField) + protowire.SizeFixed64()
		out = appendHead(out, histogramBucketField, size)
		out = appendUint(out, bucketCountField, h.cumulative[i])
		out = appendDouble(out, bucketBoundField, bound)
	}
	out = appendUint(out, histogramSchemaField, protowire.EncodeZigZag(tally.NativeSchema))
	out = appendDouble(out, histogramZeroThresholdField, prometheus.DefNativeHistogramZeroThreshold)
	out = appendUint(out, histogramZeroCountField, zero)
	runs, deltas := spansOf(native)
	for _, s := range runs {
		offset, length := protowire.EncodeZigZag(int64(s.offset)), uint64(s.length)
		size := protowire.SizeTag(spanOffsetField) + protowire.SizeVarint(offset) +
			protowire.SizeTag(spanLengthField) + protowire.SizeVarint(length)
		out = appendHead(out, histogramSpanField, size)
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

// maxFilledGap is the longest gap of empty buckets that is written instead of a new span, as in client_golang.
const maxFilledGap = 2

// span is a run of native buckets. offset is the number of buckets before it, or the first index of all.
type span struct {
	offset int32
	length uint32
}

// spansOf encodes native buckets as runs of adjacent buckets, and the differences between their counts.
func spansOf(buckets []tally.NativeBucket) (spans []span, deltas []int64) {
	var next int32 // the index after the last written bucket
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
