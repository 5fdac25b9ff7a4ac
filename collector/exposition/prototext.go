package exposition

import (
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
)

// The text forms of protobuf, for people: over several lines, and on one line.
var (
	protoTextFormat    = textForm(prototext.MarshalOptions{Multiline: true}, "")
	protoCompactFormat = textForm(prototext.MarshalOptions{}, " ")
)

// textForm returns a text form of protobuf. The texts of parts of a message are that of the whole if they are joined by
// separator. It decodes series from their served form, so that there is only one encoder.
func textForm(form prototext.MarshalOptions, separator string) format {
	return format{tail: "\n", head: func(out []byte, f *family, _ int) []byte {
		return append(out, form.Format(&dto.MetricFamily{Name: &f.Name, Help: &f.Help, Type: f.metricType().Enum()})...)
	}, series: func(out []byte, f *family, id string, s series) []byte {
		var part dto.MetricFamily
		if err := proto.Unmarshal(appendMetric(nil, f, id, s), &part); err != nil {
			panic(err) // impossible: it was encoded just now
		}
		return append(append(out, separator...), form.Format(&part)...)
	}}
}
