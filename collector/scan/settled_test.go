package scan

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// start is a Wednesday morning.
var start = time.Date(2024, 5, 1, 9, 0, 0, 0, time.UTC)

func TestFullScansOfManyCampaignsAreSpread(t *testing.T) {
	var due []int
	for i := range 100 {
		p := &Settled{ReadAt: start}
		minutes := 0
		for !p.due(fmt.Sprint("campaign ", i), time.Hour, start.Add(time.Duration(minutes)*time.Minute)) {
			minutes++
		}
		if minutes < 45 || minutes > 60 {
			t.Errorf("due after %d minutes, want 45 to 60", minutes)
		}
		due = append(due, minutes)
	}
	slices.Sort(due)
	if distinct := len(slices.Compact(due)); distinct < 12 {
		t.Errorf("due in only %d different minutes", distinct)
	}
	if !(&Settled{ReadAt: start}).due("c", time.Hour, start.Add(-time.Minute)) {
		t.Error("a clock that was set back must not delay full scans")
	}
}
