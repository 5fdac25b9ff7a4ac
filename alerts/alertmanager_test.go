package alerts

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v2"
)

// No environment's alert silences another's, no ticket holds back a page, and alerts that are named exist.
func TestInhibitions(t *testing.T) {
	var config struct {
		Rules []struct {
			Source []string `yaml:"source_matchers"`
			Target []string `yaml:"target_matchers"`
			Equal  []string `yaml:"equal"`
		} `yaml:"inhibit_rules"`
	}
	if err := yaml.Unmarshal([]byte(read(t, "alertmanager.example.yml")), &config); err != nil {
		t.Fatal(err)
	}
	if len(config.Rules) == 0 {
		t.Fatal("no inhibitions")
	}
	type alert struct{ name, severity string }
	var alerts []alert
	for _, a := range alertsOf(readRules(t)) {
		alerts = append(alerts, alert{a.Alert, a.Labels["severity"]})
	}
	selects := func(matchers []string, a alert) bool {
		return !slices.ContainsFunc(matchers, func(m string) bool {
			parts := regexp.MustCompile(`^(\w+)(=~|!=|=)"(.*)"$`).FindStringSubmatch(m)
			value := map[string]string{"alertname": a.name, "severity": a.severity, "campaign_id": "c"}[parts[1]]
			switch parts[2] {
			case "=~":
				return !regexp.MustCompile("^(?:" + parts[3] + ")$").MatchString(value)
			case "!=":
				return value == parts[3]
			}
			return value != parts[3]
		})
	}
	for i, r := range config.Rules {
		for _, label := range []string{"cluster", "environment"} {
			if !slices.Contains(r.Equal, label) {
				t.Errorf("rule %d, %s: no equal %s", i, r.Source, label)
			}
		}
		for _, source := range alerts {
			for _, target := range alerts {
				if source.severity == "ticket" && target.severity == "page" && selects(r.Source, source) && selects(r.Target, target) {
					t.Errorf("rule %d: the ticket %s holds back the page %s", i, source.name, target.name)
				}
			}
		}
		for _, m := range slices.Concat(r.Source, r.Target) {
			if _, names, ok := strings.Cut(m, "alertname=~"); ok && !strings.Contains(names, "+") {
				for _, name := range strings.Split(strings.Trim(names, `"`), "|") {
					if !slices.ContainsFunc(alerts, func(a alert) bool { return a.name == name }) {
						t.Errorf("rule %d names %s, which is not an alert", i, name)
					}
				}
			}
		}
	}
}

// Teams are children of the routes of campaigns, and change only the receiver: an alert with a team is grouped and waits as
// one without, so that an alert of all campaigns can hold it back.
func TestTeamsAreRoutedAsOthers(t *testing.T) {
	type route struct {
		Matchers []string       `yaml:"matchers"`
		Receiver string         `yaml:"receiver"`
		Routes   []route        `yaml:"routes"`
		Rest     map[string]any `yaml:",inline"`
	}
	var config struct {
		Route route `yaml:"route"`
	}
	if err := yaml.Unmarshal([]byte(read(t, "alertmanager.example.yml")), &config); err != nil {
		t.Fatal(err)
	}
	teams := map[string][]string{}
	for _, r := range config.Route.Routes {
		for _, child := range r.Routes {
			team, ok := strings.CutPrefix(strings.Join(child.Matchers, ","), "team=")
			if !ok || len(child.Routes) > 0 || len(child.Rest) > 0 || !slices.Contains(r.Matchers, `campaign_id!=""`) {
				t.Errorf("the route of %s below that of %s has more than a team and a receiver", child.Matchers, r.Matchers)
			}
			teams[team] = append(teams[team], r.Receiver)
		}
	}
	if len(teams) == 0 {
		t.Error("no team")
	}
	for team, of := range teams {
		if !slices.Equal(of, []string{"page", "ticket"}) {
			t.Errorf("team %s has routes for %s only", team, of)
		}
	}
}
