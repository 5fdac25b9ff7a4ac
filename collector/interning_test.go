package collector

import (
	"fmt"
	"log/slog"
	"testing"
	"time"
)

// What is kept of settled pages, what was found last and what is published have in common what is equal.
func TestWhatIsEqualIsInMemoryOnce(t *testing.T) {
	rows := oldRows(50)
	for i := 40; i < 50; i++ {
		rows[i] = callRow(fmt.Sprint("r", i), "calling")
	}
	h := settlingCampaign(t, rows)
	once := func(when string) {
		t.Helper()
		data := h.exporter.store.all()[0].data
		found := 0
		for i, f := range families {
			for _, d := range data.tally.distributions[i] {
				if len(d.value) == 0 {
					continue
				}
				found++
				for _, other := range [][]distributions{data.settled.Tally.distributions, data.heldDistributions, data.baseDistributions} {
					if !same(d.value, other[i].of(d.label)) {
						t.Errorf("%s: %s %q is there more than once", when, f.name, d.label)
					}
				}
			}
			if c := data.tally.counts[i]; f.kind == counter && (!same(c, data.heldCounts[i]) || !same(c, data.baseCounts[i])) {
				t.Errorf("%s: %s is there more than once", when, f.name)
			}
		}
		if found < 5 {
			t.Errorf("%s: %d distributions, want those of durations and attempts", when, found)
		}
	}
	once("settled")
	h.advance(time.Minute)
	once("read again in part")
	h.api.SetRows("c", "", rows[:49])
	h.advance(time.Minute)
	once("read again as a whole")
	h.advance(time.Minute)
	once("read again in part after that")
}

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
