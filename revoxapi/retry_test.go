package revoxapi_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func TestWhatIsRetried(t *testing.T) {
	for code, retried := range map[int]bool{
		400: false, 401: false, 403: false, 404: false, 405: false, 410: false, 422: false, 204: false, 304: false, 418: false,
		408: true, 409: true, 425: true, 429: true, 500: true, 501: true, 502: true, 503: true, 504: true, 529: true, 599: true,
	} {
		server := newServer(t)
		server.SetRows(campaignID, "c", makeRows(0, 1))
		server.AddFault(revoxtest.Fault{Times: 2, Behavior: revoxtest.Status(code, nil, "")})
		client := newClient(t, server.URL)
		err := getPage(context.Background(), client)
		if want := map[bool]int{true: 3, false: 1}[retried]; server.RequestCount() != want || (err == nil) != retried {
			t.Errorf("status %d: %d requests, want %d: %v", code, server.RequestCount(), want, err)
		}
	}
	for name, behavior := range map[string]revoxtest.Behavior{
		"reset": revoxtest.Reset(), "reset in the body": revoxtest.ResetInBody(), "cut": revoxtest.CutBody(), "cut gzip": revoxtest.CutGzip(), "cut zstd": revoxtest.CutZstd(),
	} {
		server := newServer(t)
		server.SetRows(campaignID, "c", makeRows(0, 50))
		server.AddFault(revoxtest.Fault{Times: 2, Behavior: behavior})
		if err := getPage(context.Background(), newClient(t, server.URL)); err != nil || server.RequestCount() != 3 {
			t.Errorf("%s: %d requests: %v", name, server.RequestCount(), err)
		}
	}
}

func TestBackoff(t *testing.T) {
	waits := func(random float64) []time.Duration {
		server := newServer(t)
		server.AddFault(revoxtest.Fault{})
		clock := newHurry()
		client := newClient(t, server.URL, revoxapi.WithClock(clock), revoxapi.WithMaxRetries(70), revoxapi.WithRandom(func() float64 { return random }))
		err := getPage(context.Background(), client)
		if asError(t, err, revoxapi.KindServerError); server.RequestCount() != 71 {
			t.Errorf("%d requests", server.RequestCount())
		}
		return clock.waits()
	}
	longest, shortest := waits(0), waits(0.9999)
	for i := range longest {
		want := min(500*time.Millisecond<<min(i, 4), 8*time.Second)
		if longest[i] != want {
			t.Errorf("wait %d is %s, want %s", i, longest[i], want)
		}
		if shortest[i] < want*3/4 || shortest[i] > want*4/5 {
			t.Errorf("wait %d is at least %s, want three quarters of %s", i, shortest[i], want)
		}
	}
}

func TestRetryAfterIsObeyed(t *testing.T) {
	backoff := 500 * time.Millisecond
	for _, test := range []struct {
		header, value string
		want          time.Duration
	}{
		{"Retry-After", "7", 7 * time.Second},
		{"Retry-After", start.Add(30 * time.Second).Format(http.TimeFormat), 30 * time.Second},
		{"retry-after-ms", "1234", 1234 * time.Millisecond},
		{"Retry-After", "60", time.Minute},
		{"Retry-After", "-1", backoff}, {"Retry-After", "0", backoff}, {"Retry-After", "NaN", backoff}, {"Retry-After", "soon", backoff},
		{"Retry-After", "31536000", backoff}, {"X-RateLimit-Reset", "9", 9 * time.Second},
	} {
		server := newServer(t, revoxtest.WithNow(func() time.Time { return start }))
		server.SetRows(campaignID, "c", makeRows(0, 1))
		server.AddFault(revoxtest.Fault{Times: 1, Behavior: revoxtest.Status(429, http.Header{test.header: {test.value}}, "")})
		clock := newHurry()
		client := newClient(t, server.URL, revoxapi.WithClock(clock), revoxapi.WithRandom(func() float64 { return 0 }))
		if err := getPage(context.Background(), client); err != nil {
			t.Fatal(err)
		}
		if got := clock.waits(); len(got) != 1 || got[0] != test.want {
			t.Errorf("%s: %s: waited %v, want %s", test.header, test.value, got, test.want)
		}
	}
}

func TestLongRetryAfterEndsTheCall(t *testing.T) {
	for value, want := range map[string]time.Duration{"61": 61 * time.Second, "3600": time.Hour, "86400": 24 * time.Hour} {
		server := newServer(t)
		server.AddFault(revoxtest.Fault{Behavior: revoxtest.RateLimited(value)})
		clock := newHurry()
		err := getPage(context.Background(), newClient(t, server.URL, revoxapi.WithClock(clock)))
		e := asError(t, err, revoxapi.KindRateLimited)
		if e.RetryAfter != want || len(clock.waits()) != 0 || server.RequestCount() != 1 {
			t.Errorf("Retry-After %s: %+v after %v", value, e, clock.waits())
		}
	}
	t.Run("longer than the deadline leaves", func(t *testing.T) {
		server := newServer(t)
		server.AddFault(revoxtest.Fault{Behavior: revoxtest.RateLimited("50")})
		clock := newHurry()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		err := getPage(ctx, newClient(t, server.URL, revoxapi.WithClock(clock)))
		if e := asError(t, err, revoxapi.KindRateLimited); e.RetryAfter != 50*time.Second || len(clock.waits()) != 0 {
			t.Errorf("%+v after %v", e, clock.waits())
		}
	})
}

func TestCancelWhileWaiting(t *testing.T) {
	server := newServer(t)
	server.AddFault(revoxtest.Fault{Behavior: revoxtest.RateLimited("7")})
	clock := revoxtest.NewClock(start)
	client := newClient(t, server.URL, revoxapi.WithClock(clock))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- getPage(ctx, client) }()
	if err := clock.WaitForSleepers(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	clock.Advance(7*time.Second - 1)
	cancel()
	// The last answer of the server says more than that the caller has cancelled.
	asError(t, <-ended, revoxapi.KindRateLimited)
	if server.RequestCount() != 1 {
		t.Errorf("%d requests", server.RequestCount())
	}
}

func TestTheErrorHasTheCauseOfTheContext(t *testing.T) {
	server := newServer(t)
	server.AddFault(revoxtest.Fault{Behavior: revoxtest.Hang()})
	client := newClient(t, server.URL)
	own := errors.New("the scan is over")
	for name, test := range map[string]struct {
		ctx  func() (context.Context, context.CancelFunc)
		kind revoxapi.ErrorKind
	}{
		"cancelled": {func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(context.Background())
			go func() { _ = server.WaitForRequests(ctx, server.RequestCount()+1); cancel(own) }()
			return ctx, func() { cancel(nil) }
		}, revoxapi.KindCanceled},
		"cancelled before": {func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			return ctx, cancel
		}, revoxapi.KindCanceled},
		"deadline": {func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), 50*time.Millisecond)
		}, revoxapi.KindTimeout},
		"deadline with a cause": {func() (context.Context, context.CancelFunc) {
			return context.WithTimeoutCause(context.Background(), 50*time.Millisecond, own)
		}, revoxapi.KindTimeout},
		"deadline before": {func() (context.Context, context.CancelFunc) {
			return context.WithTimeoutCause(context.Background(), -1, own)
		}, revoxapi.KindTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := test.ctx()
			defer cancel()
			err := getPage(ctx, client)
			if asError(t, err, test.kind); !errors.Is(err, context.Cause(ctx)) {
				t.Errorf("%v does not hold the cause", err)
			}
		})
	}
}
