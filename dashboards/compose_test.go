package dashboards

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v2"
)

// In compose.yaml, mounted files exist, images are pinned, ports are open on the loopback interface only, every dashboard
// is mounted, and every image has a health check except the exporter's, which brings its own.
func TestCompose(t *testing.T) {
	text, err := os.ReadFile("../compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var compose struct {
		Services map[string]struct {
			Image       string
			Build       string
			Command     []string
			Volumes     []string
			Ports       []string
			Environment map[string]string
			DependsOn   []string `yaml:"depends_on"`
			ReadOnly    bool     `yaml:"read_only"`
			CapDrop     []string `yaml:"cap_drop"`
			SecurityOpt []string `yaml:"security_opt"`
			Healthcheck *struct {
				Test              []string
				Interval, Timeout string
				Retries           int
			}
		}
		Volumes map[string]any
	}
	if err := yaml.UnmarshalStrict(text, &compose); err != nil {
		t.Fatal(err)
	}
	mounted := map[string]bool{}
	for name, service := range compose.Services {
		if (service.Build != "") == (service.Healthcheck != nil) {
			t.Errorf("%s: every image except our own needs a health check", name)
		}
		if service.Build == "" && !regexp.MustCompile(`^[\w./-]+:v?\d+\.\d+\.\d+@sha256:[0-9a-f]{64}$`).MatchString(service.Image) {
			t.Errorf("%s: image %q is not pinned to a version and its digest", name, service.Image)
		}
		for _, port := range service.Ports {
			if !strings.HasPrefix(port, "127.0.0.1:") {
				t.Errorf("%s: port %s is open to others", name, port)
			}
		}
		for _, volume := range service.Volumes {
			source, _, _ := strings.Cut(volume, ":")
			if _, named := compose.Volumes[source]; named {
				continue
			}
			info, err := os.Stat(filepath.Join("..", source))
			if err != nil || info.IsDir() || !strings.HasSuffix(volume, ":ro") {
				t.Errorf("%s: %s must be an existing file, mounted read-only: %v", name, volume, err)
			}
			mounted[filepath.Base(source)] = true
		}
		for variable, value := range service.Environment {
			if regexp.MustCompile(`PASSWORD|SECRET|TOKEN|KEY`).MatchString(variable) {
				t.Errorf("%s: %s=%s looks like a secret", name, variable, value)
			}
		}
		for _, other := range service.DependsOn {
			if _, ok := compose.Services[other]; !ok {
				t.Errorf("%s depends on %s, which does not exist", name, other)
			}
		}
	}
	files, err := filepath.Glob("*.json")
	if err != nil || len(files) != 5 {
		t.Fatalf("%d dashboards, %v", len(files), err)
	}
	for _, file := range files {
		if !mounted[file] {
			t.Errorf("%s is not mounted", file)
		}
	}
}
