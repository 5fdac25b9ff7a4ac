package store

import (
	"log/slog"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/collector/scan"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// A campaign that could not be written and is no longer selected does not keep the state down.
func TestStateIsUpWhenAllSelectedCampaignsAreWritten(t *testing.T) {
	clock := revoxtest.NewClock(start)
	open := func() *State {
		state, err := OpenState(t.TempDir(), "http://localhost", clock, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(state.Close)
		return state
	}
	state, broken := open(), open()
	broken.Close()
	file := state.file
	state.file = broken.file // it cannot be written

	s := New(state, Ages{MaxAge: time.Hour})
	publish := func(id string) {
		counted := tally.New(labelvalue.New(slog.New(slog.DiscardHandler)))
		s.Publish(id, Outcome{Found: &scan.Result{Tally: counted}, Due: start, Asked: start, Start: start, End: start})
	}
	s.SelectOnly([]string{"c-0", "c-1"}, nil, nil, start)
	publish("c-0")
	publish("c-1")
	if up, failed := state.Status(); up || failed == 0 {
		t.Errorf("up %v and %d failed writes, want false and more than 0", up, failed)
	}
	state.file = file
	s.SelectOnly([]string{"c-0"}, nil, nil, start)
	s.KeepSelection()
	publish("c-0")
	if up, _ := state.Status(); !up {
		t.Error("the state is not up although all selected campaigns are written")
	}
}
