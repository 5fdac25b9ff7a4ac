package promql

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// labelCheck finds out which labels the parts of an expression can have, and which metrics and labels in it are wrong.
type labelCheck struct {
	metrics  map[string]metric
	problems []string
}

// checkLabels returns the labels that an expression's result can have, and each metric, label and label value in it that
// does not exist.
func checkLabels(expr parser.Expr, metrics map[string]metric) (labelSet, []string) {
	c := &labelCheck{metrics: metrics}
	return c.of(expr), c.problems
}

func (c *labelCheck) fail(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

// of returns the labels that an expression's result can have.
func (c *labelCheck) of(node parser.Node) labelSet {
	switch n := node.(type) {
	case *parser.VectorSelector:
		return c.ofSelector(n)
	case *parser.AggregateExpr:
		return c.ofAggregation(n)
	case *parser.BinaryExpr:
		return c.ofBinary(n)
	case *parser.Call:
		return c.ofCall(n)
	default:
		return c.ofChildren(n)
	}
}

func (c *labelCheck) ofChildren(node parser.Node) labelSet {
	set := labelSet{}
	for _, child := range parser.Children(node) {
		maps.Copy(set, c.of(child))
	}
	return set
}

func (c *labelCheck) ofSelector(n *parser.VectorSelector) labelSet {
	m, known := c.metrics[n.Name]
	if !known {
		c.fail("no metric %s", n.Name)
		return labelSet{}
	}
	for _, matcher := range n.LabelMatchers {
		if matcher.Name == model.MetricNameLabel {
			continue
		}
		if !slices.Contains(m.labels, matcher.Name) {
			c.fail("%s has no label %s", n.Name, matcher.Name)
		}
		named := matcher.SetMatches()
		if matcher.Type == labels.MatchEqual || matcher.Type == labels.MatchNotEqual {
			named = []string{matcher.Value}
		}
		for _, value := range named {
			if values := m.values[matcher.Name]; values != nil && value != "" && !slices.Contains(values, value) {
				c.fail("%s has no %s %q", n.Name, matcher.Name, value)
			}
		}
	}
	return setOf(m.labels...)
}

func (c *labelCheck) ofAggregation(n *parser.AggregateExpr) labelSet {
	set := c.of(n.Expr)
	for _, label := range n.Grouping {
		if !set[label] {
			c.fail("label %s does not exist on what is grouped by it", label)
		}
	}
	switch {
	case n.Op == parser.TOPK || n.Op == parser.BOTTOMK:
		return set // it chooses series, and leaves their labels
	case n.Without:
		set = set.without(n.Grouping...)
	default:
		set = setOf(n.Grouping...)
	}
	if made, ok := n.Param.(*parser.StringLiteral); ok && n.Op == parser.COUNT_VALUES {
		return set.with(made.Val)
	}
	return set
}

func (c *labelCheck) ofBinary(n *parser.BinaryExpr) labelSet {
	left, right := c.of(n.LHS), c.of(n.RHS)
	matching := n.VectorMatching
	if matching == nil { // one of them is a number, without labels
		return left.with(slices.Collect(maps.Keys(right))...)
	}
	many, one := left, right
	if matching.Card == parser.CardOneToMany {
		many, one = right, left
	}
	for _, label := range matching.MatchingLabels {
		if matching.On && !(left[label] && right[label]) {
			c.fail("label %s does not exist on both sides of the join", label)
		} else if !left[label] && !right[label] {
			c.fail("label %s does not exist on either side", label)
		}
	}
	for _, label := range matching.Include {
		if !one[label] {
			c.fail("label %s does not exist on the side that it is taken from", label)
		}
	}
	switch {
	case n.Op == parser.LOR:
		return left.with(slices.Collect(maps.Keys(right))...)
	case !matching.On && !maps.Equal(left.without(matching.MatchingLabels...), right.without(matching.MatchingLabels...)):
		c.fail("nothing matches: the labels are %v on the left and %v on the right", sorted(left), sorted(right))
		fallthrough
	case n.Op.IsSetOperator():
		return left
	case matching.Card != parser.CardOneToOne:
		return many.with(matching.Include...)
	case matching.On:
		return setOf(matching.MatchingLabels...)
	default:
		return left.without(matching.MatchingLabels...)
	}
}

func (c *labelCheck) ofCall(n *parser.Call) labelSet {
	set := c.ofChildren(n)
	text := func(i int) string { return n.Args[i].(*parser.StringLiteral).Val }
	switch n.Func.Name {
	case "label_replace", "label_join":
		if source := text(3); source != "" && !set[source] {
			c.fail("label %s, which %s reads, does not exist", source, n.Func.Name)
		}
		return set.with(text(1))
	case "histogram_quantile":
		return set.without("le")
	case "absent":
		only := labelSet{}
		for _, m := range n.Args[0].(*parser.VectorSelector).LabelMatchers {
			if m.Type == labels.MatchEqual && m.Name != model.MetricNameLabel {
				only[m.Name] = true
			}
		}
		return only
	}
	return set
}

func sorted(set labelSet) []string { return slices.Sorted(maps.Keys(set)) }

func TestQueriesNameMetricsAndLabelsThatExist(t *testing.T) {
	metrics := readMetrics(t)
	for _, q := range readQueries(t) {
		_, problems := checkLabels(q.parse(t), metrics)
		for _, problem := range problems {
			t.Errorf("%s: %s\n%s", q, problem, q.Expr)
		}
	}
}
