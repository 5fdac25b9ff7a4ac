package promql

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/parser"
)

// query is a PromQL expression of a dashboard, and where it stands.
type query struct {
	dashboard string // the file, without .json
	where     string // "panel's title / refId", "variable name" or "annotation name"
	table     bool   // a table's: a row for each campaign is meant
	instant   bool
	expr      string
}

func (q query) String() string { return q.dashboard + ": " + q.where }

type jsonPanel struct {
	Title   string
	Type    string
	Panels  []jsonPanel
	Targets []struct {
		RefID   string
		Expr    string
		Instant bool
	}
}

// readQueries returns each query of each dashboard in the parent folder.
func readQueries(t *testing.T) []query {
	t.Helper()
	files, err := filepath.Glob("../*.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 4 {
		t.Fatalf("dashboards: %v, want four", files)
	}
	var queries []query
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var dashboard struct {
			Panels      []jsonPanel
			Annotations struct {
				List []struct{ Name, Expr string }
			}
			Templating struct {
				List []struct {
					Name, Type string
					Query      json.RawMessage
				}
			}
		}
		if err := json.Unmarshal(data, &dashboard); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		var walk func([]jsonPanel)
		walk = func(panels []jsonPanel) {
			for _, p := range panels {
				for _, target := range p.Targets {
					queries = append(queries, query{name, p.Title + " / " + target.RefID, p.Type == "table", target.Instant, target.Expr})
				}
				walk(p.Panels)
			}
		}
		walk(dashboard.Panels)
		for _, a := range dashboard.Annotations.List {
			queries = append(queries, query{name, "annotation " + a.Name, false, false, a.Expr})
		}
		for _, v := range dashboard.Templating.List {
			if v.Type != "query" {
				continue
			}
			var q struct{ Query string }
			if err := json.Unmarshal(v.Query, &q); err != nil {
				t.Fatalf("%s: variable %s: %v", name, v.Name, err)
			}
			// Grafana finds out what is asked with such expressions; without line breaks, as its own have none.
			expr := q.Query
			if m := regexp.MustCompile(`^query_result\((.+)\)\s*$`).FindStringSubmatch(expr); m != nil {
				expr = m[1]
			} else if m := regexp.MustCompile(`^label_values\((?:(.+),\s*)([a-zA-Z_][a-zA-Z0-9_]*)\)\s*$`).FindStringSubmatch(expr); m != nil {
				expr = fmt.Sprintf("count by (%s) (%s)", m[2], m[1])
			} else {
				t.Errorf("%s: variable %s: Grafana would not understand %q", name, v.Name, q.Query)
				continue
			}
			queries = append(queries, query{name, "variable " + v.Name, true, true, expr})
		}
	}
	return queries
}

// scale is how long a test's windows are.
type scale struct {
	rate, span time.Duration                     // $__rate_interval and $__range
	window     func(time.Duration) time.Duration // windows that a query names
	step       time.Duration                     // steps of subqueries, 0 for the query's own
}

// expand puts values for a dashboard's variables into a query and scales the windows that it names.
func expand(q query, s scale) (string, error) {
	expr := strings.NewReplacer(
		"$__rate_interval", seconds(s.rate),
		"$__interval", "1m",
		"$__range_s", fmt.Sprint(int(s.span.Seconds())),
		"$__range", seconds(s.span),
		"$campaign", ".+", "$instance", ".+", "$utc_offset", "0",
	).Replace(q.expr)
	if rest := regexp.MustCompile(`\$[a-zA-Z_{][a-zA-Z_]*`).FindString(expr); rest != "" {
		return "", fmt.Errorf("variable %s is not one that the test knows", rest)
	}
	tree, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		return "", err
	}
	if s.window == nil {
		return tree.String(), nil
	}
	parser.Inspect(tree, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.MatrixSelector:
			n.Range = s.window(n.Range)
		case *parser.SubqueryExpr:
			n.Range = s.window(n.Range)
			if s.step > 0 {
				n.Step = s.step
			}
		}
		return nil
	})
	return tree.String(), nil
}

func seconds(d time.Duration) string { return fmt.Sprintf("%ds", int(d.Seconds())) }

func TestEveryQueryParses(t *testing.T) {
	queries := readQueries(t)
	if len(queries) < 100 {
		t.Errorf("only %d queries found", len(queries))
	}
	for _, q := range queries {
		if _, err := expand(q, scale{rate: 4 * time.Minute, span: 6 * time.Hour}); err != nil {
			t.Errorf("%s: %v\n%s", q, err, q.expr)
		}
	}
}

// A classic bucket is le="5" to Prometheus 2 and le="5.0" to Prometheus 3, so that no query may pick one by its name.
func TestNoQueryPicksABucket(t *testing.T) {
	for _, q := range readQueries(t) {
		tree, err := expand(q, scale{rate: time.Minute, span: time.Hour})
		if err != nil {
			continue
		}
		expr, err := parser.NewParser(parser.Options{}).ParseExpr(tree)
		if err != nil {
			t.Fatal(err)
		}
		for _, selector := range parser.ExtractSelectors(expr) {
			for _, m := range selector {
				if m.Name == "le" {
					t.Errorf("%s: %s", q, m)
				}
			}
		}
	}
}
