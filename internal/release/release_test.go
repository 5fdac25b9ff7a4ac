// Package release holds tests of what releases contain: versions, pinned actions and images.
package release

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the versions again")

// The version of the next release is in .ci/release/version, and that of Go in go.mod. Whatever else names one has the same.
func TestVersions(t *testing.T) {
	t.Chdir("../..")
	module := readText(t, "go.mod")
	toolchain := regexp.MustCompile(`(?m)^toolchain go(\S+)$`).FindStringSubmatch(module)
	if toolchain == nil {
		t.Fatal("go.mod has no toolchain, which releases are built with")
	}
	ours := strings.TrimSpace(readText(t, ".ci/release/version"))
	for _, test := range []struct{ files, pattern, want string }{
		{"charts/revox-exporter/Chart.yaml", `(?m)^version: (\S+)$`, ours},
		{"charts/revox-exporter/Chart.yaml", `(?m)^appVersion: (\S+)$`, ours},
		{"charts/revox-exporter/README.md", `revox-exporter --version (\S+)`, ours},
		{"examples/kubernetes/statefulset.yaml", `ghcr\.io/revox-exporter/revox_exporter:(\S+)`, ours},
		{"examples/kubernetes/deployment.yaml", `ghcr\.io/revox-exporter/revox_exporter:(\S+)`, ours},
		{"README.md", `ghcr\.io/revox-exporter/revox_exporter:([0-9.]+)`, ours},
		{"docs/install.md", `(?m)^VERSION=(\S+)$`, ours},
		{"docs/install.md", `ghcr\.io/revox-exporter/revox_exporter:([0-9.]+)`, ours},
		// Alerts link the runbooks of their own version.
		{"alerts/*.rules.yml", `blob/v([0-9.]+)/`, ours},
		{"alerts/revox.rules_test.yml", `blob/v([0-9.]+)/`, ours},
		{"alerts/revox.rules_days_test.yml", `blob/v([0-9.]+)/`, ours},
		{"alerts/prometheusrule.yaml", `blob/v([0-9.]+)/`, ours},
		{"dashboards/overview.json", `blob/v([0-9.]+)/`, ours},
		{"dashboards/import/overview.json", `blob/v([0-9.]+)/`, ours},
		{"charts/revox-exporter/files/revox.rules.yml", `blob/v([0-9.]+)/`, ours},
		{"charts/revox-exporter/files/dashboards/overview.json", `blob/v([0-9.]+)/`, ours},
		{"Dockerfile", `golang:([0-9.]+)`, toolchain[1]},
		{".github/workflows/ci.yml", `golang:([0-9.]+)`, toolchain[1]},
	} {
		paths, err := filepath.Glob(test.files)
		if err != nil || len(paths) == 0 {
			t.Fatalf("no files %s (%v)", test.files, err)
		}
		pattern := regexp.MustCompile(test.pattern)
		for _, path := range paths {
			was := readText(t, path)
			found := pattern.FindAllStringSubmatch(was, -1)
			if len(found) == 0 {
				t.Errorf("%s names no version as %s", path, test.pattern)
			}
			for _, match := range found {
				if match[1] != test.want && !*update {
					t.Errorf("%s has %q, not version %s; run: go test ./internal/release -update", path, match[0], test.want)
				}
			}
			if !*update {
				continue
			}
			now := pattern.ReplaceAllStringFunc(was, func(s string) string {
				m := pattern.FindStringSubmatch(s)
				return strings.Replace(s, m[1], test.want, 1)
			})
			if now != was {
				if err := os.WriteFile(path, []byte(now), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Actions and images of workflows, Dockerfile and compose.yaml are pinned by digest, and their versions are said beside it.
func TestPinned(t *testing.T) {
	t.Chdir("../..")
	workflows, err := filepath.Glob(".github/workflows/*.yml")
	if err != nil || len(workflows) == 0 {
		t.Fatalf("no workflows (%v)", err)
	}
	use := regexp.MustCompile(`(?m)\b(uses|image|BUILD_IMAGE)(?:: |=)(.*)$`)
	pinned := regexp.MustCompile(`^([\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+|[\w./-]+:[\w.-]*\d+\.\d+\.\d+[\w.-]*@sha256:[0-9a-f]{64}|\./.*)$`)
	for _, path := range append(workflows, "Dockerfile", "compose.yaml") {
		found := use.FindAllStringSubmatch(readText(t, path), -1)
		if len(found) == 0 {
			t.Errorf("%s uses nothing", path)
		}
		for _, match := range found {
			if !pinned.MatchString(match[2]) {
				t.Errorf("%s: %q is not pinned by its digest, or its version is not said", path, match[0])
			}
		}
	}
}
