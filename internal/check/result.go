package check

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/collector/histogram"
	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
)

// resultFormat is the value of `format`. It changes when a field is removed or changes its meaning, not when one is
// added.
const resultFormat = 1

// Result is what a check found: the document that --format=json prints. Shares are from 0 to 1, durations in seconds.
// Texts in Findings and Problems are for people and may change; their Kind and Reason do not.
type Result struct {
	Format          int       `json:"format"`
	Version         string    `json:"version"`
	OK              bool      `json:"ok"` // everything could be read; findings do not count
	StartedAt       time.Time `json:"started_at"`
	DurationSeconds float64   `json:"duration_seconds"`
	Requests        int       `json:"requests"`
	ResponseBytes   int64     `json:"response_bytes"` // over the wire
	// Hourly is null if no campaign was read, or with --scan.interval=0.
	Hourly   *Hourly   `json:"hourly"`
	Findings []Finding `json:"findings"` // about no single campaign
	// Discovery is null without discovery.
	Discovery *Discovery `json:"discovery"`
	// State is null without --state.path. It does not count for OK.
	State     *State     `json:"state"`
	Campaigns []Campaign `json:"campaigns"`
}

// Discovery is how the list of campaigns was read.
type Discovery struct {
	Listed  int      `json:"listed"`
	Problem *Problem `json:"problem"` // null: it was read
}

// Campaign is the result of reading one campaign. If Problem is not null, the numbers are 0 and the maps are null.
type Campaign struct {
	ID              string   `json:"id"`
	Name            string   `json:"name"` // "" if the API does not give it
	OK              bool     `json:"ok"`
	Problem         *Problem `json:"problem"`
	DurationSeconds float64  `json:"duration_seconds"`
	Requests        int      `json:"requests"`
	ResponseBytes   int64    `json:"response_bytes"` // over the wire
	// Labels are those that the campaign file gives; null if it gives none.
	Labels map[string]string `json:"labels"`

	Rows            uint64            `json:"rows"`
	RowsWithoutCall uint64            `json:"rows_without_call"`
	RowsMissing     uint64            `json:"rows_missing"`
	Calls           map[string]uint64 `json:"calls"`    // by status
	Attempts        map[string]uint64 `json:"attempts"` // by status
	Results         map[string]uint64 `json:"results"`  // of finished attempts
	// HumanShare of finished attempts; null if there are none.
	HumanShare *float64          `json:"human_share"`
	DialErrors map[string]uint64 `json:"dial_errors"`
	// WorstDialError is the most frequent one; "" if there is none.
	WorstDialError string `json:"worst_dial_error"`
	// HumanTalk is how long people talked; null if nobody did.
	HumanTalk *Talk `json:"human_talk_seconds"`

	Anomalies     map[string]uint64    `json:"anomalies"`
	UnknownValues []labelvalue.Unknown `json:"unknown_values"`
	Findings      []Finding            `json:"findings"`
}

// Talk is how long the talks were, in seconds.
type Talk struct {
	Count  uint64  `json:"count"`
	Median float64 `json:"median"`
	P95    float64 `json:"p95"`
	// RelativeError is the largest possible error of Median and P95, as a fraction of their value.
	RelativeError float64 `json:"relative_error"`
}

// The kinds of findings.
const (
	kindAnomaly      = "anomaly"
	kindClockSkew    = "clock_skew"
	kindFirstPage    = "first_page"
	kindNoCampaigns  = "no_campaigns"
	kindNoTotal      = "no_total"
	kindNotPaged     = "not_paged"
	kindPageSize     = "page_size_capped"
	kindProxy        = "proxy"
	kindRowsMissing  = "rows_missing"
	kindUnencrypted  = "not_encrypted"
	kindUnknownValue = "unknown_value"
	kindUnusedMatch  = "unused_match"
)

// Finding is something odd that did not prevent reading.
type Finding struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// Problem is why something could not be read, and what to do.
type Problem struct {
	// Reason as in revox_campaign_scan_failures_total, or "canceled".
	Reason     string `json:"reason"`
	StatusCode int    `json:"status_code"` // 0 if no answer came
	Text       string `json:"text"`
	Advice     string `json:"advice"`
}

// fill copies what a report says.
func (c *Campaign) fill(r *collector.Report) {
	c.Name = cmp.Or(c.Name, r.Name) // as the exporter does
	c.OK = true
	c.Rows, c.RowsWithoutCall, c.RowsMissing = r.Rows, r.RowsWithoutCall, r.RowsMissing
	c.Calls, c.Attempts, c.Results, c.DialErrors, c.Anomalies = r.Calls, r.Attempts, r.Results, r.DialErrors, r.Anomalies
	c.UnknownValues = append(c.UnknownValues, r.UnknownValues...)
	if finished := sum(r.Results); finished > 0 {
		share := float64(r.Results[human]) / float64(finished)
		c.HumanShare = &share
	}
	c.WorstDialError, _ = most(r.DialErrors)
	if n := r.HumanTalk.Count(); n > 0 {
		c.HumanTalk = &Talk{
			Count: n, Median: r.HumanTalk.Quantile(0.5).Seconds(), P95: r.HumanTalk.Quantile(0.95).Seconds(),
			RelativeError: histogram.QuantileError,
		}
	}
}

func sum(counts map[string]uint64) uint64 {
	var total uint64
	for _, n := range counts {
		total += n
	}
	return total
}

// most returns the key with the largest count, "" if all are 0.
func most(counts map[string]uint64) (key string, n uint64) {
	for _, k := range sortedKeys(counts) {
		if counts[k] > n {
			key, n = k, counts[k]
		}
	}
	return key, n
}

// writeJSON writes the result so that a terminal can show it safely: characters that are not printable are escaped.
func writeJSON(w io.Writer, r *Result) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the result: %w", err)
	}
	var out strings.Builder
	for _, c := range string(text) {
		switch {
		case c == '\n' || unicode.IsPrint(c):
			out.WriteRune(c)
		case c > 0xffff:
			high, low := utf16.EncodeRune(c)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, c)
		}
	}
	out.WriteByte('\n')
	_, err = io.WriteString(w, out.String())
	return err
}
