package tally

import (
	"log/slog"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/internal/answertest"
)

// Counting any row does not panic, and gives consistent totals and valid label values.
func FuzzRow(f *testing.F) {
	for _, text := range answertest.Rows(f, "../testdata/hand_counted.json") {
		f.Add([]byte(text))
	}
	f.Add([]byte(`{"id": "r", "call": {"status": "completed", "created_at": "0001-01-01T00:00:00Z", "outcome": "\u0000",
		"call_attempts": [null, {}, {"status": "error", "result": "\ud800",
		"started_at": "9999-12-31T23:59:59Z", "ended_at": "0001-01-01T00:00:00Z"}]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var r Row
		if json.Unmarshal(text, &r, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)) != nil {
			return
		}
		tally := New(labelvalue.New(slog.New(slog.DiscardHandler)))
		tally.CountRow(r)

		finished := tally.Total(AttemptsFinished)
		if results := tally.Total(AttemptResults); results != finished {
			t.Errorf("%d finished attempts, %d results", finished, results)
		}
		if outcomes, calls := tally.Total(CallOutcomes), tally.Total(CallsFinished); outcomes != calls {
			t.Errorf("%d finished calls, %d outcomes", calls, outcomes)
		}
		for _, f := range Families() {
			for _, c := range tally.Values.Counts[f.Index] {
				if !utf8.ValidString(c.Label) {
					t.Errorf("%s has the label value %q", f.Name, c.Label)
				}
			}
			for _, d := range tally.Values.Distributions[f.Index] {
				cumulative, _ := d.Value.ClassicBuckets(f.Buckets)
				if cumulative[len(f.Buckets)] != d.Value.Count() || !utf8.ValidString(d.Label) {
					t.Errorf("%s with %q: buckets %v, %d observations", f.Name, d.Label, cumulative, d.Value.Count())
				}
			}
		}
	})
}
