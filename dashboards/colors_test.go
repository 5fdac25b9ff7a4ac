package dashboards

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// colors is what each colour means, on every panel. They are those of Okabe and Ito, and of Tol where there are more
// than eight values, which people who are colour-blind can tell apart; none is too light or too dark for either theme.
var colors = map[string]string{
	// Results of attempts.
	"human": "#009E73", "voicemail": "#56B4E9", "IVR": "#CC79A7", "ios-screening-filter": "#E69F00", "unknown": "#999999", "none": "#6B7A8F",
	// Dial errors.
	"too_many_calls": "#D55E00", "busy": "#E69F00", "no_answer": "#56B4E9", "number_non_attributed": "#CC79A7",
	"temporarily_unavailable": "#F0E442", "no_international_permission": "#0072B2", "precondition_failed": "#44AA99", "non_classified_error": "#999999",
	// Statuses of calls and campaigns.
	"initializing": "#999999", "queued_for_calling": "#56B4E9", "calling": "#E69F00", "scheduled": "#0072B2", "completed": "#009E73", "cancelled": "#CC79A7", "errored": "#D55E00",
	"draft": "#999999", "running": "#56B4E9", "paused": "#E69F00",
	// Who ended a call.
	"agent": "#0072B2", "user": "#009E73", "system": "#D55E00",
	// Why scans and requests fail.
	"auth": "#882255", "not_found": "#CC79A7", "rate_limited": "#E69F00", "server_error": "#0072B2", "timeout": "#F0E442", "connection": "#56B4E9", "bad_response": "#44AA99", "incomplete": "#999999",
	// How the API answers.
	"200": "#009E73", "400": "#44AA99", "401": "#882255", "403": "#AA4499", "404": "#CC79A7", "408": "#DDCC77", "409": "#6B7A8F", "422": "#88CCEE", "429": "#E69F00",
	"500": "#0072B2", "502": "#56B4E9", "503": "#999999", "504": "#F0E442", "error": "#D55E00",
	// Pages of scans.
	"read": "#E69F00", "settled": "#009E73",
	// Percentiles.
	"half are below": "#56B4E9", "9 of 10 are below": "#E69F00", "99 of 100 are below": "#D55E00",
}

// values are the known values of labels that legends show; each has its colour wherever the label is shown.
var values = map[string][]string{
	"result":     append(names(revoxapi.AttemptResults()), "none"),
	"dial_error": names(revoxapi.DialErrors()),
	"ended_by":   names(revoxapi.EndedBys()),
	"reason":     {"auth", "not_found", "rate_limited", "server_error", "timeout", "connection", "bad_response", "incomplete"},
	"state":      {"read", "settled"},
	"code":       {"200", "400", "401", "403", "404", "408", "409", "422", "429", "500", "502", "503", "504", "error"},
}

// statuses are the values of the label status, by metric.
var statuses = map[string][]string{
	"revox_campaign_calls":  names(revoxapi.CallStatuses()),
	"revox_campaign_status": append(names(revoxapi.CampaignStatuses()), "cancelled"),
}

func names[S ~string](values []S) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

func TestColorsMeanTheSameEverywhere(t *testing.T) {
	for _, d := range read(t) {
		d.each(func(p *panel) {
			given := map[string]string{}
			for _, o := range p.FieldConfig.Overrides {
				for _, property := range o.Properties {
					var value struct{ FixedColor string }
					switch property.ID {
					case "color":
						if err := json.Unmarshal(property.Value, &value); err != nil {
							t.Errorf("%s: %q: %v", d.file, p.Title, err)
						}
						if o.Matcher.ID == "byName" {
							given[o.Matcher.Options] = value.FixedColor
						}
					case "mappings":
						var mappings []struct {
							Options map[string]struct{ Color string }
						}
						if err := json.Unmarshal(property.Value, &mappings); err != nil {
							t.Errorf("%s: %q: %v", d.file, p.Title, err)
						}
						for _, m := range mappings {
							for name, option := range m.Options {
								if want, known := colors[name]; known && option.Color != want {
									t.Errorf("%s: %q: %s is %s, elsewhere %s", d.file, p.Title, name, option.Color, want)
								}
							}
						}
					}
				}
			}
			for name, color := range given {
				if want, known := colors[name]; known && color != want {
					t.Errorf("%s: %q: %s is %s, elsewhere %s", d.file, p.Title, name, color, want)
				}
			}
			if p.Type == "table" || p.Type == "heatmap" {
				return
			}
			for _, target := range p.Targets {
				m := regexp.MustCompile(`^\{\{(\w+)\}\}$`).FindStringSubmatch(target.LegendFormat)
				if m == nil {
					continue
				}
				want := values[m[1]]
				if m[1] == "status" {
					for metric, list := range statuses {
						if regexp.MustCompile(metric + `\b`).MatchString(target.Expr) {
							want = list
						}
					}
				}
				for _, value := range want {
					if given[value] == "" {
						t.Errorf("%s: %q: %s %s has no colour", d.file, p.Title, m[1], value)
					}
				}
			}
		})
	}
	for label, list := range values {
		if label == "reason" {
			continue // those of scans and of retries
		}
		taken := map[string]string{}
		for _, v := range list {
			if colors[v] == "" || taken[colors[v]] != "" {
				t.Errorf("%s: %s has no colour, or that of %s", label, v, taken[colors[v]])
			}
			taken[colors[v]] = v
		}
	}
}
