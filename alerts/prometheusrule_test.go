package alerts

import (
	"flag"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v2"
)

var update = flag.Bool("update", false, "write prometheusrule.yaml again")

const prometheusRuleFile = "prometheusrule.yaml"

// The PrometheusRule is the rules file with another head.
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
		t.Errorf("%s was not made from %s; run: go test ./alerts -run TestPrometheusRule -update",
			prometheusRuleFile, rulesFile)
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
		t.Errorf("%s is a %s of %s", prometheusRuleFile, manifest.Kind, manifest.APIVersion)
	}
	if !reflect.DeepEqual(manifest.Spec, readRules(t)) {
		t.Error("the PrometheusRule has other rules than the rules file")
	}
}
