package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

// The unit tests of rules, by promtool. It evaluates all groups of a file at each minute of a test, also those that the test
// is not about. So each test is a file of its own here, beside a copy of the rules that has only what the test needs.
func TestRuleUnitTests(t *testing.T) {
	files, err := filepath.Glob("../revox.rules*_test.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("unit tests of rules beside this folder: found %d, %v", len(files), err)
	}
	promtool := filepath.Join(t.TempDir(), "promtool")
	out, err := exec.Command("go", "build", "-C=../..", "-modfile=.ci/tools/go.mod",
		"-tags=remove_all_sd,enable_kubernetes_sd,enable_dns_sd", "-o="+promtool, "github.com/prometheus/prometheus/cmd/promtool").CombinedOutput()
	if err != nil {
		t.Fatalf("building promtool: %v\n%s", err, out)
	}
	for _, file := range files {
		for i, unit := range readUnitTests(t, file) {
			t.Run(fmt.Sprintf("%s/%s", filepath.Base(file), cmp.Or(unit.name, fmt.Sprint(i))), func(t *testing.T) {
				t.Parallel()
				if out, err := exec.CommandContext(t.Context(), promtool, "test", "rules", unit.write(t)).CombinedOutput(); err != nil {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
	}
}

// unitTest is one test of a file of promtool's.
type unitTest struct {
	name   string
	exprs  []string // what it evaluates
	alerts []string
	file   map[string]any // the file, with this test alone
	groups []string       // those of which it may need rules
}

func readUnitTests(t *testing.T, file string) []unitTest {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var head map[string]any
	var body struct {
		Groups []string    `yaml:"group_eval_order"`
		Tests  []yaml.Node `yaml:"tests"`
	}
	for _, into := range []any{&head, &body} {
		if err := yaml.Unmarshal(text, into); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	if len(body.Tests) == 0 || len(body.Groups) == 0 {
		t.Fatalf("%s has no tests or no group_eval_order", file)
	}
	var units []unitTest
	for _, node := range body.Tests {
		var test struct {
			Name   string `yaml:"name"`
			Alerts []struct {
				Name string `yaml:"alertname"`
			} `yaml:"alert_rule_test"`
			Exprs []struct {
				Expr string `yaml:"expr"`
			} `yaml:"promql_expr_test"`
		}
		if err := node.Decode(&test); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		unit := unitTest{name: test.Name, groups: body.Groups, file: maps.Clone(head)}
		unit.file["rule_files"], unit.file["tests"] = []string{"rules.yml"}, []yaml.Node{node}
		for _, alert := range test.Alerts {
			unit.alerts = append(unit.alerts, alert.Name)
		}
		for _, e := range test.Exprs {
			unit.exprs = append(unit.exprs, e.Expr)
		}
		units = append(units, unit)
	}
	return units
}

// write writes the test and the rules that it needs, and returns the name of the test's file.
func (u unitTest) write(t *testing.T) string {
	t.Helper()
	rules := u.rules(t)
	var groups []string
	for _, g := range rules.Groups {
		groups = append(groups, g.Name)
	}
	u.file["group_eval_order"] = groups
	folder := t.TempDir()
	file := filepath.Join(folder, "test.yml")
	writeYAML(t, filepath.Join(folder, "rules.yml"), rules)
	writeYAML(t, file, u.file)
	return file
}

// rules returns the alerts that the test names or reads, those that their rules read, and the series that all these need.
func (u unitTest) rules(t *testing.T) *rulefmt.RuleGroups {
	t.Helper()
	alerts := map[string]bool{}
	for _, alert := range u.alerts {
		alerts[alert] = true
	}
	all := readRules(t)
	all.Groups = slices.DeleteFunc(all.Groups, func(g rulefmt.RuleGroup) bool { return !slices.Contains(u.groups, g.Name) })
	for {
		exprs := slices.Clone(u.exprs)
		rules := &rulefmt.RuleGroups{Groups: slices.Clone(all.Groups)}
		for i := range rules.Groups {
			rules.Groups[i].Rules = slices.Clone(rules.Groups[i].Rules)
		}
		keepNeeded(rules, func(alert string) bool { return alerts[alert] }, u.exprs...)
		for r := range eachRule(rules) {
			exprs = append(exprs, r.Expr)
		}
		before := len(alerts)
		for _, matchers := range alertsRead(t, exprs) {
			for r := range eachRule(all) {
				if r.Alert != "" && matches(matchers, r.Alert) {
					alerts[r.Alert] = true
				}
			}
		}
		if len(alerts) == before {
			return rules
		}
	}
}

// alertsRead returns, for each selector of ALERTS in the expressions, its matchers.
func alertsRead(t *testing.T, exprs []string) (selectors [][]*labels.Matcher) {
	t.Helper()
	for _, e := range exprs {
		expr, err := promQL.ParseExpr(e)
		if err != nil {
			t.Fatalf("%s: %v", e, err)
		}
		for _, selector := range parser.ExtractSelectors(expr) {
			if slices.ContainsFunc(selector, func(m *labels.Matcher) bool { return m.Name == model.MetricNameLabel && m.Matches("ALERTS") }) {
				selectors = append(selectors, selector)
			}
		}
	}
	return selectors
}

// matches reports whether an alert's name fits matchers, whatever its other labels are.
func matches(matchers []*labels.Matcher, alert string) bool {
	return !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return m.Name == "alertname" && !m.Matches(alert) })
}
