package alerts

import (
	"regexp"
	"slices"
	"testing"

	"go.yaml.in/yaml/v2"
)

// Every alert has a unit test in which it fires and then recovers.
func TestEachAlertIsTested(t *testing.T) {
	type testFile struct {
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
	fires, recovers := map[string]bool{}, map[string]bool{}
	var files []testFile
	for _, name := range []string{"revox.rules_test.yml", "revox.rules_days_test.yml", "revox.rules_agent_test.yml"} {
		var file testFile
		if err := yaml.Unmarshal([]byte(read(t, name)), &file); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	for _, test := range slices.Concat(files[0].Tests, files[1].Tests, files[2].Tests) {
		for _, e := range test.Exprs {
			for _, sample := range e.Exp {
				for _, name := range regexp.MustCompile(`alertname="(\w+)"`).FindAllStringSubmatch(sample.Labels, -1) {
					fires[name[1]] = true
				}
			}
		}
		for _, a := range test.Alerts { // quiet times before it fires do not count
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
