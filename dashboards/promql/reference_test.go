package promql

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
)

// Each example of the metrics reference is about the metric of its section.
func TestExamplesOfTheReference(t *testing.T) {
	text, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	families, _, _ := strings.Cut(string(text), "\n## Label values\n")
	examples := regexp.MustCompile("(?s)\n### `(\\w+)`\n.*?```promql\n(.*?)```").FindAllStringSubmatch(families, -1)
	if headings := strings.Count(families, "\n### "); len(examples) != headings || headings == 0 {
		t.Errorf("%d examples under %d metrics", len(examples), headings)
	}
	for _, example := range examples {
		metric, query := example[1], example[2]
		expr, err := promQL.ParseExpr(query)
		if err != nil {
			t.Errorf("%s: %v\n%s", metric, err, query)
			continue
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
