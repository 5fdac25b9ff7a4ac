package kubernetes

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

var update = flag.Bool("update", false, "write testdata/*.golden.yaml again")

const chart = top + "/charts/revox-exporter"

// helmPath is the real Helm. The first use compiles it.
var helmPath = sync.OnceValues(func() (string, error) {
	path, err := exec.Command("go", "tool", "-n", "helm").Output()
	return strings.TrimSpace(string(path)), err
})

// helm runs Helm without a cluster, and returns what it prints.
func helm(t *testing.T, args ...string) (string, error) {
	t.Helper()
	path, err := helmPath()
	if err != nil {
		t.Fatalf("building helm: %v", err)
	}
	command := exec.Command(path, args...)
	home := t.TempDir() // none of the user's settings
	command.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH")}
	var out, errors bytes.Buffer
	command.Stdout, command.Stderr = &out, &errors
	err = command.Run()
	return out.String() + errors.String(), err
}

// render renders the chart for the oldest Kubernetes that it supports.
func render(t *testing.T, args ...string) (string, error) {
	t.Helper()
	return helm(t, append([]string{"template", "revox", chart, "--namespace=monitoring", "--kube-version=1.28.0"}, args...)...)
}

// objects renders the chart and decodes its objects.
func objects(t *testing.T, args ...string) []runtime.Object {
	t.Helper()
	text, err := render(t, args...)
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return decode(t, "chart", text)
}

func TestLint(t *testing.T) {
	files, err := filepath.Glob("testdata/*.values.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v (%v)", files, err)
	}
	for _, values := range files {
		if out, err := helm(t, "lint", "--strict", "--kube-version=1.28.0", "--values="+values, chart); err != nil {
			t.Errorf("%s: %v: %s", values, err, out)
		}
	}
}

// Each testdata/NAME.values.yaml renders to NAME.golden.yaml, whose objects Kubernetes knows. In these, a comment stands
// for the content of the chart's rules and dashboards, and VERSION for its version.
func TestGolden(t *testing.T) {
	version := strings.TrimSpace(readFile(t, filepath.Join(top, ".ci/release/version")))
	contents := map[string]string{"revox.rules.yml": "  "}
	dashboards, err := filepath.Glob(filepath.Join(chart, "files/dashboards/*.json"))
	if err != nil || len(dashboards) == 0 {
		t.Fatalf("%v (%v)", dashboards, err)
	}
	for _, path := range dashboards {
		contents["dashboards/"+filepath.Base(path)] = "    "
	}
	files, err := filepath.Glob("testdata/*.values.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v (%v)", files, err)
	}
	for _, values := range files {
		name := strings.TrimSuffix(values, ".values.yaml")
		t.Run(filepath.Base(name), func(t *testing.T) {
			got, err := render(t, "--values="+values)
			if err != nil {
				t.Fatalf("%v: %s", err, got)
			}
			all := decode(t, values, got)
			checkStatefulSetOf(t, all)
			for path, indent := range contents {
				content := strings.TrimSpace(readFile(t, filepath.Join(chart, "files", path)))
				content = indent + strings.ReplaceAll(content, "\n", "\n"+indent)
				got = strings.Replace(got, content, indent+"# files/"+path, 1)
			}
			got = strings.ReplaceAll(got, version, "VERSION")
			golden := name + ".golden.yaml"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want := readFile(t, golden); got != want {
				t.Errorf("%s renders to other objects; see what changed with: "+
					"go -C .ci/kubernetes test -run Golden -update && git diff", values)
			}
		})
	}
}

// checkStatefulSetOf checks what every rendered chart must have.
func checkStatefulSetOf(t *testing.T, all []runtime.Object) {
	t.Helper()
	set := one[*apps.StatefulSet](t, all)
	if *set.Spec.Replicas > 1 {
		checkStatefulSet(t, all)
	}
	one[*core.Pod](t, all) // of helm test
	for _, config := range only[*core.ConfigMap](all) {
		for name, text := range config.Data {
			// More is refused by kubectl apply, which keeps a copy in an annotation.
			if len(text) > 256<<10 {
				t.Errorf("%s has %d bytes", name, len(text))
			}
			if strings.HasSuffix(name, ".json") && !json.Valid([]byte(text)) {
				t.Errorf("%s is no JSON", name)
			}
		}
	}
	for _, account := range only[*core.ServiceAccount](all) {
		if *account.AutomountServiceAccountToken {
			t.Error("the token of the service account is mounted")
		}
	}
}

// With everything on, each object refers to the others, and has what this repository has.
func TestEverything(t *testing.T) {
	all := objects(t, "--values=testdata/everything.values.yaml")
	set, service := one[*apps.StatefulSet](t, all), one[*core.Service](t, all)
	checkServiceMonitor(t, one[*monitoring.ServiceMonitor](t, all), service)
	pods := one[*monitoring.PodMonitor](t, objects(t, "--values=testdata/everything.values.yaml", "--set=monitor.kind=PodMonitor"))
	checkPodMonitor(t, pods, set)

	path := filepath.Join(top, "alerts/prometheusrule.yaml")
	want := one[*monitoring.PrometheusRule](t, decode(t, path, readFile(t, path))).Spec
	if got := one[*monitoring.PrometheusRule](t, all).Spec; asJSON(t, got) != asJSON(t, want) {
		t.Error("the PrometheusRule has other rules than alerts/prometheusrule.yaml")
	}

	dashboards := map[string]string{}
	for _, config := range only[*core.ConfigMap](all) {
		if config.Labels["grafana_dashboard"] == "1" {
			for name, text := range config.Data {
				dashboards[strings.TrimPrefix(name, "revox-")] = text
			}
		}
	}
	files, err := filepath.Glob(filepath.Join(top, "dashboards/*.json"))
	if err != nil || len(files) != len(dashboards) {
		t.Errorf("%d dashboards, not %d (%v)", len(dashboards), len(files), err)
	}
	for _, file := range files {
		if strings.TrimSpace(dashboards[filepath.Base(file)]) != strings.TrimSpace(readFile(t, file)) {
			t.Errorf("the chart's %s is another", filepath.Base(file))
		}
	}

	for what, selector := range map[string]map[string]string{
		"network policy": one[*networking.NetworkPolicy](t, all).Spec.PodSelector.MatchLabels,
		"budget":         one[*policy.PodDisruptionBudget](t, all).Spec.Selector.MatchLabels,
	} {
		for label, value := range selector {
			if set.Spec.Template.Labels[label] != value {
				t.Errorf("the %s selects no pods by %s=%s", what, label, value)
			}
		}
	}
	if one[*core.Pod](t, all).Labels["app.kubernetes.io/name"] == service.Spec.Selector["app.kubernetes.io/name"] {
		t.Error("the service and the monitors select the pod of helm test")
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAlertsLinkGrafana(t *testing.T) {
	all := objects(t, "--set=prometheusRule.enabled=true,prometheusRule.grafanaURL=https://grafana.example.com/sub/")
	text := asJSON(t, one[*monitoring.PrometheusRule](t, all))
	if strings.Contains(text, "localhost:3000") || !strings.Contains(text, "https://grafana.example.com/sub/d/revox-campaign?") {
		t.Error("the alerts link another Grafana")
	}
}

// Wrong values stop Helm with an error that says which value is wrong, or what to set.
func TestWrongValues(t *testing.T) {
	for name, test := range map[string]struct{ set, want string }{
		"an unknown value":      {"podMonitor.enabled=true", "additional properties 'podMonitor' not allowed"},
		"an unknown value deep": {"image.tags=1", "at '/image': additional properties 'tags' not allowed"},
		"a key":                 {"apiKey.value=secret", "at '/apiKey': additional properties 'value' not allowed"},
		"a key in a variable":   {"extraEnv[0].name=REVOX_API_KEY,extraEnv[0].value=secret", "put it into the Secret of apiKey.existingSecret"},
		"no key":                {"apiKey.existingSecret=", "set apiKey.existingSecret"},
		"no campaigns":          {"campaigns.discover=false", "set campaigns.discover=true, or give campaigns.ids"},
		"a campaign's key":      {"campaigns.file[0].id=a,campaigns.file[0].team=x", "at '/campaigns/file/0': additional properties 'team' not allowed"},
		"a match alone":         {"campaigns.file[0].match=a", "at '/campaigns/file/0': properties 'labels' required, if 'match' exists"},
		"an ID and a match":     {"campaigns.file[0].match=a,campaigns.file[0].labels.a=b,campaigns.file[0].id=a", "at '/campaigns/file/0': 'oneOf' failed"},
		"a name of a label":     {"campaigns.file[0].id=a,campaigns.file[0].labels.Team=x", "at '/campaigns/file/0/labels': additional properties 'Team' not allowed"},
		"a number as a label":   {"campaigns.file[0].id=a,campaigns.file[0].labels.tier=1", "at '/campaigns/file/0/labels/tier': got number, want string"},
		"no shards":             {"shards=0", "at '/shards': minimum: got 0, want 1"},
		"a number as text":      {"shards=two", "at '/shards': got string, want integer"},
		"shards of a demo":      {"demo=true,shards=2", "demo=true needs shards=1"},
		"a level":               {"log.level=loud", "at '/log/level': value must be one of 'debug', 'info', 'warn', 'error'"},
		"a kind of monitor":     {"monitor.kind=Probe", "at '/monitor/kind': value must be one of 'PodMonitor', 'ServiceMonitor'"},
		"an interval":           {"monitor.interval=1 minute", "at '/monitor/interval': '1 minute' does not match pattern"},
		"a size":                {"persistence.size=large", "at '/persistence/size': 'large' does not match pattern"},
		"a digest":              {"image.digest=latest", "at '/image/digest': 'latest' does not match pattern"},
		"a flag of the chart":   {"extraArgs={--state.path=/tmp}", "other values of the chart set --state.path"},
		"no flag":               {"extraArgs={check}", "at '/extraArgs/0': 'check' does not match pattern"},
		"a budget for one":      {"podDisruptionBudget.enabled=true", "needs shards=2 or more"},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := render(t, "--set", test.set)
			if err == nil || !strings.Contains(out, test.want) {
				t.Errorf("%s: %v: %s", test.set, err, out)
			}
			if strings.Contains(out, "secret") {
				t.Errorf("the error shows the key: %s", out)
			}
		})
	}
	if out, err := render(t, "--kube-version=1.27.0"); err == nil || !strings.Contains(out, "chart requires kubeVersion") {
		t.Errorf("Kubernetes 1.27: %v: %s", err, out)
	}
}

// The notes after an installation have the next steps.
func TestNotes(t *testing.T) {
	loaded, err := loader.Load(chart)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		values map[string]any
		want   []string
	}{
		"default": {nil, []string{
			"\n   kubectl -n monitoring create secret generic revox-api-key --from-file=api-key=FILE\n",
			"\n   kubectl -n monitoring port-forward revox-revox-exporter-0 10210\n", "set monitor.enabled=true",
		}},
		"demo": {map[string]any{"demo": true}, []string{"simulated campaigns", "\n1. Look at"}},
	} {
		values, err := chartutil.ToRenderValues(loaded, test.values,
			chartutil.ReleaseOptions{Name: "revox", Namespace: "monitoring"}, chartutil.DefaultCapabilities)
		if err != nil {
			t.Fatal(err)
		}
		rendered, err := engine.Render(loaded, values)
		if err != nil {
			t.Fatal(err)
		}
		notes := rendered["revox-exporter/templates/NOTES.txt"]
		for _, want := range test.want {
			if !strings.Contains(notes, want) {
				t.Errorf("%s: the notes lack %q:\n%s", name, want, notes)
			}
		}
	}
}

// The chart's package has everything, and its release fits into the Secret in which Helm keeps it.
func TestPackage(t *testing.T) {
	folder := t.TempDir()
	if out, err := helm(t, "package", chart, "--destination="+folder); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	version := strings.TrimSpace(readFile(t, filepath.Join(top, ".ci/release/version")))
	out, err := helm(t, "template", "revox", filepath.Join(folder, "revox-exporter-"+version+".tgz"),
		"--namespace=monitoring", "--kube-version=1.28.0", "--values=testdata/everything.values.yaml")
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	fromFolder, err := render(t, "--values=testdata/everything.values.yaml")
	if err != nil || out != fromFolder {
		t.Errorf("the package renders to other objects than its folder (%v)", err)
	}
	loaded, err := loader.Load(chart)
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	for _, part := range []string{asJSON(t, loaded), asJSON(t, out)} {
		if _, err := writer.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	const limit = 1 << 20 / 4 * 3 / 2 // a Secret has 1 MiB, base64 needs a third of it; half, as a reserve
	if packed.Len() > limit {
		t.Errorf("a release has %d bytes, more than %d", packed.Len(), limit)
	}
}
