package promql

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-jsonnet"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"go.yaml.in/yaml/v2"

	"github.com/revox-exporter/revox_exporter/dashboards/internal/grafana"
)

// mixin is what mixin.libsonnet has for those who use it.
type mixin struct {
	Dashboards map[string]json.RawMessage
	Alerts     json.RawMessage
}

// evalMixin returns the mixin with some fields set otherwise.
func evalMixin(t *testing.T, set string) (m mixin) {
	t.Helper()
	text, err := jsonnet.MakeVM().EvaluateAnonymousSnippet("test.jsonnet",
		"local m = (import '../mixin.libsonnet') + "+set+"; {Dashboards: m.grafanaDashboards, Alerts: m.prometheusAlerts}")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMixinHasTheSameDashboardsAndRules(t *testing.T) {
	m := evalMixin(t, "{}")
	dashboards := readDashboards(t)
	for _, d := range dashboards {
		if !reflect.DeepEqual(decode(t, m.Dashboards[d.File]), decode(t, d.Raw)) {
			t.Errorf("%s differs in the mixin, or is not in it", d.File)
		}
	}
	if len(m.Dashboards) != len(dashboards) {
		t.Errorf("%d dashboards in the mixin, %d files", len(m.Dashboards), len(dashboards))
	}
	file, err := os.ReadFile(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if err := yaml.Unmarshal(m.Alerts, &got); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(file, &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Error("the rules differ in the mixin")
	}
}

func TestMixinSelects(t *testing.T) {
	for set, want := range map[string]string{
		`{_config+:: {job: 'calls'}}`:                               `job="calls"`,
		`{_config+:: {job: 'calls', selector+: ', cluster="a b"'}}`: `job="calls", cluster="a b"`,
		`{_config+:: {selector: 'job=~"calls-.+"'}}`:                `job=~"calls-.+"`,
	} {
		m := evalMixin(t, set)
		folder := t.TempDir()
		found := 0
		for name, dashboard := range m.Dashboards {
			if err := os.WriteFile(filepath.Join(folder, name), dashboard, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		dashboards, err := grafana.Read(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range dashboards {
			queries, err := d.Queries()
			if err != nil {
				t.Error(err)
			}
			for _, q := range queries {
				if strings.Contains(q.Expr, `job="revox"`) {
					t.Errorf("%s: %s: %s: the job is still revox", set, d.File, q.Where)
				}
				if strings.Contains(q.Expr, want) {
					found++
				}
				if _, err := expand(query{d.File, q}, minutes); err != nil {
					t.Errorf("%s: %s: %s: %v", set, d.File, q.Where, err)
				}
			}
		}
		if _, errs := rulefmt.Parse(m.Alerts, false, model.UTF8Validation, promQL, quiet); len(errs) > 0 {
			t.Errorf("%s: %v", set, errs)
		}
		if text := string(m.Alerts); strings.Contains(text, `job=\"revox\"`) || found < 10 {
			t.Errorf("%s: the rules still select the job revox, or only %d queries select %s", set, found, want)
		}
	}
}

func TestMixinLinksGrafana(t *testing.T) {
	text := string(evalMixin(t, `{_config+:: {grafanaUrl: 'https://grafana.example.org/sub'}}`).Alerts)
	if strings.Contains(text, "localhost:3000") || !strings.Contains(text, `"https://grafana.example.org/sub/d/revox-campaign?`) {
		t.Error("the alerts link another Grafana")
	}
}

func decode(t *testing.T, text []byte) (value any) {
	t.Helper()
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	return value
}
