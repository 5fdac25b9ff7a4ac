package collector_test

import (
	"bytes"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// allowedImports are the packages of this module that each package may import. Data flows from the left to the right of
// docs/architecture.md, and imports go against it: nothing reaches back.
var allowedImports = map[string][]string{
	"revoxapi": {
		"internal/apirequest", "internal/apitransport", "internal/proxyenv", "internal/quantity", "internal/readahead", "internal/regularfile",
	},
	"internal/proxyenv":      {},
	"internal/apirequest":    {},
	"internal/apitransport":  {},
	"internal/regularfile":   {},
	"internal/readahead":     {},
	"collector/statefile":    {"internal/regularfile"},
	"collector/room":         {},
	"collector/cost":         {},
	"collector/causes":       {"revoxapi"},
	"collector/labelvalue":   {"revoxapi"},
	"collector/histogram":    {},
	"collector/tally":        {"revoxapi", "collector/labelvalue", "collector/histogram"},
	"collector/rows":         {"collector/tally"},
	"collector/counters":     {"collector/labelvalue", "collector/tally", "collector/rows"},
	"collector/campaigns":    {"internal/regularfile", "revoxapi", "collector/causes", "collector/labelvalue"},
	"collector/paging":       {"revoxapi", "internal/apirequest", "internal/readahead"},
	"collector/known":        {"revoxapi", "collector/labelvalue", "collector/tally", "collector/rows", "collector/paging"},
	"collector/scan":         {"revoxapi", "internal/apirequest", "collector/cost", "collector/room", "collector/labelvalue", "collector/tally", "collector/rows", "collector/paging", "collector/known"},
	"collector/schedule":     {"revoxapi"},
	"collector/store":        {"revoxapi", "collector/cost", "collector/room", "collector/labelvalue", "collector/tally", "collector/rows", "collector/counters", "collector/campaigns", "collector/known", "collector/scan", "collector/statefile"},
	"collector/exposition":   {"revoxapi", "collector/labelvalue", "collector/histogram", "collector/tally", "collector/campaigns", "collector/store"},
	"internal/quantity":      {},
	"internal/pages":         {"collector", "internal/quantity"},
	"internal/routes":        {"collector", "internal/httpserver", "internal/pages"},
	"internal/webconfig":     {"internal/regularfile"},
	"internal/authorities":   {"internal/regularfile"},
	"internal/apikey":        {"revoxapi"},
	"internal/healthcheck":   {},
	"internal/forcedexit":    {},
	"internal/httpserver":    {},
	"internal/logging":       {},
	"revoxapi/revoxtest":     {"revoxapi", "revoxapi/revoxtest/internal/wire"},
	"revoxapi/revoxtest/sim": {"revoxapi", "revoxapi/revoxtest", "revoxapi/revoxtest/internal/wire", "revoxapi/revoxtest/sim/internal/calendar"},
	"collector": {
		"revoxapi", "collector/causes", "collector/cost", "collector/room", "collector/labelvalue", "collector/tally", "collector/rows", "collector/campaigns", "collector/scan", "collector/schedule", "collector/store", "collector/exposition",
	},
}

const module = "github.com/revox-exporter/revox_exporter/"

func TestImportsFollowTheDirectionOfData(t *testing.T) {
	root := os.DirFS("..")
	for pkg, allowed := range allowedImports {
		imports, ok := importsOf(t, root, pkg)
		if !ok {
			t.Errorf("there is no package %s", pkg)
		}
		for _, imported := range imports {
			if own, ok := strings.CutPrefix(imported, module); ok && !slices.Contains(allowed, own) {
				t.Errorf("%s imports %s: docs/architecture.md says in which direction imports go", pkg, own)
			}
		}
	}
	// Every package of the collector has a rule.
	err := fs.WalkDir(root, "collector", func(dir string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() || allowedImports[dir] != nil {
			return err
		}
		if _, ok := importsOf(t, root, dir); ok {
			t.Errorf("%s has no rule about what it may import", dir)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The Exporter wires: it opens no file, renders nothing and counts nothing.
func TestExporterOnlyWires(t *testing.T) {
	imports, _ := importsOf(t, os.DirFS(".."), "collector")
	for _, imported := range imports {
		for _, forbidden := range []string{
			"os", "io", "path/filepath", "html/template", "encoding/json", "compress/gzip", "github.com/prometheus/common/expfmt",
			"github.com/prometheus/client_golang/prometheus/promhttp", "go.etcd.io/bbolt", module + "collector/statefile",
		} {
			if imported == forbidden {
				t.Errorf("package collector imports %s", imported)
			}
		}
	}
}

// A package of the collector that outgrows these limits has more than one idea.
func TestPackagesStaySmall(t *testing.T) {
	const maxFiles, maxLines = 12, 1400
	files, lines := map[string]int{}, map[string]int{}
	root := os.DirFS("..")
	err := fs.WalkDir(root, "collector", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return err
		}
		text, err := fs.ReadFile(root, name)
		files[path.Dir(name)]++
		lines[path.Dir(name)] += bytes.Count(text, []byte("\n"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range files {
		if files[pkg] > maxFiles || lines[pkg] > maxLines {
			t.Errorf("%s has %d lines in %d files, want %d in %d at most, without tests", pkg, lines[pkg], files[pkg], maxLines, maxFiles)
		}
	}
}

// importsOf returns what the files of a folder import, without those of tests, and whether it has any.
func importsOf(t *testing.T, root fs.FS, dir string) (imports []string, ok bool) {
	t.Helper()
	files, err := fs.Glob(root, path.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		ok = true
		text, err := fs.ReadFile(root, name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			imports = append(imports, imported)
		}
	}
	slices.Sort(imports)
	return slices.Compact(imports), ok
}
