package alerts

import (
	"regexp"
	"strings"
	"testing"
)

// README.md has a line for each alert and severity, with the for and keep_firing_for that the rule has.
func TestREADMETable(t *testing.T) {
	type line struct{ lasts, keeps string }
	got := map[string]line{}
	for _, row := range strings.Split(read(t, "README.md"), "\n") {
		if cells := strings.Split(row, "|"); strings.HasPrefix(row, "| `Revox") {
			for i := range cells {
				cells[i] = strings.Trim(cells[i], " `")
			}
			got[cells[1]+", "+cells[2]] = line{cells[6], cells[7]}
		}
	}
	want := map[string]line{}
	for _, a := range alertsOf(readRules(t)) {
		want[a.Alert+", "+a.Labels["severity"]] = line{a.For, a.KeepFiringFor}
	}
	for name, l := range want {
		if got[name] != l {
			t.Errorf("%s: the table has %+v, the rules have %+v", name, got[name], l)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("the table has %s, which is not an alert", name)
		}
	}
}

// Every recorded series that README.md, the documents of dashboards or the documentation names is recorded.
func TestDocumentsNameRecordedSeriesThatExist(t *testing.T) {
	recorded := map[string]bool{}
	for _, group := range readRules(t).Groups {
		for _, r := range group.Rules {
			recorded[r.Record] = true
		}
	}
	names := regexp.MustCompile(`\b[a-z_]+:revox_[a-z0-9_]+:[a-z0-9_]+\b`)
	for _, file := range []string{"README.md", "runbooks.md", "../dashboards/README.md", "../docs/teams.md"} {
		for _, name := range names.FindAllString(read(t, file), -1) {
			if !recorded[name] {
				t.Errorf("%s names %s, which no rule records", file, name)
			}
		}
	}
}
