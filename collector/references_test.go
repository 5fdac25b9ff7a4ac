package collector_test

// reference is the part of a metric's entry in docs/metrics.md that the exporter itself does not provide.
type reference struct {
	name string
	unit string // of its value or observations; "" if there is none
	// question is the question that the query answers.
	question, query string
}

type referenceGroup struct {
	title   string
	metrics []reference
}

// references has every metric whose name begins with revox_, in the order of docs/metrics.md. A test checks each query with
// Prometheus' own parser, another runs it with one replica and two, and with each kind of histogram.
var references = []referenceGroup{
	{"State of a campaign", []reference{
		{"revox_campaign_info", "", "Calls in progress, by the campaign's name",
			`sum by (campaign_id) (max by (campaign_id, status) (revox_campaign_calls{status="calling"}))
  * on (campaign_id) group_left (campaign_name)
  max by (campaign_id, campaign_name) (revox_campaign_info)`},
		{"revox_campaign_labels", "", "Calls in progress, by the team of the campaign file; it is empty for campaigns without one",
			`sum by (label_team) (
  sum by (campaign_id) (max by (campaign_id, status) (revox_campaign_calls{status="calling"}))
    * on (campaign_id) group_left (label_team)
    topk by (campaign_id) (1,
        max by (campaign_id, label_team) (revox_campaign_labels)
      or on (campaign_id)
        max by (campaign_id) (revox_campaign_up >= bool 0)
    )
)`},
		{"revox_campaign_status", "", "Campaigns by status",
			`sum by (status) (max by (campaign_id, status) (revox_campaign_status))`},
		{"revox_campaign_max_concurrent_calls", "calls", "Share of the allowed concurrent calls that are in progress",
			`sum by (campaign_id) (max by (campaign_id, status) (revox_campaign_call_attempts{status=~"ringing|ongoing"}))
  / (max by (campaign_id) (revox_campaign_max_concurrent_calls) > 0)`},
		{"revox_campaign_rows", "rows", "Share of a campaign's rows whose call has finished",
			`sum by (campaign_id) (max by (campaign_id, status) (revox_campaign_calls{status=~"completed|cancelled|errored"}))
  / (max by (campaign_id) (revox_campaign_rows) > 0)`},
		{"revox_campaign_rows_without_call", "rows", "Rows that had no call during the whole last hour",
			`max by (campaign_id) (min_over_time(revox_campaign_rows_without_call[1h])) > 0`},
		{"revox_campaign_rows_missing", "rows", "Campaigns with rows that no page contains",
			`max by (campaign_id) (revox_campaign_rows_missing) > 0`},
		{"revox_campaign_calls", "calls", "Waiting calls, by campaign",
			`sum by (campaign_id) (
  max by (campaign_id, status) (revox_campaign_calls{status=~"initializing|queued_for_calling|scheduled"}))`},
		{"revox_campaign_call_attempts", "attempts", "Attempts ringing or talking now, in all campaigns",
			`sum(max by (campaign_id, status) (revox_campaign_call_attempts{status=~"ringing|ongoing"}))`},
		{"revox_campaign_oldest_active_attempt_timestamp_seconds", "seconds since 1970",
			"Campaigns with an attempt that has been under way for more than a day",
			`time() - min by (campaign_id) (revox_campaign_oldest_active_attempt_timestamp_seconds) > 86400`},
		{"revox_campaign_anomalies", "occurrences", "Problems in the published data",
			`max by (campaign_id, kind) (revox_campaign_anomalies) > 0`},
	}},
	{"Outcomes", []reference{
		{"revox_campaign_calls_finished_total", "calls", "Share of errored calls among those finished in the last hour",
			`sum by (campaign_id) (increase(revox_campaign_calls_finished_total{status="errored"}[1h]))
  / (sum by (campaign_id) (increase(revox_campaign_calls_finished_total[1h])) > 0)`},
		{"revox_campaign_call_outcomes_total", "calls", "Outcomes of the last day",
			`max by (campaign_id, outcome) (increase(revox_campaign_call_outcomes_total[1d]))`},
		{"revox_campaign_call_attempts_finished_total", "attempts", "Finished attempts per minute",
			`sum by (campaign_id) (max by (campaign_id, status) (rate(revox_campaign_call_attempts_finished_total[5m]))) * 60`},
		{"revox_campaign_call_attempt_results_total", "attempts",
			"Share of finished attempts that reached a human, over the last hour",
			`sum by (campaign_id) (rate(revox_campaign_call_attempt_results_total{result="human"}[1h]))
  / (sum by (campaign_id) (rate(revox_campaign_call_attempt_results_total[1h])) > 0)`},
		{"revox_campaign_call_first_attempt_results_total", "attempts",
			"Share of first attempts that reached a human, over the last hour: retries answer less, so compare like with like",
			`sum by (campaign_id) (rate(revox_campaign_call_first_attempt_results_total{result="human"}[1h]))
  / (sum by (campaign_id) (rate(revox_campaign_call_first_attempt_results_total[1h])) > 0)`},
		{"revox_campaign_call_attempt_dial_errors_total", "attempts", "The most frequent dial errors of the last hour",
			`topk(3, sum by (dial_error) (
  max by (campaign_id, dial_error) (increase(revox_campaign_call_attempt_dial_errors_total[1h]))))`},
		{"revox_campaign_call_attempt_ended_by_total", "attempts",
			"Share of talks that the person called ended, over the last hour",
			`sum by (campaign_id) (rate(revox_campaign_call_attempt_ended_by_total{ended_by="user"}[1h]))
  / (sum by (campaign_id) (rate(revox_campaign_call_attempt_ended_by_total[1h])) > 0)`},
		{"revox_campaign_call_attempt_end_reasons_total", "attempts", "Why the agent ended calls in the last day",
			`sum by (end_reason) (max by (campaign_id, end_reason) (increase(revox_campaign_call_attempt_end_reasons_total[1d])))`},
		{"revox_campaign_decreases_total", "counters and histograms",
			"Campaigns whose earlier data was changed in the last day",
			`max by (campaign_id) (increase(revox_campaign_decreases_total[1d])) > 0`},
	}},
	{"Durations", []reference{
		{"revox_campaign_call_attempt_duration_seconds", "seconds", "Hours on the line in the last day",
			`max by (campaign_id) (
  increase(revox_campaign_call_attempt_duration_seconds_sum[1d])
  or histogram_sum(increase(revox_campaign_call_attempt_duration_seconds[1d]))
) / 3600`},
		{"revox_campaign_call_attempt_ring_duration_seconds", "seconds",
			"Median time from dialing to the answer, over the last hour",
			`histogram_quantile(0.5, sum by (campaign_id, le) (
  rate(revox_campaign_call_attempt_ring_duration_seconds_bucket[1h]))) >= 0
or
histogram_quantile(0.5, sum by (campaign_id) (
  rate(revox_campaign_call_attempt_ring_duration_seconds[1h]))) >= 0`},
		{"revox_campaign_call_attempt_talk_duration_seconds", "seconds",
			"95th percentile of talk time, over the last hour, from native buckets if there are any",
			`histogram_quantile(0.95, sum by (campaign_id) (
  rate(revox_campaign_call_attempt_talk_duration_seconds{result="human"}[1h]))) >= 0
or
histogram_quantile(0.95, sum by (campaign_id, le) (
  rate(revox_campaign_call_attempt_talk_duration_seconds_bucket{result="human"}[1h]))) >= 0`},
		{"revox_campaign_call_resolution_duration_seconds", "seconds",
			"Share of calls resolved within four hours, among those finished in the last day",
			`sum by (campaign_id) (rate(revox_campaign_call_resolution_duration_seconds_bucket{le=~"14400([.]0)?"}[1d]))
  / (sum by (campaign_id) (rate(revox_campaign_call_resolution_duration_seconds_count[1d])) > 0)
or
histogram_fraction(0, 14400, sum by (campaign_id) (
  rate(revox_campaign_call_resolution_duration_seconds[1d]))) >= 0`},
		{"revox_campaign_call_attempts_per_call", "attempts", "Average number of attempts per call, over the last day",
			`sum by (campaign_id) (increase(revox_campaign_call_attempts_per_call_sum[1d]))
  / (sum by (campaign_id) (increase(revox_campaign_call_attempts_per_call_count[1d])) > 0)
or
histogram_sum(sum by (campaign_id) (increase(revox_campaign_call_attempts_per_call[1d])))
  / (histogram_count(sum by (campaign_id) (increase(revox_campaign_call_attempts_per_call[1d]))) > 0)`},
	}},
	{"The agent", []reference{
		{"revox_campaign_assistant_info", "", "Share of attempts that reached people who talked, by the language model at that time, " +
			"over the last day",
			`sum by (llm_model) (sum_over_time((
  avg by (campaign_id) (increase(revox_campaign_call_attempt_results_total{result="human"}[10m]))
  * on (campaign_id) group_left (llm_model) topk by (campaign_id) (1, revox_campaign_assistant_info))[1d:10m]))
/ (sum by (llm_model) (sum_over_time((
  sum by (campaign_id) (avg by (campaign_id, result) (increase(revox_campaign_call_attempt_results_total[10m])))
  * on (campaign_id) group_left (llm_model) topk by (campaign_id) (1, revox_campaign_assistant_info))[1d:10m])) > 0)`},
		{"revox_campaign_tool_calls_total", "uses", "The most used tools of the last day",
			`topk(5, sum by (tool_name) (max by (campaign_id, tool_name) (increase(revox_campaign_tool_calls_total[1d]))))`},
		{"revox_campaign_tool_errors_total", "uses", "Share of the uses of a tool that failed in the last hour",
			`sum by (campaign_id, tool_name) (rate(revox_campaign_tool_errors_total[1h]))
  / (sum by (campaign_id, tool_name) (rate(revox_campaign_tool_calls_total[1h])) > 0)`},
		{"revox_campaign_call_attempt_turns", "transcript entries",
			"Share of answered attempts in which the agent never spoke, over the last hour",
			`sum by (campaign_id) (rate(revox_campaign_call_attempt_turns_bucket{role="assistant",le=~"0([.]0)?"}[1h]))
  / (sum by (campaign_id) (rate(revox_campaign_call_attempt_turns_count{role="assistant"}[1h])) > 0)
or
histogram_fraction(-1, 0.5, sum by (campaign_id) (rate(revox_campaign_call_attempt_turns{role="assistant"}[1h]))) >= 0`},
	}},
	{"Scans", []reference{
		{"revox_campaign_up", "", "Campaigns whose last scan failed",
			`max by (campaign_id) (revox_campaign_up) == 0`},
		{"revox_campaign_last_scan_success_timestamp_seconds", "seconds since 1970",
			"Age of the published data, in seconds",
			`time() - max by (campaign_id) (revox_campaign_last_scan_success_timestamp_seconds)`},
		{"revox_campaign_scan_duration_seconds", "seconds", "The slowest scans",
			`topk(5, max by (campaign_id) (revox_campaign_scan_duration_seconds))`},
		{"revox_campaign_scan_requests", "requests", "Requests of the last scan of each campaign",
			`sum by (campaign_id) (max by (campaign_id, kind) (revox_campaign_scan_requests))`},
		{"revox_campaign_scans_filtered", "", "Campaigns of which every scan reads all rows",
			`min by (campaign_id) (revox_campaign_scans_filtered) == 0`},
		{"revox_campaign_unannounced_changes_total", "rows", "Rows in the last day that only a full scan found changed",
			`max by (campaign_id) (increase(revox_campaign_unannounced_changes_total[1d])) > 0`},
		{"revox_campaign_scan_lag_seconds", "seconds", "Campaigns whose scans begin more than a minute late",
			`min by (campaign_id) (revox_campaign_scan_lag_seconds) > 60`},
		{"revox_campaign_scan_failures_total", "scans", "Failed scans in the last hour, by reason",
			`sum by (reason) (max by (campaign_id, reason) (increase(revox_campaign_scan_failures_total[1h]))) > 0`},
		{"revox_discovery_up", "", "Exporters that cannot read the list of campaigns",
			`revox_discovery_up == 0`},
		{"revox_discovery_last_success_timestamp_seconds", "seconds since 1970", "Age of the list of campaigns, in seconds",
			`time() - revox_discovery_last_success_timestamp_seconds`},
		{"revox_discovery_failures_total", "lists", "Why lists of campaigns were not used, or only in part, in the last hour",
			`sum by (reason) (increase(revox_discovery_failures_total[1h])) > 0`},
	}},
	{"The API", []reference{
		{"revox_api_requests_total", "requests", "Share of requests that failed, over the last 15 minutes",
			`sum(rate(revox_api_requests_total{code!="200"}[15m])) / (sum(rate(revox_api_requests_total[15m])) > 0)`},
		{"revox_api_request_duration_seconds", "seconds", "90th percentile of the API's response time, by endpoint",
			`histogram_quantile(0.9, sum by (endpoint, le) (rate(revox_api_request_duration_seconds_bucket[15m]))) >= 0
or
histogram_quantile(0.9, sum by (endpoint) (rate(revox_api_request_duration_seconds[15m]))) >= 0`},
		{"revox_api_response_bytes_total", "bytes", "Bytes per second read from the API",
			`sum by (endpoint) (rate(revox_api_response_bytes_total[5m]))`},
		{"revox_api_retries_total", "requests", "Requests sent again in the last hour, and why",
			`sum by (reason) (increase(revox_api_retries_total[1h])) > 0`},
	}},
	{"The exporter", []reference{
		{"revox_exporter_campaigns_over_limit", "campaigns", "Exporters that have too many campaigns",
			`revox_exporter_campaigns_over_limit > 0`},
		{"revox_exporter_shard_info", "", "Shards that are seen",
			`count by (shard_count) (count by (shard_count, shard_index) (revox_exporter_shard_info))`},
		{"revox_exporter_shards", "shards", "Shards that are missing",
			`max by (shard_count) (revox_exporter_shard_info * on (job, instance) group_left () revox_exporter_shards)
  - count by (shard_count) (count by (shard_count, shard_index) (revox_exporter_shard_info)) > 0`},
		{"revox_exporter_campaign_file_last_reload_successful", "", "Exporters whose campaign file is bad",
			`revox_exporter_campaign_file_last_reload_successful == 0`},
		{"revox_exporter_campaign_file_last_reload_success_timestamp_seconds", "seconds since 1970",
			"Seconds since a good campaign file was read",
			`time() - revox_exporter_campaign_file_last_reload_success_timestamp_seconds`},
		{
			"revox_exporter_log_lines_dropped_total", "", "Exporters whose log has gaps",
			`increase(revox_exporter_log_lines_dropped_total[1h]) > 0`,
		},
		{"revox_exporter_state_up", "", "Exporters that would lose their data in a restart",
			`revox_exporter_state_up == 0`},
		{"revox_exporter_state_writes_failed_total", "writes",
			"Exporters whose state could not be written in the last hour",
			`increase(revox_exporter_state_writes_failed_total[1h]) > 0`},
		{"revox_exporter_unknown_values_total", "sightings", "Labels with values that the exporter does not know",
			`increase(revox_exporter_unknown_values_total[1h]) > 0`},
		{"revox_exporter_build_info", "", "Running versions",
			`count by (version) (revox_exporter_build_info)`},
	}},
}
