package alerts

import (
	"path/filepath"
	"regexp"
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
	names, err := filepath.Glob("revox.rules*_test.yml")
	if err != nil {
		t.Fatal(err)
	}
	var all testFile
	for _, name := range names {
		var file testFile
		if err := yaml.Unmarshal([]byte(read(t, name)), &file); err != nil {
			t.Fatal(err)
		}
		all.Tests = append(all.Tests, file.Tests...)
	}
	for _, test := range all.Tests {
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
