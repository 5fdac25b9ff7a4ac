package dashboards

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the dashboards in import/ again")

// panelNames are the names of the panel types that dashboards require.
var panelNames = map[string]string{"stat": "Stat", "timeseries": "Time series", "table": "Table", "bargauge": "Bar gauge",
	"heatmap": "Heatmap", "state-timeline": "State timeline"}

// The files in import/ are the dashboards in the form in which grafana.com and Grafana's own export offer them: whoever
// imports one is asked for the data source with which it opens.
func TestImport(t *testing.T) {
	dashboards := read(t)
	for _, d := range dashboards {
		var dashboard map[string]any
		decoder := json.NewDecoder(bytes.NewReader(d.Raw))
		decoder.UseNumber()
		if err := decoder.Decode(&dashboard); err != nil {
			t.Fatal(err)
		}
		const input = "DS_PROMETHEUS"
		dashboard["__inputs"] = []map[string]string{{"name": input, "label": "Prometheus", "type": "datasource",
			"description": "The Prometheus that scrapes revox_exporter.", "pluginId": "prometheus", "pluginName": "Prometheus"}}
		requires := []map[string]string{
			{"type": "grafana", "id": "grafana", "name": "Grafana", "version": "10.0.0"},
			{"type": "datasource", "id": "prometheus", "name": "Prometheus", "version": "1.0.0"},
		}
		types := map[string]bool{}
		for p := range d.Shown() {
			types[p.Type] = true
		}
		for _, id := range slices.Sorted(maps.Keys(types)) {
			if panelNames[id] == "" {
				t.Errorf("%s: no name for panels of type %s", d.File, id)
			}
			requires = append(requires, map[string]string{"type": "panel", "id": id, "name": panelNames[id], "version": ""})
		}
		dashboard["__requires"] = requires
		chosen := 0
		for _, v := range dashboard["templating"].(map[string]any)["list"].([]any) {
			if v := v.(map[string]any); v["type"] == "datasource" {
				v["current"] = map[string]any{"selected": true, "text": "${" + input + "}", "value": "${" + input + "}"}
				chosen++
			}
		}
		if chosen != 1 {
			t.Errorf("%s: %d variables for the data source", d.File, chosen)
		}
		var want bytes.Buffer
		encoder := json.NewEncoder(&want)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(dashboard); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("import", d.File)
		if *update {
			if err := os.WriteFile(path, want.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want.Bytes()) {
			t.Errorf("%s is not made from %s; run: go test ./dashboards -update", path, d.File)
		}
		// Grafana replaces the input wherever it stands. Then only the data source with which it opens may differ.
		imported := strings.ReplaceAll(string(got), "${"+input+"}", "default")
		var rest map[string]any
		if err := json.Unmarshal([]byte(imported), &rest); err != nil {
			t.Fatal(err)
		}
		delete(rest, "__inputs")
		delete(rest, "__requires")
		var same, whole bytes.Buffer
		if err := json.NewEncoder(&same).Encode(rest); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(d.Raw, &rest); err != nil {
			t.Fatal(err)
		}
		if err := json.NewEncoder(&whole).Encode(rest); err != nil {
			t.Fatal(err)
		}
		if same.String() != whole.String() {
			t.Errorf("%s: it is another dashboard when it has been imported", path)
		}
	}
	if files, _ := filepath.Glob("import/*"); len(files) != len(dashboards) {
		t.Errorf("import/ has %d files, want %d", len(files), len(dashboards))
	}
}
