package promql

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/revox-exporter/revox_exporter/dashboards/internal/grafana"
)

// colors has the colour of each value, on every panel. They are from the palette of Okabe and Ito, and from Tol's where
// there are more than eight values: people who are colour-blind can distinguish them, and none is too light or too dark for
// either theme.
var colors = map[string]string{
	// Results of attempts.
	"human": "#009E73", "voicemail": "#56B4E9", "IVR": "#CC79A7", "ios-screening-filter": "#E69F00",
	"unknown": "#999999", "none": "#6B7A8F",
	// Dial errors.
	"too_many_calls": "#D55E00", "busy": "#E69F00", "no_answer": "#56B4E9", "number_non_attributed": "#CC79A7",
	"temporarily_unavailable": "#F0E442", "no_international_permission": "#0072B2", "precondition_failed": "#44AA99",
	"non_classified_error": "#999999",
	// Statuses of calls and campaigns.
	"initializing": "#999999", "queued_for_calling": "#56B4E9", "calling": "#E69F00", "scheduled": "#0072B2",
	"completed": "#009E73", "cancelled": "#CC79A7", "errored": "#D55E00",
	"draft": "#999999", "running": "#56B4E9", "paused": "#E69F00",
	// Who ended a call.
	"agent": "#0072B2", "user": "#009E73", "system": "#D55E00",
	// Why scans and requests fail.
	"auth": "#882255", "not_found": "#CC79A7", "rate_limited": "#E69F00", "server_error": "#0072B2",
	"timeout": "#F0E442", "connection": "#56B4E9", "bad_response": "#44AA99", "incomplete": "#999999",
	// How the API answers.
	"200": "#009E73", "400": "#44AA99", "401": "#882255", "403": "#AA4499", "404": "#CC79A7", "408": "#DDCC77",
	"409": "#6B7A8F", "422": "#88CCEE", "429": "#E69F00",
	"500": "#0072B2", "502": "#56B4E9", "503": "#999999", "504": "#F0E442", "error": "#D55E00",
	// Requests of scans.
	"full": "#E69F00", "totals": "#009E73", "active": "#56B4E9", "moved": "#CC79A7",
	// Percentiles.
	"half are below": "#56B4E9", "9 of 10 are below": "#E69F00", "99 of 100 are below": "#D55E00",
	// Comparisons, of different dashes.
	"a day earlier": "#AA4499", "a week earlier": "#AA4499",
}

// codes are the status codes that answers of the API usually have. The reference does not list them, since the series of
// a code appears with its first answer.
var codes = []string{"200", "400", "401", "403", "404", "408", "409", "422", "429", "500", "502", "503", "504", "error"}

// colored are the labels whose known values have a colour each, wherever a legend shows them.
var colored = []string{"result", "dial_error", "ended_by", "reason", "code", "status"}

// tint is the opacity of cells' colours, whose text is black or white. What is normal has no colour there and on stats.
const tint = "4A"

func TestColorsMeanTheSameEverywhere(t *testing.T) {
	for _, d := range readDashboards(t) {
		for p := range d.Shown() {
			byName, byMapping := givenColors(t, p)
			for _, given := range []map[string]string{byName, byMapping} {
				for name, color := range given {
					color, _ = strings.CutSuffix(color, tint)
					if want, known := colors[name]; known && color != want && color != "transparent" && color != "text" {
						t.Errorf("%s: %q: %s is %s, elsewhere %s", d.File, p.Title, name, color, want)
					}
				}
			}
		}
	}
}

// givenColors returns the colours that a panel gives to series by their names, and to values by mappings.
func givenColors(t *testing.T, p *grafana.Panel) (byName, byMapping map[string]string) {
	t.Helper()
	byName, byMapping = map[string]string{}, map[string]string{}
	for _, o := range p.FieldConfig.Overrides {
		for _, property := range o.Properties {
			var color struct{ FixedColor string }
			var mappings []struct {
				Options map[string]json.RawMessage
			}
			var err error
			switch property.ID {
			case "color":
				err = json.Unmarshal(property.Value, &color)
				if o.Matcher.ID == "byName" {
					byName[o.Matcher.Options] = color.FixedColor
				}
			case "mappings":
				err = json.Unmarshal(property.Value, &mappings)
			}
			if err != nil {
				t.Errorf("%q: %v", p.Title, err)
			}
			for _, m := range mappings {
				for name, option := range m.Options {
					var shown struct{ Color string }
					if json.Unmarshal(option, &shown) == nil { // else what a special mapping is for, as null
						byMapping[name] = shown.Color
					}
				}
			}
		}
	}
	return byName, byMapping
}

func TestKnownValuesHaveColorsOfTheirOwn(t *testing.T) {
	metrics := readMetrics(t)
	shown := map[string]bool{}
	for _, q := range readQueries(t) {
		legend := regexp.MustCompile(`^\{\{(\w+)\}\}$`).FindStringSubmatch(q.Legend)
		if legend == nil || !slices.Contains(colored, legend[1]) ||
			slices.Contains([]string{"table", "heatmap", "stat"}, q.Panel.Type) {
			continue
		}
		label := legend[1]
		shown[label] = true
		given, _ := givenColors(t, q.Panel)
		taken := map[string]string{}
		for _, value := range knownValues(q.parse(t), label, metrics) {
			if given[value] == "" || colors[value] == "" {
				t.Errorf("%s: %s %s has no colour", q, label, value)
			}
			if other := taken[colors[value]]; other != "" {
				t.Errorf("%s: %s and %s have the same colour", q, value, other)
			}
			taken[colors[value]] = value
		}
		if len(taken) == 0 {
			t.Errorf("%s: no value of %s is known", q, label)
		}
	}
	for _, label := range colored {
		if !shown[label] {
			t.Errorf("no legend shows %s", label)
		}
	}
}

// knownValues returns the known values of a label on the metrics that an expression reads.
func knownValues(expr parser.Expr, label string, metrics map[string]metric) (values []string) {
	if label == "code" {
		return codes
	}
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			values = append(values, metrics[selector.Name].values[label]...)
		}
		return nil
	})
	slices.Sort(values)
	return slices.Compact(values)
}
