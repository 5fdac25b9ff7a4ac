// Package alerts tests what is written about the alert rules. The rules themselves are tested by promtool, which
// .ci/alerts runs, by the replay in the folder replay, and end to end in the folder live. Their expressions are checked
// against the exporter's metrics in ../dashboards/promql.
package alerts

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v2"
)

const (
	rulesFile  = "revox.rules.yml"
	runbookURL = "https://github.com/revox-exporter/revox_exporter/blob/main/alerts/runbooks.md#"
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

// Every alert has a known severity, texts for whoever receives it, and a runbook; and every runbook has an alert.
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
			t.Errorf("%s: runbook_url %q, want %q", a.Alert, got, want)
		}
		if !anchors[strings.ToLower(a.Alert)] {
			t.Errorf("%s: runbooks.md has no heading of that name", a.Alert)
		}
		delete(anchors, strings.ToLower(a.Alert))
	}
	for anchor := range anchors {
		t.Errorf("runbooks.md has the heading %s, which is not an alert", anchor)
	}
}
