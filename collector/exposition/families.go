package exposition

import (
	"strconv"

	dto "github.com/prometheus/client_model/go"

	"github.com/revox-exporter/revox_exporter/collector/tally"
)

// family is a metric that campaigns have, as it is rendered.
type family struct {
	*tally.Family
	place   int      // among all families
	labels  []string // campaign_id and Family.Labels, which must be in alphabetical order: series are kept in that of their values
	buckets []string // upper bounds of classic buckets as the text format has them
}

// metricType returns the family's type as the formats have it.
func (f *family) metricType() dto.MetricType {
	switch f.Kind {
	case tally.Counter:
		return dto.MetricType_COUNTER
	case tally.Histogram:
		return dto.MetricType_HISTOGRAM
	}
	return dto.MetricType_GAUGE
}

var (
	families []*family // all that campaigns have
	counted  []*family // those that a Tally counts, by Family.Index
)

func init() {
	for _, f := range tally.Families() {
		counted = append(counted, render(f))
	}
}

// Families returns all metrics that campaigns have.
func Families() []*tally.Family {
	all := make([]*tally.Family, len(families))
	for i, f := range families {
		all[i] = f.Family
	}
	return all
}

func render(f *tally.Family) *family {
	rendered := &family{Family: f, place: len(families), labels: append([]string{tally.CampaignLabel}, f.Labels...)}
	for _, bound := range f.Buckets {
		rendered.buckets = append(rendered.buckets, strconv.FormatFloat(bound, 'g', -1, 64))
	}
	families = append(families, rendered)
	return rendered
}

// define declares a family that no Tally counts.
func define(kind tally.Kind, name, help string, labels ...string) *family {
	return render(&tally.Family{Index: -1, Kind: kind, Name: name, Help: help, Labels: labels})
}

// What is shown of a campaign besides its rows, and of its scans.
var (
	familyInfo = define(tally.Gauge, "revox_campaign_info",
		"Always 1; names the campaign, to be joined on campaign_id. The name is empty where the API does not give it.", "campaign_name")
	familyStatus = define(tally.Gauge, "revox_campaign_status",
		"1 for the campaign's present status and 0 for the others; where the list of campaigns gives it.", "status")
	familyMaxConcurrentCalls = define(tally.Gauge, "revox_campaign_max_concurrent_calls",
		"Calls that the campaign may have in progress at once; where the list of campaigns gives it.")
	familyDecreases = define(tally.Counter, "revox_campaign_counter_decreases_total",
		"Counters and histograms of the campaign that would have fallen, because its data shrank or was reclassified, and were held instead.")
	familyUp = define(tally.Gauge, "revox_campaign_up",
		"1 when the campaign's newest scan succeeded, else 0.")
	familyLastSuccess = define(tally.Gauge, "revox_campaign_last_scan_success_timestamp_seconds",
		"Unix time at which the campaign's newest complete data was complete; absent before the first.")
	familyScanDuration = define(tally.Gauge, "revox_campaign_scan_duration_seconds",
		"Seconds that the campaign's newest scan took, whether it succeeded or failed.")
	familyScanLag = define(tally.Gauge, "revox_campaign_scan_lag_seconds",
		"Seconds from when the campaign's newest scan was due until it began; more than a few where scans take longer than the interval or than there is room for.")
	familyScanFailures = define(tally.Counter, "revox_campaign_scan_failures_total",
		"Failed scans of the campaign, by reason.", "reason")
)
