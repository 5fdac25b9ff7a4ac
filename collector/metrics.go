package collector

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// This file is the one place where a metric's name, help text, labels, known label values and buckets stand.

const campaignLabel = "campaign_id"

// family is a metric of a campaign whose values a Tally has.
type family struct {
	index int
	kind  familyKind
	name  string
	help  string
	// label besides campaign_id, "" for none.
	label string
	// known values of the label, present from the first scan on, so that a first occurrence is an increase.
	known []string
	// buckets are the upper bounds of a histogram's classic buckets, in seconds or in what it observes.
	buckets []float64
	// optional: shown only once a campaign's rows carry the field.
	optional bool
	desc     *prometheus.Desc
}

type familyKind int

const (
	gauge familyKind = iota
	counter
	histogram
)

// families holds all of them, in the order in which they were declared: a Tally's slices are indexed alike.
var families []*family

func define(f family) *family {
	f.index = len(families)
	labels := []string{campaignLabel}
	if f.label != "" {
		labels = append(labels, f.label)
	} else {
		f.known = []string{""}
	}
	f.desc = prometheus.NewDesc(f.name, f.help, labels, nil)
	families = append(families, &f)
	return &f
}

// State: gauges.
var (
	familyRows = define(family{kind: gauge, name: "revox_campaign_rows",
		help: "Distinct rows (contacts) of the campaign, told apart by their id."})
	familyRowsWithoutCall = define(family{kind: gauge, name: "revox_campaign_rows_without_call",
		help: "Rows of the campaign that have no call."})
	familyRowsMissing = define(family{kind: gauge, name: "revox_campaign_rows_missing",
		help: "Rows that the API's total promises but that could not be found on any page; 0 where the API gives no total."})
	familyCalls = define(family{kind: gauge, name: "revox_campaign_calls",
		help:  "Calls (orders, each resolved over one or more attempts) now in each status.",
		label: "status", known: names(revoxapi.Values[revoxapi.CallStatus]())})
	familyCallAttempts = define(family{kind: gauge, name: "revox_campaign_call_attempts",
		help:  "Call attempts now in each status.",
		label: "status", known: names(revoxapi.Values[revoxapi.AttemptStatus]())})
	familyAnomalies = define(family{kind: gauge, name: "revox_campaign_anomalies",
		help:  "What the newest complete scan had to pass over, by kind.",
		label: "kind", known: []string{anomalyDuplicateRow, anomalyBadTimestamp, anomalyNegativeDuration, anomalyImplausibleDuration, anomalyMissingStatus}})
	familyPages = define(family{kind: gauge, name: "revox_campaign_pages",
		help:  "Pages that the newest complete scan read, and settled ones that it did not need to.",
		label: "state", known: []string{pagesRead, pagesSettled}})
)

// The states of revox_campaign_pages.
const (
	pagesRead    = "read"
	pagesSettled = "settled"
)

// The kinds of revox_campaign_anomalies.
const (
	// A row whose id had been read before in the same scan.
	anomalyDuplicateRow = "duplicate_row"
	// A time stamp that is there but is not an unambiguous date and time; durations that need it are not observed.
	anomalyBadTimestamp = "bad_timestamp"
	// A duration that ends before it begins; not observed.
	anomalyNegativeDuration = "negative_duration"
	// A duration of more than maxPlausibleDuration, from a stand-in such as the year 9999 or 1; not observed.
	anomalyImplausibleDuration = "implausible_duration"
	// A call or an attempt without a status; counted in no metric by status.
	anomalyMissingStatus = "missing_status"
)

// maxPlausibleDuration is longer than any call can last or be retried.
const maxPlausibleDuration = 10 * 365 * 24 * time.Hour

// Label values for what is not there, and for what is too much.
const (
	valueNone  = "none"
	valueOther = "other"
)

// Outcomes: counters that never fall.
var (
	finishedCallStatuses    = []revoxapi.CallStatus{revoxapi.CallCompleted, revoxapi.CallCancelled, revoxapi.CallErrored}
	finishedAttemptStatuses = []revoxapi.AttemptStatus{revoxapi.AttemptCompleted, revoxapi.AttemptError}

	familyCallsFinished = define(family{kind: counter, name: "revox_campaign_calls_finished_total",
		help:  "Finished calls (status completed, cancelled or errored), by status.",
		label: "status", known: names(finishedCallStatuses)})
	familyCallOutcomes = define(family{kind: counter, name: "revox_campaign_call_outcomes_total",
		help:  "Finished calls by outcome, none where it is not computed; only for campaigns whose rows carry the field.",
		label: "outcome", known: append(names(revoxapi.Values[revoxapi.CallOutcome]()), valueNone), optional: true})
	familyAttemptsFinished = define(family{kind: counter, name: "revox_campaign_call_attempts_finished_total",
		help:  "Finished call attempts (status completed or error), by status.",
		label: "status", known: names(finishedAttemptStatuses)})
	familyAttemptResults = define(family{kind: counter, name: "revox_campaign_call_attempt_results_total",
		help:  "Finished call attempts by result, none where there is none.",
		label: "result", known: append(names(revoxapi.Values[revoxapi.AttemptResult]()), valueNone)})
	familyAttemptDialErrors = define(family{kind: counter, name: "revox_campaign_call_attempt_dial_errors_total",
		help:  "Finished call attempts with a dial error, by that error.",
		label: "dial_error", known: names(revoxapi.Values[revoxapi.DialError]())})
	familyAttemptEndedBy = define(family{kind: counter, name: "revox_campaign_call_attempt_ended_by_total",
		help:  "Finished call attempts by who ended the call: the agent, the user (the person called) or the system.",
		label: "ended_by", known: names(revoxapi.Values[revoxapi.EndedBy]())})
	familyAttemptEndReasons = define(family{kind: counter, name: "revox_campaign_call_attempt_end_reasons_total",
		help:  "Finished call attempts by the reason why the agent ended the call: an open set, only reasons seen are shown.",
		label: "end_reason"})
)

// Durations: histograms that never fall.
var (
	callBuckets       = []float64{1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600}
	ringBuckets       = []float64{1, 2, 5, 10, 15, 20, 25, 30, 45, 60}
	resolutionBuckets = []float64{60, 300, 900, 3600, 7200, 14400, 28800, 86400, 172800, 259200, 604800}
	perCallBuckets    = []float64{0, 1, 2, 3, 4, 5, 10}

	familyAttemptDuration = define(family{kind: histogram, name: "revox_campaign_call_attempt_duration_seconds",
		help: "Seconds from a finished attempt's start to its end.", buckets: callBuckets})
	familyRingDuration = define(family{kind: histogram, name: "revox_campaign_call_attempt_ring_duration_seconds",
		help: "Seconds from an answered, finished attempt's start to its answer.", buckets: ringBuckets})
	familyTalkDuration = define(family{kind: histogram, name: "revox_campaign_call_attempt_talk_duration_seconds",
		help:  "Seconds from an answered, finished attempt's answer to its end, by result.",
		label: "result", known: append(names(revoxapi.Values[revoxapi.AttemptResult]()), valueNone), buckets: callBuckets})
	familyResolutionDuration = define(family{kind: histogram, name: "revox_campaign_call_resolution_duration_seconds",
		help: "Seconds from a finished call's creation to the end of its newest attempt.", buckets: resolutionBuckets})
	familyAttemptsPerCall = define(family{kind: histogram, name: "revox_campaign_call_attempts_per_call",
		help: "Attempts made for a finished call.", buckets: perCallBuckets})
)

// What is told of a campaign besides its rows, and of its scans.
var (
	descInfo = prometheus.NewDesc("revox_campaign_info",
		"Always 1; names the campaign, to be joined on campaign_id. The name is empty where the API does not give it.",
		[]string{campaignLabel, "campaign_name"}, nil)
	descStatus = prometheus.NewDesc("revox_campaign_status",
		"1 for the campaign's present status and 0 for the others; where the list of campaigns gives it.",
		[]string{campaignLabel, "status"}, nil)
	descMaxConcurrentCalls = prometheus.NewDesc("revox_campaign_max_concurrent_calls",
		"Calls that the campaign may have in progress at once; where the list of campaigns gives it.",
		[]string{campaignLabel}, nil)
	descCounterDecreases = prometheus.NewDesc("revox_campaign_counter_decreases_total",
		"Counters and histograms of the campaign that would have fallen, because its data shrank or was reclassified, and were held instead.",
		[]string{campaignLabel}, nil)
	descUp = prometheus.NewDesc("revox_campaign_up",
		"1 when the campaign's newest scan succeeded, else 0.",
		[]string{campaignLabel}, nil)
	descLastSuccess = prometheus.NewDesc("revox_campaign_last_scan_success_timestamp_seconds",
		"Unix time at which the campaign's newest complete data was complete; absent before the first.",
		[]string{campaignLabel}, nil)
	descScanDuration = prometheus.NewDesc("revox_campaign_scan_duration_seconds",
		"Seconds that the campaign's newest scan took, whether it succeeded or failed.",
		[]string{campaignLabel}, nil)
	descScanLag = prometheus.NewDesc("revox_campaign_scan_lag_seconds",
		"Seconds from when the campaign's newest scan was due until it began; more than a few where scans take longer than the interval or than there is room for.",
		[]string{campaignLabel}, nil)
	descScanFailures = prometheus.NewDesc("revox_campaign_scan_failures_total",
		"Failed scans of the campaign, by reason.",
		[]string{campaignLabel, "reason"}, nil)
	descDiscoveryUp = prometheus.NewDesc("revox_discovery_up",
		"1 when the list of campaigns was read the newest time that it was asked for, else 0.", nil, nil)
	descDiscoveryLastSuccess = prometheus.NewDesc("revox_discovery_last_success_timestamp_seconds",
		"Unix time at which the list of campaigns was last read; absent before the first.", nil, nil)
	descCampaignFileSuccessful = prometheus.NewDesc("revox_exporter_campaign_file_last_reload_successful",
		"1 when the campaign file was good the newest time that it was read, else 0; only with --campaign.file.", nil, nil)
	descCampaignFileSuccess = prometheus.NewDesc("revox_exporter_campaign_file_last_reload_success_timestamp_seconds",
		"Unix time at which a good campaign file was last read; only with --campaign.file.", nil, nil)
	descUnknownValues = prometheus.NewDesc("revox_exporter_unknown_values_total",
		"Values of a label that the exporter does not know, each counted once by each complete scan that saw it.",
		[]string{"label"}, nil)
	descStateUp = prometheus.NewDesc("revox_exporter_state_up",
		"1 when what is to outlive a restart is on the disk, 0 while it cannot be written or used; only where --state.path is given.", nil, nil)
	descStateWritesFailed = prometheus.NewDesc("revox_exporter_state_writes_failed_total",
		"Times that what is to outlive a restart could not be written; only where --state.path is given.", nil, nil)
)

// campaignStatuses are the values of revox_campaign_status: those of the API, and what is_cancelled says.
var campaignStatuses = append(names(revoxapi.Values[revoxapi.CampaignStatus]()), campaignCancelled)

const campaignCancelled = "cancelled"

// What the client does.
var (
	requestsOpts = prometheus.CounterOpts{Name: "revox_api_requests_total",
		Help: "Requests sent to the API, retries included, by the status code of the answer; error where none came."}
	requestDurationOpts = prometheus.HistogramOpts{Name: "revox_api_request_duration_seconds",
		Help:                           "Seconds from sending a request to the last byte of its answer.",
		Buckets:                        []float64{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60},
		NativeHistogramBucketFactor:    1.1,
		NativeHistogramMaxBucketNumber: 160}
	responseBytesOpts = prometheus.CounterOpts{Name: "revox_api_response_bytes_total",
		Help: "Bytes of the API's answers as they came over the wire, compressed, without headers."}
	retriesOpts = prometheus.CounterOpts{Name: "revox_api_retries_total",
		Help: "Requests sent again, by the reason why the one before failed."}

	endpointLabel = "endpoint"
	// Codes that are present from the start, for each endpoint.
	knownCodes = []string{"200", "400", "401", "403", "404", "408", "409", "422", "429", "500", "502", "503", "504", codeError}
	// Reasons that a failed request can have and that may pass.
	retryReasons = []revoxapi.ErrorKind{revoxapi.KindRateLimited, revoxapi.KindServerError, revoxapi.KindTimeout, revoxapi.KindConnection, revoxapi.KindBadResponse}
)

const codeError = "error"

// What promhttp counts of its handlers' errors, which ours shares.
var handlerErrorsOpts = prometheus.CounterOpts{Name: "promhttp_metric_handler_errors_total",
	Help: "Total number of internal errors encountered by the promhttp metric handler."}

// The causes of promhttp_metric_handler_errors_total.
const (
	causeGathering = "gathering"
	causeEncoding  = "encoding"
)

func names[S ~string](values []S) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}
