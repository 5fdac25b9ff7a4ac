package exposition

import (
	"slices"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/campaigns"
	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/collector/store"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// collect adds the series of a record. They depend only on the record and the shown parts.
func (b *seriesBuilder) collect(r *store.Record, shown store.Shown) {
	b.collectScans(r)
	if shown.Data {
		b.collectData(r)
	}
	if shown.Listed {
		b.collectListed(r.Listed)
	}
}

// collectScans adds the metrics of the campaign's scans, which are shown however old its data is.
func (b *seriesBuilder) collectScans(r *store.Record) {
	for _, kind := range revoxapi.ErrorKinds() {
		b.add(familyScanFailures, float64(r.Failures[kind]), string(kind))
	}
	if r.Data != nil {
		b.add(familyLastSuccess, unixSeconds(r.Data.At))
	}
	if r.Scanned {
		b.add(familyUp, boolValue(r.Up))
		b.add(familyScanDuration, r.Duration.Seconds())
		b.add(familyScanLag, max(r.Lag, 0).Seconds())
	}
}

// collectData adds the campaign's state, outcomes and durations.
func (b *seriesBuilder) collectData(r *store.Record) {
	b.add(familyInfo, 1, r.Name())
	b.add(familyDecreases, float64(r.Data.Decreases))
	b.add(familyFiltered, boolValue(r.Data.Known.Filters()))
	b.add(familyUnannounced, float64(r.Data.Differences))
	if start := r.Data.Tally.OldestActive; start > 0 {
		b.add(familyOldestActive, float64(start)/1e3)
	}
	for _, f := range counted {
		if f.Optional && !r.Data.Fields[f.Index] || b.keep(f, r.Data) {
			continue
		}
		values := r.Data.Monotonic
		if f.Kind == tally.Gauge {
			values = r.Data.Tally.Values
		}
		for _, c := range values.Counts[f.Index] {
			b.add(f, float64(c.Value), labelsOf(f, c.Label)...)
		}
		for _, d := range values.Distributions[f.Index] {
			b.addHistogram(f, d.Value, labelsOf(f, d.Label)...)
		}
	}
}

// collectListed adds the metrics that come from the list of campaigns.
func (b *seriesBuilder) collectListed(c *campaigns.Listed) {
	if c.StatusLabel != "" {
		known := labelvalue.CampaignStatuses()
		for _, status := range known {
			b.add(familyStatus, boolValue(status == c.StatusLabel), status)
		}
		if !slices.Contains(known, c.StatusLabel) {
			b.add(familyStatus, 1, c.StatusLabel)
		}
	}
	if c.MaxConcurrentCalls != nil {
		b.add(familyMaxConcurrentCalls, *c.MaxConcurrentCalls)
	}
}

// labelsOf returns the label values of a counted family besides the campaign's ID.
func labelsOf(f *family, value string) []string {
	if len(f.Labels) == 0 {
		return nil
	}
	return []string{value}
}

func boolValue(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func unixSeconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }
