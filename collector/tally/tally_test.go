package tally

import (
	"log/slog"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/internal/answertest"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

// Merging tallies of parts, in any order, gives the tally of all rows.
func TestTalliesMergeInAnyOrder(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	clock := revoxtest.NewClock(start)
	api := revoxtest.NewServer(revoxtest.WithNow(clock.Now), revoxtest.WithNewerFields())
	defer api.Close()
	sim.New(api).AddCampaign(sim.Campaign{ID: "c", Rows: 200, Start: start.AddDate(0, 0, -3), Weight: sim.Light})
	var rows []Row
	for _, text := range append(answertest.Rows(t, "../testdata/hand_counted.json"), api.Rows("c")...) {
		var r Row
		if err := json.Unmarshal(text, &r); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r)
	}
	labels := labelvalue.New(slog.New(slog.DiscardHandler))
	whole := New(labels)
	for _, r := range rows {
		whole.CountRow(r)
	}
	parts := []*Tally{New(labels), New(labels), New(labels), New(labels)}
	for _, r := range rows {
		parts[random.IntN(len(parts))].CountRow(r)
	}
	merged := New(labels)
	for _, i := range random.Perm(len(parts)) {
		merged.Merge(parts[i])
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
		t.Error("the fields or the unknown values differ from those of the whole")
	}
}

// start is a Wednesday morning.
var start = time.Date(2024, 5, 1, 9, 0, 0, 0, time.UTC)

// A late copy of an attempt is counted once. The same ID in another call is another attempt.
func TestAttemptTwiceInOneCallIsCountedOnce(t *testing.T) {
	attempt := func(id string) string { return `{"id":` + id + `,"status":"completed","result":"human"}` }
	many := strings.Repeat(attempt(`"x"`)+",", 40)
	for _, test := range []struct {
		attempts              string
		attempted, duplicates uint64
	}{
		{attempt(`"a"`) + "," + attempt(`"b"`), 2, 0},
		{attempt(`"a"`) + "," + attempt(`"b"`) + "," + attempt(`"a"`), 2, 1},
		{attempt(`7`) + "," + attempt(`7`), 1, 1},
		{attempt(`null`) + "," + attempt(`null`), 2, 0},
		{attempt(`""`) + "," + attempt(`""`), 2, 0},
		{attempt(`{}`) + "," + attempt(`true`) + "," + attempt(`[]`), 3, 0},
		{many + attempt(`"y"`), 2, 39},
		{strings.Repeat(attempt(`null`)+",", 40) + attempt(`"y"`), 41, 0},
	} {
		rows := []string{
			`{"id":"1","call":{"status":"completed","call_attempts":[` + test.attempts + `]}}`,
			`{"id":"2","call":{"status":"completed","call_attempts":[` + attempt(`"a"`) + `]}}`,
		}
		tally := New(labelvalue.New(slog.New(slog.DiscardHandler)))
		client := answertest.Client(t, []byte(`{"rows":[`+strings.Join(rows, ",")+`],"total":2}`))
		for r, err := range revoxapi.Rows[Row](t.Context(), client, "c", revoxapi.RowsParams{}) {
			if err != nil {
				t.Fatal(err)
			}
			tally.CountRow(r)
		}
		got, duplicates := tally.Total(AttemptsFinished), tally.Values.Counts[Anomalies.Index].Of(anomalyDuplicateAttempt)
		if got != test.attempted+1 || duplicates != test.duplicates || tally.Total(AttemptResults) != got {
			t.Errorf("%s: %d attempts, %d duplicates", test.attempts, got, duplicates)
		}
		calls, _ := tally.Values.Distributions[AttemptsPerCall.Index].Of("").ClassicBuckets(AttemptsPerCall.Buckets)
		below := 0 // calls with fewer attempts
		for i, bound := range AttemptsPerCall.Buckets {
			if bound < float64(test.attempted) {
				below = int(calls[i])
			}
		}
		if wantBelow := map[bool]int{true: 1}[test.attempted > 1]; below != wantBelow {
			t.Errorf("%s: attempts per call %v", test.attempts, calls)
		}
	}
}

// What is not counted may have any shape.
func TestUncountedFieldsHaveAnyShape(t *testing.T) {
	for _, member := range []string{
		`"campaign":"x"`, `"campaign":[]`, `"campaign":[1]`, `"campaign":7`, `"campaign":{"name":7}`, `"campaign":{"name":{}}`,
		`"campaign":{"id":[],"name":null}`, `"id":7`, `"assistant":"x"`, `"metadata":[]`,
	} {
		tally := New(labelvalue.New(slog.New(slog.DiscardHandler)))
		client := answertest.Client(t, []byte(`{"rows":[{"id":"1","call":{"status":"completed",`+member+`}}],"total":1}`))
		for r, err := range revoxapi.Rows[Row](t.Context(), client, "c", revoxapi.RowsParams{}) {
			if err != nil {
				t.Fatalf("%s: %v", member, err)
			}
			tally.CountRow(r)
		}
		if tally.Total(CallsFinished) != 1 || tally.Name != "" {
			t.Errorf("%s: %d calls, name %q", member, tally.Total(CallsFinished), tally.Name)
		}
	}
}
