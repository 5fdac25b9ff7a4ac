package promql

import (
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
)

// Annotations show the alerts of this repository's rules that fire, and no others. TestAgentChanges has the one that shows
// changes of agents.
func TestAnnotationsAskForAlerts(t *testing.T) {
	for _, q := range readQueries(t) {
		if !strings.HasPrefix(q.Where, "annotation") || q.Where == agentChanged {
			continue
		}
		matchers := map[string]bool{}
		for _, selector := range parser.ExtractSelectors(q.parse(t)) {
			for _, m := range selector {
				matchers[m.String()] = true
			}
		}
		for _, want := range []string{`__name__="ALERTS"`, `alertname=~"Revox.+"`, `alertstate="firing"`} {
			if !matchers[want] {
				t.Errorf("%s does not select %s: %s", q, want, q.Expr)
			}
		}
	}
}
