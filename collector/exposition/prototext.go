package exposition

import (
	"fmt"
	"io"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/revox-exporter/revox_exporter/collector/tally"
)

// writeProtoText writes a family as protobuf in its text form, for people.
func writeProtoText(w io.Writer, f *family, campaigns []*campaignSeries) error {
	return writeProtoForm(w, f, campaigns, prototext.MarshalOptions{Multiline: true}, "")
}

// writeProtoCompact writes a family as protobuf in its text form on one line.
func writeProtoCompact(w io.Writer, f *family, campaigns []*campaignSeries) error {
	return writeProtoForm(w, f, campaigns, prototext.MarshalOptions{}, " ")
}

// writeProtoForm writes a family in the text form of protobuf. The texts of parts of a message are the text of the whole
// if they are joined by separator.
func writeProtoForm(
	w io.Writer, f *family, campaigns []*campaignSeries, form prototext.MarshalOptions, separator string,
) error {
	part := &dto.MetricFamily{Name: &f.Name, Help: &f.Help, Type: f.metricType().Enum()}
	if _, err := io.WriteString(w, form.Format(part)); err != nil {
		return err
	}
	for _, c := range campaigns {
		metrics, err := dtoMetrics(f, c)
		if err != nil {
			return err
		}
		if len(metrics) == 0 {
			continue
		}
		if _, err := io.WriteString(w, separator+form.Format(&dto.MetricFamily{Metric: metrics})); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// dtoMetrics returns a campaign's series of a family as dto objects. It decodes histograms from their served form, so that
// there is only one encoder.
func dtoMetrics(f *family, c *campaignSeries) ([]*dto.Metric, error) {
	var metrics []*dto.Metric
	for _, s := range c.of(f) {
		m := &dto.Metric{Label: []*dto.LabelPair{{Name: &f.labels[0], Value: &c.record.ID}}}
		for i := range s.labels {
			m.Label = append(m.Label, &dto.LabelPair{Name: &f.labels[i+1], Value: &s.labels[i]})
		}
		switch {
		case s.histogram != nil:
			m.Histogram = &dto.Histogram{}
			if err := proto.Unmarshal(s.histogram.protobuf(), m.Histogram); err != nil {
				return nil, fmt.Errorf("metric %s: %w", f.Name, err)
			}
		case f.Kind == tally.Counter:
			m.Counter = &dto.Counter{Value: &s.value}
		default:
			m.Gauge = &dto.Gauge{Value: &s.value}
		}
		metrics = append(metrics, m)
	}
	return metrics, nil
}
