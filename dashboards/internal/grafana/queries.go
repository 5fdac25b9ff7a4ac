package grafana

import (
	"encoding/json"
	"fmt"
	"regexp"
)

// Query is a PromQL expression in which Grafana's variables still stand.
type Query struct {
	Where    string // "panel's title / refId", "variable name" or "annotation name".
	Panel    *Panel // nil for those of variables and annotations.
	Legend   string
	Interval string // The shortest step, or "".
	Instant  bool
	Expr     string
}

// Grafana parses a variable's query with expressions like these, which do not match line breaks.
var (
	queryResult = regexp.MustCompile(`^query_result\((.+)\)\s*$`)
	labelValues = regexp.MustCompile(`^label_values\((?:(.+),\s*)([a-zA-Z_][a-zA-Z0-9_]*)\)\s*$`)
)

// Queries returns each query of a dashboard: of its panels, annotations and variables. A variable that Grafana would not
// understand is an error.
func (d *Dashboard) Queries() ([]Query, error) {
	var queries []Query
	for p := range d.Shown() {
		for _, t := range p.Targets {
			queries = append(queries, Query{p.Title + " / " + t.RefID, p, t.LegendFormat, t.Interval, t.Instant, t.Expr})
		}
	}
	for _, a := range d.Annotations.List {
		queries = append(queries, Query{Where: "annotation " + a.Name, Expr: a.Expr})
	}
	for _, v := range d.Templating.List {
		if v.Type != "query" {
			continue
		}
		var q struct{ Query string }
		if err := json.Unmarshal(v.Query, &q); err != nil {
			return nil, fmt.Errorf("%s: variable %s: %w", d.File, v.Name, err)
		}
		var expr string
		if m := queryResult.FindStringSubmatch(q.Query); m != nil {
			expr = m[1]
		} else if m := labelValues.FindStringSubmatch(q.Query); m != nil {
			expr = fmt.Sprintf("count by (%s) (%s)", m[2], m[1])
		} else {
			return nil, fmt.Errorf("%s: variable %s: Grafana would not understand %q", d.File, v.Name, q.Query)
		}
		queries = append(queries, Query{Where: "variable " + v.Name, Instant: true, Expr: expr})
	}
	return queries, nil
}
