package revoxtest_test

import (
	"context"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func TestClockWakesWhoIsDue(t *testing.T) {
	clock := revoxtest.NewClock(monday)
	woken := make(chan time.Duration, 3)
	for _, d := range []time.Duration{3 * time.Second, time.Second, 2 * time.Second} {
		go func() {
			if err := clock.Sleep(context.Background(), d); err != nil {
				t.Error(err)
			}
			woken <- d
		}()
	}
	if err := clock.WaitForSleepers(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	for _, want := range []time.Duration{time.Second, 2 * time.Second, 3 * time.Second} {
		clock.Advance(time.Second)
		if got := <-woken; got != want {
			t.Errorf("%v woke, want %v", got, want)
		}
	}
	if got := clock.Now(); !got.Equal(monday.Add(3 * time.Second)) {
		t.Errorf("it is %v", got)
	}
	if err := clock.Sleep(t.Context(), 0); err != nil {
		t.Error(err)
	}
}

func TestClockSleepEndsWithItsContext(t *testing.T) {
	clock := revoxtest.NewClock(monday)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- clock.Sleep(ctx, time.Hour) }()
	if err := clock.WaitForSleepers(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := clock.WaitForSleepers(ctx, 1); err != context.Canceled {
		t.Errorf("a sleeper whose context has ended is counted: %v", err)
	}
	if err := <-done; err != context.Canceled {
		t.Errorf("got %v", err)
	}
}
