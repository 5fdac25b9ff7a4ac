// Package programtest builds the program once for each test process, and runs it as a user does:
//
//	func TestMain(m *testing.M) { os.Exit(programtest.M{M: m}.Run()) }
//
//	p := programtest.Start(t, nil, "--demo")
//	p.Ready()
//	code, body := p.Get("/metrics")
//	p.Terminate()
package programtest

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const program = "github.com/revox-exporter/revox_exporter"

// Version is the version that the program reports.
const Version = "1.2.3-test"

// M is a testing.M that removes what Path has built. A package's TestMain runs its tests with it.
type M struct{ *testing.M }

// Run runs the tests and returns an exit code.
func (m M) Run() int {
	code := m.M.Run()
	if dir != "" {
		os.RemoveAll(dir)
	}
	return code
}

var dir string

// Path returns the path of the program, which it builds when it is first called.
func Path(t testing.TB) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var build = sync.OnceValues(func() (string, error) {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", program).Output()
	if err != nil {
		return "", fmt.Errorf("looking for the module: %w", err)
	}
	if err := look(strings.TrimSpace(string(root))); err != nil {
		return "", err
	}
	if dir, err = os.MkdirTemp("", "program"); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "revox_exporter")
	flags := "-X github.com/prometheus/common/version.Version=" + Version
	if out, err := exec.Command("go", "build", "-ldflags", flags, "-o", path, program).CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the program: %w\n%s", err, out)
	}
	return path, nil
})

// look opens the folders of the source, so that Go's test cache notices when the source changes: a cached result is
// valid while the folders that the test has opened are the same, and the cache does not see what go build reads.
func look(root string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && path != root && strings.HasPrefix(entry.Name(), ".") {
			return fs.SkipDir
		}
		return err
	})
}
