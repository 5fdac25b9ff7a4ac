// Package docs tests the documents of the repository: their links, and the length of the README.
package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// documents returns each Markdown file of the repository, with its text.
func documents(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{".git", "build", "dist", "testdata"}, d.Name()):
			return filepath.SkipDir
		case filepath.Ext(path) == ".md":
			found[path] = read(t, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// sources returns the paths of the Go files below the current folder.
func sources(t *testing.T) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && len(d.Name()) > 1 && d.Name()[0] == '.':
			return filepath.SkipDir
		case filepath.Ext(path) == ".go":
			paths = append(paths, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

var (
	fenced  = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	code    = regexp.MustCompile("`[^`\n]*`")
	link    = regexp.MustCompile(`\]\(<?([^()<>]+)>?\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
)

// prose returns a document without its blocks of code.
func prose(text string) string { return fenced.ReplaceAllString(text, "") }

// anchors returns the anchors that GitHub gives to the headings of a document.
func anchors(text string) (found []string) {
	for _, match := range heading.FindAllStringSubmatch(prose(text), -1) {
		anchor := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, link.ReplaceAllString(match[1], ""))
		found = append(found, anchor)
	}
	return found
}

// ours is how a document links to a file of the repository from outside.
const ours = "https://github.com/revox-exporter/revox_exporter/blob/main/"

// Every link between documents leads to a file or folder that exists, and to a heading of it.
func TestLinks(t *testing.T) {
	t.Chdir("..")
	texts, links := documents(t), 0
	for path, text := range texts {
		for _, match := range link.FindAllStringSubmatch(code.ReplaceAllString(prose(text), "code"), -1) {
			target, file := match[1], path
			name, anchor, _ := strings.Cut(target, "#")
			switch {
			case strings.HasPrefix(name, ours):
				file = strings.TrimPrefix(name, ours)
			case strings.Contains(name, ":"):
				continue // elsewhere
			case name != "":
				decoded, err := url.PathUnescape(name)
				if err != nil {
					t.Errorf("%s: the link %s: %v", path, target, err)
				}
				file = filepath.Join(filepath.Dir(path), decoded)
			}
			links++
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s links to %s, which does not exist", path, target)
				continue
			}
			if anchor != "" && !slices.Contains(anchors(texts[file]), anchor) {
				t.Errorf("%s links to %s, but %s has no such heading", path, target, file)
			}
		}
	}
	if links < 200 {
		t.Errorf("only %d links found", links)
	}
}

// No two headings of a document are the same: a link would lead to the first.
func TestHeadings(t *testing.T) {
	t.Chdir("..")
	for path, text := range documents(t) {
		if path == "CHANGELOG.md" {
			continue // each version has the same
		}
		seen := map[string]bool{}
		for _, anchor := range anchors(text) {
			if seen[anchor] {
				t.Errorf("%s has two headings #%s", path, anchor)
			}
			seen[anchor] = true
		}
	}
}

// The README is short, has the commands of the first minutes, and leads to every document in docs.
func TestREADME(t *testing.T) {
	t.Chdir("..")
	readme := read(t, "README.md")
	if words := len(strings.Fields(readme)); words > 1500 {
		t.Errorf("README.md has %d words, want at most 1500: move text to docs/", words)
	}
	for _, command := range []string{"\ngo run . --demo\n", "\ngo test ./...\n"} {
		if !strings.Contains(readme, command) {
			t.Errorf("README.md lacks the command %q", strings.TrimSpace(command))
		}
	}
	const picture = "docs/images/overview.png"
	if _, err := os.Stat(picture); err == nil && !strings.Contains(readme, "]("+picture+")") {
		t.Errorf("README.md does not show %s", picture)
	}
	inDocs, err := filepath.Glob("docs/*.md")
	if err != nil || len(inDocs) == 0 {
		t.Fatalf("no documents (%v)", err)
	}
	for _, path := range inDocs {
		if !strings.Contains(readme, "]("+path) {
			t.Errorf("README.md does not link to %s", path)
		}
	}
}

// A configuration of Prometheus that loads rules says where their alerts are sent.
func TestConfigurationsSendAlerts(t *testing.T) {
	t.Chdir("..")
	found := 0
	for path, text := range documents(t) {
		for _, block := range fenced.FindAllString(text, -1) {
			if strings.Contains(block, "rule_files:") {
				found++
				if !strings.Contains(block, "alertmanagers:") {
					t.Errorf("%s loads rules, but names no Alertmanager:\n%s", path, block)
				}
			}
		}
	}
	if found == 0 {
		t.Error("no configuration loads rules")
	}
}

// A paragraph has at most four sentences.
func TestParagraphs(t *testing.T) {
	t.Chdir("..")
	end := regexp.MustCompile(`[.?!][)*]*(?:\s+[A-Z*\[(]|$)`)
	for path, text := range documents(t) {
		if path != "README.md" && filepath.Dir(path) != "docs" || path == "docs/architecture.md" {
			continue
		}
		for _, paragraph := range regexp.MustCompile(`\n\s*\n|\n *(?:- |\d+\. |\|)`).Split(prose(text), -1) {
			if strings.HasPrefix(paragraph, "|") {
				continue
			}
			plain := code.ReplaceAllString(link.ReplaceAllString(paragraph, "]"), "code")
			sentences := strings.Count(end.ReplaceAllString(strings.TrimSpace(plain), "\x00"), "\x00")
			if sentences > 4 {
				t.Errorf("%s has a paragraph of %d sentences:\n%s", path, sentences, strings.TrimSpace(paragraph))
			}
		}
	}
}

// fromElsewhere are texts of error messages that the system, Go or HTTP has.
var fromElsewhere = []string{
	"address already in use", "connection refused", "unknown long flag", "407 Proxy Authentication Required", "304 Not Modified",
}

// The texts by which users look for an error or a warning in troubleshooting.md are those that the program has.
func TestTroubleshootingQuotesTheProgram(t *testing.T) {
	t.Chdir("..")
	var program strings.Builder
	for _, path := range sources(t) {
		if !strings.HasSuffix(path, "_test.go") {
			program.WriteString(read(t, path))
		}
	}
	source := regexp.MustCompile(`" \+\s+"`).ReplaceAllString(program.String(), "")
	source = regexp.MustCompile(`%[a-z]`).ReplaceAllString(source, "...")
	quoted, checked := 0, false
	for line := range strings.Lines(read(t, "docs/troubleshooting.md")) {
		first, rest, row := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
		switch {
		case !row || line[0] != '|':
			continue
		case strings.HasPrefix(rest, "cause") || strings.HasPrefix(rest, "meaning"): // the head of a table
			checked = regexp.MustCompile(`^the (error|text|line) `).MatchString(first)
		case checked:
			for _, text := range code.FindAllString(first, -1) {
				quoted++
				text = strings.Trim(text, "`")
				if !slices.Contains(fromElsewhere, text) && !strings.Contains(source, text) {
					t.Errorf("troubleshooting.md quotes %q, which the program does not say", text)
				}
			}
		}
	}
	if quoted < 30 {
		t.Errorf("only %d texts found", quoted)
	}
}

// declared returns the names of functions, methods, types, fields, constants and variables that a Go file declares.
func declared(t *testing.T, path string) map[string]bool {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{file.Name.Name: true}
	ast.Inspect(file, func(n ast.Node) bool {
		var found []*ast.Ident
		switch n := n.(type) {
		case *ast.FuncDecl:
			found = []*ast.Ident{n.Name}
		case *ast.TypeSpec:
			found = []*ast.Ident{n.Name}
		case *ast.ValueSpec:
			found = n.Names
		case *ast.Field:
			found = n.Names
		}
		for _, name := range found {
			names[name.Name] = true
		}
		return true
	})
	return names
}

// In architecture.md, what looks like a file or folder exists, and what looks like a name of Go code is declared: in a
// row of a table that names files, in one of them. A file without its folder is in that of the last one before it.
func TestArchitectureNamesTheCode(t *testing.T) {
	t.Chdir("..")
	all := map[string]bool{}
	byFile := map[string]map[string]bool{}
	for _, path := range sources(t) {
		byFile[path] = declared(t, path)
		maps.Copy(all, byFile[path])
	}
	name := regexp.MustCompile(`^(?:\w+\.)?([A-Za-z]\w*)$`)
	checked := 0
	for line := range strings.Lines(prose(read(t, "docs/architecture.md"))) {
		folder, candidates := "", map[string]bool{}
		spans := code.FindAllString(line, -1)
		for i, span := range spans {
			path := strings.Trim(span, "`")
			spans[i] = path
			if !strings.HasSuffix(path, ".go") && !(strings.Contains(path, "/") && exists(strings.Split(path, "/")[0])) {
				continue
			}
			spans[i] = ""
			checked++
			if !strings.Contains(path, "/") && !exists(path) {
				path = filepath.Join(folder, path)
			}
			if !exists(path) {
				t.Errorf("architecture.md names %s, which does not exist, in:\n%s", path, line)
			}
			folder = strings.TrimSuffix(path, "/")
			if strings.HasSuffix(path, ".go") {
				folder = filepath.Dir(path)
			}
			for file, names := range byFile {
				if file == path || filepath.Dir(file) == path {
					maps.Copy(candidates, names)
				}
			}
		}
		if !strings.HasPrefix(line, "|") || len(candidates) == 0 {
			candidates = all
		}
		for _, span := range spans {
			match := name.FindStringSubmatch(span)
			if match == nil || strings.HasPrefix(span, "revox_") || slices.Contains(notOurs, span) {
				continue
			}
			checked++
			if !candidates[match[1]] && !exists(span) {
				t.Errorf("architecture.md names %s, which no file has that it names beside it:\n%s", span, line)
			}
		}
	}
	if checked < 200 {
		t.Errorf("only %d names found", checked)
	}
	for file := range byFile {
		folder := filepath.ToSlash(filepath.Dir(file))
		if regexp.MustCompile(`^(collector|internal|revoxapi)`).MatchString(folder) && !strings.HasSuffix(file, "_test.go") &&
			!strings.Contains(read(t, "docs/architecture.md"), "`"+folder+"`") {
			t.Errorf("architecture.md does not say what %s is", folder)
		}
	}
}

// notOurs are words in architecture.md that look like names of Go code.
var notOurs = []string{"reason", "SSL_CERT_FILE", "duplicate_row"}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
