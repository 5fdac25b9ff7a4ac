package collector

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

func TestTurnsAreInTheOrderOfWhatIsDueLongest(t *testing.T) {
	turns := newTurns(1, 0)
	first, err := turns.wait(t.Context(), "first", start)
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	var done sync.WaitGroup
	for i, due := range []int{5, 3, 9, 1, 3} {
		done.Go(func() {
			turn, err := turns.wait(t.Context(), fmt.Sprint("c", i), start.Add(time.Duration(due)*time.Second))
			if err != nil {
				t.Error(err)
				return
			}
			order = append(order, turn.campaign) // one at once
			turn.end()
		})
		awaitWaiting(t, turns, i+1)
	}
	first.end()
	done.Wait()
	if want := []string{"c3", "c1", "c4", "c0", "c2"}; !slices.Equal(order, want) {
		t.Errorf("the turns were %v, want %v", order, want)
	}
}

func TestNoCampaignHasTwoTurnsAtOnce(t *testing.T) {
	turns := newTurns(2, 0)
	first, err := turns.wait(t.Context(), "c", start)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	given := make(chan error)
	go func() { _, err := turns.wait(ctx, "c", start); given <- err }()
	awaitWaiting(t, turns, 1)
	other, err := turns.wait(t.Context(), "other", start.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	other.end()
	cancel()
	if err := <-given; err == nil {
		t.Error("a campaign has two turns at once")
	}
	first.end()
	// What was given up holds nothing.
	for _, id := range []string{"c", "other"} {
		turn, err := turns.wait(t.Context(), id, start)
		if err != nil {
			t.Fatal(err)
		}
		defer turn.end()
	}
}

// A turn that comes when nobody waits for it any more goes to the next.
func TestTurnThatComesTooLateIsPassedOn(t *testing.T) {
	turns := newTurns(1, 0)
	first, err := turns.wait(t.Context(), "first", start)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() { _, err := turns.wait(ctx, "late", start); left <- err }()
	awaitWaiting(t, turns, 1)
	turns.mu.Lock()
	cancel() // it wakes, but cannot leave before the turn has come
	turns.release(first)
	turns.mu.Unlock()
	if err := <-left; err == nil {
		t.Error("who had left got a turn")
	}
	patient, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	if _, err := turns.wait(patient, "next", start); err != nil {
		t.Errorf("the slot is lost: %v", err)
	}
}

func awaitWaiting(t *testing.T, turns *turns, n int) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		turns.mu.Lock()
		waiting := len(turns.waiting)
		turns.mu.Unlock()
		if waiting == n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d wait, want %d", waiting, n)
		}
	}
}

// The answer to a request that was given up can come when the scan has ended: it is no part of any scan then.
func TestAnswerAfterAScanTakesNoPlaceOfLongOnes(t *testing.T) {
	turns := newTurns(2, 0)
	turns.selectOnly([]string{"short", "late", "long"})
	late, err := turns.wait(t.Context(), "late", start)
	if err != nil {
		t.Fatal(err)
	}
	_, cancel := late.watch(t.Context())
	defer cancel()
	for range longScan {
		late.answered()
	}
	late.end()
	late.answered()

	long, err := turns.wait(t.Context(), "long", start)
	if err != nil {
		t.Fatal(err)
	}
	defer long.end()
	_, cancel = long.watch(t.Context())
	defer cancel()
	for range longScan + 1 {
		long.answered()
	}
	if long.gave() {
		t.Error("the only long scan gives way to another, but there is none")
	}
}
