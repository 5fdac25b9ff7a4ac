// Package alerts tests the alert rules and what is written about them. The rules themselves are tested by promtool, which
// .ci/alerts runs, by the replay in the folder replay, and from end to end in the folder live.
package alerts

import (
	"flag"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v2"
)

var update = flag.Bool("update", false, "write prometheusrule.yaml anew")

const (
	rulesFile          = "revox.rules.yml"
	prometheusRuleFile = "prometheusrule.yaml"
	runbookURL         = "https://github.com/revox-exporter/revox_exporter/blob/main/alerts/runbooks.md#"
)

type ruleGroups struct {
	Groups []struct {
		Name     string `yaml:"name"`
		Interval string `yaml:"interval"`
		Rules    []rule `yaml:"rules"`
	} `yaml:"groups"`
}

type rule struct {
	Record        string            `yaml:"record,omitempty"`
	Alert         string            `yaml:"alert,omitempty"`
	Expr          string            `yaml:"expr,omitempty"`
	For           string            `yaml:"for,omitempty"`
	KeepFiringFor string            `yaml:"keep_firing_for,omitempty"`
	Labels        map[string]string `yaml:"labels,omitempty"`
	Annotations   map[string]string `yaml:"annotations,omitempty"`
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func readRules(t *testing.T) (rules ruleGroups) {
	t.Helper()
	if err := yaml.UnmarshalStrict([]byte(read(t, rulesFile)), &rules); err != nil {
		t.Fatalf("%s: %v", rulesFile, err)
	}
	return rules
}

func alertsOf(rules ruleGroups) (alerts []rule) {
	for _, group := range rules.Groups {
		for _, r := range group.Rules {
			if r.Alert != "" {
				alerts = append(alerts, r)
			}
		}
	}
	return alerts
}

func TestAlertsSayWhatTheyMust(t *testing.T) {
	anchors := map[string]bool{}
	for _, heading := range regexp.MustCompile(`(?m)^## (\w+)$`).FindAllStringSubmatch(read(t, "runbooks.md"), -1) {
		anchors[strings.ToLower(heading[1])] = true
	}
	alerts := alertsOf(readRules(t))
	if len(alerts) == 0 {
		t.Fatal("no alerts")
	}
	for _, a := range alerts {
		if s := a.Labels["severity"]; s != "page" && s != "ticket" {
			t.Errorf("%s: severity %q", a.Alert, s)
		}
		for _, annotation := range []string{"summary", "description"} {
			if a.Annotations[annotation] == "" {
				t.Errorf("%s: no %s", a.Alert, annotation)
			}
		}
		if got, want := a.Annotations["runbook_url"], runbookURL+strings.ToLower(a.Alert); got != want {
			t.Errorf("%s: runbook_url %q, not %q", a.Alert, got, want)
		}
		if !anchors[strings.ToLower(a.Alert)] {
			t.Errorf("%s: runbooks.md has no such heading", a.Alert)
		}
		delete(anchors, strings.ToLower(a.Alert))

		// What is about a campaign names it; what is about none cannot.
		named := strings.Contains(a.Expr, "group_left (campaign_name)")
		for _, annotation := range []string{"summary", "description"} {
			if strings.Contains(a.Annotations[annotation], "$labels.campaign_name") != named {
				t.Errorf("%s: its %s names a campaign where the expression does not, or the other way round", a.Alert, annotation)
			}
		}
	}
	for anchor := range anchors {
		t.Errorf("runbooks.md is about %s, which is no alert", anchor)
	}
}

// README.md has a line for each alert, and its severity, for and keep_firing_for are what the rules have.
func TestREADMETable(t *testing.T) {
	type line struct{ severity, lasts, keeps string }
	got := map[string]line{}
	for _, row := range strings.Split(read(t, "README.md"), "\n") {
		if cells := strings.Split(row, "|"); strings.HasPrefix(row, "| `Revox") {
			for i := range cells {
				cells[i] = strings.Trim(cells[i], " `")
			}
			got[cells[1]] = line{cells[2], cells[6], cells[7]}
		}
	}
	want := map[string]line{}
	for _, a := range alertsOf(readRules(t)) {
		want[a.Alert] = line{a.Labels["severity"], a.For, a.KeepFiringFor}
	}
	for name, l := range want {
		if got[name] != l {
			t.Errorf("%s: the table has %+v, the rules have %+v", name, got[name], l)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("the table has %s, which is no alert", name)
		}
	}
}

// Rules use no metric that the exporter does not have: a misspelt name is no error to Prometheus, only silence.
func TestRulesUseMetricsThatExist(t *testing.T) {
	known := map[string]bool{"up": true}
	for _, row := range regexp.MustCompile("(?m)^\\| `(revox_\\w+)` \\| (\\w+) \\|").FindAllStringSubmatch(read(t, "../README.md"), -1) {
		known[row[1]] = true
		if row[2] == "histogram" {
			known[row[1]+"_bucket"], known[row[1]+"_count"], known[row[1]+"_sum"] = true, true, true
		}
	}
	if len(known) < 30 {
		t.Fatalf("only %d metrics found in ../README.md", len(known))
	}
	rules := readRules(t)
	recorded, used := map[string]bool{}, map[string]bool{}
	for _, group := range rules.Groups {
		for _, r := range group.Rules {
			if r.Record != "" {
				recorded[r.Record] = true
			}
		}
	}
	name := regexp.MustCompile(`\b(?:[a-z_]+:)?revox_[a-z0-9_]+(?::[a-z0-9_]+)?|\bup\b`)
	for _, group := range rules.Groups {
		for _, r := range group.Rules {
			for _, metric := range name.FindAllString(r.Expr, -1) {
				used[metric] = true
				if !known[metric] && !recorded[metric] {
					t.Errorf("%s%s uses %s, which neither the exporter nor a rule makes", r.Alert, r.Record, metric)
				}
			}
			// increase() and its like take a counter that restarts a little lower for one that began anew.
			if f := regexp.MustCompile(`\b(rate|irate|delta|idelta|deriv)\(`).FindString(r.Expr); f != "" {
				t.Errorf("%s%s uses %s)", r.Alert, r.Record, f)
			}
		}
	}
	if !used["up"] || len(used) < 20 {
		t.Errorf("only %v are found in the rules", slices.Sorted(maps.Keys(used)))
	}
	levels := regexp.MustCompile(`^[a-z_]+:revox_[a-z0-9_]+:[a-z0-9_]+$`)
	for r := range recorded {
		if !levels.MatchString(r) {
			t.Errorf("%s is not named level:metric:operations", r)
		}
	}
}

// The PrometheusRule is the rules file under another head.
func TestPrometheusRule(t *testing.T) {
	const head = `# The rules of revox.rules.yml for the Prometheus operator: kubectl apply -f prometheusrule.yaml
# Made from them by: go test ./alerts -run TestPrometheusRule -update

apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: revox-exporter
  labels:
    app.kubernetes.io/name: revox-exporter
    # What the operator's own manifests select rules by; yours may select others.
    prometheus: k8s
    role: alert-rules
spec:
`
	_, body, ok := strings.Cut(read(t, rulesFile), "\ngroups:\n")
	if !ok {
		t.Fatalf("%s has no groups", rulesFile)
	}
	want := head + regexp.MustCompile(`(?m)^(.)`).ReplaceAllString("groups:\n"+body, "  $1")
	if *update {
		if err := os.WriteFile(prometheusRuleFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got := read(t, prometheusRuleFile)
	if got != want {
		t.Errorf("%s is not what %s makes; -update writes it anew", prometheusRuleFile, rulesFile)
	}
	var manifest struct {
		APIVersion string     `yaml:"apiVersion"`
		Kind       string     `yaml:"kind"`
		Metadata   any        `yaml:"metadata"`
		Spec       ruleGroups `yaml:"spec"`
	}
	if err := yaml.UnmarshalStrict([]byte(got), &manifest); err != nil {
		t.Fatal(err)
	}
	if manifest.APIVersion != "monitoring.coreos.com/v1" || manifest.Kind != "PrometheusRule" {
		t.Errorf("it is a %s of %s", manifest.Kind, manifest.APIVersion)
	}
	if !reflect.DeepEqual(manifest.Spec, readRules(t)) {
		t.Error("its rules are not those of the rules file")
	}
}

// Every alert is tested firing, quiet and recovering.
func TestEachAlertIsTested(t *testing.T) {
	var file struct {
		Tests []struct {
			Alerts []struct {
				Name string `yaml:"alertname"`
				Exp  []any  `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
			Exprs []struct {
				Expr string `yaml:"expr"`
				Exp  []struct {
					Labels string `yaml:"labels"`
				} `yaml:"exp_samples"`
			} `yaml:"promql_expr_test"`
		} `yaml:"tests"`
	}
	if err := yaml.Unmarshal([]byte(read(t, "revox.rules_test.yml")), &file); err != nil {
		t.Fatal(err)
	}
	fires, recovers := map[string]bool{}, map[string]bool{}
	for _, test := range file.Tests {
		for _, e := range test.Exprs {
			for _, sample := range e.Exp {
				for _, name := range regexp.MustCompile(`alertname="(\w+)"`).FindAllStringSubmatch(sample.Labels, -1) {
					fires[name[1]] = true
				}
			}
		}
		for _, a := range test.Alerts { // the quiet times before it count for nothing
			if len(a.Exp) > 0 {
				fires[a.Name] = true
			} else if fires[a.Name] {
				recovers[a.Name] = true
			}
		}
	}
	for _, a := range alertsOf(readRules(t)) {
		if !fires[a.Alert] || !recovers[a.Alert] {
			t.Errorf("%s: tested firing: %t, recovering: %t", a.Alert, fires[a.Alert], recovers[a.Alert])
		}
	}
}
