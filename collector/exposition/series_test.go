package exposition

import (
	"slices"
	"strings"
	"testing"

	"github.com/revox-exporter/revox_exporter/collector/tally"
)

// Series that a registry would refuse are left out and reported.
func TestSeriesAreChecked(t *testing.T) {
	made := seriesList{}
	made.add("running", 1)
	made.add("draft", 1)
	made.add("running", 2)
	made.add("bad\xff", 1)
	f := &family{Family: &tally.Family{Name: "revox_campaign_status", Labels: []string{"status"}}}
	var errs []string
	for _, err := range made.check(f, "c") {
		errs = append(errs, err.Error())
	}
	all := strings.Join(errs, "\n")
	for _, want := range []string{
		"campaign c: metric revox_campaign_status was collected before with the same labels",
		"campaign c: metric revox_campaign_status has a label status that is not valid UTF-8",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no error %q in:\n%s", want, all)
		}
	}
	if len(errs) != 2 {
		t.Errorf("%d errors, want 2:\n%s", len(errs), all)
	}
	if len(made) != 2 || made[0].label != "draft" || made[1].label != "running" || made[1].value != 1 {
		t.Errorf("%v, want draft and the first running", made)
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

func FuzzCombine(f *testing.F) {
	f.Add([]byte{}, []byte{})
	f.Add([]byte("metrics"), []byte{})
	f.Add([]byte{0}, []byte("\x00\x00 and more"))
	f.Add([]byte("metrics"), make([]byte, 2*len(zeros)+1))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		var got, rest, want checksum
		got.Write(a)
		rest.Write(b)
		got.combine(rest)
		want.Write(append(a[:len(a):len(a)], b...))
		if got != want {
			t.Errorf("%08x, want %08x", got, want)
		}
	})
}
