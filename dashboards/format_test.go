package dashboards

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
)

func TestFormattedOneWay(t *testing.T) {
	for _, d := range read(t) {
		decoder := json.NewDecoder(bytes.NewReader(d.Raw))
		decoder.UseNumber()
		var value any
		if err := decoder.Decode(&value); err != nil {
			t.Fatal(err)
		}
		var want bytes.Buffer
		encoder := json.NewEncoder(&want)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(value); err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(d.Raw, want.Bytes()) {
			continue
		}
		if os.Getenv("FORMAT") != "" {
			if err := os.WriteFile(d.File, want.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		t.Errorf("%s is not formatted (keys sorted, two spaces); run: FORMAT=1 go test ./dashboards", d.File)
	}
}
