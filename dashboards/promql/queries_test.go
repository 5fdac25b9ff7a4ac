// Package promql tests every PromQL expression of this repository with Prometheus' own parser and engine: the queries of
// dashboards, the alert rules and the examples in documents. It is a module of its own, so that users do not
// get Prometheus as a dependency.
package promql

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/revox-exporter/revox_exporter/dashboards/internal/grafana"
)

// query is a PromQL expression of a dashboard.
type query struct {
	dashboard string // The file, without .json.
	grafana.Query
}

func (q query) String() string { return q.dashboard + ": " + q.Where }

// oneForEach reports whether a query has a result for each campaign by intention: those of tables and variables do.
func (q query) oneForEach() bool {
	return q.Panel != nil && q.Panel.Type == "table" || strings.HasPrefix(q.Where, "variable")
}

// parse returns a query's expression with values for its variables.
func (q query) parse(t *testing.T) parser.Expr {
	t.Helper()
	expr, err := expand(q, scale{rate: 4 * time.Minute, span: 6 * time.Hour})
	if err != nil {
		t.Fatalf("%s: %v\n%s", q, err, q.Expr)
	}
	return expr
}

func parse(t *testing.T, expr string) parser.Expr {
	t.Helper()
	tree, err := promQL.ParseExpr(expr)
	if err != nil {
		t.Fatalf("%v\n%s", err, expr)
	}
	return tree
}

func readDashboards(t testing.TB) []*grafana.Dashboard {
	t.Helper()
	dashboards, err := grafana.Read("..")
	if err != nil {
		t.Fatal(err)
	}
	if len(dashboards) != 5 {
		t.Fatalf("%d dashboards, want 5", len(dashboards))
	}
	return dashboards
}

// readQueries returns each query of each dashboard in the parent folder.
func readQueries(t testing.TB) (queries []query) {
	t.Helper()
	for _, d := range readDashboards(t) {
		found, err := d.Queries()
		if err != nil {
			t.Error(err)
		}
		for _, q := range found {
			queries = append(queries, query{strings.TrimSuffix(d.File, ".json"), q})
		}
	}
	return queries
}

// scale is how long a test's windows are.
type scale struct {
	rate, span time.Duration                     // $__rate_interval and $__range.
	window     func(time.Duration) time.Duration // For windows that a query names; nil leaves them.
	step       time.Duration                     // Steps of subqueries, 0 for the query's own.
	campaign   string                            // $campaign; "" for all.
	recorded   bool                              // $raw is such that recorded series are read.
	by         string                            // $by; "" for the language model.
}

// interval is the time between two points, $__interval.
func (s scale) interval() time.Duration { return cmp.Or(s.step, time.Minute) }

// expand puts values for a dashboard's variables into a query and scales the windows that it names.
func expand(q query, s scale) (parser.Expr, error) {
	raw := ".+"
	if s.recorded {
		raw = "-"
	}
	expr := strings.NewReplacer(
		"$__rate_interval", seconds(s.rate),
		"$__interval_ms", fmt.Sprint(s.interval().Milliseconds()),
		"$__interval", seconds(s.interval()),
		"$__range_s", fmt.Sprint(int(s.span.Seconds())),
		"$__range", seconds(s.span),
		"$campaign", cmp.Or(s.campaign, ".+"), "$raw", raw, "$instance", ".+", "$utc_offset", "0",
		"$by", cmp.Or(s.by, "llm_model"),
	).Replace(q.Expr)
	if rest := regexp.MustCompile(`\$[a-zA-Z_{][a-zA-Z_]*`).FindString(expr); rest != "" {
		return nil, fmt.Errorf("the test has no value for the variable %s", rest)
	}
	tree, err := promQL.ParseExpr(expr)
	if err != nil || s.window == nil {
		return tree, err
	}
	parser.Inspect(tree, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.MatrixSelector:
			n.Range = s.window(n.Range)
		case *parser.VectorSelector:
			n.OriginalOffset = s.window(n.OriginalOffset) / 4 // so that a window before it fits too
		case *parser.SubqueryExpr:
			n.Range = s.window(n.Range)
			n.OriginalOffset = s.window(n.OriginalOffset) / 4
			if s.step > 0 {
				n.Step = s.step
			}
		}
		return nil
	})
	return tree, nil
}

func seconds(d time.Duration) string { return fmt.Sprintf("%ds", int(d.Seconds())) }

func TestEveryQueryParses(t *testing.T) {
	queries := readQueries(t)
	if len(queries) < 100 {
		t.Errorf("only %d queries found", len(queries))
	}
	for _, q := range queries {
		if _, err := expand(q, scale{rate: 4 * time.Minute, span: 6 * time.Hour}); err != nil {
			t.Errorf("%s: %v\n%s", q, err, q.Expr)
		}
	}
}

// A classic bucket is le="5" to Prometheus 2 and le="5.0" to Prometheus 3, so no query may select one by its bound, but
// for 0 as both write it.
func TestNoQueryPicksABucket(t *testing.T) {
	for _, q := range readQueries(t) {
		for _, selector := range parser.ExtractSelectors(q.parse(t)) {
			for _, m := range selector {
				if m.Name == "le" && m.Value != "0([.]0)?" {
					t.Errorf("%s: %s", q, m)
				}
			}
		}
	}
}
