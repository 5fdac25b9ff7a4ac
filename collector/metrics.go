package collector

import (
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/revox-exporter/revox_exporter/collector/campaigns"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// The metrics of the exporter itself. See also packages tally and exposition, and apimetrics.go.
var (
	descDiscoveryUp = prometheus.NewDesc("revox_discovery_up",
		"1 if the last attempt to read the list of campaigns succeeded and it was complete, else 0.", nil, nil)
	descDiscoveryFailures = prometheus.NewDesc("revox_discovery_failures_total",
		"Lists of campaigns that could not be read, are doubted because most campaigns are suddenly gone, or are incomplete, "+
			"by reason; the last two are incomplete.", []string{"reason"}, nil)
	descOverLimit = prometheus.NewDesc("revox_exporter_campaigns_over_limit",
		fmt.Sprintf("Campaigns that are not read because one process reads at most %d, or because there is no room for their rows or series.", campaigns.MaxSelected), nil, nil)
	descShardInfo = prometheus.NewDesc("revox_exporter_shard_info",
		"Always 1. Gives this exporter's share of the campaigns: --shard.index and --shard.count.",
		[]string{"shard_index", "shard_count"}, nil)
	descShards = prometheus.NewDesc("revox_exporter_shards",
		"Exporters that share the campaigns: --shard.count.", nil, nil)
	descDiscoveryLastSuccess = prometheus.NewDesc("revox_discovery_last_success_timestamp_seconds",
		"Unix time at which the list of campaigns was last read; absent before the first.", nil, nil)
	descCampaignFileSuccessful = prometheus.NewDesc("revox_exporter_campaign_file_last_reload_successful",
		"1 if the last attempt to read the campaign file succeeded, else 0; only with --campaign.file.", nil, nil)
	descCampaignFileSuccess = prometheus.NewDesc("revox_exporter_campaign_file_last_reload_success_timestamp_seconds",
		"Unix time at which a good campaign file was last read; only with --campaign.file.", nil, nil)
	descUnknownValues = prometheus.NewDesc("revox_exporter_unknown_values_total",
		"Values of a label that the exporter does not know, each counted once by each complete scan that saw it.",
		[]string{"label"}, nil)
	descStateUp = prometheus.NewDesc("revox_exporter_state_up",
		"1 if the data for a restart is on the disk, 0 if it cannot be written or read; only with --state.path.", nil, nil)
	descStateWritesFailed = prometheus.NewDesc("revox_exporter_state_writes_failed_total",
		"Times that the data for a restart could not be written; only with --state.path.", nil, nil)

	ownDescs = []*prometheus.Desc{descDiscoveryUp, descDiscoveryLastSuccess, descDiscoveryFailures, descOverLimit,
		descShardInfo, descShards, descCampaignFileSuccessful, descCampaignFileSuccess, descUnknownValues, descStateUp, descStateWritesFailed}
)

// ownMetrics collects the metrics of the exporter itself.
type ownMetrics struct{ *Exporter }

func (e ownMetrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range ownDescs {
		ch <- d
	}
}

func (e ownMetrics) Collect(ch chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, value float64) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value)
	}
	if file, ok := e.campaigns.File(); ok {
		gauge(descCampaignFileSuccessful, boolValue(file.Err == nil))
		gauge(descCampaignFileSuccess, unixSeconds(file.LastSuccess))
	}
	if list := e.campaigns.List(); e.cfg.Discovery != nil {
		if list.Asked {
			gauge(descDiscoveryUp, boolValue(list.Err == nil))
		}
		if !list.LastSuccess.IsZero() {
			gauge(descDiscoveryLastSuccess, unixSeconds(list.LastSuccess))
		}
		for _, kind := range revoxapi.ErrorKinds() {
			ch <- prometheus.MustNewConstMetric(descDiscoveryFailures, prometheus.CounterValue,
				float64(list.Failures[kind]), string(kind))
		}
	}
	gauge(descOverLimit, float64(e.overLimit.Load()+e.full()))
	ch <- prometheus.MustNewConstMetric(descShardInfo, prometheus.GaugeValue, 1,
		strconv.Itoa(e.cfg.Shard.Index), strconv.Itoa(max(e.cfg.Shard.Count, 1)))
	gauge(descShards, float64(max(e.cfg.Shard.Count, 1)))
	for label, n := range e.labels.Sightings() {
		ch <- prometheus.MustNewConstMetric(descUnknownValues, prometheus.CounterValue, float64(n), label)
	}
	if e.cfg.State != nil {
		up, failed := e.cfg.State.Status()
		gauge(descStateUp, boolValue(up))
		ch <- prometheus.MustNewConstMetric(descStateWritesFailed, prometheus.CounterValue, float64(failed))
	}
}

func boolValue(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func unixSeconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }
