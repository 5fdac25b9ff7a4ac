package exposition

import (
	"hash/crc32"
	"slices"
	"strings"
	"testing"

	"github.com/revox-exporter/revox_exporter/collector/store"
)

// Series that a registry would refuse are left out and reported.
func TestSeriesAreChecked(t *testing.T) {
	made := &campaignSeries{record: &store.Record{ID: "c"}, families: make([][]series, len(families))}
	b := &seriesBuilder{made: made}
	b.add(familyUp, 1)
	b.add(familyUp, 0)
	b.add(familyStatus, 1, "running")
	b.add(familyStatus, 1, "draft")
	b.add(familyStatus, 2, "running")
	b.add(familyStatus, 1, "bad\xff")
	b.finish()
	var errs []string
	for _, err := range b.made.errs {
		errs = append(errs, err.Error())
	}
	all := strings.Join(errs, "\n")
	for _, want := range []string{
		"campaign c: metric revox_campaign_up was collected before with the same labels",
		"campaign c: metric revox_campaign_status was collected before with the same labels",
		"campaign c: metric revox_campaign_status has a label status that is not valid UTF-8",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no error %q in:\n%s", want, all)
		}
	}
	if len(errs) != 3 {
		t.Errorf("%d errors, want 3:\n%s", len(errs), all)
	}
	if up := b.made.of(familyUp); len(up) != 1 || up[0].value != 1 {
		t.Errorf("revox_campaign_up: %v, want the first", up)
	}
	status := b.made.of(familyStatus)
	if len(status) != 2 || status[0].labels[0] != "draft" || status[1].labels[0] != "running" || status[1].value != 1 {
		t.Errorf("revox_campaign_status: %v, want draft and running, once each", status)
	}
}

// Series are sorted by campaign and then by their other labels. That is the order of the format only if the label names
// are sorted. Family names are unique.
func TestFamiliesHaveSortedLabelsAndUniqueNames(t *testing.T) {
	names := map[string]bool{}
	for _, f := range families {
		if !slices.IsSorted(f.labels) || names[f.Name] {
			t.Errorf("%s has the labels %v; the name is used before: %v", f.Name, f.labels, names[f.Name])
		}
		names[f.Name] = true
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
