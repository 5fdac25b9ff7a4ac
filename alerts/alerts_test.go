// Package alerts tests what is written about the alert rules. The rules themselves are tested by promtool, which
// .ci/alerts runs, by the replay in the folder replay, and end to end in the folder live. Their expressions are checked
// against the exporter's metrics in ../dashboards/promql.
package alerts

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v2"
)

const (
	rulesFile    = "revox.rules.yml"
	watchdogFile = "watchdog.rules.yml"
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

func readRules(t *testing.T) ruleGroups {
	t.Helper()
	return readRulesOf(t, rulesFile)
}

func readRulesOf(t *testing.T, file string) (rules ruleGroups) {
	t.Helper()
	if err := yaml.UnmarshalStrict([]byte(read(t, file)), &rules); err != nil {
		t.Fatalf("%s: %v", file, err)
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

// Every alert has a known severity, texts for whoever receives it, and a runbook of its own version.
func TestAlertsSayWhatTheyMust(t *testing.T) {
	runbooks := "https://github.com/revox-exporter/revox_exporter/blob/v" + strings.TrimSpace(read(t, "../.ci/release/version")) +
		"/alerts/runbooks.md#"
	alerts := append(alertsOf(readRules(t)), alertsOf(readRulesOf(t, watchdogFile))...)
	if len(alerts) < 30 {
		t.Fatalf("only %d alerts", len(alerts))
	}
	for _, a := range alerts {
		if s := a.Labels["severity"]; s != "page" && s != "ticket" && a.Alert != "Watchdog" {
			t.Errorf("%s: severity %q", a.Alert, s)
		}
		for _, annotation := range []string{"summary", "description"} {
			if a.Annotations[annotation] == "" {
				t.Errorf("%s: no %s", a.Alert, annotation)
			}
		}
		if got, want := a.Annotations["runbook_url"], runbooks+strings.ToLower(a.Alert); got != want {
			t.Errorf("%s: runbook_url %q, want %q", a.Alert, got, want)
		}
	}
}

// Whoever changes a rule at night reads above each alert, in three lines, what it compares with what.
func TestEachAlertHasAShortHeader(t *testing.T) {
	for _, file := range []string{"revox.rules.yml", watchdogFile} {
		lines := strings.Split(read(t, file), "\n")
		for i, line := range lines {
			alert, ok := strings.CutPrefix(strings.TrimSpace(line), "- alert: ")
			if !ok {
				continue
			}
			n := 0
			for j := i - 1; strings.HasPrefix(strings.TrimSpace(lines[j]), "# ") && !strings.HasPrefix(strings.TrimSpace(lines[j]), "# ---"); j-- {
				n++
			}
			if n < 1 || n > 3 {
				t.Errorf("%s:%d: %d lines above %s, want 1 to 3", file, i+1, n, alert)
			}
		}
	}
}

// Every alert about campaigns or exporters links a dashboard that exists, for hours or days, with the campaign or the
// exporter that it is about.
func TestAlertsLinkTheirDashboards(t *testing.T) {
	files, err := filepath.Glob("../dashboards/*.json")
	if err != nil {
		t.Fatal(err)
	}
	variables := map[string][]string{} // by UID
	for _, file := range files {
		var d struct {
			UID        string
			Templating struct{ List []struct{ Name string } }
		}
		if err := json.Unmarshal([]byte(read(t, file)), &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		variables[d.UID] = []string{}
		for _, v := range d.Templating.List {
			variables[d.UID] = append(variables[d.UID], v.Name)
		}
	}
	labelled := regexp.MustCompile(`\$labels\.(campaign_id|instance)\b`)
	for _, a := range alertsOf(readRules(t)) {
		text := a.Annotations["dashboard_url"]
		address, query, _ := strings.Cut(text, "?")
		uid, ours := strings.CutPrefix(address, "http://localhost:3000/d/")
		names, known := variables[uid]
		if !ours || !known {
			t.Errorf("%s: dashboard_url %q leads to no dashboard", a.Alert, text)
			continue
		}
		want := map[string]string{}
		for _, match := range labelled.FindAllStringSubmatch(a.Annotations["summary"]+a.Annotations["description"], -1) {
			want["var-"+strings.TrimSuffix(match[1], "_id")] = "{{ $labels." + match[1] + " | urlquery }}"
		}
		got := map[string]string{}
		for _, parameter := range strings.Split(query, "&") {
			name, value, _ := strings.Cut(parameter, "=")
			got[name] = value
			if variable, ok := strings.CutPrefix(name, "var-"); ok && !slices.Contains(names, variable) {
				t.Errorf("%s: %s has no variable %s", a.Alert, uid, variable)
			}
		}
		if !regexp.MustCompile(`^now-\d+[hd]$`).MatchString(got["from"]) || got["to"] != "now" {
			t.Errorf("%s: dashboard_url %q has no time", a.Alert, text)
		}
		delete(got, "from")
		delete(got, "to")
		if !maps.Equal(got, want) {
			t.Errorf("%s: dashboard_url has %v, want %v", a.Alert, got, want)
		}
	}
}

// A campaign's name can change while an alert fires. If it were a label, that would be another alert and another page.
func TestNamesAreNoLabels(t *testing.T) {
	const name = `{{ with printf "campaign:revox_campaign_info:named{campaign_id=%q}" $labels.campaign_id | query }}` +
		`{{ . | first | label "campaign_name" }}{{ else }}{{ $labels.campaign_id }}{{ end }}`
	for _, a := range alertsOf(readRules(t)) {
		if strings.Contains(a.Expr, "campaign_name") {
			t.Errorf("%s has the label campaign_name", a.Alert)
		}
		if strings.Contains(a.Annotations["dashboard_url"], "var-campaign=") && !strings.Contains(a.Annotations["summary"], name) {
			t.Errorf("%s: the summary lacks the campaign's name: %s", a.Alert, name)
		}
	}
}

// Every recorded series leads to an alert, a dashboard or a runbook: what nobody reads costs Prometheus for nothing.
func TestEachRecordedSeriesIsUsed(t *testing.T) {
	readers := read(t, "runbooks.md") + read(t, watchdogFile)
	files, err := filepath.Glob("../dashboards/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		readers += read(t, file)
	}
	recorded := map[string]string{}
	for _, group := range readRules(t).Groups {
		for _, r := range group.Rules {
			if r.Alert != "" {
				readers += r.Expr + "\n" + r.Annotations["description"] + "\n"
			} else {
				recorded[r.Record] += r.Expr + "\n" // several rules may record series of one name
			}
		}
	}
	names := regexp.MustCompile(`\b\w+:\w+:\w+`)
	for again := true; again; {
		again = false
		for _, name := range names.FindAllString(readers, -1) {
			if expr, ok := recorded[name]; ok {
				delete(recorded, name)
				readers, again = readers+expr+"\n", true
			}
		}
	}
	for name := range recorded {
		t.Errorf("%s is recorded, but no alert, dashboard or runbook needs it", name)
	}
}

// Every alert of a campaign has the campaign's team, and none can fail because Prometheus shows two series of names for a
// moment, as after a restart.
func TestAlertsOfCampaignsHaveATeam(t *testing.T) {
	const join = "* on (campaign_id) group_left (team) topk by (campaign_id) (1, campaign:revox_campaign_info:named)"
	n := 0
	for _, a := range alertsOf(readRules(t)) {
		expr := strings.Join(strings.Fields(a.Expr), " ")
		ofCampaign := strings.Contains(a.Annotations["summary"]+a.Annotations["description"]+a.Annotations["dashboard_url"], "$labels.campaign_id")
		switch {
		case ofCampaign && strings.Count(expr, join) != 1:
			t.Errorf("%s is about a campaign, and lacks %s", a.Alert, join)
		case !ofCampaign && strings.Contains(expr, "group_left (team)"):
			t.Errorf("%s is about no campaign, and has a team", a.Alert)
		case ofCampaign:
			n++
		}
	}
	if n < 13 {
		t.Errorf("only %d alerts are about a campaign", n)
	}
}
