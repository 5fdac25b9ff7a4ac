package exposition

import (
	"strconv"

	dto "github.com/prometheus/client_model/go"

	"github.com/revox-exporter/revox_exporter/collector/tally"
)

// family is a metric of campaigns with what rendering needs.
type family struct {
	*tally.Family
	order   int      // the index in families
	labels  []string // campaign_id and Family.Labels; in alphabetical order, as series are sorted by their values
	buckets []string // the upper bounds of classic buckets in the text format
}

// metricType returns the family's type for both formats.
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
	families []*family // all metrics of campaigns
	counted  []*family // those that a Tally counts, by Family.Index
)

func init() {
	for _, f := range tally.Families() {
		counted = append(counted, render(f))
	}
}

// Families returns all metrics of campaigns.
func Families() []*tally.Family {
	all := make([]*tally.Family, len(families))
	for i, f := range families {
		all[i] = f.Family
	}
	return all
}

func render(f *tally.Family) *family {
	rendered := &family{Family: f, order: len(families), labels: append([]string{tally.CampaignLabel}, f.Labels...)}
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

// The metrics of a campaign that do not come from its rows, and the metrics of its scans.
var (
	familyInfo = define(tally.Gauge, "revox_campaign_info",
		"Always 1. Gives the campaign's name, to be joined on campaign_id; empty if the API does not give it.",
		"campaign_name")
	familyStatus = define(tally.Gauge, "revox_campaign_status",
		"1 for the campaign's current status and 0 for the others; only if the list of campaigns gives it.", "status")
	familyMaxConcurrentCalls = define(tally.Gauge, "revox_campaign_max_concurrent_calls",
		"Calls that the campaign may have in progress at once; only if the list of campaigns gives it.")
	familyOldestActive = define(tally.Gauge, "revox_campaign_oldest_active_attempt_timestamp_seconds",
		"Unix time at which the attempt started that has been queued, ringing or ongoing longest; absent if there is none.")
	familyDecreases = define(tally.Counter, "revox_campaign_decreases_total",
		"Label values of counters and histograms that fell from one complete scan to the next; what was published did not fall.")
	familyFiltered = define(tally.Gauge, "revox_campaign_scans_filtered",
		"1 if scans read only the rows in which something goes on, which takes the API's filter by status; 0 if they read all.")
	familyUnannounced = define(tally.Counter, "revox_campaign_unannounced_changes_total",
		"Rows that a full scan found changed although scans before it should have seen that.")
	familyUp = define(tally.Gauge, "revox_campaign_up",
		"1 if the campaign's last scan succeeded, else 0.")
	familyLastSuccess = define(tally.Gauge, "revox_campaign_last_scan_success_timestamp_seconds",
		"Unix time at which the campaign's last complete data was complete; absent before the first.")
	familyScanDuration = define(tally.Gauge, "revox_campaign_scan_duration_seconds",
		"Seconds that the campaign's last scan took, whether it succeeded or failed.")
	familyScanLag = define(tally.Gauge, "revox_campaign_scan_lag_seconds",
		"Seconds from when the campaign's last scan was due until it began; high if scans are too slow for the interval.")
	familyScanFailures = define(tally.Counter, "revox_campaign_scan_failures_total",
		"Failed scans of the campaign, by reason.", "reason")
)
