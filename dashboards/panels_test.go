package dashboards

import (
	"slices"
	"strings"
	"testing"

	"github.com/revox-exporter/revox_exporter/dashboards/internal/grafana"
)

// isSentence reports whether a title is a question or a statement. A noun alone does not say what to look for.
func isSentence(title string) bool {
	return strings.HasSuffix(title, "?") || len(strings.Fields(title)) >= 3
}

func TestPanels(t *testing.T) {
	for _, d := range read(t) {
		ids := map[int]string{}
		titles := map[string]bool{}
		unique := func(p *grafana.Panel) {
			if other, taken := ids[p.ID]; taken || p.ID == 0 {
				t.Errorf("%s: %q has the ID %d, like %q", d.File, p.Title, p.ID, other)
			}
			ids[p.ID] = p.Title
		}
		for _, p := range d.Panels {
			if p.Type == "row" {
				unique(p)
				if p.Title == "" {
					t.Errorf("%s: a row without title", d.File)
				}
			}
		}
		count := 0
		for p := range d.Shown() {
			count++
			unique(p)
			fail := func(format string, args ...any) {
				t.Helper()
				t.Errorf("%s: %q: "+format, append([]any{d.File, p.Title}, args...)...)
			}
			if titles[p.Title] {
				fail("another panel has the same title")
			}
			titles[p.Title] = true
			if !isSentence(p.Title) {
				fail("the title is neither a question nor a statement")
			}
			if len(p.Description) < 20 || !strings.HasSuffix(p.Description, ".") {
				fail("description %q", p.Description)
			}
			defaults := p.FieldConfig.Defaults
			if defaults.Unit == "" || p.Type == "heatmap" && p.Options.YAxis.Unit == "" {
				fail("no unit")
			}
			if defaults.NoValue == "" {
				fail("no text for when there is no data")
			}
			if len(defaults.Thresholds.Steps) == 0 {
				fail("no thresholds, not even a neutral one")
			}
			if !p.Datasource.Chosen() {
				fail("data source %v", p.Datasource)
			}
			switch p.Type {
			case "timeseries":
				if !p.Options.Legend.ShowLegend || len(p.Options.Legend.Calcs) == 0 {
					fail("a legend without calculations")
				}
			case "heatmap":
				if !p.Options.Legend.Show {
					fail("no legend")
				}
			case "stat", "bargauge":
				if len(p.Options.ReduceOptions.Calcs) != 1 {
					fail("calculations %v", p.Options.ReduceOptions.Calcs)
				}
			case "table", "state-timeline":
			default:
				fail("type %s: is it in Grafana 10?", p.Type)
			}
			refs := map[string]bool{}
			if len(p.Targets) == 0 {
				fail("no query")
			}
			for _, target := range p.Targets {
				if !target.Datasource.Chosen() {
					fail("query %s: data source %v", target.RefID, target.Datasource)
				}
				if target.RefID == "" || refs[target.RefID] {
					fail("the name of query %q is empty or used twice", target.RefID)
				}
				refs[target.RefID] = true
				if target.Instant == target.Range {
					fail("query %s must be either instant or range", target.RefID)
				}
				if target.LegendFormat == "" || target.LegendFormat == "__auto" && p.Type != "table" {
					fail("query %s: legend %q", target.RefID, target.LegendFormat)
				}
			}
		}
		if count < 8 || count > 24 {
			t.Errorf("%s: %d panels", d.File, count)
		}
	}
}

// An axis in seconds has marks at 100 and 200, which Grafana writes as 1.67 and 3.33 mins. With a fixed unit they stay round.
// Buckets of classic histograms are at whole minutes, and a page of rows takes less than one.
func TestAxesHaveRoundMarks(t *testing.T) {
	scaled := []string{"s", "m", "h", "d", "dtdurations", "dtdurationms"}
	for _, d := range read(t) {
		for p := range d.Shown() {
			native := p.Type == "heatmap" && strings.Contains(p.Title, "finely")
			if p.Type != "timeseries" && !native || p.Title == "How long does a page of rows take?" {
				continue
			}
			for _, unit := range []string{p.FieldConfig.Defaults.Unit, p.Options.YAxis.Unit} {
				if slices.Contains(scaled, unit) {
					t.Errorf("%s: %s: the unit %s gives marks such as 1.67 mins", d.File, p.Title, unit)
				}
			}
		}
	}
}

// An axis of which all values are 0 goes to 100 if nothing says how far, so that nothing looks like very little.
func TestAxesOfZerosAreShort(t *testing.T) {
	for _, d := range read(t) {
		for p := range d.Shown() {
			defaults := p.FieldConfig.Defaults
			if p.Type == "timeseries" && defaults.Max == nil && defaults.Custom.AxisSoftMax == 0 {
				t.Errorf("%s: %s has no axisSoftMax", d.File, p.Title)
			}
		}
	}
}

// A result without rows has other fields than one with some, which a table would show as its columns instead of noValue.
func TestTablesOfReducedSeriesHaveOnlyTheirOwnFields(t *testing.T) {
	for _, d := range read(t) {
		for p := range d.Shown() {
			var ids []string
			for _, step := range p.Transformations {
				ids = append(ids, step.ID)
			}
			if slices.Contains(ids, "reduce") && ids[len(ids)-1] != "filterFieldsByName" {
				t.Errorf("%s: %s: transformations %v", d.File, p.Title, ids)
			}
		}
	}
}
