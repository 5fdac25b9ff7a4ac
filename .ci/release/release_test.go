// Package release tests .goreleaser.yaml. .ci/installs tries what goreleaser makes of it.
package release

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goreleaser/goreleaser/v2/pkg/config"
)

const top = "../.."

func readConfig(t *testing.T) config.Project {
	t.Helper()
	// A field that goreleaser does not have is an error.
	project, err := config.Load(filepath.Join(top, ".goreleaser.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return project
}

// Every file of an archive exists, or is one that .ci/extras makes.
func TestArchivesHaveTheirFiles(t *testing.T) {
	project := readConfig(t)
	if hooks := project.Before.Hooks; !slices.Equal(hooks, []string{".ci/extras build/extras"}) {
		t.Errorf("before a release: %q", hooks)
	}
	if len(project.Archives) != 1 {
		t.Fatalf("%d archives", len(project.Archives))
	}
	for _, file := range project.Archives[0].Files {
		if strings.HasPrefix(file.Source, "build/extras/") {
			continue
		}
		if found, err := filepath.Glob(filepath.Join(top, file.Source)); err != nil || len(found) == 0 {
			t.Errorf("%s: no such file (%v)", file.Source, err)
		}
		if file.Info.MTime == "" {
			t.Errorf("%s would have the time of the build", file.Source)
		}
	}
}

// The documents at the top of an archive and in docs/ link only to what the archive contains.
func TestLinksOfPackedDocuments(t *testing.T) {
	packed := map[string]bool{} // files and folders
	for _, file := range readConfig(t).Archives[0].Files {
		found, err := filepath.Glob(filepath.Join(top, file.Source))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			for ; path != top; path = filepath.Dir(path) {
				packed[path] = true
			}
		}
	}
	link := regexp.MustCompile(`\]\(([^():#]+)[)#]`)
	links := 0
	for document := range packed {
		folder := filepath.Dir(document)
		if filepath.Ext(document) != ".md" || folder != top && folder != filepath.Join(top, "docs") {
			continue
		}
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range link.FindAllStringSubmatch(string(text), -1) {
			links++
			if !packed[filepath.Join(folder, found[1])] {
				t.Errorf("%s links to %s, which is not packed", document, found[1])
			}
		}
	}
	if links < 20 {
		t.Errorf("only %d links found", links)
	}
}

// Binaries of a release, of an image and of .ci/reproducible are built in the same way, for the same platforms.
func TestBinariesAreBuiltAlike(t *testing.T) {
	build := readConfig(t).Builds[0]
	for _, file := range []string{"Dockerfile", ".ci/reproducible"} {
		text, err := os.ReadFile(filepath.Join(top, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			"CGO_ENABLED=0", strings.Join(build.Flags, " ") + " -tags " + strings.Join(build.Tags, ","),
			strings.Fields(build.Ldflags[0])[0] + " -w",
		} {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s does not build with %s", file, want)
			}
		}
	}
	text, err := os.ReadFile(filepath.Join(top, ".ci/reproducible"))
	if err != nil {
		t.Fatal(err)
	}
	var platforms []string
	for _, system := range build.Goos {
		for _, architecture := range build.Goarch {
			platforms = append(platforms, system+"/"+architecture)
		}
	}
	if want := "for platform in " + strings.Join(platforms, " ") + ";"; !strings.Contains(string(text), want) {
		t.Errorf(".ci/reproducible lacks %q", want)
	}
}

// The workflow releases with the version of goreleaser that is tested here.
func TestGoreleaserVersion(t *testing.T) {
	module, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	workflow, err := os.ReadFile(filepath.Join(top, ".github/workflows/release.yml"))
	if err != nil {
		t.Fatal(err)
	}
	here := regexp.MustCompile(`(?m)^\tgithub\.com/goreleaser/goreleaser/v2 (\S+)$`).FindSubmatch(module)
	there := regexp.MustCompile(`goreleaser-action@.*\n +with:\n +version: (\S+)\n`).FindSubmatch(workflow)
	if here == nil || there == nil || string(here[1]) != string(there[1]) {
		t.Errorf("go.mod has version %q, the workflow %q", here, there)
	}
}
