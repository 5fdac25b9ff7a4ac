package promql

import (
	"fmt"
	"slices"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
)

// checkCounters returns each counter in an expression that is not read as one, and each gauge that is. A counter is read
// as one by rate and similar functions, by delta and idelta without negative results, or if its lowest value in a window is
// subtracted from it.
func checkCounters(expr parser.Expr, metrics map[string]metric) (problems []string) {
	gained := map[*parser.VectorSelector]bool{} // both sides of such a subtraction
	parser.Inspect(expr, func(node parser.Node, path []parser.Node) error {
		switch n := node.(type) {
		case *parser.BinaryExpr:
			if from, lowest := gain(n); from != nil {
				gained[from], gained[lowest] = true, true
			}
		case *parser.VectorSelector:
			function := windowFunction(path)
			rates := slices.Contains([]string{"rate", "increase", "irate", "resets"}, function)
			differences := (function == "delta" || function == "idelta") && isAtLeastZero(path[:len(path)-2])
			switch counter := metrics[n.Name].counter; {
			case differences:
			case rates && !counter:
				problems = append(problems, fmt.Sprintf("gauge %s in %s", n.Name, function))
			case rates || !counter || gained[n]:
			case function == "" || function == "last_over_time":
				problems = append(problems, fmt.Sprintf("counter %s is read as it is; "+
					"use rate or increase, or subtract its min_over_time", n.Name))
			default:
				problems = append(problems, fmt.Sprintf("counter %s in %s", n.Name, function))
			}
		}
		return nil
	})
	return problems
}

// gain returns the two selectors of m - min_over_time(m[1h]), or of last_over_time(m[1h]) - min_over_time(m[1h]), if both
// select the same; otherwise nil.
func gain(n *parser.BinaryExpr) (from, lowest *parser.VectorSelector) {
	if n.Op != parser.SUB {
		return nil, nil
	}
	lowest, window := windowOf(n.RHS, "min_over_time")
	from, instant := n.LHS.(*parser.VectorSelector)
	if !instant {
		var other string
		if from, other = windowOf(n.LHS, "last_over_time"); other != window {
			return nil, nil
		}
	}
	if from == nil || lowest == nil || from.String() != lowest.String() {
		return nil, nil
	}
	return from, lowest
}

// windowOf returns the selector that a function reads over a window, and the whole window as text; nil if the expression
// is something else.
func windowOf(expr parser.Expr, function string) (*parser.VectorSelector, string) {
	call, ok := expr.(*parser.Call)
	if !ok || call.Func.Name != function {
		return nil, ""
	}
	switch window := call.Args[0].(type) {
	case *parser.MatrixSelector:
		return window.VectorSelector.(*parser.VectorSelector), window.String()
	case *parser.SubqueryExpr:
		selector, _ := window.Expr.(*parser.VectorSelector)
		return selector, window.String()
	}
	return nil, ""
}

// windowFunction returns the function that reads a selector over a window, given the nodes around the selector; "" if it
// is not read over a window.
func windowFunction(path []parser.Node) string {
	if len(path) < 2 {
		return ""
	}
	switch path[len(path)-1].(type) {
	case *parser.MatrixSelector, *parser.SubqueryExpr:
		return path[len(path)-2].(*parser.Call).Func.Name
	}
	return ""
}

func TestQueriesReadCountersAsCounters(t *testing.T) {
	metrics := readMetrics(t)
	for _, q := range readQueries(t) {
		for _, problem := range checkCounters(q.parse(t), metrics) {
			t.Errorf("%s: %s\n%s", q, problem, q.Expr)
		}
	}
}
