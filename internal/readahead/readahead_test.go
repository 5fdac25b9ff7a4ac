package readahead_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/revox-exporter/revox_exporter/internal/readahead"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestThingsComeInOrder(t *testing.T) {
	for _, window := range []int{1, 3, readahead.MaxWindow, 100} {
		var begun, taken atomic.Int64
		r := readahead.New(t.Context(), window, 50, func(_ context.Context, i int) (int, error) {
			if ahead := begun.Add(1) - taken.Load(); ahead > int64(min(window, readahead.MaxWindow)) {
				t.Errorf("window %d: %d are read ahead", window, ahead)
			}
			return 10 * i, nil
		})
		for i := range 50 {
			if value, ok, err := r.Next(); value != 10*i || !ok || err != nil {
				t.Fatalf("number %d is %d, %v, %v", i, value, ok, err)
			}
			taken.Add(1)
		}
		if _, ok, _ := r.Next(); ok {
			t.Error("there is more than 50")
		}
		r.Stop()
	}
}

func TestNothingIsReadAfterAnError(t *testing.T) {
	own := errors.New("broken")
	var last atomic.Int64
	r := readahead.New(t.Context(), 2, 1000, func(_ context.Context, i int) (int, error) {
		last.Store(max(last.Load(), int64(i)))
		if i == 5 {
			return 0, own
		}
		return i, nil
	})
	defer r.Stop()
	for i := range 5 {
		if value, ok, err := r.Next(); value != i || !ok || err != nil {
			t.Fatal(i, value, ok, err)
		}
	}
	if _, ok, err := r.Next(); !ok || err != own {
		t.Fatal(ok, err)
	}
	for {
		if _, ok, _ := r.Next(); !ok {
			break
		}
	}
	if last := last.Load(); last > 6 {
		t.Errorf("number %d was read", last)
	}
}

// Goroutines that Stop leaves behind fail the tests of this package.
func TestStopEndsWhatIsBeingRead(t *testing.T) {
	begun := make(chan struct{}, 3)
	r := readahead.New(t.Context(), 3, 10, func(ctx context.Context, i int) (int, error) {
		begun <- struct{}{}
		if i > 0 {
			<-ctx.Done()
		}
		return i, ctx.Err()
	})
	if value, ok, err := r.Next(); value != 0 || !ok || err != nil {
		t.Fatal(value, ok, err)
	}
	<-begun
	r.Stop()
}
