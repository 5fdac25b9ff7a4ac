package promql

import (
	"slices"
	"strings"
	"testing"
)

// The checks of expressions find the mistakes in the first list, and none in the second.
func TestChecksFindMistakes(t *testing.T) {
	metrics := readMetrics(t)
	check := func(text string) []string {
		expr := parse(t, text)
		_, labels := checkLabels(expr, metrics)
		return slices.Concat(labels, checkCounters(expr, metrics), checkDivisions(expr))
	}
	for expr, want := range map[string]string{
		`revox_campaign_rowz`:                                                                      "no metric revox_campaign_rowz",
		`revox_campaign_rows{status="x"}`:                                                          "revox_campaign_rows has no label status",
		`revox_campaign_calls{status="ringing"}`:                                                   `revox_campaign_calls has no status "ringing"`,
		`revox_campaign_calls{status=~"calling|finished"}`:                                         `revox_campaign_calls has no status "finished"`,
		`revox_campaign_calls{status!="x"}`:                                                        `revox_campaign_calls has no status "x"`,
		`max by (result) (revox_campaign_rows)`:                                                    "label result",
		`sum by (status) (max by (campaign_id) (revox_campaign_calls))`:                            "label status",
		`sum without (result) (revox_campaign_rows)`:                                               "label result",
		`revox_campaign_call_attempt_results_total`:                                                "counter",
		`sum(revox_campaign_call_attempt_results_total > 3)`:                                       "counter",
		`max_over_time(revox_api_requests_total[5m])`:                                              "counter",
		`min_over_time(revox_api_requests_total[5m])`:                                              "counter",
		`last_over_time(revox_api_requests_total[5m])`:                                             "counter",
		`max_over_time(revox_api_requests_total[1h:5m])`:                                           "counter",
		`revox_api_requests_total - min_over_time(up[5m])`:                                         "counter",
		`revox_api_requests_total{code="200"} - min_over_time(revox_api_requests_total[5m])`:       "counter",
		`revox_api_requests_total - max_over_time(revox_api_requests_total[5m])`:                   "counter",
		`revox_api_requests_total + min_over_time(revox_api_requests_total[5m])`:                   "counter",
		`last_over_time(revox_api_retries_total[1h]) - min_over_time(revox_api_retries_total[2h])`: "counter",
		`sum(idelta(revox_api_requests_total[6m:5m])) >= 0`:                                        "counter",
		`rate(revox_campaign_calls[5m])`:                                                           "gauge",
		`increase(revox_campaign_calls{status="calling"}[5m])`:                                     "gauge",
		`revox_campaign_call_attempt_duration_seconds_bucket`:                                      "counter",
		`sum by (le) (rate(revox_api_requests_total[5m]))`:                                         "label le",
		`rate(revox_campaign_call_attempt_duration_seconds_x[5m])`:                                 "no metric",
		`campaign:revox_campaign_none:increase10m`:                                                 "no metric",
		`rows * on (campaign) group_left () rows`:                                                  "no metric rows",
		`up * on (colour) up`:                                                                      "label colour",
		`up * ignoring (colour) up`:                                                                "label colour",
		`revox_campaign_calls * on (campaign_id) group_left (name) revox_campaign_info`:            "label name",
		`revox_campaign_calls * on (status) group_left () revox_campaign_rows`:                     "label status",
		`revox_campaign_calls / (revox_campaign_rows > 0)`:                                         "nothing matches",
		`revox_campaign_calls unless revox_campaign_rows`:                                          "nothing matches",
		`label_replace(revox_campaign_up, "a", "$1", "name", "(.*)")`:                              "label name",
		`revox_campaign_rows_missing / revox_campaign_rows`:                                        "divided by revox_campaign_rows, which can be 0",
		`revox_campaign_rows_missing / (revox_campaign_rows + 1)`:                                  "which can be 0",
		`revox_campaign_rows_missing / (revox_campaign_rows >= 0)`:                                 "which can be 0",
		`revox_campaign_rows_missing / (revox_campaign_rows > bool 0)`:                             "which can be 0",
		`revox_campaign_rows_missing / clamp_min(revox_campaign_rows, 0)`:                          "which can be 0",
		`revox_campaign_rows / 0`:                                                                  "which can be 0",
		`histogram_quantile(0.5, sum(rate(revox_api_request_duration_seconds[5m])))`:               "a quantile of nothing",
		`max(histogram_quantile(0.5, sum(rate(revox_api_request_duration_seconds[5m])))) >= 0`:     "a quantile of nothing",
		`histogram_quantile(0.5, sum(rate(revox_api_request_duration_seconds[5m]))) > 0`:           "a quantile of nothing",
	} {
		if problems := strings.Join(check(expr), "; "); !strings.Contains(problems, want) {
			t.Errorf("%s: found %q, want %q", expr, problems, want)
		}
	}
	for _, expr := range []string{
		`sum by (status) (revox_campaign_calls{campaign_id=~"a|b", instance="c"})`,
		`revox_api_requests_total{code="200"} - min_over_time(revox_api_requests_total{code="200"}[5m])`,
		`idelta(revox_api_requests_total[6m:5m] offset 1d) >= 0`,
		`last_over_time(revox_api_requests_total[1h] @ end()) - min_over_time(revox_api_requests_total[1h] @ end())`,
		`histogram_quantile(0.5, sum by (le) (rate(revox_api_request_duration_seconds_bucket[5m]))) >= 0`,
		`histogram_count(increase(revox_api_request_duration_seconds[5m]) unless resets(revox_api_request_duration_seconds[5m]) > 0)`,
		`count_values("hour", hour(vector(time()))) * on (hour) group_left () count_values("hour", hour(vector(1)))`,
		`revox_campaign_rows_missing / (revox_campaign_rows > 0) / 60 / (3600 / 24) / clamp_min(revox_campaign_rows, 1)`,
	} {
		if problems := check(expr); len(problems) > 0 {
			t.Errorf("%s: %v", expr, problems)
		}
	}
}
