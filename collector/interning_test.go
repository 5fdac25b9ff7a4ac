package collector

import (
	"log/slog"
	"testing"
	"time"
)

// What is equal is in memory once, and what is not stays as it was.
func TestTalliesInternWhatIsEqual(t *testing.T) {
	labels := newLabelValues(slog.New(slog.DiscardHandler))
	tally := func(ring time.Duration) *Tally {
		made := newTally(labels)
		made.observe(familyAttemptDuration, "", time.Minute)
		made.observe(familyRingDuration, "", ring)
		return made
	}
	before, after := tally(time.Second), tally(2*time.Second)
	after.intern(before)
	if d := tallyDifference(after, tally(2*time.Second)); d != "" {
		t.Error(d)
	}
	same := func(f *family) bool {
		return &after.distributions[f.index].of("")[0] == &before.distributions[f.index].of("")[0]
	}
	if !same(familyAttemptDuration) || same(familyRingDuration) {
		t.Error("the equal distribution is not shared, or the other one is")
	}
}
