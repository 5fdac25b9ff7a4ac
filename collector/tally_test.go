package collector

import (
	"log/slog"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// However rows are split over tallies and merged, the result is that of counting them all.
func TestTalliesMergeInAnyOrder(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	clock := revoxtest.NewClock(start)
	api := revoxtest.NewServer(revoxtest.WithNow(clock.Now), revoxtest.WithNewerFields())
	defer api.Close()
	api.AddCampaign(revoxtest.Campaign{ID: "c", Rows: 200, Start: start.AddDate(0, 0, -3), Weight: revoxtest.Light})
	var rows []row
	for _, text := range append(api.Rows("c"), readRows(t, "testdata/hand_counted.json")...) {
		var r row
		if err := json.Unmarshal(text, &r); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r)
	}
	labels := newLabelValues(slog.New(slog.DiscardHandler))
	whole := newTally(labels)
	for _, r := range rows {
		whole.countRow(r)
	}
	parts := []*Tally{newTally(labels), newTally(labels), newTally(labels), newTally(labels)}
	for _, r := range rows {
		parts[random.IntN(len(parts))].countRow(r)
	}
	merged := newTally(labels)
	// Nor is anything lost of what is kept of a part in little room.
	kept := newTally(labels)
	for _, i := range random.Perm(len(parts)) {
		merged.merge(parts[i])
		kept.mergeBytes(parts[i].appendBytes(nil))
	}
	for _, f := range families {
		for _, d := range whole.distributions[f.index] {
			if got := merged.distributions[f.index].of(d.label); !got.equal(d.value) {
				t.Errorf("%s %q: %v, want %v", f.name, d.label, got, d.value)
			}
		}
		if f.kind != histogram && !reflect.DeepEqual(merged.counts[f.index], whole.counts[f.index]) {
			t.Errorf("%s: %v, want %v", f.name, merged.counts[f.index], whole.counts[f.index])
		}
	}
	if !reflect.DeepEqual(merged.carries, whole.carries) || !reflect.DeepEqual(merged.unknown, whole.unknown) {
		t.Error("what is carried, or the unknown values, are not those of the whole")
	}
	if d := tallyDifference(merged, kept); d != "" {
		t.Error(d)
	}
}

// Sums of durations lose nothing in the form of little room, whatever they are.
func TestSumsInLittleRoom(t *testing.T) {
	for _, s := range []exactSum{
		{}, {0, 1}, {0, 1e6}, {0, 999_999_999}, {1, 0}, {86_400, 250e6}, {86_400, 250e6 + 1},
		{math.MaxInt64 / 1000, 999e6}, {math.MaxInt64/1000 - 2, 999e6}, {math.MaxInt64, 0}, {math.MaxInt64, 999_999_999},
	} {
		r := tallyReader(s.appendBytes(nil))
		if got := r.sum(); got != s || len(r) > 0 {
			t.Errorf("%v came back as %v, with %d bytes left", s, got, len(r))
		}
	}
}
