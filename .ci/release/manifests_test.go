package release

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/yaml"
	strict "sigs.k8s.io/yaml"
)

// manifests are the objects of examples/kubernetes, in Kubernetes' own types.
type manifests struct {
	deployments  []apps.Deployment
	statefulSets []apps.StatefulSet
	services     []core.Service
	podMonitors  []monitoring.PodMonitor
	monitors     []monitoring.ServiceMonitor
}

func readManifests(t *testing.T) (m manifests) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(top, "examples/kubernetes/*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("manifests: %v (%v)", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		reader := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
		for {
			document, err := reader.Read()
			if errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			var kind struct{ APIVersion, Kind string }
			if err := strict.Unmarshal(document, &kind); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			switch kind.APIVersion + " " + kind.Kind {
			case "apps/v1 Deployment":
				m.deployments = read(t, file, document, m.deployments)
			case "apps/v1 StatefulSet":
				m.statefulSets = read(t, file, document, m.statefulSets)
			case "v1 Service":
				m.services = read(t, file, document, m.services)
			case "monitoring.coreos.com/v1 PodMonitor":
				m.podMonitors = read(t, file, document, m.podMonitors)
			case "monitoring.coreos.com/v1 ServiceMonitor":
				m.monitors = read(t, file, document, m.monitors)
			default:
				t.Errorf("%s: unexpected %s %s", file, kind.APIVersion, kind.Kind)
			}
		}
	}
	return m
}

// read appends an object. A field that its type does not have is an error.
func read[T any](t *testing.T, file string, document []byte, to []T) []T {
	t.Helper()
	var object T
	if err := strict.UnmarshalStrict(document, &object); err != nil {
		t.Errorf("%s: %v", file, err)
	}
	return append(to, object)
}

// flags returns the names of the exporter's flags and of their environment variables from README.md.
func flags(t *testing.T) (names []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\| `(--[a-z.-]+)` \\|.*`(REVOX_EXPORTER_[A-Z_]+)`")
	for _, found := range row.FindAllStringSubmatch(string(text), -1) {
		names = append(names, found[1], found[2])
	}
	if len(names) == 0 {
		t.Fatal("README.md lists no flags")
	}
	return names
}

// Pods have only the permissions that they need, and everything that they refer to exists.
func TestPods(t *testing.T) {
	m := readManifests(t)
	if len(m.deployments) != 1 || len(m.statefulSets) != 1 {
		t.Fatalf("%d deployments, %d stateful sets", len(m.deployments), len(m.statefulSets))
	}
	deployment, set := m.deployments[0], m.statefulSets[0]
	checkPod(t, "deployment", deployment.Spec.Template, deployment.Spec.Selector.MatchLabels, nil)
	checkPod(t, "stateful set", set.Spec.Template, set.Spec.Selector.MatchLabels, set.Spec.VolumeClaimTemplates)

	env := map[string]core.EnvVar{}
	for _, e := range set.Spec.Template.Spec.Containers[0].Env {
		env[e.Name] = e
	}
	if count := env["REVOX_EXPORTER_SHARD_COUNT"].Value; count != strconv.Itoa(int(*set.Spec.Replicas)) {
		t.Errorf("%d replicas, but the shard count is %s", *set.Spec.Replicas, count)
	}
	index := "metadata.labels['" + apps.PodIndexLabel + "']"
	if from := env["REVOX_EXPORTER_SHARD_INDEX"].ValueFrom; from == nil || from.FieldRef.FieldPath != index {
		t.Errorf("a pod's shard index is %+v", from)
	}
	if len(m.services) != 1 || m.services[0].Name != set.Spec.ServiceName ||
		m.services[0].Spec.ClusterIP != core.ClusterIPNone {
		t.Errorf("the stateful set has no service: %+v", m.services)
	}
}

func checkPod(t *testing.T, what string, template core.PodTemplateSpec, selector map[string]string,
	claims []core.PersistentVolumeClaim) {
	t.Helper()
	pod, container := template.Spec, template.Spec.Containers[0]
	for label, value := range selector {
		if template.Labels[label] != value {
			t.Errorf("%s: its pods have no %s=%s", what, label, value)
		}
	}
	s, c := pod.SecurityContext, container.SecurityContext
	if !*s.RunAsNonRoot || *s.RunAsUser != 65532 || s.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault ||
		*c.AllowPrivilegeEscalation || !*c.ReadOnlyRootFilesystem ||
		!slices.Equal(c.Capabilities.Drop, []core.Capability{"ALL"}) || *pod.AutomountServiceAccountToken ||
		*pod.EnableServiceLinks || container.Resources.Limits.Memory().IsZero() {
		t.Errorf("%s: its pods have more permissions than they need", what)
	}
	if !regexp.MustCompile(`:\d+\.\d+\.\d+$`).MatchString(container.Image) {
		t.Errorf("%s: image %s is not pinned to a version", what, container.Image)
	}

	known, values := flags(t), map[string]string{}
	for _, arg := range container.Args {
		name, value, _ := strings.Cut(arg, "=")
		values[name] = value
		if !slices.Contains(known, name) {
			t.Errorf("%s: the exporter has no flag %s", what, name)
		}
	}
	for _, e := range container.Env {
		if strings.HasPrefix(e.Name, "REVOX_") && !slices.Contains(known, e.Name) {
			t.Errorf("%s: the exporter does not read %s", what, e.Name)
		}
	}

	var volumes []string
	for _, v := range pod.Volumes {
		volumes = append(volumes, v.Name)
	}
	for _, claim := range claims {
		volumes = append(volumes, claim.Name)
	}
	var mounts []string
	for _, m := range container.VolumeMounts {
		mounts = append(mounts, m.MountPath)
		if !slices.Contains(volumes, m.Name) {
			t.Errorf("%s: no volume %s", what, m.Name)
		}
	}
	for _, path := range []string{filepath.Dir(values["--revox.api-key-file"]), values["--state.path"]} {
		if !slices.Contains(mounts, path) {
			t.Errorf("%s: nothing is mounted at %s", what, path)
		}
	}

	ports := map[string]int32{}
	for _, p := range container.Ports {
		ports[p.Name] = p.ContainerPort
	}
	if ports["metrics"] != 10210 || values["--web.health-listen-address"] != ":10211" || ports["health"] != 10211 {
		t.Errorf("%s: ports %v", what, ports)
	}
	for path, probe := range map[string]*core.Probe{
		"/-/healthy": container.LivenessProbe, "/-/ready": container.ReadinessProbe,
	} {
		if probe.HTTPGet.Path != path || probe.HTTPGet.Port != intstr.FromString("health") {
			t.Errorf("%s: probe %+v", what, probe.HTTPGet)
		}
	}
}

// Both monitors select the pods, and name the job as dashboards and rules do.
func TestMonitors(t *testing.T) {
	m := readManifests(t)
	if len(m.podMonitors) != 1 || len(m.monitors) != 1 {
		t.Fatalf("%d pod monitors, %d service monitors", len(m.podMonitors), len(m.monitors))
	}
	pods, service := m.podMonitors[0].Spec, m.monitors[0].Spec
	labels := m.deployments[0].Spec.Template.Labels
	for label, value := range pods.Selector.MatchLabels {
		if labels[label] != value || m.statefulSets[0].Spec.Template.Labels[label] != value {
			t.Errorf("the pod monitor selects no pods by %s=%s", label, value)
		}
	}
	for label, value := range service.Selector.MatchLabels {
		if m.services[0].Labels[label] != value {
			t.Errorf("the service monitor selects no service by %s=%s", label, value)
		}
	}
	endpoint, podEndpoint := service.Endpoints[0], pods.PodMetricsEndpoints[0]
	if endpoint.Port != m.services[0].Spec.Ports[0].Name || *podEndpoint.Port != "metrics" {
		t.Errorf("the service monitor's port is %s, the pod monitor's is %s", endpoint.Port, *podEndpoint.Port)
	}
	for _, relabelings := range [][]monitoring.RelabelConfig{podEndpoint.RelabelConfigs, endpoint.RelabelConfigs} {
		if len(relabelings) != 1 || relabelings[0].TargetLabel != "job" || *relabelings[0].Replacement != "revox" {
			t.Errorf("the job is not called revox: %+v", relabelings)
		}
	}
}

// prometheusrule.yaml is an object that the operator knows.
func TestPrometheusRule(t *testing.T) {
	path := filepath.Join(top, "alerts/prometheusrule.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	rule := read[monitoring.PrometheusRule](t, path, text, nil)[0]
	if rule.Kind != monitoring.PrometheusRuleKind || len(rule.Spec.Groups) == 0 {
		t.Errorf("it is a %s with %d groups", rule.Kind, len(rule.Spec.Groups))
	}
}

// The unit uses flags that the exporter has, with the folders that systemd provides.
func TestUnit(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(top, "examples/systemd/revox_exporter.service"))
	if err != nil {
		t.Fatal(err)
	}
	start := regexp.MustCompile(`(?m)^ExecStart=.*$`).FindString(string(text))
	known := flags(t)
	for _, name := range regexp.MustCompile(`--[a-z][a-z.-]*`).FindAllString(start, -1) {
		if !slices.Contains(known, name) {
			t.Errorf("the exporter has no flag %s", name)
		}
	}
	for _, pair := range [][2]string{
		{"--revox.api-key-file=${CREDENTIALS_DIRECTORY}/api-key", "\nLoadCredential=api-key:"},
		{"--state.path=${STATE_DIRECTORY}", "\nStateDirectory="},
	} {
		if !strings.Contains(start, pair[0]) || !strings.Contains(string(text), pair[1]) {
			t.Errorf("the unit lacks %s or %s", pair[0], strings.TrimSpace(pair[1]))
		}
	}
}
