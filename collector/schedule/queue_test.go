package schedule

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

func TestLongestDueScanGetsTheNextSlot(t *testing.T) {
	queue := NewQueue(1, 0)
	first, err := queue.Wait(t.Context(), "first", start)
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	var done sync.WaitGroup
	for i, due := range []int{5, 3, 9, 1, 3} {
		done.Go(func() {
			slot, err := queue.Wait(t.Context(), fmt.Sprint("c", i), start.Add(time.Duration(due)*time.Second))
			if err != nil {
				t.Error(err)
				return
			}
			order = append(order, slot.campaign) // no race: there is one slot
			slot.End()
		})
		awaitWaiting(t, queue, i+1)
	}
	first.End()
	done.Wait()
	if want := []string{"c3", "c1", "c4", "c0", "c2"}; !slices.Equal(order, want) {
		t.Errorf("the order was %v, want %v", order, want)
	}
}

func TestNoCampaignHasTwoSlotsAtOnce(t *testing.T) {
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
		t.Error("a campaign has two slots at once")
	}
	first.End()
	// A canceled Wait holds no slot.
	for _, id := range []string{"c", "other"} {
		slot, err := queue.Wait(t.Context(), id, start)
		if err != nil {
			t.Fatal(err)
		}
		defer slot.End()
	}
}

// A slot that is given out just after its Wait was canceled goes to the next scan.
func TestSlotOfACanceledWaitIsFreed(t *testing.T) {
	queue := NewQueue(1, 0)
	first, err := queue.Wait(t.Context(), "first", start)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	canceled := make(chan error)
	go func() { _, err := queue.Wait(ctx, "late", start); canceled <- err }()
	awaitWaiting(t, queue, 1)
	queue.mu.Lock()
	cancel() // Wait wakes, but cannot return before the slot is given out
	queue.release(first)
	queue.mu.Unlock()
	if err := <-canceled; err == nil {
		t.Error("a canceled Wait got a slot")
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
			t.Fatalf("%d scans wait, want %d", waiting, n)
		}
	}
}

// The answer to a canceled request can arrive after its scan has ended. Then it belongs to no scan.
func TestAnswerAfterAScanDoesNotMakeItLong(t *testing.T) {
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
		t.Error("the only long scan was canceled to make way for another")
	}
}

// patience is how long a test waits for something that should happen at once, before it fails.
const patience = 30 * time.Second

// start is a Wednesday morning.
var start = time.Date(2024, 5, 1, 9, 0, 0, 0, time.UTC)
