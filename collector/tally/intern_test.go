package tally

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
)

// Equal distributions share memory, and others stay as they were.
func TestInternSharesEqualDistributions(t *testing.T) {
	labels := labelvalue.New(slog.New(slog.DiscardHandler))
	tally := func(ring time.Duration) *Tally {
		made := New(labels)
		made.observe(AttemptDuration, "", time.Minute)
		made.observe(RingDuration, "", ring)
		return made
	}
	before, after := tally(time.Second), tally(2*time.Second)
	after.Values.Intern(before.Values)
	if got, want := stored(after), stored(tally(2*time.Second)); !bytes.Equal(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
	same := func(f *Family) bool {
		return &after.Values.Distributions[f.Index].Of("")[0] == &before.Values.Distributions[f.Index].Of("")[0]
	}
	if !same(AttemptDuration) || same(RingDuration) {
		t.Error("the equal distribution is not shared, or the different one is")
	}
	equal := tally(time.Second)
	if equal.Values.Intern(before.Values); &equal.Values.Counts[0] != &before.Values.Counts[0] {
		t.Error("equal values do not share all of their memory")
	}
}

// stored returns a tally's counts as JSON.
func stored(t *Tally) []byte {
	bytes, _ := json.Marshal(t.Store(), json.Deterministic(true)) // tallies have nothing that JSON has not
	return bytes
}
