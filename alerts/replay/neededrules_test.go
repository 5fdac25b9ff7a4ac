package main

import (
	"iter"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

var promQL = parser.NewParser(parser.Options{})

// readRules returns the rules of this project.
func readRules(t *testing.T) *rulefmt.RuleGroups {
	t.Helper()
	rules, errs := rulefmt.ParseFile("../revox.rules.yml", false, model.UTF8Validation, promQL, slog.New(slog.DiscardHandler))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	for _, group := range rules.Groups {
		for i := range group.Rules {
			expr, err := promQL.ParseExpr(group.Rules[i].Expr)
			if err != nil {
				t.Fatal(err)
			}
			group.Rules[i].Expr = expr.String() // some block texts are not read as they are written
		}
	}
	return rules
}

var word = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*`)

// keepNeeded deletes the alerts that are not selected, and the series that neither the other alerts nor the expressions need.
// It returns the metrics that are needed, among other words.
func keepNeeded(rules *rulefmt.RuleGroups, selected func(alert string) bool, exprs ...string) (metrics map[string]bool) {
	metrics = map[string]bool{}
	read := func(text string) {
		for _, metric := range word.FindAllString(text, -1) {
			metrics[metric] = true
		}
	}
	for _, expr := range exprs {
		read(expr)
	}
	needed := func(r rulefmt.Rule) bool {
		return r.Alert != "" && selected(r.Alert) || r.Record != "" && metrics[r.Record]
	}
	for before := -1; before < len(metrics); { // until nothing more is needed
		before = len(metrics)
		for r := range eachRule(rules) {
			if needed(r) {
				read(r.Expr)
				for _, annotation := range r.Annotations { // they have queries
					read(annotation)
				}
			}
		}
	}
	for i := range rules.Groups {
		rules.Groups[i].Rules = slices.DeleteFunc(rules.Groups[i].Rules, func(r rulefmt.Rule) bool { return !needed(r) })
	}
	rules.Groups = slices.DeleteFunc(rules.Groups, func(g rulefmt.RuleGroup) bool { return len(g.Rules) == 0 })
	return metrics
}

func eachRule(rules *rulefmt.RuleGroups) iter.Seq[rulefmt.Rule] {
	return func(yield func(rulefmt.Rule) bool) {
		for _, group := range rules.Groups {
			for _, r := range group.Rules {
				if !yield(r) {
					return
				}
			}
		}
	}
}

func writeYAML(t *testing.T, file string, content any) {
	t.Helper()
	text, err := yaml.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
