package collector

import (
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// maxNameRunes is how much of a campaign's name is shown.
const maxNameRunes = 256

// Describe sends the descriptors of all metrics of the exporter.
func (e *Exporter) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range families {
		ch <- f.desc
	}
	for _, d := range []*prometheus.Desc{
		descInfo, descStatus, descMaxConcurrentCalls, descCounterDecreases, descUp, descLastSuccess, descScanDuration,
		descScanFailures, descDiscoveryUp, descDiscoveryLastSuccess, descUnknownValues,
		descScanLag, descCampaignFileSuccessful, descCampaignFileSuccess,
	} {
		ch <- d
	}
}

// Collect sends what is published now. It reads what scans left, and waits for none.
func (e *Exporter) Collect(ch chan<- prometheus.Metric) {
	e.collectOwn(metricChannel(ch))
	e.collectCampaigns(metricChannel(ch))
}

// collectOwn sends what is told of no campaign in particular.
func (e *Exporter) collectOwn(ch sink) {
	e.campaigns.collect(ch)
	e.labels.collect(ch)
}

func (e *Exporter) collectCampaigns(ch sink) {
	now := e.Clock.Now()
	for _, r := range e.store.all() {
		collectRecord(ch, r, e.parts(r, now))
	}
}

// parts are those parts of a record that are shown only while they are young enough.
type parts struct{ data, listed bool }

func (e *Exporter) parts(r *record, now time.Time) parts {
	data := r.data != nil && now.Sub(r.data.at) <= e.maxAge(r)
	return parts{
		data:   data,
		listed: data && r.listed != nil && now.Sub(r.listed.readAt) <= max(e.MaxAge, 3*e.Discovery.Interval),
	}
}

// collectRecord sends what is shown of a campaign. That depends on nothing but the record, which is immutable, and the
// parts: what it has sent once is not asked for again until one of them is another.
func collectRecord(ch sink, r *record, shown parts) {
	collectScans(ch, r)
	if shown.data {
		collectData(ch, r)
	}
	if shown.listed {
		collectListed(ch, r.id, r.listed)
	}
}

// collectScans sends how the campaign's scans went, which is told however old its data is.
func collectScans(ch sink, r *record) {
	for _, kind := range revoxapi.ErrorKinds() {
		send(ch, descScanFailures, prometheus.CounterValue, float64(r.failures[kind]), r.id, string(kind))
	}
	if r.data != nil {
		send(ch, descLastSuccess, prometheus.GaugeValue, unixSeconds(r.data.at), r.id)
	}
	if r.scanned {
		send(ch, descUp, prometheus.GaugeValue, boolValue(r.up), r.id)
		send(ch, descScanDuration, prometheus.GaugeValue, r.duration.Seconds(), r.id)
		send(ch, descScanLag, prometheus.GaugeValue, max(r.lag, 0).Seconds(), r.id)
	}
}

// collectData sends the campaign's state, outcomes and durations.
func collectData(ch sink, r *record) {
	send(ch, descInfo, prometheus.GaugeValue, 1, r.id, r.name())
	send(ch, descCounterDecreases, prometheus.CounterValue, float64(r.data.decreases), r.id)
	for _, f := range families {
		if f.optional && !r.data.carries[f.index] {
			continue
		}
		ch.family(f, r)
	}
}

// collectFamily sends a family of the campaign's published data.
func collectFamily(ch sink, f *family, r *record) {
	switch f.kind {
	case gauge:
		sendCounts(ch, f, prometheus.GaugeValue, r.data.tally.counts[f.index], r.id)
	case counter:
		sendCounts(ch, f, prometheus.CounterValue, r.data.heldCounts[f.index], r.id)
	case histogram:
		for _, d := range r.data.heldDistributions[f.index] {
			ch.histogram(f, d.value, f.labelValues(r.id, d.label)...)
		}
	}
}

// collectListed sends what only the list of campaigns tells.
func collectListed(ch sink, id string, c *listedCampaign) {
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

func sendCounts(ch sink, f *family, as prometheus.ValueType, values counts, campaignID string) {
	for _, c := range values {
		send(ch, f.desc, as, float64(c.value), f.labelValues(campaignID, c.label)...)
	}
}

func send(ch sink, desc *prometheus.Desc, as prometheus.ValueType, value float64, labelValues ...string) {
	ch.sample(desc, as, value, labelValues...)
}

// sink takes what is shown: one that makes metrics of it, and one that keeps it to be rendered.
type sink interface {
	// sample takes a gauge or a counter.
	sample(desc *prometheus.Desc, as prometheus.ValueType, value float64, labelValues ...string)
	histogram(f *family, values distribution, labelValues ...string)
	// family takes what collectFamily sends.
	family(f *family, r *record)
}

// metricChannel makes metrics. One that cannot be made is sent as its error: the handler counts it and serves the rest.
type metricChannel chan<- prometheus.Metric

func (ch metricChannel) sample(desc *prometheus.Desc, as prometheus.ValueType, value float64, labelValues ...string) {
	metric, err := prometheus.NewConstMetric(desc, as, value, labelValues...)
	ch.sendChecked(desc, metric, err)
}

func (ch metricChannel) histogram(f *family, values distribution, labelValues ...string) {
	metric, err := newHistogramMetric(f, values, labelValues...)
	ch.sendChecked(f.desc, metric, err)
}

func (ch metricChannel) family(f *family, r *record) { collectFamily(ch, f, r) }

func (ch metricChannel) sendChecked(desc *prometheus.Desc, metric prometheus.Metric, err error) {
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
