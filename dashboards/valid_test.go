package dashboards

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/revox-exporter/revox_exporter/dashboards/internal/grafana"
)

// What Grafana 10, 11 and 12 know, as far as it is used here. An unknown colour mode breaks the whole page.
var (
	colorModes      = []string{"thresholds", "fixed", "shades", "palette-classic", "continuous-blues", "continuous-greens"}
	reducers        = []string{"lastNotNull", "last", "mean", "max", "min", "sum", "count"}
	units           = []string{"locale", "short", "percentunit", "s", "dtdurations", "bytes", "Bps", "reqps", "dateTimeFromNow", "string"}
	transformations = []string{"joinByField", "filterFieldsByName", "organize", "sortBy", "reduce", "groupingToMatrix",
		"renameByRegex"}
	cellTypes = []string{"auto", "color-background", "gauge"}
)

func TestGrafanaKnowsEveryOption(t *testing.T) {
	for _, d := range read(t) {
		for p := range d.Shown() {
			check := func(what, value string, known []string) {
				t.Helper()
				if !slices.Contains(known, value) {
					t.Errorf("%s: %q: unknown %s %q", d.File, p.Title, what, value)
				}
			}
			unit := func(u string) {
				t.Helper()
				if !strings.HasPrefix(u, "suffix:") {
					check("unit", u, units)
				}
			}
			check("colour mode", p.FieldConfig.Defaults.Color.Mode, colorModes)
			unit(p.FieldConfig.Defaults.Unit)
			if p.Type == "timeseries" && p.FieldConfig.Defaults.Decimals != nil || p.FieldConfig.Defaults.Unit == "short" &&
				(p.Type != "timeseries" || p.FieldConfig.Defaults.Decimals != nil) {
				t.Errorf("%s: %q: numbers are rounded: 1,531 to 2 K, or 0.5 on an axis to 1", d.File, p.Title)
			}
			for _, o := range p.FieldConfig.Overrides {
				for _, property := range o.Properties {
					switch property.ID {
					case "color":
						check("colour mode", value[struct{ Mode string }](t, property.Value).Mode, colorModes)
					case "unit":
						unit(value[string](t, property.Value))
					case "custom.cellOptions":
						check("type of cell", value[struct{ Type string }](t, property.Value).Type, cellTypes)
					}
				}
			}
			for _, calc := range slices.Concat(p.Options.Legend.Calcs, p.Options.ReduceOptions.Calcs) {
				check("reducer", calc, reducers)
			}
			for _, transformation := range p.Transformations {
				check("transformation", transformation.ID, transformations)
				for _, reducer := range transformation.Options.Reducers {
					check("reducer", reducer, reducers)
				}
			}
		}
	}
}

func value[T any](t *testing.T, raw json.RawMessage) (v T) {
	t.Helper()
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	return v
}

// The panel's text for no data would be shown in each empty cell, as wide as there is room, and take the room of bars.
func TestEmptyCellsAreADash(t *testing.T) {
	for _, d := range read(t) {
		for p := range d.Shown() {
			if p.Type != "table" {
				continue
			}
			dashed := false
			for i, o := range p.FieldConfig.Overrides {
				for _, property := range o.Properties {
					if property.ID == "noValue" {
						dashed = i == 0 && o.Matcher == grafana.Matcher{ID: "byRegexp", Options: "/.*/"} &&
							value[string](t, property.Value) == "-"
					}
				}
			}
			if !dashed {
				t.Errorf("%s: %q: the first override, for all fields, must make empty cells a dash, and no other", d.File, p.Title)
			}
		}
	}
}

const noDataColor = "#999999"

// Where the first step of thresholds had a colour of good or bad, no data would have it too.
func TestNoDataIsGrey(t *testing.T) {
	for _, d := range read(t) {
		for p := range d.Shown() {
			if p.Type != "stat" && p.Type != "table" && p.Type != "bargauge" {
				continue
			}
			all := []grafana.Thresholds{p.FieldConfig.Defaults.Thresholds}
			for _, o := range p.FieldConfig.Overrides {
				for _, property := range o.Properties {
					if property.ID == "thresholds" {
						all = append(all, value[grafana.Thresholds](t, property.Value))
					}
				}
			}
			for _, thresholds := range all {
				steps := thresholds.Steps
				if len(steps) < 2 || steps[0].Value != nil || steps[0].Color != noDataColor || *steps[1].Value != 0 {
					t.Errorf("%s: %q: thresholds %+v must begin with %s, and go on from 0", d.File, p.Title, steps, noDataColor)
				}
			}
		}
	}
}

// Most colours are too light to read on white, or too dark on black, except in the large digits of stats. So cells are
// tinted: below 30 % opacity Grafana leaves the text black or white. What is good or normal has no colour.
func TestSmallTextHasNoColor(t *testing.T) {
	legible := func(color string) bool {
		return color == "transparent" || len(color) == len("#rrggbb4A") && color[len("#rrggbb"):] <= "4A"
	}
	for _, d := range read(t) {
		for p := range d.Shown() {
			if p.Type == "bargauge" && p.Options.ValueMode != "text" {
				t.Errorf("%s: %q: value mode %s", d.File, p.Title, p.Options.ValueMode)
			}
			for _, o := range p.FieldConfig.Overrides {
				var colors []string
				tinted, dashed := false, false
				for _, property := range o.Properties {
					switch property.ID {
					case "custom.cellOptions":
						tinted = value[struct{ Type string }](t, property.Value).Type == "color-background"
					case "thresholds":
						for _, step := range value[grafana.Thresholds](t, property.Value).Steps[1:] {
							colors = append(colors, step.Color)
						}
					case "mappings":
						for _, m := range value[[]struct {
							Type    string
							Options json.RawMessage
						}](t, property.Value) {
							if m.Type == "special" {
								null := value[struct {
									Match  string
									Result struct{ Color, Text string }
								}](t, m.Options)
								dashed = dashed || null.Match == "null" && null.Result.Text == "-" && null.Result.Color == "transparent"
								continue
							}
							for _, option := range value[map[string]struct{ Color string }](t, m.Options) {
								colors = append(colors, option.Color)
							}
						}
					}
				}
				if !tinted {
					continue
				}
				if !dashed {
					t.Errorf("%s: %q: %s: empty cells must be a dash without colour", d.File, p.Title, o.Matcher.Options)
				}
				if len(colors) == 0 || slices.ContainsFunc(colors, func(c string) bool { return !legible(c) }) {
					t.Errorf("%s: %q: %s: colours of cells %q must be transparent or end with 4A or less", d.File, p.Title, o.Matcher.Options, colors)
				}
			}
		}
	}
}

// A number that is neither good nor bad has the colour of text, and not one that is light.
func TestColorsOfStatsJudge(t *testing.T) {
	judging := []string{noDataColor, "text", "#009E73", "#E69F00", "#D55E00"}
	for _, d := range read(t) {
		for p := range d.Shown() {
			for _, step := range p.FieldConfig.Defaults.Thresholds.Steps {
				if p.Type == "stat" && !slices.Contains(judging, step.Color) {
					t.Errorf("%s: %q: colour %s", d.File, p.Title, step.Color)
				}
			}
			// Where a stat has several values they are small, and most colours are too light for small text.
			for _, o := range p.FieldConfig.Overrides {
				for _, property := range o.Properties {
					if p.Type == "stat" && property.ID == "color" {
						t.Errorf("%s: %q: %s has a colour of its own", d.File, p.Title, o.Matcher.Options)
					}
				}
			}
		}
	}
}

// Colour schemes turn around in the light theme, so that what is strong in one is weak in the other.
func TestHeatMapsLookTheSameInBothThemes(t *testing.T) {
	for _, d := range read(t) {
		for p := range d.Shown() {
			if p.Type != "heatmap" {
				continue
			}
			if p.Options.Color.Mode != "opacity" {
				t.Errorf("%s: %q: colour mode %s", d.File, p.Title, p.Options.Color.Mode)
			}
			// Else the least number of attempts, which most cells have, is invisible.
			if least := p.Options.Color.Min; least == nil || *least != 0 {
				t.Errorf("%s: %q: colours do not begin at 0", d.File, p.Title)
			}
		}
	}
}

// Six stats are beside each other. At 1440 pixels, with Grafana's menu, a longer title is cut.
func TestTitlesOfStatsAreShort(t *testing.T) {
	for _, d := range read(t) {
		for p := range d.Shown() {
			if n := len([]rune(p.Title)); p.Type == "stat" && n > 14 {
				t.Errorf("%s: %q has %d characters, more than 14", d.File, p.Title, n)
			}
		}
	}
}

// More columns do not fit beside a campaign's name, whose column takes the room that others leave.
func TestTablesHaveAtMostSevenColumns(t *testing.T) {
	for _, d := range read(t) {
		for p := range d.Shown() {
			heads, widths := map[string]bool{}, map[string]bool{}
			for _, transformation := range p.Transformations {
				for field := range transformation.Options.IndexByName {
					if head := transformation.Options.RenameByName[field]; head != "" {
						field = head
					}
					heads[field] = true
				}
			}
			for _, o := range p.FieldConfig.Overrides {
				for _, property := range o.Properties {
					switch property.ID {
					case "custom.hidden":
						delete(heads, o.Matcher.Options)
					case "custom.width":
						widths[o.Matcher.Options] = true
					}
				}
			}
			if len(heads) > 7 {
				t.Errorf("%s: %q has %d columns, more than 7", d.File, p.Title, len(heads))
			}
			for head := range heads {
				if head[0] < 'A' || head[0] > 'Z' {
					t.Errorf("%s: %q: %q is not a head of a column", d.File, p.Title, head)
				}
			}
			if widths["Campaign"] {
				t.Errorf("%s: %q: the width of names is fixed", d.File, p.Title)
			}
		}
	}
}

// A legend is a line below the graph for up to four series, else a table beside it that begins with what is largest now.
// The last value of an alert that has ended is as of when it fired, so legends of alerts have only the largest.
func TestLegends(t *testing.T) {
	many := regexp.MustCompile(`\{\{(agent|alertname|campaign_name|code|dial_error|label|reason|result|status|tool_name)\}\}`)
	noZeros := regexp.MustCompile(`\) > 0$`)
	for _, d := range read(t) {
		for p := range d.Shown() {
			if p.Type != "timeseries" {
				continue
			}
			l := p.Options.Legend
			line := l.DisplayMode == "list" && l.Placement == "bottom"
			calc, name := "lastNotNull", "Last *"
			if strings.Contains(p.Targets[0].Expr, "(ALERTS{") {
				calc, name = "max", "Max"
			}
			sorted := l.DisplayMode == "table" && l.Placement == "right" && l.SortBy == name && l.SortDesc
			if !line && !sorted || !slices.Contains(l.Calcs, calc) || calc == "max" && len(l.Calcs) > 1 {
				t.Errorf("%s: %q: legend %+v", d.File, p.Title, l)
			}
			if p.GridPos.W < 12 {
				t.Errorf("%s: %q is too narrow for its legend", d.File, p.Title)
			}
			for _, target := range p.Targets {
				if strings.Contains(target.LegendFormat, "_id}}") || line && many.MatchString(target.LegendFormat) {
					t.Errorf("%s: %q: legend %s", d.File, p.Title, target.LegendFormat)
				}
				if strings.Contains(target.LegendFormat, "{{") && noZeros.MatchString(strings.TrimSpace(target.Expr)) &&
					!strings.Contains(target.Expr, "@ end()") {
					t.Errorf("%s: %q: without zeros, the last value can be that of long ago", d.File, p.Title)
				}
			}
		}
	}
}

// Links to runbooks have the name of the alert in lower case, which only a mapping can give.
func TestEachAlertLinksToItsRunbook(t *testing.T) {
	rules, err := os.ReadFile("../alerts/revox.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, m := range regexp.MustCompile(`(?s)- alert: (\w+)\n.*?runbook_url: \S+#(\w+)`).FindAllSubmatch(rules, -1) {
		want[string(m[1])] = string(m[2])
	}
	for _, d := range read(t) {
		for p := range d.Shown() {
			for _, o := range p.FieldConfig.Overrides {
				if o.Matcher.Options != "runbook" {
					continue
				}
				got := map[string]string{}
				for _, property := range o.Properties {
					if property.ID == "mappings" {
						for _, mapping := range value[[]struct {
							Options map[string]struct{ Text string }
						}](t, property.Value) {
							for alert, option := range mapping.Options {
								got[alert] = option.Text
							}
						}
					}
				}
				if len(want) == 0 || !maps.Equal(got, want) {
					t.Errorf("%s: %q: links to runbooks %v, want %v", d.File, p.Title, got, want)
				}
			}
		}
	}
}
