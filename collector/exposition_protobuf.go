package collector

import (
	"fmt"
	"io"
	"math"
	"sync"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
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
)

// protobufBuffers are those that families were rendered in: a family's length comes before it.
var protobufBuffers = sync.Pool{New: func() any { return new([]byte) }}

// writeProtobuf writes a family as a length-delimited dto.MetricFamily, with both halves of histograms.
func writeProtobuf(w io.Writer, f *metricFamily, campaigns []*campaignSeries) error {
	buffer := protobufBuffers.Get().(*[]byte)
	defer protobufBuffers.Put(buffer)
	out := appendString((*buffer)[:0], familyNameField, f.name)
	out = appendString(out, familyHelpField, f.help)
	out = protowire.AppendVarint(protowire.AppendTag(out, familyTypeField, protowire.VarintType), uint64(f.kind))
	var metric []byte
	for _, c := range campaigns {
		for _, s := range c.of(f) {
			metric = appendLabel(metric[:0], f.labels[0], c.record.id)
			for i, value := range s.labels {
				metric = appendLabel(metric, f.labels[i+1], value)
			}
			switch {
			case s.histogram != nil:
				h, err := s.histogram.protobuf()
				if err != nil {
					return fmt.Errorf("encoding %s of campaign %s: %w", f.name, c.record.id, err)
				}
				metric = protowire.AppendBytes(protowire.AppendTag(metric, metricHistogramField, protowire.BytesType), h)
			case f.kind == dto.MetricType_COUNTER:
				metric = appendValue(metric, metricCounterField, s.value)
			default:
				metric = appendValue(metric, metricGaugeField, s.value)
			}
			out = protowire.AppendBytes(protowire.AppendTag(out, familyMetricField, protowire.BytesType), metric)
		}
	}
	*buffer = out
	if _, err := w.Write(protowire.AppendVarint(nil, uint64(len(out)))); err != nil {
		return err
	}
	_, err := w.Write(out)
	return err
}

func appendString(out []byte, field protowire.Number, text string) []byte {
	return protowire.AppendString(protowire.AppendTag(out, field, protowire.BytesType), text)
}

func appendLabel(out []byte, name, value string) []byte {
	size := protowire.SizeTag(labelNameField) + protowire.SizeBytes(len(name)) + protowire.SizeTag(labelValueField) + protowire.SizeBytes(len(value))
	out = protowire.AppendVarint(protowire.AppendTag(out, metricLabelField, protowire.BytesType), uint64(size))
	return appendString(appendString(out, labelNameField, name), labelValueField, value)
}

func appendValue(out []byte, field protowire.Number, value float64) []byte {
	size := protowire.SizeTag(valueField) + protowire.SizeFixed64()
	out = protowire.AppendVarint(protowire.AppendTag(out, field, protowire.BytesType), uint64(size))
	return protowire.AppendFixed64(protowire.AppendTag(out, valueField, protowire.Fixed64Type), math.Float64bits(value))
}

// protobuf returns the histogram as an encoded dto.Histogram, which is made once.
func (h *shownHistogram) protobuf() ([]byte, error) {
	h.encode.Do(func() { h.encoded, h.encodeErr = proto.Marshal(h.values.protobuf(h.bounds)) })
	return h.encoded, h.encodeErr
}
