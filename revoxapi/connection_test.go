package revoxapi_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/internal/badserver"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

func TestSwitchingProtocolsIsABadResponse(t *testing.T) {
	client := newClient(t, badserver.Switching(t), revoxapi.WithMaxInFlight(1))
	for range 2 { // the first leaves nothing in flight
		if e := asError(t, getPage(t.Context(), client), revoxapi.KindBadResponse); e.StatusCode != 101 {
			t.Errorf("%v", e)
		}
	}
}

func TestRequestThatNeverReturnsIsATimeout(t *testing.T) {
	api := newServer(t)
	api.SetRows(campaignID, "c", makeRows(0, 3))
	server := badserver.NewOverflow(t, api.Handler())
	client := newClient(t, server.URL+"/api", revoxapi.WithTransport(server.Client().Transport), revoxapi.WithMaxInFlight(1),
		revoxapi.WithMaxRetries(0))
	server.Bad.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	asError(t, getPage(ctx, client), revoxapi.KindTimeout)
	server.Bad.Store(false)
	if err := getPage(t.Context(), client); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// A request that failed on a kept connection is sent again over a new one.
func TestRetryGetsANewConnection(t *testing.T) {
	for _, overHTTP2 := range []bool{false, true} {
		for _, status := range []int{0, 421, 503} {
			t.Run(fmt.Sprintf("HTTP/2 %v, status %d", overHTTP2, status), func(t *testing.T) {
				t.Parallel()
				api := newServer(t)
				rows := makeRows(0, 3)
				api.SetRows(campaignID, "c", rows)
				server := badserver.NewKept(t, api.Handler(), overHTTP2, status)
				timeout := time.Minute
				if status == 0 {
					timeout = 2 * time.Second // also of the request that must be answered
				}
				client := newClient(t, server.URL+"/api", revoxapi.WithTransport(server.Client().Transport), revoxapi.WithTimeout(timeout),
					revoxapi.WithMaxRetries(1))
				mustReadAll(t, client, revoxapi.RowsParams{}, rows)
				server.Spoil()
				mustReadAll(t, client, revoxapi.RowsParams{}, rows)
				if n := server.Connections(); n != 2 {
					t.Errorf("%d connections, want 2", n)
				}
			})
		}
	}
}
