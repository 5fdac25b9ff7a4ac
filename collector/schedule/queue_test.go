package schedule

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

func TestTurnsAreInTheOrderOfWhatIsDueLongest(t *testing.T) {
	queue := NewQueue(1, 0)
	first, err := queue.Wait(t.Context(), "first", start)
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	var done sync.WaitGroup
	for i, due := range []int{5, 3, 9, 1, 3} {
		done.Go(func() {
			turn, err := queue.Wait(t.Context(), fmt.Sprint("c", i), start.Add(time.Duration(due)*time.Second))
			if err != nil {
				t.Error(err)
				return
			}
			order = append(order, turn.campaign) // one at once
			turn.End()
		})
		awaitWaiting(t, queue, i+1)
	}
	first.End()
	done.Wait()
	if want := []string{"c3", "c1", "c4", "c0", "c2"}; !slices.Equal(order, want) {
		t.Errorf("the order was %v, want %v", order, want)
	}
}

func TestNoCampaignHasTwoTurnsAtOnce(t *testing.T) {
	queue := NewQueue(2, 0)
	first, err := queue.Wait(t.Context(), "c", start)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	given := make(chan error)
	go func() { _, err := queue.Wait(ctx, "c", start); given <- err }()
	awaitWaiting(t, queue, 1)
	other, err := queue.Wait(t.Context(), "other", start.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	other.End()
	cancel()
	if err := <-given; err == nil {
		t.Error("a campaign has two queue at once")
	}
	first.End()
	// What was given up holds nothing.
	for _, id := range []string{"c", "other"} {
		turn, err := queue.Wait(t.Context(), id, start)
		if err != nil {
			t.Fatal(err)
		}
		defer turn.End()
	}
}

// A turn that comes when nobody waits for it any more goes to the next.
func TestTurnThatComesTooLateIsPassedOn(t *testing.T) {
	queue := NewQueue(1, 0)
	first, err := queue.Wait(t.Context(), "first", start)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() { _, err := queue.Wait(ctx, "late", start); left <- err }()
	awaitWaiting(t, queue, 1)
	queue.mu.Lock()
	cancel() // it wakes, but cannot leave before the turn has come
	queue.release(first)
	queue.mu.Unlock()
	if err := <-left; err == nil {
		t.Error("who had left got a turn")
	}
	patient, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	if _, err := queue.Wait(patient, "next", start); err != nil {
		t.Errorf("the slot is lost: %v", err)
	}
}

func awaitWaiting(t *testing.T, queue *Queue, n int) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		queue.mu.Lock()
		waiting := len(queue.waiting)
		queue.mu.Unlock()
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
	queue := NewQueue(2, 0)
	queue.SelectOnly([]string{"short", "late", "long"})
	late, err := queue.Wait(t.Context(), "late", start)
	if err != nil {
		t.Fatal(err)
	}
	_, cancel := late.Watch(t.Context())
	defer cancel()
	for range longScan {
		late.answered()
	}
	late.End()
	late.answered()

	long, err := queue.Wait(t.Context(), "long", start)
	if err != nil {
		t.Fatal(err)
	}
	defer long.End()
	_, cancel = long.Watch(t.Context())
	defer cancel()
	for range longScan + 1 {
		long.answered()
	}
	if long.Yielded() {
		t.Error("the only long scan gives way to another, but there is none")
	}
}

// patience is how long a test waits for what should come at once, before it fails.
const patience = 30 * time.Second

// start is a Wednesday morning.
var start = time.Date(2024, 5, 1, 9, 0, 0, 0, time.UTC)
