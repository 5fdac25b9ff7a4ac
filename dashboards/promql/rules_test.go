package promql

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// rulesFile has the recording and alerting rules.
const rulesFile = "../../alerts/revox.rules.yml"

func readRules(t *testing.T) (rules []rulefmt.Rule) {
	t.Helper()
	file, errs := rulefmt.ParseFile(rulesFile, false, model.UTF8Validation, promQL, quiet)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	for _, group := range file.Groups {
		rules = append(rules, group.Rules...)
	}
	if len(rules) == 0 {
		t.Fatalf("no rules in %s", rulesFile)
	}
	return rules
}

// readGroup returns the rules of one group.
func readGroup(t testing.TB, name string) []rulefmt.Rule {
	t.Helper()
	file, errs := rulefmt.ParseFile(rulesFile, false, model.UTF8Validation, promQL, quiet)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	for _, group := range file.Groups {
		if group.Name == name {
			return group.Rules
		}
	}
	t.Fatalf("no group %s in %s", name, rulesFile)
	return nil
}

// A misspelt name is not an error for Prometheus: the rule silently has no result.
func TestRulesNameMetricsAndLabelsThatExist(t *testing.T) {
	metrics := readMetrics(t)
	used := map[string]bool{}
	for _, r := range readRules(t) {
		expr := parse(t, r.Expr)
		labels, problems := checkLabels(expr, metrics)
		for _, problem := range problems {
			t.Errorf("%s%s: %s", r.Alert, r.Record, problem)
		}
		if r.Alert != "" {
			// Otherwise its dashboard would show all campaigns.
			if chosen := strings.Contains(r.Annotations["dashboard_url"], "var-campaign="); chosen != labels["campaign_id"] {
				t.Errorf("%s: it has a campaign: %v; its dashboard_url chooses one: %v", r.Alert, labels["campaign_id"], chosen)
			}
		}
		if r.Record != "" {
			for name := range r.Labels {
				labels[name] = true
			}
			if !regexp.MustCompile(`^[a-z_]+:revox_[a-z0-9_]+:[a-z0-9_]+$`).MatchString(r.Record) {
				t.Errorf("%s is not named level:metric:operations", r.Record)
			}
			if want := setOf(recordedLabels(r.Record)...); !maps.Equal(labels, want) {
				t.Errorf("%s has the labels %v; its name says %v", r.Record, sorted(labels), sorted(want))
			}
		}
		parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
			if selector, ok := node.(*parser.VectorSelector); ok {
				used[selector.Name] = true
			}
			return nil
		})
	}
	if !used["up"] || len(used) < 20 {
		t.Errorf("the rules use only %v", sorted(used))
	}
}

// An alert's texts name the campaign if and only if the alert is about one, and use only labels that the alert has.
func TestAlertsNameTheirCampaign(t *testing.T) {
	metrics := readMetrics(t)
	for _, r := range readRules(t) {
		if r.Alert == "" {
			continue
		}
		labels, _ := checkLabels(parse(t, r.Expr), metrics)
		for _, annotation := range []string{"summary", "description"} {
			text := labelSet{}
			for _, m := range regexp.MustCompile(`\$labels\.(\w+)`).FindAllStringSubmatch(r.Annotations[annotation], -1) {
				text[m[1]] = true
				if !labels[m[1]] {
					t.Errorf("%s: its %s names the label %s, which the alert does not have", r.Alert, annotation, m[1])
				}
			}
			if text["campaign_name"] != labels["campaign_name"] {
				t.Errorf("%s: its %s names a campaign: %t; the alert is about one: %t",
					r.Alert, annotation, text["campaign_name"], labels["campaign_name"])
			}
		}
	}
}

// Rules subtract a counter's lowest value from it, so that restarts of the exporter do not matter. increase(), rate() and
// delta() take a counter that starts again a little lower for one that starts again at 0.
func TestRulesReadNoRates(t *testing.T) {
	banned := []string{"rate", "irate", "delta", "idelta", "deriv"}
	for _, r := range readRules(t) {
		parser.Inspect(parse(t, r.Expr), func(node parser.Node, _ []parser.Node) error {
			if call, ok := node.(*parser.Call); ok && slices.Contains(banned, call.Func.Name) {
				t.Errorf("%s%s uses %s()", r.Alert, r.Record, call.Func.Name)
			}
			return nil
		})
	}
}
