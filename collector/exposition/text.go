package exposition

import (
	"strconv"
	"strings"

	"github.com/revox-exporter/revox_exporter/collector/tally"
)

// textFormat is exactly what expfmt.MetricFamilyToText writes.
var textFormat = format{head: appendTextHead, series: appendTextSeries}

func appendTextHead(out []byte, f *family, _ int) []byte {
	out = append(append(append(out, "# HELP "...), f.Name...), ' ')
	out = append(appendEscaped(out, f.Help, false), '\n')
	out = append(append(append(out, "# TYPE "...), f.Name...), ' ')
	return append(append(out, strings.ToLower(f.metricType().String())...), '\n')
}

func appendTextSeries(out []byte, f *family, id string, s series) []byte {
	var space [256]byte
	labels := appendTextLabels(space[:0], f, id, s)
	if f.Kind != tally.Histogram {
		return appendTextLine(out, f.Name, "", labels, "} ", s.value)
	}
	cumulative, sum := s.distribution.ClassicBuckets(f.Buckets)
	for i, bound := range f.buckets {
		out = appendTextLine(out, f.Name, "_bucket", labels, bound, float64(cumulative[i]))
	}
	count := float64(cumulative[len(f.buckets)])
	out = appendTextLine(out, f.Name, "_bucket", labels, `,le="+Inf"} `, count)
	out = appendTextLine(out, f.Name, "_sum", labels, "} ", sum)
	return appendTextLine(out, f.Name, "_count", labels, "} ", count)
}

func appendTextLine(out []byte, name, suffix string, labels []byte, end string, value float64) []byte {
	out = append(append(append(append(out, name...), suffix...), labels...), end...)
	return append(appendFloat(out, value), '\n')
}

// appendTextLabels appends the labels without the closing brace to out, which is empty.
func appendTextLabels(out []byte, f *family, id string, s series) []byte {
	for name, value := range f.labelsOf(id, &s) {
		out = append(append(append(out, ','), name...), `="`...)
		out = append(appendEscaped(out, value, true), '"')
	}
	out[0] = '{'
	return out
}

// appendEscaped appends text with special characters escaped: quotes only if quotes is true, as in label values.
func appendEscaped(out []byte, text string, quotes bool) []byte {
	for i := range len(text) {
		switch c := text[i]; {
		case c == '\\':
			out = append(out, `\\`...)
		case c == '\n':
			out = append(out, `\n`...)
		case c == '"' && quotes:
			out = append(out, `\"`...)
		default:
			out = append(out, c)
		}
	}
	return out
}

// appendFloat appends a number in the text format.
func appendFloat(out []byte, v float64) []byte {
	// Nearly all values are small counts. The general way takes several times as long for them.
	if v >= 0 && v < 1e6 && v == float64(uint64(v)) {
		return strconv.AppendUint(out, uint64(v), 10)
	}
	return strconv.AppendFloat(out, v, 'g', -1, 64)
}
