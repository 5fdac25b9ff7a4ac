package tally

import (
	"bytes"
	"log/slog"
	"testing"
	"time"
)

// What is equal is in memory once, and what is not stays as it was.
func TestTalliesInternWhatIsEqual(t *testing.T) {
	labels := NewLabels(slog.New(slog.DiscardHandler))
	tally := func(ring time.Duration) *Tally {
		made := New(labels)
		made.observe(AttemptDuration, "", time.Minute)
		made.observe(RingDuration, "", ring)
		return made
	}
	before, after := tally(time.Second), tally(2*time.Second)
	after.Intern(before)
	if got, want := stored(after), stored(tally(2*time.Second)); !bytes.Equal(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
	same := func(f *Family) bool {
		return &after.Values.Distributions[f.Index].Of("")[0] == &before.Values.Distributions[f.Index].Of("")[0]
	}
	if !same(AttemptDuration) || same(RingDuration) {
		t.Error("the equal distribution is not shared, or the other one is")
	}
}

// stored returns all that a tally counts.
func stored(t *Tally) []byte { return MarshalJSON(t.Store()) }
