package dashboards

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// advances are the widths, in tenths of a pixel, of the characters from space to ~ in Grafana's font, Inter at 14 pixels.
var advances = [...]int{
	39, 40, 65, 89, 90, 137, 90, 42, 51, 51, 70, 93, 40, 64, 40, 50, 88, 57, 85, 86, 90, 85, 87, 79, 87, 87, 40,
	42, 93, 93, 93, 72, 135, 97, 92, 102, 101, 84, 83, 104, 104, 38, 80, 94, 79, 126, 105, 107, 89, 107, 90, 90,
	90, 104, 97, 138, 95, 95, 88, 51, 50, 51, 66, 64, 45, 79, 86, 80, 86, 82, 52, 86, 83, 34, 34, 77, 34, 123, 83,
	84, 86, 86, 53, 74, 46, 83, 79, 115, 76, 79, 77, 60, 47, 60, 93,
}

// textWidth is the width of a text in pixels. Each character takes 0.15 more than its advance.
func textWidth(s string) float64 {
	w := 0.0
	for _, r := range s {
		advance := 140
		if i := int(r) - ' '; i >= 0 && i < len(advances) {
			advance = advances[i]
		}
		w += float64(advance)/10 + 0.15
	}
	return w
}

// longestWord is the width of what cannot be wrapped.
func longestWord(s string) float64 {
	w := 0.0
	for word := range strings.FieldsSeq(s) {
		w = max(w, textWidth(word))
	}
	return w
}

// cells returns the columns of tables by "dashboard: panel": head, then cells, as Grafana's front end formats results of all
// settings.
func cells(t *testing.T) map[string]map[string][]string {
	t.Helper()
	files, err := filepath.Glob("frontend/golden/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	all := map[string]map[string][]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for section := range strings.SplitSeq(string(text), "## ") {
			lines := strings.Split(strings.TrimSpace(section), "\n")
			if len(lines) < 2 {
				continue
			}
			if all[lines[0]] == nil {
				all[lines[0]] = map[string][]string{}
			}
			heads := strings.Split(lines[1], " | ")
			for _, line := range lines[1:] {
				for i, cell := range strings.Split(line, " | ") {
					all[lines[0]][heads[i]] = append(all[lines[0]][heads[i]], cell)
				}
			}
		}
	}
	return all
}

// At 1440 pixels with Grafana's menu, columns of a table must have room for their head and cells, and a table for its
// columns.
func TestColumnsHaveRoomForTheirText(t *testing.T) {
	rules, err := os.ReadFile("../alerts/revox.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	var alerts []string
	for _, m := range regexp.MustCompile(`- alert: (\w+)`).FindAllSubmatch(rules, -1) {
		alerts = append(alerts, string(m[1]))
	}
	if len(alerts) == 0 {
		t.Fatal("no alerts")
	}
	known := map[string][]string{ // What cells can have, though the settings do not.
		"Alert":          alerts,
		"Severity":       {"page", "ticket"},
		"For":            {"59 mins", "23 hours", "6 days", "4 weeks"},
		"Age":            {"59 mins", "23 hours", "6 days"},
		"From":           {"a few seconds ago", "44 minutes ago"},
		"Until":          {"a few seconds ago", "44 minutes ago"},
		"Status":         {"completed"},
		"Time to finish": {"59 minutes, 59 seconds", "23 hours, 59 minutes", "11 months, 4 weeks"},
	}
	const (
		padding = 6 + 6 + 1 // of a cell, with its line
		column  = (1440 - 300 - 32 + 8) / 24.0
	)
	all := cells(t)
	for _, d := range read(t) {
		for p := range d.Shown() {
			if p.Type != "table" {
				continue
			}
			columns := all[d.Title+": "+p.Title]
			if len(columns) == 0 && p.Targets[0].Instant {
				t.Errorf("%s: %q: golden/ has no such table", d.File, p.Title)
			}
			width, minWidth, wrapped := map[string]float64{}, map[string]float64{}, map[string]bool{}
			for _, o := range p.FieldConfig.Overrides {
				for _, property := range o.Properties {
					switch property.ID {
					case "custom.width":
						width[o.Matcher.Options] = value[float64](t, property.Value)
					case "custom.minWidth":
						minWidth[o.Matcher.Options] = value[float64](t, property.Value)
					case "custom.cellOptions":
						wrapped[o.Matcher.Options] = value[struct{ WrapText bool }](t, property.Value).WrapText
					}
				}
			}
			sum := 0.0
			for head, texts := range columns {
				sum += max(width[head], minWidth[head])
				if width[head] == 0 {
					if wrapped[head] && minWidth[head] == 0 {
						t.Errorf("%s: %q: %s has no least width", d.File, p.Title, head)
					}
					continue
				}
				for i, text := range append(texts, known[head]...) {
					need := textWidth(text)
					if i == 0 {
						need *= 1.02 // The head is of medium weight.
					}
					if wrapped[head] {
						need = longestWord(text)
					}
					if need += padding; need > width[head] {
						t.Errorf("%s: %q: %s is %.0f pixels wide, %q needs %.0f", d.File, p.Title, head, width[head], text, need)
					}
				}
			}
			if room := column*float64(p.GridPos.W) - 8 - 2*9; sum > room {
				t.Errorf("%s: %q: columns need %.0f pixels of %.0f", d.File, p.Title, sum, room)
			}
		}
	}
}
