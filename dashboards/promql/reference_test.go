package promql

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
)

// Each example of the metrics reference parses, uses names that exist, and is about the metric of its section.
func TestExamplesOfTheReferenceParse(t *testing.T) {
	metrics := readMetrics(t)
	text, err := os.ReadFile("../../collector/METRICS.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?s)\n### `(\\w+)`\n.*?```promql\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if headings := strings.Count(string(text), "\n### "); len(examples) != headings || headings == 0 {
		t.Errorf("%d examples under %d metrics", len(examples), headings)
	}
	for _, example := range examples {
		metric, query := example[1], example[2]
		expr, err := promQL.ParseExpr(query)
		if err != nil {
			t.Errorf("%s: %v\n%s", metric, err, query)
			continue
		}
		_, problems := checkLabels(expr, metrics)
		for _, problem := range problems {
			t.Errorf("%s: %s\n%s", metric, problem, query)
		}
		about, series := false, regexp.MustCompile("^"+metric+"(_bucket|_sum|_count)?$")
		for _, selector := range parser.ExtractSelectors(expr) {
			for _, m := range selector {
				about = about || m.Name == "__name__" && series.MatchString(m.Value)
			}
		}
		if !about {
			t.Errorf("the example of %s is not about it:\n%s", metric, query)
		}
	}
}
