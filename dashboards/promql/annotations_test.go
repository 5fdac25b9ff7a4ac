package promql

import (
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
)

// Annotations show the alerts of this repository's rules that fire, and no others.
func TestAnnotationsAskForAlerts(t *testing.T) {
	for _, q := range readQueries(t) {
		if !strings.HasPrefix(q.Where, "annotation") {
			continue
		}
		matchers := map[string]bool{}
		if selector, ok := q.parse(t).(*parser.VectorSelector); ok {
			for _, m := range selector.LabelMatchers {
				matchers[m.String()] = true
			}
		}
		for _, want := range []string{`__name__="ALERTS"`, `alertname=~"Revox.+"`, `alertstate="firing"`} {
			if !matchers[want] {
				t.Errorf("%s is not a selector with %s: %s", q, want, q.Expr)
			}
		}
	}
}
