package collector_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/collector/histogram"
	"github.com/revox-exporter/revox_exporter/internal/answertest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

func newFullHarness(t *testing.T) *harness {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock, revoxtest.WithNewerFields())
	sim.New(api).AddCampaign(sim.Campaign{ID: "c", Rows: 50, Start: start.AddDate(0, 0, -2)})
	api.SetRows("hand-counted", "", answertest.Rows(t, "testdata/hand_counted.json"))
	return newHarness(t, api, clock, func(c *collector.Config) { c.Discovery = everything })
}

func TestMetricsLint(t *testing.T) {
	problems, err := testutil.GatherAndLint(newFullHarness(t).Registry)
	if err != nil {
		t.Fatal(err)
	}
	if len(problems) > 0 {
		t.Errorf("lint finds %v", problems)
	}
}

func TestEachHistogramIsClassicAndNativeWithoutCreatedTimestamp(t *testing.T) {
	gathered, err := newFullHarness(t).Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	histograms := 0
	for _, family := range gathered {
		if family.GetType() != dto.MetricType_HISTOGRAM {
			continue
		}
		histograms++
		for _, m := range family.Metric {
			h := m.Histogram
			if len(h.Bucket) == 0 {
				t.Errorf("%s has no classic buckets", family.GetName())
			}
			if h.Schema == nil || h.GetSchema() != histogram.NativeSchema || h.GetZeroThreshold() == 0 {
				t.Errorf("%s is no native histogram: %v", family.GetName(), h)
			}
			if h.CreatedTimestamp != nil {
				t.Errorf("%s has a created timestamp", family.GetName())
			}
			checkHistogram(t, family.GetName(), h)
		}
	}
	if histograms != 7 {
		t.Errorf("%d histograms, want 7", histograms)
	}
}
