package store

import (
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/collector/room"
	"github.com/revox-exporter/revox_exporter/collector/rows"
	"github.com/revox-exporter/revox_exporter/collector/scan"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// Campaigns keep what they have; those that were dropped make room, the first one first; a restart changes nothing.
func TestRoomForCampaigns(t *testing.T) {
	labels, table := labelvalue.New(slog.New(slog.DiscardHandler)), rows.NewTable()
	folder, clock := t.TempDir(), revoxtest.NewClock(start)
	var s *Store
	var state *State
	open := func(maxRows, maxSeries int) {
		var err error
		if state, err = OpenState(folder, "http://localhost", clock, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
		s = New(state, Ages{MaxAge: time.Hour})
		s.rows = room.New(room.Limits{What: "rows", All: maxRows}, s.evict)
		s.series = room.New(room.Limits{What: "series", All: maxSeries}, s.evict)
	}
	publish := func(id string, n int) error {
		claim := s.Claim(id)
		defer claim.End()
		if err := claim.Grow(n); err != nil {
			return err
		}
		built := rows.NewBuilder(table)
		for i := range n {
			built.Add(uint64(i), nil)
		}
		_, after := s.Publish(id, Outcome{Found: &scan.Result{Tally: tally.New(labels), Rows: built.Set()},
			Due: start, Asked: start, Start: start, End: start})
		return after.Err
	}
	full := func(err error, want bool) {
		t.Helper()
		if errors.Is(err, room.ErrFull) != want {
			t.Errorf("error %v, want that there is no room: %v", err, want)
		}
	}
	open(10, 1_000_000)
	s.SelectOnly([]string{"a", "b", "c"}, nil, nil, start)
	full(publish("c", 6), false)
	full(publish("a", 5), true)
	full(publish("b", 4), false)
	full(publish("c", 6), false)

	s.SelectOnly([]string{"a", "c"}, nil, nil, start)
	full(publish("a", 4), false) // b has lost its data
	full(publish("a", 5), true)
	if len(s.dropped) != 0 {
		t.Errorf("%d dropped campaigns are left", len(s.dropped))
	}
	state.Close()

	open(9, 1_000_000) // less than c and a have
	var kept []string
	records := map[string]*Record{}
	for id, was := range state.Campaigns(labels, table, s.Admit) {
		records[id] = was.Record
		if was.Record.Data != nil {
			kept = append(kept, id)
		}
	}
	s.Restore(records, map[string]Dropped{})
	if !slices.Equal(kept, []string{"a"}) {
		t.Errorf("the data of %v is restored, want a's", kept)
	}
	full(publish("c", 6), true)
	full(publish("c", 5), false)
	state.Close()

	folder = t.TempDir()
	open(10, records["a"].Data.series())
	defer func() { state.Close() }()
	s.SelectOnly([]string{"a", "b"}, nil, nil, start)
	full(publish("b", 1), false)
	full(publish("a", 1), true)
	full(publish("b", 1), false)
	if r := s.Get("a"); r.Data != nil || r.Failures["incomplete"] != 1 {
		t.Errorf("%+v is published", r)
	}
}
