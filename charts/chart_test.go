// Package charts tests that the Helm chart has this repository's rules and dashboards, and that its values are explained.
// The tests in .ci/kubernetes render it.
package charts

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v2"
)

var update = flag.Bool("update", false, "write the chart's copies of rules and dashboards, and the table of its README.md, again")

const chart = "revox-exporter"

// The chart has copies of the rules and dashboards: Helm packages no file that is outside of a chart.
func TestFiles(t *testing.T) {
	want := map[string]string{"revox.rules.yml": read(t, "../alerts/revox.rules.yml")}
	for _, path := range glob(t, "../dashboards/*.json") {
		want["dashboards/"+filepath.Base(path)] = read(t, path)
	}
	top := filepath.Join(chart, "files")
	if *update {
		if err := os.RemoveAll(top); err != nil {
			t.Fatal(err)
		}
		for name, text := range want {
			path := filepath.Join(top, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			write(t, path, text)
		}
	}
	for _, path := range append(glob(t, top+"/*.*"), glob(t, top+"/*/*")...) {
		name, err := filepath.Rel(top, path)
		if err != nil {
			t.Fatal(err)
		}
		if want[name] != read(t, path) {
			t.Errorf("%s is not a copy of the file in alerts/ or dashboards/; run: go test ./charts -update", path)
		}
		delete(want, name)
	}
	for name := range want {
		t.Errorf("the chart lacks %s; run: go test ./charts -update", name)
	}
}

// property is a part of values.schema.json.
type property struct {
	Description          string              `json:"description"`
	Properties           map[string]property `json:"properties"`
	AdditionalProperties any                 `json:"additionalProperties"`
}

// Every value has a type and an explanation, which is the same in values.yaml, values.schema.json and README.md. A value
// that the chart does not have is refused.
func TestValues(t *testing.T) {
	var schema property
	if err := json.Unmarshal([]byte(read(t, chart+"/values.schema.json")), &schema); err != nil {
		t.Fatal(err)
	}
	if schema.Properties["global"].Description == "" { // Helm adds it to the values of a chart that another one contains
		t.Error("the schema refuses the value global")
	}
	delete(schema.Properties, "global")
	inSchema := map[string]string{}
	describe(t, "", schema, inSchema)

	text := read(t, chart+"/values.yaml")
	var values yaml.MapSlice
	if err := yaml.Unmarshal([]byte(text), &values); err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	table.WriteString("| value | default | meaning |\n|---|---|---|\n")
	for _, v := range commented(text) {
		if inSchema[v.path] != v.comment {
			t.Errorf("%s: values.yaml says %q, values.schema.json %q", v.path, v.comment, inSchema[v.path])
		}
		delete(inSchema, v.path)
		fmt.Fprintf(&table, "| `%s` | `%s` | %s |\n", v.path, inJSON(lookUp(values, strings.Split(v.path, "."))), v.comment)
	}
	for path := range inSchema {
		t.Errorf("values.yaml does not explain %s", path)
	}

	readme := read(t, chart+"/README.md")
	head, _, ok := strings.Cut(readme, "| value |")
	if !ok {
		t.Fatal("README.md has no table of values")
	}
	want := head + table.String()
	if *update {
		write(t, chart+"/README.md", want)
	} else if readme != want {
		t.Error("the table of values in README.md, at its end, is not up to date; run: go test ./charts -update")
	}
}

// describe collects the descriptions of values that are not objects of known values.
func describe(t *testing.T, path string, p property, to map[string]string) {
	if path != "" && p.Description == "" {
		t.Errorf("the schema does not describe %s", path)
	}
	if p.Properties == nil {
		to[path] = p.Description
		return
	}
	if p.AdditionalProperties != false {
		t.Errorf("the schema lets unknown values of %q pass", path)
	}
	for name, child := range p.Properties {
		describe(t, strings.TrimPrefix(path+"."+name, "."), child, to)
	}
}

type value struct{ path, comment string }

// commented returns the values that have a comment which begins with "--".
func commented(text string) (values []value) {
	line := regexp.MustCompile(`^( *)(?:# (-- )?(.*)|(\w+):.*)$`)
	var path, comment []string
	for l := range strings.Lines(text) {
		m := line.FindStringSubmatch(strings.TrimSuffix(l, "\n"))
		switch {
		case m == nil:
			comment = nil
		case m[4] != "":
			path = append(slices.Clone(path[:len(m[1])/2]), m[4])
			if comment != nil {
				values = append(values, value{strings.Join(path, "."), strings.Join(comment, " ")})
			}
			comment = nil
		case m[2] != "":
			comment = []string{m[3]}
		case comment != nil:
			comment = append(comment, m[3])
		}
	}
	return values
}

func lookUp(values yaml.MapSlice, path []string) any {
	for _, item := range values {
		if item.Key != path[0] {
			continue
		}
		if len(path) == 1 {
			return item.Value
		}
		return lookUp(item.Value.(yaml.MapSlice), path[1:])
	}
	return nil
}

// inJSON returns a value of YAML on one line, with its keys in order.
func inJSON(v any) string {
	var parts []string
	switch v := v.(type) {
	case yaml.MapSlice:
		for _, item := range v {
			parts = append(parts, inJSON(item.Key)+": "+inJSON(item.Value))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []any:
		for _, item := range v {
			parts = append(parts, inJSON(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files %s (%v)", pattern, err)
	}
	return paths
}
