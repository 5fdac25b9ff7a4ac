package room_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/revox-exporter/revox_exporter/collector/room"
)

func TestNobodyLosesItsShare(t *testing.T) {
	r := room.New(room.Limits{What: "rows", All: 100, One: 80}, nil)
	want := func(err error, full bool, text string) {
		t.Helper()
		if errors.Is(err, room.ErrFull) != full || full && !strings.Contains(err.Error(), text) {
			t.Errorf("error %v, want full: %v, %s", err, full, text)
		}
	}
	a, b := r.Begin("a"), r.Begin("b")
	want(a.Grow(81), true, "more than 80 rows were found")
	want(a.Grow(60), false, "")
	want(b.Grow(41), true, "--shard.count")
	want(b.Grow(40), false, "")
	r.Keep("a", 60)
	a.End()
	b.End() // its scan failed
	want(r.Admit("c", 41), true, "")
	want(r.Admit("c", 40), false, "")

	// The next scan has what the one before had.
	a = r.Begin("a")
	want(a.Grow(60), false, "")
	want(a.Grow(61), true, "100 rows")
	r.Keep("a", 70) // more than there is room for, which the others do not lose
	a.End()
	want(r.Admit("c", 40), false, "")
	want(r.Admit("c", 41), true, "")
	r.ForgetAllBut(func(id string) bool { return id == "c" })
	want(r.Admit("d", 60), false, "")
}

func TestRoomIsMade(t *testing.T) {
	var r *room.Room
	old := []string{"a", "b", "c"}
	r = room.New(room.Limits{What: "rows", All: 3}, func() bool {
		if len(old) == 0 {
			return false
		}
		r.Forget(old[0])
		old = old[1:]
		return true
	})
	for _, id := range old {
		r.Keep(id, 1)
	}
	if err := r.Begin("d").Grow(2); err != nil || len(old) != 1 {
		t.Errorf("%v; %v are left", err, old)
	}
	if err := r.Begin("e").Grow(4); !errors.Is(err, room.ErrFull) || len(old) != 0 {
		t.Errorf("%v; %v are left", err, old)
	}
}

func TestLargeScansTakeTurns(t *testing.T) {
	r := room.New(room.Limits{All: 1}, nil)
	a, b := r.Begin("a"), r.Begin("b")
	a.Turn(t.Context())
	a.Turn(t.Context())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	b.Turn(ctx) // it gives up
	b.End()
	waits := make(chan struct{})
	go func() {
		b.Turn(t.Context())
		close(waits)
	}()
	select {
	case <-waits:
		t.Error("two have their turn")
	default:
	}
	a.End()
	<-waits
}
