// Package dashboards holds Grafana dashboards, and the tests that hold them against the exporter's metrics.
package dashboards

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// uids are part of the addresses of dashboards: people bookmark them.
var uids = map[string]string{
	"overview.json": "revox-overview",
	"campaign.json": "revox-campaign",
	"capacity.json": "revox-capacity",
	"exporter.json": "revox-exporter",
}

type dashboard struct {
	file        string
	raw         []byte
	UID, Title  string
	ID          *int
	Description string
	Tags        []string
	Panels      []*panel
	Annotations struct{ List []annotation }
	Templating  struct{ List []variable }
	Links       []struct {
		Type                  string
		Tags                  []string
		IncludeVars, KeepTime bool
	}
	SchemaVersion int
}

type panel struct {
	ID                       int
	Title, Type, Description string
	GridPos                  struct{ X, Y, W, H int }
	Datasource               *datasource
	Targets                  []target
	Panels                   []*panel
	Collapsed                bool
	FieldConfig              struct {
		Defaults struct {
			Unit, NoValue string
			Thresholds    struct{ Steps []struct{ Color string } }
		}
		Overrides []struct {
			Matcher    struct{ ID, Options string }
			Properties []struct {
				ID    string
				Value json.RawMessage
			}
		}
	}
	Options struct {
		Legend struct {
			Calcs []string
			// ShowLegend is of time series, Show of heat maps.
			ShowLegend, Show bool
		}
		ReduceOptions struct{ Calcs []string }
		YAxis         struct{ Unit string }
	}
}

type datasource struct{ Type, UID string }

type target struct {
	RefID, Expr, LegendFormat, Format string
	Instant, Range                    bool
	Datasource                        *datasource
}

type annotation struct {
	Name, Expr, IconColor, TitleFormat string
	Datasource                         *datasource
	Enable                             bool
}

type variable struct {
	Name, Type, Label, Description, AllValue, Regex, Definition string
	Query                                                       json.RawMessage
	Multi, IncludeAll                                           bool
	Refresh                                                     int
	Datasource                                                  *datasource
}

func read(t *testing.T) []*dashboard {
	t.Helper()
	files, err := filepath.Glob("*.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []*dashboard
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		d := &dashboard{file: file, raw: raw}
		if err := json.Unmarshal(raw, d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all = append(all, d)
	}
	if len(all) != len(uids) {
		t.Fatalf("%d dashboards, want %d", len(all), len(uids))
	}
	return all
}

// each calls f with each panel that shows something.
func (d *dashboard) each(f func(p *panel)) {
	var walk func([]*panel)
	walk = func(panels []*panel) {
		for _, p := range panels {
			if p.Type != "row" {
				f(p)
			}
			walk(p.Panels)
		}
	}
	walk(d.Panels)
}

// queries calls f with each PromQL expression.
func (d *dashboard) queries(t *testing.T, f func(where, expr string)) {
	t.Helper()
	d.each(func(p *panel) {
		for _, target := range p.Targets {
			f(d.file+": "+p.Title+" / "+target.RefID, target.Expr)
		}
	})
	for _, a := range d.Annotations.List {
		f(d.file+": annotation "+a.Name, a.Expr)
	}
	for _, v := range d.Templating.List {
		if v.Type != "query" {
			continue
		}
		var q struct{ Query string }
		if err := json.Unmarshal(v.Query, &q); err != nil {
			t.Errorf("%s: variable %s: %v", d.file, v.Name, err)
			continue
		}
		expr := q.Query
		if m := regexp.MustCompile(`^label_values\((.+), *(\w+)\)$`).FindStringSubmatch(expr); m != nil {
			expr = "count by (" + m[2] + ") (" + m[1] + ")"
		}
		f(d.file+": variable "+v.Name, strings.TrimPrefix(expr, "query_result"))
	}
}

func TestFormattedOneWay(t *testing.T) {
	for _, d := range read(t) {
		decoder := json.NewDecoder(bytes.NewReader(d.raw))
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
		if bytes.Equal(d.raw, want.Bytes()) {
			continue
		}
		if os.Getenv("FORMAT") != "" {
			if err := os.WriteFile(d.file, want.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		t.Errorf("%s is not formatted as it should be (keys sorted, two spaces); this does it: FORMAT=1 go test ./dashboards", d.file)
	}
}

func TestDashboardsCanBeImportedAndProvisioned(t *testing.T) {
	for _, d := range read(t) {
		if d.UID != uids[d.file] {
			t.Errorf("%s: uid %q, want %q", d.file, d.UID, uids[d.file])
		}
		if d.ID != nil {
			t.Errorf("%s: id is %d; it must be null, Grafana gives one", d.file, *d.ID)
		}
		if !strings.HasPrefix(d.Title, "Revox / ") || d.Description == "" {
			t.Errorf("%s: title %q, description %q", d.file, d.Title, d.Description)
		}
		if d.SchemaVersion != 38 {
			t.Errorf("%s: schemaVersion %d; Grafana 10.0 knows 38, and later ones bring it up to date", d.file, d.SchemaVersion)
		}
		if bytes.Contains(d.raw, []byte("__inputs")) || bytes.Contains(d.raw, []byte("DS_PROMETHEUS")) {
			t.Errorf("%s: has inputs, which file provisioning does not fill", d.file)
		}
		for _, uid := range regexp.MustCompile(`"uid": "([^"]*)"`).FindAllSubmatch(d.raw, -1) {
			if got := string(uid[1]); got != "${datasource}" && got != d.UID {
				t.Errorf("%s: fixed data source UID %q", d.file, got)
			}
		}
		linked := false
		for _, l := range d.Links {
			if l.Type == "dashboards" && slices.Contains(l.Tags, "revox") {
				linked = linked || l.IncludeVars && l.KeepTime
			}
		}
		if !linked || !slices.Contains(d.Tags, "revox") {
			t.Errorf("%s: no links that keep time and variables to the dashboards tagged revox, or not tagged itself", d.file)
		}
	}
}

func (ds *datasource) ok() bool {
	return ds != nil && *ds == datasource{"prometheus", "${datasource}"}
}

func TestVariables(t *testing.T) {
	for _, d := range read(t) {
		byName := map[string]variable{}
		for _, v := range d.Templating.List {
			if v.Label == "" || v.Description == "" {
				t.Errorf("%s: variable %s has no label or no description", d.file, v.Name)
			}
			byName[v.Name] = v
			if v.Type == "query" {
				if !v.Datasource.ok() {
					t.Errorf("%s: variable %s: data source %v", d.file, v.Name, v.Datasource)
				}
				var q struct {
					Query   string
					QryType int
				}
				if err := json.Unmarshal(v.Query, &q); err != nil || q.Query != v.Definition || strings.Contains(q.Query, "\n") {
					t.Errorf("%s: variable %s: %v, or query and definition differ, or it has a line break, which Grafana does not understand", d.file, v.Name, err)
				}
				if want := map[bool]int{true: 3, false: 1}[strings.HasPrefix(q.Query, "query_result(")]; q.QryType != want {
					t.Errorf("%s: variable %s: qryType %d, want %d", d.file, v.Name, q.QryType, want)
				}
			}
		}
		if byName["datasource"].Type != "datasource" {
			t.Errorf("%s: no variable datasource", d.file)
		}
		c := byName["campaign"]
		if !c.Multi || !c.IncludeAll || c.AllValue != ".+" || c.Refresh != 2 {
			t.Errorf("%s: campaign must be multi-value with All = .+ and read anew when the time changes: %+v", d.file, c)
		}
		// Names are shown, IDs are used; lookaheads, since either label may be printed first.
		if c.Regex != `/^(?=.*?campaign_name="(?<text>.*?)"(?:,\w+=|\}))(?=.*?campaign_id="(?<value>[^"]*)"[,}])/` {
			t.Errorf("%s: regex of campaign: %s", d.file, c.Regex)
		}
		d.queries(t, func(where, expr string) {
			for _, v := range regexp.MustCompile(`\$\{?([a-zA-Z_]\w*)`).FindAllStringSubmatch(expr, -1) {
				if _, known := byName[v[1]]; !known && !slices.Contains([]string{"__rate_interval", "__interval", "__range", "__range_s"}, v[1]) {
					t.Errorf("%s: no variable %s", where, v[1])
				}
			}
		})
	}
}

func TestAnnotationsShowAlerts(t *testing.T) {
	for _, d := range read(t) {
		if len(d.Annotations.List) == 0 {
			t.Errorf("%s: no annotations", d.file)
		}
		for _, a := range d.Annotations.List {
			if !a.Datasource.ok() || !a.Enable || a.TitleFormat == "" || a.IconColor == "" || !strings.HasPrefix(a.Expr, `ALERTS{alertname=~"Revox.+", alertstate="firing"`) {
				t.Errorf("%s: annotation %+v", d.file, a)
			}
		}
	}
}

// isSentence tells whether a title is a question or a statement; a mere noun tells nothing.
func isSentence(title string) bool {
	return strings.HasSuffix(title, "?") || len(strings.Fields(title)) >= 3
}

func TestPanels(t *testing.T) {
	for _, d := range read(t) {
		ids := map[int]string{}
		titles := map[string]bool{}
		unique := func(p *panel) {
			if other, taken := ids[p.ID]; taken || p.ID == 0 {
				t.Errorf("%s: %q has the id %d, as %q", d.file, p.Title, p.ID, other)
			}
			ids[p.ID] = p.Title
		}
		for _, p := range d.Panels {
			if p.Type == "row" {
				unique(p)
				if p.Title == "" {
					t.Errorf("%s: a row without title", d.file)
				}
			}
		}
		count := 0
		d.each(func(p *panel) {
			count++
			unique(p)
			fail := func(format string, args ...any) {
				t.Helper()
				t.Errorf("%s: %q: "+format, append([]any{d.file, p.Title}, args...)...)
			}
			if titles[p.Title] {
				fail("its title is there twice")
			}
			titles[p.Title] = true
			if !isSentence(p.Title) {
				fail("the title is no question and no statement")
			}
			if len(p.Description) < 20 || !strings.HasSuffix(p.Description, ".") {
				fail("description %q", p.Description)
			}
			defaults := p.FieldConfig.Defaults
			if defaults.Unit == "" || p.Type == "heatmap" && p.Options.YAxis.Unit == "" {
				fail("no unit")
			}
			if defaults.NoValue == "" {
				fail("does not say what it means to have no data")
			}
			if len(defaults.Thresholds.Steps) == 0 {
				fail("no thresholds, not even a neutral one")
			}
			if !p.Datasource.ok() {
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
			case "table":
			default:
				fail("type %s: is it in Grafana 10?", p.Type)
			}
			refs := map[string]bool{}
			if len(p.Targets) == 0 {
				fail("no query")
			}
			for _, target := range p.Targets {
				if !target.Datasource.ok() {
					fail("query %s: data source %v", target.RefID, target.Datasource)
				}
				if target.RefID == "" || refs[target.RefID] {
					fail("query %q is there twice, or has no name", target.RefID)
				}
				refs[target.RefID] = true
				if target.Instant == target.Range {
					fail("query %s must be either instant or range", target.RefID)
				}
				if target.LegendFormat == "" || target.LegendFormat == "__auto" && p.Type != "table" {
					fail("query %s: legend %q", target.RefID, target.LegendFormat)
				}
			}
		})
		if count < 8 || count > 24 {
			t.Errorf("%s: %d panels", d.file, count)
		}
	}
}

func TestGrid(t *testing.T) {
	for _, d := range read(t) {
		var check func([]*panel)
		check = func(panels []*panel) {
			for i, p := range panels {
				g := p.GridPos
				if g.W <= 0 || g.H <= 0 || g.X < 0 || g.Y < 0 || g.X+g.W > 24 {
					t.Errorf("%s: %q is outside of the grid: %+v", d.file, p.Title, g)
				}
				for _, other := range panels[:i] {
					o := other.GridPos
					if g.X < o.X+o.W && o.X < g.X+g.W && g.Y < o.Y+o.H && o.Y < g.Y+g.H {
						t.Errorf("%s: %q and %q overlap", d.file, p.Title, other.Title)
					}
				}
				if p.Type == "row" && !p.Collapsed && len(p.Panels) > 0 {
					t.Errorf("%s: row %q is open and holds panels", d.file, p.Title)
				}
				check(p.Panels)
			}
		}
		check(d.Panels)
		for _, p := range d.Panels {
			if p.GridPos.Y == 0 && p.Type != "stat" {
				t.Errorf("%s: %q is in the first row, which tells at a glance whether anything is wrong", d.file, p.Title)
			}
		}
	}
}

// A share of nothing and a percentile of nothing are no data, rather than NaN.
func TestDivisionsAreGuarded(t *testing.T) {
	for _, d := range read(t) {
		d.queries(t, func(where, expr string) {
			for _, part := range regexp.MustCompile(`(?m)/\s*(?:on \([^)]*\)\s*(?:group_left \([^)]*\))?\s*)?(\S[^\n]*)`).FindAllStringSubmatch(expr, -1) {
				if divisor := part[1]; !strings.HasPrefix(divisor, "(") && !regexp.MustCompile(`^\d+\b`).MatchString(divisor) {
					t.Errorf("%s: divided by %s, which can be 0", where, divisor)
				}
			}
			if strings.Count(expr, "histogram_quantile(") != strings.Count(expr, ") >= 0") {
				t.Errorf("%s: a quantile of nothing is NaN; it needs >= 0", where)
			}
		})
	}
}

func TestMetrics(t *testing.T) {
	metrics := readMetrics(t)
	for _, d := range read(t) {
		d.queries(t, func(where, expr string) {
			for _, problem := range check(expr, metrics) {
				t.Errorf("%s: %s\n%s", where, problem, expr)
			}
		})
	}
}

// The check itself is worth what it finds.
func TestMetricsFindsMistakes(t *testing.T) {
	metrics := readMetrics(t)
	for expr, want := range map[string]string{
		`revox_campaign_rowz`:                                      "no metric revox_campaign_rowz",
		`revox_campaign_rows{status="x"}`:                          "revox_campaign_rows has no label status",
		`max by (result) (revox_campaign_rows)`:                    "label result",
		`revox_campaign_call_attempt_results_total`:                "counter",
		`sum(revox_campaign_call_attempt_results_total > 3)`:       "counter",
		`max_over_time(revox_api_requests_total[5m])`:              "counter",
		`min_over_time(revox_api_requests_total[5m])`:              "counter",
		`last_over_time(revox_api_requests_total[5m])`:             "counter",
		`revox_api_requests_total - min_over_time(up[5m])`:         "counter",
		`rate(revox_campaign_calls[5m])`:                           "gauge",
		`increase(revox_campaign_calls{status="calling"}[5m])`:     "gauge",
		`revox_campaign_call_attempt_duration_seconds_bucket`:      "counter",
		`sum by (le) (rate(revox_api_requests_total[5m]))`:         "label le",
		`rate(revox_campaign_call_attempt_duration_seconds_x[5m])`: "no metric",
		`campaign:revox_campaign_none:increase10m`:                 "no metric",
		`rows * on (campaign) group_left () rows`:                  "no metric rows",
		`up * on (colour) up`:                                      "label colour",
	} {
		if problems := strings.Join(check(expr, metrics), "; "); !strings.Contains(problems, want) {
			t.Errorf("%s: found %q, want %q", expr, problems, want)
		}
	}
	for _, expr := range []string{
		`sum by (status) (revox_campaign_calls{campaign_id=~"a|b", instance="c"})`,
		`revox_api_requests_total{code="200"} - min_over_time(revox_api_requests_total{code="200"}[5m])`,
		`last_over_time(revox_api_requests_total[1h] @ end()) - min_over_time(revox_api_requests_total[1h] @ end())`,
		`histogram_quantile(0.5, sum by (le) (rate(revox_api_request_duration_seconds_bucket[5m])))`,
		`histogram_count(increase(revox_api_request_duration_seconds[5m]) unless resets(revox_api_request_duration_seconds[5m]) > 0)`,
		`count_values("hour", hour(vector(time()))) * on (hour) group_left () count_values("hour", hour(vector(1)))`,
	} {
		if problems := check(expr, metrics); len(problems) > 0 {
			t.Errorf("%s: %s", expr, fmt.Sprint(problems))
		}
	}
}
