// Package kubernetes tests the manifests in examples/kubernetes and the Helm chart against the types of Kubernetes and of
// the Prometheus operator.
package kubernetes

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
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/yaml"
)

const top = "../.."

// decode returns the objects of a text in YAML. A field that an object's type does not have is an error, and so is a
// field that occurs twice.
func decode(t *testing.T, name, text string) (objects []runtime.Object) {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		core.AddToScheme, apps.AddToScheme, networking.AddToScheme, policy.AddToScheme, monitoring.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	reader := yaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return objects
		} else if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(bytes.TrimSpace(document)) == 0 {
			continue
		}
		object, _, err := decoder.Decode(document, nil, nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		objects = append(objects, object)
	}
}

// only returns the objects of one type.
func only[T runtime.Object](objects []runtime.Object) (found []T) {
	for _, object := range objects {
		if o, ok := object.(T); ok {
			found = append(found, o)
		}
	}
	return found
}

// one returns the only object of a type.
func one[T runtime.Object](t *testing.T, objects []runtime.Object) T {
	t.Helper()
	found := only[T](objects)
	if len(found) != 1 {
		t.Fatalf("%d objects of type %T", len(found), *new(T))
	}
	return found[0]
}

func readManifests(t *testing.T) (objects []runtime.Object) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(top, "examples/kubernetes/*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("manifests: %v (%v)", files, err)
	}
	for _, file := range files {
		objects = append(objects, decode(t, file, readFile(t, file))...)
	}
	return objects
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// flags returns the names of the exporter's flags and of their environment variables from docs/flags.md.
func flags(t *testing.T) (names []string) {
	t.Helper()
	text := readFile(t, filepath.Join(top, "docs/flags.md"))
	row := regexp.MustCompile("(?m)^\\| `(--[a-z.-]+)` \\|.*`(REVOX_EXPORTER_[A-Z_]+)`")
	for _, found := range row.FindAllStringSubmatch(text, -1) {
		names = append(names, found[1], found[2])
	}
	if len(names) == 0 {
		t.Fatal("docs/flags.md lists no flags")
	}
	return names
}

// Pods have only the permissions that they need, and everything that they refer to exists.
func TestPods(t *testing.T) {
	objects := readManifests(t)
	deployment := one[*apps.Deployment](t, objects)
	checkPod(t, "deployment", deployment.Spec.Template, deployment.Spec.Selector.MatchLabels, nil)
	checkStatefulSet(t, objects)
}

// checkStatefulSet checks a stateful set of shards and its service.
func checkStatefulSet(t *testing.T, objects []runtime.Object) {
	t.Helper()
	set, service := one[*apps.StatefulSet](t, objects), one[*core.Service](t, objects)
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
	if service.Name != set.Spec.ServiceName || service.Spec.ClusterIP != core.ClusterIPNone {
		t.Errorf("the stateful set has no service: %+v", service)
	}
	for label, value := range service.Spec.Selector {
		if set.Spec.Template.Labels[label] != value {
			t.Errorf("the service selects no pods by %s=%s", label, value)
		}
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
	objects := readManifests(t)
	set, service := one[*apps.StatefulSet](t, objects), one[*core.Service](t, objects)
	checkPodMonitor(t, one[*monitoring.PodMonitor](t, objects), set)
	checkServiceMonitor(t, one[*monitoring.ServiceMonitor](t, objects), service)
	for label, value := range set.Spec.Template.Labels {
		if one[*apps.Deployment](t, objects).Spec.Template.Labels[label] != value {
			t.Errorf("the pod monitor does not select the deployment by %s=%s", label, value)
		}
	}
}

func checkPodMonitor(t *testing.T, monitor *monitoring.PodMonitor, set *apps.StatefulSet) {
	t.Helper()
	for label, value := range monitor.Spec.Selector.MatchLabels {
		if set.Spec.Template.Labels[label] != value {
			t.Errorf("the pod monitor selects no pods by %s=%s", label, value)
		}
	}
	endpoint := monitor.Spec.PodMetricsEndpoints[0]
	if *endpoint.Port != "metrics" {
		t.Errorf("the pod monitor's port is %s", *endpoint.Port)
	}
	checkJob(t, endpoint.RelabelConfigs)
}

func checkServiceMonitor(t *testing.T, monitor *monitoring.ServiceMonitor, service *core.Service) {
	t.Helper()
	for label, value := range monitor.Spec.Selector.MatchLabels {
		if service.Labels[label] != value {
			t.Errorf("the service monitor selects no service by %s=%s", label, value)
		}
	}
	endpoint := monitor.Spec.Endpoints[0]
	if endpoint.Port != service.Spec.Ports[0].Name {
		t.Errorf("the service monitor's port is %s", endpoint.Port)
	}
	checkJob(t, endpoint.RelabelConfigs)
}

func checkJob(t *testing.T, relabelings []monitoring.RelabelConfig) {
	t.Helper()
	if len(relabelings) == 0 {
		t.Fatal("the job has no name")
	}
	if last := relabelings[len(relabelings)-1]; last.TargetLabel != "job" || *last.Replacement != "revox" {
		t.Errorf("the job is not called revox: %+v", relabelings)
	}
	if !slices.ContainsFunc(relabelings, func(r monitoring.RelabelConfig) bool {
		return r.TargetLabel == "instance" && slices.Contains(r.SourceLabels, "__meta_kubernetes_pod_name")
	}) {
		t.Errorf("the instance is not called after the pod, so that it changes with each restart: %+v", relabelings)
	}
}

// prometheusrule.yaml is an object that the operator knows.
func TestPrometheusRule(t *testing.T) {
	path := filepath.Join(top, "alerts/prometheusrule.yaml")
	rule := one[*monitoring.PrometheusRule](t, decode(t, path, readFile(t, path)))
	if len(rule.Spec.Groups) == 0 {
		t.Error("it has no groups")
	}
}
