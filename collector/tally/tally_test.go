package tally

import (
	"bytes"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

// However rows are split over tallies and merged, the result is that of counting them all.
func TestTalliesMergeInAnyOrder(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	clock := revoxtest.NewClock(start)
	api := revoxtest.NewServer(revoxtest.WithNow(clock.Now), revoxtest.WithNewerFields())
	defer api.Close()
	sim.New(api).AddCampaign(sim.Campaign{ID: "c", Rows: 200, Start: start.AddDate(0, 0, -3), Weight: sim.Light})
	var rows []Row
	texts := readRows(t, "../testdata/hand_counted.json")
	for _, text := range api.Rows("c") {
		texts = append(texts, jsontext.Value(text))
	}
	for _, text := range texts {
		var r Row
		if err := json.Unmarshal(text, &r); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r)
	}
	labels := NewLabels(slog.New(slog.DiscardHandler))
	whole := New(labels)
	for _, r := range rows {
		whole.CountRow(r)
	}
	parts := []*Tally{New(labels), New(labels), New(labels), New(labels)}
	for _, r := range rows {
		parts[random.IntN(len(parts))].CountRow(r)
	}
	merged := New(labels)
	// Nor is anything lost of what is kept of a part in little room.
	kept := New(labels)
	for _, i := range random.Perm(len(parts)) {
		merged.Merge(parts[i])
		kept.MergeBytes(parts[i].AppendBytes(nil))
	}
	for _, f := range families {
		for _, d := range whole.Values.Distributions[f.Index] {
			if got := merged.Values.Distributions[f.Index].Of(d.Label); !got.Equal(d.Value) {
				t.Errorf("%s %q: %v, want %v", f.Name, d.Label, got, d.Value)
			}
		}
		if f.Kind != Histogram && !reflect.DeepEqual(merged.Values.Counts[f.Index], whole.Values.Counts[f.Index]) {
			t.Errorf("%s: %v, want %v", f.Name, merged.Values.Counts[f.Index], whole.Values.Counts[f.Index])
		}
	}
	if !reflect.DeepEqual(merged.Fields, whole.Fields) || !reflect.DeepEqual(merged.Unknown, whole.Unknown) {
		t.Error("what is carried, or the unknown values, are not those of the whole")
	}
	if !bytes.Equal(stored(merged), stored(kept)) || !reflect.DeepEqual(merged.Unknown, kept.Unknown) {
		t.Errorf("kept is %s, want %s", stored(kept), stored(merged))
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

// start is a Wednesday morning.
var start = time.Date(2024, 5, 1, 9, 0, 0, 0, time.UTC)

// readRows returns the rows of a file.
func readRows(t testing.TB, path string) []jsontext.Value {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var rows []jsontext.Value
	if err := json.Unmarshal(text, &rows); err != nil {
		t.Fatal(err)
	}
	return rows
}
