package dashboards

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/revox-exporter/revox_exporter/dashboards/internal/grafana"
)

func TestVariablesOfferWhatThereIs(t *testing.T) {
	for _, d := range read(t) {
		for _, v := range d.Templating.List {
			fail := func(format string, args ...any) {
				t.Helper()
				t.Errorf("%s: variable %s: "+format, append([]any{d.File, v.Name}, args...)...)
			}
			if v.Label == "" || v.Description == "" {
				fail("no label or no description")
			}
			if v.Type != "query" {
				continue
			}
			if !v.Datasource.Chosen() {
				fail("data source %v", v.Datasource)
			}
			var q struct {
				Query   string
				QryType int
			}
			if err := json.Unmarshal(v.Query, &q); err != nil {
				fail("%v", err)
			}
			if q.Query != v.Definition {
				fail("query %q and definition %q differ", q.Query, v.Definition)
			}
			if strings.Contains(q.Query, "\n") {
				fail("the query has a line break, which Grafana does not understand")
			}
			if want := map[bool]int{true: 3, false: 1}[strings.HasPrefix(q.Query, "query_result(")]; q.QryType != want {
				fail("qryType %d, want %d", q.QryType, want)
			}
		}
	}
}

func TestEveryDashboardHasADataSourceAndCampaigns(t *testing.T) {
	for _, d := range read(t) {
		byName := variables(d)
		if byName["datasource"].Type != "datasource" {
			t.Errorf("%s: no variable datasource", d.File)
		}
		if got := byName["datasource"].Current.Value; got != "default" {
			t.Errorf("%s: it opens the data source %v instead of Grafana's default", d.File, got)
		}
		c := byName["campaign"]
		if !c.Multi || !c.IncludeAll || c.AllValue != ".+" || c.Refresh != 2 {
			t.Errorf("%s: campaign must be multi-value with All = .+ and be read again when the time changes: %+v", d.File, c)
		}
		// Names are shown, IDs are used; lookaheads, since either label may be printed first.
		if c.Regex != `/^(?=.*?campaign_name="(?<text>.*?)"(?:,\w+=|\}))(?=.*?campaign_id="(?<value>[^"]*)"[,}])/` {
			t.Errorf("%s: regex of campaign: %s", d.File, c.Regex)
		}
	}
}

// Grafana's own variables need no definition. $__interval is used only for the increase since the point before: over a
// month it is an hour, and steps of an hour omit much of a short campaign.
var (
	builtIn     = []string{"__rate_interval", "__range", "__range_s"}
	sinceBefore = strings.NewReplacer("[$__rate_interval:$__interval]", "", "3600000 / $__interval_ms", "")
)

func TestQueriesUseVariablesThatExist(t *testing.T) {
	for _, d := range read(t) {
		byName := variables(d)
		queries, err := d.Queries()
		if err != nil {
			t.Error(err)
		}
		for _, q := range queries {
			for _, v := range regexp.MustCompile(`\$\{?([a-zA-Z_]\w*)`).FindAllStringSubmatch(sinceBefore.Replace(q.Expr), -1) {
				if _, known := byName[v[1]]; !known && !slices.Contains(builtIn, v[1]) {
					t.Errorf("%s: %s: no variable %s", d.File, q.Where, v[1])
				}
			}
		}
	}
}

func variables(d *grafana.Dashboard) map[string]grafana.Variable {
	byName := map[string]grafana.Variable{}
	for _, v := range d.Templating.List {
		byName[v.Name] = v
	}
	return byName
}
