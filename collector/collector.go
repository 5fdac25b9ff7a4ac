package collector

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// maxNameRunes is how much of a campaign's name is shown.
const maxNameRunes = 256

// Describe sends the descriptors of all metrics of campaigns.
func (e *Exporter) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range families {
		ch <- f.desc
	}
	for _, d := range []*prometheus.Desc{
		descInfo, descStatus, descMaxConcurrentCalls, descCounterDecreases, descUp, descLastSuccess, descScanDuration,
		descScanFailures, descDiscoveryUp, descDiscoveryLastSuccess, descUnknownValues,
	} {
		ch <- d
	}
}

// Collect sends what is published now. It reads what scans left, and waits for none.
func (e *Exporter) Collect(ch chan<- prometheus.Metric) {
	now := e.Clock.Now()
	e.campaigns.collect(ch)
	e.labels.collect(ch)
	for _, r := range e.store.all() {
		collectScans(ch, r)
		if r.data != nil && now.Sub(r.data.at) <= e.maxAge(r) {
			e.collectData(ch, r)
		}
	}
}

// collectScans sends how the campaign's scans went, which is told however old its data is.
func collectScans(ch chan<- prometheus.Metric, r *record) {
	for _, kind := range revoxapi.ErrorKinds() {
		send(ch, descScanFailures, prometheus.CounterValue, float64(r.failures[kind]), r.id, string(kind))
	}
	if r.data != nil {
		send(ch, descLastSuccess, prometheus.GaugeValue, unixSeconds(r.data.at), r.id)
	}
	if r.scanned {
		send(ch, descUp, prometheus.GaugeValue, boolValue(r.up), r.id)
		send(ch, descScanDuration, prometheus.GaugeValue, r.duration.Seconds(), r.id)
	}
}

// collectData sends the campaign's state, outcomes and durations.
func (e *Exporter) collectData(ch chan<- prometheus.Metric, r *record) {
	send(ch, descInfo, prometheus.GaugeValue, 1, r.id, r.name())
	send(ch, descCounterDecreases, prometheus.CounterValue, float64(r.data.decreases), r.id)
	if r.listed != nil && e.Clock.Now().Sub(r.listedAt) <= max(e.MaxAge, 3*e.Discovery.Interval) {
		collectListed(ch, r.id, r.listed)
	}
	for _, f := range families {
		if f.optional && !r.data.carries[f.index] {
			continue
		}
		switch f.kind {
		case gauge:
			sendCounts(ch, f, prometheus.GaugeValue, r.data.tally.counts[f.index], r.id)
		case counter:
			sendCounts(ch, f, prometheus.CounterValue, r.data.heldCounts[f.index], r.id)
		case histogram:
			for value, d := range r.data.heldDistributions[f.index] {
				metric, err := newHistogramMetric(f, d, f.labelValues(r.id, value)...)
				sendChecked(ch, f.desc, metric, err)
			}
		}
	}
}

// collectListed sends what only the list of campaigns tells.
func collectListed(ch chan<- prometheus.Metric, id string, c *listedCampaign) {
	if c.statusLabel != "" {
		for _, status := range campaignStatuses {
			send(ch, descStatus, prometheus.GaugeValue, boolValue(status == c.statusLabel), id, status)
		}
		if !slices.Contains(campaignStatuses, c.statusLabel) {
			send(ch, descStatus, prometheus.GaugeValue, 1, id, c.statusLabel)
		}
	}
	if limit := c.MaxConcurrentCalls.value; limit != nil {
		send(ch, descMaxConcurrentCalls, prometheus.GaugeValue, *limit, id)
	}
}

func (f *family) labelValues(campaignID, value string) []string {
	if f.label == "" {
		return []string{campaignID}
	}
	return []string{campaignID, value}
}

func sendCounts(ch chan<- prometheus.Metric, f *family, as prometheus.ValueType, counts map[string]uint64, campaignID string) {
	for value, n := range counts {
		send(ch, f.desc, as, float64(n), f.labelValues(campaignID, value)...)
	}
}

func send(ch chan<- prometheus.Metric, desc *prometheus.Desc, as prometheus.ValueType, value float64, labelValues ...string) {
	metric, err := prometheus.NewConstMetric(desc, as, value, labelValues...)
	sendChecked(ch, desc, metric, err)
}

// sendChecked sends a metric. One that cannot be made is sent as its error: the handler counts it and serves the rest.
func sendChecked(ch chan<- prometheus.Metric, desc *prometheus.Desc, metric prometheus.Metric, err error) {
	if err != nil {
		metric = prometheus.NewInvalidMetric(desc, err)
	}
	ch <- metric
}

func boolValue(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func unixSeconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }
