package collector

import (
	"log/slog"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/prometheus/client_golang/prometheus"
)

// Whatever a row holds, counting it does not panic, its sums hold, and all of it can be exposed.
func FuzzRow(f *testing.F) {
	for _, text := range readRows(f, "testdata/hand_counted.json") {
		f.Add([]byte(text))
	}
	f.Add([]byte(`{"id": "r", "call": {"status": "completed", "created_at": "0001-01-01T00:00:00Z", "outcome": "\u0000", "call_attempts": [null, {},
		{"status": "error", "result": "\ud800", "started_at": "9999-12-31T23:59:59Z", "ended_at": "0001-01-01T00:00:00Z"}]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var r row
		if json.Unmarshal(text, &r, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)) != nil {
			return
		}
		e := &Exporter{
			Config:    Config{MaxAge: time.Hour, Clock: fixedClock{}},
			labels:    newLabelValues(slog.New(slog.DiscardHandler)),
			store:     &store{},
			campaigns: &campaigns{},
		}
		e.store.selectOnly([]string{"c"}, nil, start)
		tally := newTally(e.labels)
		tally.countRow(r)
		e.store.update("c", func(c *record) { c.data = c.data.next(tally, start, 0) })

		finished := tally.total(familyAttemptsFinished)
		if results := tally.total(familyAttemptResults); results != finished {
			t.Errorf("%d finished attempts, %d results", finished, results)
		}
		if outcomes, calls := tally.total(familyCallOutcomes), tally.total(familyCallsFinished); outcomes != calls {
			t.Errorf("%d finished calls, %d outcomes", calls, outcomes)
		}
		registry := prometheus.NewPedanticRegistry()
		registry.MustRegister(e)
		if _, err := registry.Gather(); err != nil {
			t.Error(err)
		}
	})
}

// fixedClock stands still.
type fixedClock struct{ impatient }

func (fixedClock) Now() time.Time { return start }
