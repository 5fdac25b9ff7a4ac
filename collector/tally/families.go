package tally

import (
	"time"

	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Each family that a Tally counts is declared here and nowhere else: name, help, label, known label values and buckets.

// Gauges of a campaign's current state.
var (
	Rows = define(Family{Kind: Gauge, Name: "revox_campaign_rows",
		Help: "Distinct rows (contacts) of the campaign, by their id."})
	RowsWithoutCall = define(Family{Kind: Gauge, Name: "revox_campaign_rows_without_call",
		Help: "Rows of the campaign that have no call."})
	RowsMissing = define(Family{Kind: Gauge, Name: "revox_campaign_rows_missing",
		Help: "Rows that the API's total includes but no page contains; 0 if the API gives no total."})
	Calls = define(Family{Kind: Gauge, Name: "revox_campaign_calls",
		Help:   "Calls (orders, each resolved by one or more attempts) by their current status.",
		Labels: []string{"status"}, Known: labelvalue.CallStatus.Values()})
	CallAttempts = define(Family{Kind: Gauge, Name: "revox_campaign_call_attempts",
		Help:   "Call attempts by their current status.",
		Labels: []string{"status"}, Known: labelvalue.AttemptStatus.Values()})
	Anomalies = define(Family{Kind: Gauge, Name: "revox_campaign_anomalies",
		Help:   "Problems in the data that the last complete scan read, by kind.",
		Labels: []string{"kind"}, Known: []string{AnomalyDuplicateRow, anomalyDuplicateAttempt, anomalyBadTimestamp,
			anomalyNegativeDuration, anomalyImplausibleDuration, anomalyMissingStatus, anomalyWrongType, AnomalyNotARow}})
	ScanRequests = define(Family{Kind: Gauge, Name: "revox_campaign_scan_requests",
		Help:   "Pages that the last complete scan requested, by what for; retries are not included.",
		Labels: []string{"kind"}, Known: []string{RequestsFull, RequestsTotals, RequestsActive, RequestsMoved}})
)

// The kinds of revox_campaign_scan_requests.
const (
	// RequestsFull read all rows.
	RequestsFull = "full"
	// RequestsTotals asked how many rows there are, in all and with a status.
	RequestsTotals = "totals"
	// RequestsActive read the rows with a status in which something may be going on.
	RequestsActive = "active"
	// RequestsMoved looked for rows that are new, or whose calls have gone on.
	RequestsMoved = "moved"
)

// The kinds of revox_campaign_anomalies.
const (
	// AnomalyDuplicateRow is a row whose id was read before in the same scan.
	AnomalyDuplicateRow = "duplicate_row"
	// An attempt whose id an attempt before it in the same call has. It is not counted.
	anomalyDuplicateAttempt = "duplicate_attempt"
	// A timestamp that is present but not an unambiguous date and time. Durations that need it are not observed.
	anomalyBadTimestamp = "bad_timestamp"
	// A duration that ends before it begins. It is not observed.
	anomalyNegativeDuration = "negative_duration"
	// A duration above maxPlausibleDuration, from a placeholder such as the year 9999 or 1. It is not observed.
	anomalyImplausibleDuration = "implausible_duration"
	// A call or an attempt without a status, or with one that is not a string. No metric by status counts it.
	anomalyMissingStatus = "missing_status"
	// Another value of an enumeration that is not a string. It is counted as labelvalue.Other.
	anomalyWrongType = "wrong_type"
	// AnomalyNotARow is an entry of the list of rows that is not an object. Nothing else counts it.
	AnomalyNotARow = "not_a_row"
)

// maxPlausibleDuration is longer than any call lasts or is retried.
const maxPlausibleDuration = 10 * 365 * 24 * time.Hour

// Counters of finished calls and attempts. They never fall.
var (
	CallsFinished = define(Family{Kind: Counter, Name: "revox_campaign_calls_finished_total",
		Help:   "Finished calls (status completed, cancelled or errored), by status.",
		Labels: []string{"status"}, Known: names(revoxapi.CallCompleted, revoxapi.CallCancelled, revoxapi.CallErrored)})
	CallOutcomes = define(Family{Kind: Counter, Name: "revox_campaign_call_outcomes_total",
		Help:   "Finished calls by outcome, none if there is none; only for campaigns whose rows have the field.",
		Labels: []string{"outcome"}, Optional: true,
		Known: append(labelvalue.Outcome.Values(), labelvalue.None)})
	AttemptsFinished = define(Family{Kind: Counter, Name: "revox_campaign_call_attempts_finished_total",
		Help:   "Finished call attempts (status completed or error), by status.",
		Labels: []string{"status"}, Known: names(revoxapi.AttemptCompleted, revoxapi.AttemptError)})
	AttemptResults = define(Family{Kind: Counter, Name: "revox_campaign_call_attempt_results_total",
		Help:   "Finished call attempts by result, none if there is none.",
		Labels: []string{"result"}, Known: append(labelvalue.Result.Values(), labelvalue.None)})
	FirstAttemptResults = define(Family{Kind: Counter, Name: "revox_campaign_call_first_attempt_results_total",
		Help:   "Finished call attempts that are their call's first, by result, none if there is none.",
		Labels: []string{"result"}, Known: append(labelvalue.Result.Values(), labelvalue.None)})
	AttemptDialErrors = define(Family{Kind: Counter, Name: "revox_campaign_call_attempt_dial_errors_total",
		Help:   "Finished call attempts with a dial error, by that error.",
		Labels: []string{"dial_error"}, Known: labelvalue.DialError.Values()})
	AttemptEndedBy = define(Family{Kind: Counter, Name: "revox_campaign_call_attempt_ended_by_total",
		Help:   "Finished call attempts by who ended the call: the agent, the user (the person called) or the system.",
		Labels: []string{"ended_by"}, Known: labelvalue.EndedBy.Values()})
	AttemptEndReasons = define(Family{Kind: Counter, Name: "revox_campaign_call_attempt_end_reasons_total",
		Help:   "Finished call attempts by the agent's reason to end the call; only reasons that occurred are shown.",
		Labels: []string{"end_reason"}})
	ToolCalls = define(Family{Kind: Counter, Name: "revox_campaign_tool_calls_total",
		Help:   "Uses of tools in finished call attempts, by tool, none if it has no name; only tools that were used are shown.",
		Labels: []string{labelvalue.ToolName.Label}})
	ToolErrors = define(Family{Kind: Counter, Name: "revox_campaign_tool_errors_total",
		Help:   "Uses of tools in finished call attempts that ended in an error, by tool; 0 for each tool that was used.",
		Labels: []string{labelvalue.ToolName.Label}})
)

// Histograms of finished calls and attempts. They never fall.
var (
	callBuckets       = []float64{1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600}
	ringBuckets       = []float64{1, 2, 5, 10, 15, 20, 25, 30, 45, 60}
	resolutionBuckets = []float64{60, 300, 900, 3600, 7200, 14400, 28800, 86400, 172800, 259200, 604800}
	perCallBuckets    = []float64{0, 1, 2, 3, 4, 5, 10}
	turnBuckets       = []float64{0, 1, 2, 3, 5, 10, 20, 50}

	AttemptDuration = define(Family{Kind: Histogram, Name: "revox_campaign_call_attempt_duration_seconds",
		Help: "Seconds from a finished attempt's start to its end.", Buckets: callBuckets})
	RingDuration = define(Family{Kind: Histogram, Name: "revox_campaign_call_attempt_ring_duration_seconds",
		Help: "Seconds from an answered, finished attempt's start to its answer.", Buckets: ringBuckets})
	TalkDuration = define(Family{Kind: Histogram, Name: "revox_campaign_call_attempt_talk_duration_seconds",
		Help: "Seconds from an answered, finished attempt's answer to its end, by result.", Buckets: callBuckets,
		Labels: []string{"result"}, Known: append(labelvalue.Result.Values(), labelvalue.None)})
	ResolutionDuration = define(Family{Kind: Histogram, Name: "revox_campaign_call_resolution_duration_seconds",
		Help: "Seconds from a finished call's creation to the end of its last attempt.", Buckets: resolutionBuckets})
	AttemptsPerCall = define(Family{Kind: Histogram, Name: "revox_campaign_call_attempts_per_call",
		Help: "Attempts made for a finished call.", Buckets: perCallBuckets})
	AttemptTurns = define(Family{Kind: Histogram, Name: "revox_campaign_call_attempt_turns",
		Help: "Transcript entries of an answered, finished attempt, by who spoke: the assistant or the user (the person called); " +
			"only for campaigns whose rows have transcripts.",
		Buckets: turnBuckets, Labels: []string{"role"}, Optional: true,
		Known: names(revoxapi.RoleAssistant, revoxapi.RoleUser)})
)
