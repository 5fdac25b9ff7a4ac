package promql

import (
	"fmt"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
)

// checkDivisions returns each division by what can be 0, and each quantile of what can be empty: a share or percentile of
// nothing must be no data rather than NaN.
func checkDivisions(expr parser.Expr) (problems []string) {
	parser.Inspect(expr, func(node parser.Node, path []parser.Node) error {
		switch n := node.(type) {
		case *parser.BinaryExpr:
			if n.Op == parser.DIV && !isNonZero(n.RHS) {
				problems = append(problems, fmt.Sprintf("divided by %s, which can be 0", n.RHS))
			}
		case *parser.Call:
			if n.Func.Name == "histogram_quantile" && !isAtLeastZero(path) {
				problems = append(problems, "a quantile of nothing is NaN; it needs >= 0")
			}
		}
		return nil
	})
	return problems
}

// isNonZero reports whether an expression consists of numbers other than 0, or filters out or raises what is not above 0.
func isNonZero(expr parser.Expr) bool {
	switch n := expr.(type) {
	case *parser.ParenExpr:
		return isNonZero(n.Expr)
	case *parser.NumberLiteral:
		return n.Val != 0
	case *parser.Call:
		if n.Func.Name == "clamp_min" {
			limit, ok := n.Args[1].(*parser.NumberLiteral)
			return ok && limit.Val > 0
		}
	case *parser.BinaryExpr:
		switch n.Op {
		case parser.MUL, parser.DIV:
			return isNonZero(n.LHS) && isNonZero(n.RHS)
		case parser.GTR, parser.GTE:
			limit, ok := n.RHS.(*parser.NumberLiteral)
			return ok && !n.ReturnBool && (limit.Val > 0 || limit.Val == 0 && n.Op == parser.GTR)
		}
	}
	return false
}

// isAtLeastZero reports whether the node directly around an expression filters out what is not >= 0.
func isAtLeastZero(path []parser.Node) bool {
	for i := len(path) - 1; i >= 0; i-- {
		switch n := path[i].(type) {
		case *parser.ParenExpr:
			continue
		case *parser.BinaryExpr:
			limit, ok := n.RHS.(*parser.NumberLiteral)
			return ok && n.Op == parser.GTE && !n.ReturnBool && limit.Val == 0
		}
		return false
	}
	return false
}

func TestDivisionsAreGuarded(t *testing.T) {
	for _, q := range readQueries(t) {
		for _, problem := range checkDivisions(q.parse(t)) {
			t.Errorf("%s: %s\n%s", q, problem, q.Expr)
		}
	}
}
