package collector

import (
	"hash/crc32"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// What a registry would refuse is refused.
func TestSeriesAreChecked(t *testing.T) {
	r := &record{id: "c"}
	families := metricFamilies{}
	b := &seriesBuilder{families: families, made: &campaignSeries{record: r}}
	send(b, descUp, prometheus.GaugeValue, 1, "c")
	send(b, descUp, prometheus.GaugeValue, 0, "c")
	send(b, descStatus, prometheus.GaugeValue, 1, "c", "running")
	send(b, descStatus, prometheus.GaugeValue, 1, "c", "draft")
	send(b, descStatus, prometheus.GaugeValue, 2, "c", "running")
	send(b, descStatus, prometheus.GaugeValue, 1, "c")
	send(b, descStatus, prometheus.CounterValue, 1, "c", "paused")
	send(b, descScanDuration, prometheus.GaugeValue, 1, "another")
	send(b, prometheus.NewDesc("revox_campaign_odd", "Odd.", []string{"a_label", campaignLabel}, nil), prometheus.GaugeValue, 1, "x", "c")
	b.finish()
	var errs []string
	for _, err := range b.made.errs {
		errs = append(errs, err.Error())
	}
	all := strings.Join(errs, "\n")
	for _, want := range []string{
		"campaign c: metric revox_campaign_up was collected before with the same labels",
		"campaign c: metric revox_campaign_status was collected before with the same labels",
		"campaign c: metric revox_campaign_status has 2 labels, not 1",
		"campaign c: metric revox_campaign_status is a GAUGE, not a COUNTER",
		"campaign c: metric revox_campaign_scan_duration_seconds has the ID of another campaign",
		"campaign c: metric revox_campaign_odd: its labels must be campaign_id and such as sort after it, in order",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no error %q in:\n%s", want, all)
		}
	}
	if len(errs) != 6 {
		t.Errorf("%d errors, want 6:\n%s", len(errs), all)
	}
	if up := b.made.of(families[descUp]); len(up) != 1 || up[0].value != 1 {
		t.Errorf("revox_campaign_up: %v, want the first", up)
	}
	status := b.made.of(families[descStatus])
	if len(status) != 2 || status[0].labels[0] != "draft" || status[1].labels[0] != "running" || status[1].value != 1 {
		t.Errorf("revox_campaign_status: %v, want draft and running, once each", status)
	}
}

func FuzzCombineCRC(f *testing.F) {
	f.Add([]byte{}, []byte{})
	f.Add([]byte("metrics"), []byte{})
	f.Add([]byte{0}, []byte("\x00\x00 and more"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		got := combineCRC(crc32.ChecksumIEEE(a), crc32.ChecksumIEEE(b), len(b))
		if want := crc32.ChecksumIEEE(append(a[:len(a):len(a)], b...)); got != want {
			t.Errorf("%08x, want %08x", got, want)
		}
	})
}
