package exposition

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/revox-exporter/revox_exporter/collector/campaigns"
	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/collector/store"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// family is a metric of campaigns with what rendering needs.
type family struct {
	*tally.Family
	labels  []string // campaign_id and Family.Labels if that is one; in alphabetical order, as series are sorted by values
	buckets []string // the labels of classic buckets in the text format, from le on
	has     condition
	collect collect
	// order is the order of campaigns, nil if it is that of their IDs. It is another one if a label comes before campaign_id.
	order func(x, y campaign) int
}

// condition reports whether a record has series of a family.
type condition func(r *store.Record, shown store.Shown) bool

// collect adds the series of a record that has some.
type collect func(s *seriesList, r *store.Record)

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

// families are all metrics of campaigns, sorted by name.
var families []*family

// Families returns all metrics of campaigns.
func Families() []*tally.Family {
	all := make([]*tally.Family, len(families))
	for i, f := range families {
		all[i] = f.Family
	}
	return all
}

// define declares a family that no Tally counts.
func define(kind tally.Kind, name, help string, has condition, collect collect, labels ...string) {
	add(&tally.Family{Index: -1, Kind: kind, Name: name, Help: help, Labels: labels}, has, collect)
}

func add(f *tally.Family, has condition, collect collect) {
	added := &family{Family: f, labels: append([]string{tally.CampaignLabel}, f.Labels...), has: has, collect: collect}
	if len(f.Labels) > 1 {
		added.labels = added.labels[:1] // the others are in series.more
	}
	for _, bound := range f.Buckets {
		added.buckets = append(added.buckets, `,le="`+strconv.FormatFloat(bound, 'g', -1, 64)+`"} `)
	}
	families = append(families, added)
}

func always(*store.Record, store.Shown) bool           { return true }
func ifScanned(r *store.Record, _ store.Shown) bool    { return r.Scanned }
func ifData(_ *store.Record, shown store.Shown) bool   { return shown.Data }
func ifListed(_ *store.Record, shown store.Shown) bool { return shown.Listed }
func ifEverRead(r *store.Record, _ store.Shown) bool   { return r.Data != nil }

// ifLabeled does not depend on the age of the data: who is to be told that it is old must be known.
func ifLabeled(r *store.Record, _ store.Shown) bool {
	return len(r.Labels) > 0 && (r.Scanned || r.Data != nil)
}
func ifActive(r *store.Record, shown store.Shown) bool {
	return shown.Data && r.Data.Tally.OldestActive > 0
}
func ifAssistant(r *store.Record, shown store.Shown) bool {
	return shown.Data && r.Data.Tally.Assistant.Given
}
func ifMaxGiven(r *store.Record, shown store.Shown) bool {
	return shown.Listed && r.Listed.MaxConcurrentCalls != nil
}

func init() {
	// The metrics of a campaign that do not come from its rows.
	define(tally.Gauge, "revox_campaign_info",
		"Always 1. Gives the campaign's name, to be joined on campaign_id; empty if the API does not give it.",
		ifData, func(s *seriesList, r *store.Record) { s.add(r.Name(), 1) }, "campaign_name")
	define(tally.Gauge, "revox_campaign_labels",
		"Always 1. Gives the labels of the campaign file as label_NAME, to be joined on campaign_id; absent for campaigns without.",
		ifLabeled, func(s *seriesList, r *store.Record) { *s = append(*s, series{value: 1, more: r.Labels}) })
	define(tally.Gauge, "revox_campaign_assistant_info",
		"Always 1. Gives the assistant of the campaign's last created call, its language model and the provider of its voice, "+
			"to be joined on campaign_id; a label is empty if the API does not give it.",
		ifAssistant, collectAssistant, "assistant_id", "assistant_name", "llm_model", "llm_provider", "voice_provider")
	families[len(families)-1].order = byAssistant
	define(tally.Gauge, "revox_campaign_status",
		"1 for the campaign's current status and 0 for the others; only if the list of campaigns gives it.",
		ifListed, collectStatus, "status")
	define(tally.Gauge, "revox_campaign_max_concurrent_calls",
		"Calls that the campaign may have in progress at once; only if the list of campaigns gives it.",
		ifMaxGiven, func(s *seriesList, r *store.Record) { s.add("", *r.Listed.MaxConcurrentCalls) })
	define(tally.Gauge, "revox_campaign_oldest_active_attempt_timestamp_seconds",
		"Unix time at which the attempt started that has been queued, ringing or ongoing longest; absent if there is none.",
		ifActive, func(s *seriesList, r *store.Record) { s.add("", float64(r.Data.Tally.OldestActive)/1e3) })
	define(tally.Counter, "revox_campaign_decreases_total",
		"Label values of counters and histograms that fell from one complete scan to the next; what was published did not fall.",
		ifData, func(s *seriesList, r *store.Record) { s.add("", float64(r.Data.Decreases)) })
	define(tally.Gauge, "revox_campaign_scans_filtered",
		"1 if scans read only the rows in which something goes on, which takes the API's filter by status; 0 if they read all.",
		ifData, func(s *seriesList, r *store.Record) { s.add("", boolValue(!r.Data.Known.ReadsAll())) })
	define(tally.Counter, "revox_campaign_unannounced_changes_total",
		"Rows that a full scan found changed although scans before it should have seen that.",
		ifData, func(s *seriesList, r *store.Record) { s.add("", float64(r.Data.Differences)) })

	// The metrics of a campaign's scans, which are shown however old its data is.
	define(tally.Gauge, "revox_campaign_up",
		"1 if the campaign's last scan succeeded, else 0.",
		ifScanned, func(s *seriesList, r *store.Record) { s.add("", boolValue(r.Up)) })
	define(tally.Gauge, "revox_campaign_last_scan_success_timestamp_seconds",
		"Unix time at which the campaign's last complete data was complete; absent before the first.",
		ifEverRead, func(s *seriesList, r *store.Record) { s.add("", unixSeconds(r.Data.At)) })
	define(tally.Gauge, "revox_campaign_scan_duration_seconds",
		"Seconds that the campaign's last scan took, whether it succeeded or failed.",
		ifScanned, func(s *seriesList, r *store.Record) { s.add("", r.Duration.Seconds()) })
	define(tally.Gauge, "revox_campaign_scan_lag_seconds",
		"Seconds from when the campaign's last scan was due until it began; high if scans are too slow for the interval.",
		ifScanned, func(s *seriesList, r *store.Record) { s.add("", max(r.Lag, 0).Seconds()) })
	define(tally.Counter, "revox_campaign_scan_failures_total",
		"Failed scans of the campaign, by reason.",
		always, func(s *seriesList, r *store.Record) {
			for _, kind := range revoxapi.ErrorKinds() {
				s.add(string(kind), float64(r.Failures[kind]))
			}
		}, "reason")

	for _, f := range tally.Families() {
		add(f, func(r *store.Record, shown store.Shown) bool {
			return shown.Data && (!f.Optional || r.Data.Fields[f.Index])
		}, func(s *seriesList, r *store.Record) {
			values := r.Data.Monotonic
			if f.Kind == tally.Gauge {
				values = r.Data.Tally.Values
			}
			for _, c := range values.Counts[f.Index] {
				s.add(c.Label, float64(c.Value))
			}
			for _, d := range values.Distributions[f.Index] {
				*s = append(*s, series{label: d.Label, distribution: d.Value})
			}
		})
	}
	slices.SortFunc(families, func(x, y *family) int { return strings.Compare(x.Name, y.Name) })
}

func collectAssistant(s *seriesList, r *store.Record) {
	a := &r.Data.Tally.Assistant
	*s = append(*s, series{value: 1, more: []campaigns.Label{
		{Name: "assistant_id", Value: a.ID}, {Name: "assistant_name", Value: a.Name}, {Name: "llm_model", Value: a.Model},
		{Name: "llm_provider", Value: a.ModelProvider}, {Name: "voice_provider", Value: a.VoiceProvider},
	}})
}

func byAssistant(x, y campaign) int {
	var a, b tally.Assistant
	if x.record.Data != nil {
		a = x.record.Data.Tally.Assistant
	}
	if y.record.Data != nil {
		b = y.record.Data.Tally.Assistant
	}
	return cmp.Or(strings.Compare(a.ID, b.ID), strings.Compare(a.Name, b.Name), strings.Compare(x.record.ID, y.record.ID))
}

func collectStatus(s *seriesList, r *store.Record) {
	if r.Listed.StatusLabel == "" {
		return
	}
	known := labelvalue.CampaignStatuses()
	for _, status := range known {
		s.add(status, boolValue(status == r.Listed.StatusLabel))
	}
	if !slices.Contains(known, r.Listed.StatusLabel) {
		s.add(r.Listed.StatusLabel, 1)
	}
}

func boolValue(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func unixSeconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }
