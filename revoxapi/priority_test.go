package revoxapi_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/revox-exporter/revox_exporter/internal/apirequest"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func lowPriority(low func() bool) revoxapi.RequestOption {
	return func(o *apirequest.Options) { o.LowPriority = low }
}

func TestRequestsOfLowPriorityDoNotDelayOthers(t *testing.T) {
	server := newServer(t)
	server.SetRows("hangs", "", nil)
	server.SetRows("answers", "", nil)
	server.AddFault(revoxtest.Fault{Campaign: "hangs", Behavior: revoxtest.Hang()})
	const inFlight = 3
	client := newClient(t, server.URL, revoxapi.WithMaxInFlight(inFlight))
	ctx, cancel := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for range 2 * inFlight {
		readers.Go(func() {
			if _, err := client.Page(ctx, "hangs", revoxapi.RowsParams{}, lowPriority(func() bool { return true })); err == nil {
				t.Error("an answer where there is none")
			}
		})
	}
	if err := server.WaitForRequests(ctx, inFlight-1); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := client.Page(ctx, "answers", revoxapi.RowsParams{}); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	readers.Wait()
	if most := server.MaxInFlight(); most != inFlight {
		t.Errorf("%d requests in flight at most, want %d", most, inFlight)
	}
}

func TestLowPriorityAppliesOnlyWhileItIsWanted(t *testing.T) {
	server := newServer(t)
	server.SetRows("hangs", "", nil)
	server.AddFault(revoxtest.Fault{Behavior: revoxtest.Hang()})
	for name, test := range map[string]struct {
		inFlight int
		low      bool
	}{"not wanted": {3, false}, "one in flight": {1, true}} {
		t.Run(name, func(t *testing.T) {
			client := newClient(t, server.URL, revoxapi.WithMaxInFlight(test.inFlight))
			ctx, cancel := context.WithCancel(t.Context())
			var low atomic.Bool
			low.Store(test.low)
			asked := server.RequestCount()
			var readers sync.WaitGroup
			for range test.inFlight {
				readers.Go(func() { _, _ = client.Page(ctx, "hangs", revoxapi.RowsParams{}, lowPriority(low.Load)) }) // until it is cancelled
			}
			if err := server.WaitForRequests(ctx, asked+test.inFlight); err != nil {
				t.Error(err)
			}
			cancel()
			readers.Wait()
		})
	}
}
