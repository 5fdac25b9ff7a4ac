package exposition

import (
	"io"
	"strconv"
	"strings"
	"sync"
)

// writeBytes is the approximate number of bytes that are rendered before they are written.
const writeBytes = 64 << 10

// textBuffers are buffers for rendering families.
var textBuffers = sync.Pool{New: func() any { return new([]byte) }}

// writeText writes a family in the text format, exactly as expfmt.MetricFamilyToText does.
func writeText(w io.Writer, f *family, campaigns []*campaignSeries) error {
	buffer := textBuffers.Get().(*[]byte)
	defer textBuffers.Put(buffer)
	out := append(append(append((*buffer)[:0], "# HELP "...), f.Name...), ' ')
	out = append(appendEscaped(out, f.Help, false), '\n')
	out = append(append(append(out, "# TYPE "...), f.Name...), ' ')
	out = append(append(out, strings.ToLower(f.metricType().String())...), '\n')
	var labels []byte
	for _, c := range campaigns {
		for _, s := range c.of(f) {
			labels = appendTextLabels(labels[:0], f, c.record.ID, s.labels)
			if s.histogram != nil {
				out = appendTextHistogram(out, f, labels, s.histogram)
			} else {
				out = append(appendTextLine(out, f.Name, "", labels, "}"), ' ')
				out = append(appendFloat(out, s.value), '\n')
			}
		}
		if len(out) >= writeBytes {
			if _, err := w.Write(out); err != nil {
				return err
			}
			out = out[:0]
		}
	}
	*buffer = out
	_, err := w.Write(out)
	return err
}

func appendTextHistogram(out []byte, f *family, labels []byte, h *shownHistogram) []byte {
	for i, count := range h.cumulative {
		out = appendTextLine(out, f.Name, "_bucket", labels, `,le="`)
		if i < len(f.buckets) {
			out = append(out, f.buckets[i]...)
		} else {
			out = append(out, "+Inf"...)
		}
		out = append(out, `"} `...)
		out = append(appendFloat(out, float64(count)), '\n')
	}
	out = append(appendTextLine(out, f.Name, "_sum", labels, "}"), ' ')
	out = append(appendFloat(out, h.sum), '\n')
	out = append(appendTextLine(out, f.Name, "_count", labels, "}"), ' ')
	return append(appendFloat(out, float64(h.cumulative[len(h.cumulative)-1])), '\n')
}

func appendTextLine(out []byte, name, suffix string, labels []byte, end string) []byte {
	return append(append(append(append(out, name...), suffix...), labels...), end...)
}

// appendTextLabels appends the labels without the closing brace.
func appendTextLabels(out []byte, f *family, id string, values []string) []byte {
	out = append(append(append(out, '{'), f.labels[0]...), `="`...)
	out = append(appendEscaped(out, id, true), '"')
	for i, value := range values {
		out = append(append(append(out, ','), f.labels[i+1]...), `="`...)
		out = append(appendEscaped(out, value, true), '"')
	}
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
