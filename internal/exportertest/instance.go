// Package exportertest runs a whole exporter for tests. It reads a simulated API over HTTP, and tests scrape it through
// the production handler of /metrics. Only its clock is simulated. Tests of any package may use it, in files of package
// x_test:
//
//	clock := revoxtest.NewClock(exportertest.Start)
//	api := exportertest.NewAPI(t, clock)
//	sim.New(api).AddCampaign(sim.Campaign{ID: "spring", Rows: 20})
//	h := exportertest.New(t, api, clock, exportertest.Only("spring"))
//	h.Want(h.Scrape(), `revox_campaign_rows{campaign_id="spring"} 20`)
//	api.Remove("spring")
//	h.Advance(time.Minute)
//	h.Want(h.Scrape(), `revox_campaign_up{campaign_id="spring"} 0`)
//
// [Harness] is for tests. Programs without a testing.TB, and tests that do more before the exporter runs, use [Make] and
// its [Instance].
package exportertest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/internal/logging"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// Instance is an exporter and its parts. Its methods are for one goroutine at a time; what its fields point to is safe
// for concurrent use.
type Instance struct {
	Exporter *collector.Exporter
	// Config is what the exporter was made of.
	Config collector.Config
	// Clock is moved by the test. Config.Clock is this clock, or one built on it.
	Clock *revoxtest.Clock
	// Key is the API key that the client uses, unless the change given to Make set another source.
	Key *Key
	// Logs has every line from level debug up, unless the change given to Make set another logger.
	Logs *Logs
	// Metrics is the production handler of /metrics.
	Metrics http.Handler
	// Registry has what Metrics serves in the protobuf format, without promhttp's own metrics, so that client_golang can
	// gather, check and serve it. Gathering it scans nothing.
	Registry *prometheus.Registry
	// Busy is how many of the exporter's goroutines the test prevents from sleeping on the clock. Settle does not wait for
	// them.
	Busy int

	selected []string // campaigns, as Settle saw them last
	stop     func()
}

// Make returns an exporter for the API at url; Run starts it. change may alter the usual configuration, except the
// client, and may be nil. options come after the client's usual ones. clock may be nil if change sets another and Settle
// is not called. The error is that of making a part.
func Make(url string, clock *revoxtest.Clock, change func(*collector.Config),
	options ...revoxapi.Option) (*Instance, error) {
	in := &Instance{
		Clock: clock, Key: NewKey(revoxtest.APIKey), Logs: &Logs{}, Registry: prometheus.NewPedanticRegistry(), stop: func() {},
	}
	in.Config = collector.Config{
		Key: in.Key, Logger: logging.New(in.Logs, "debug", "logfmt"), Clock: clock,
		ScanInterval: time.Minute, MaxAge: 15 * time.Minute, ScrapeTimeoutOffset: 500 * time.Millisecond,
	}
	if change != nil {
		change(&in.Config)
	}
	requests := collector.NewAPIMetrics(revoxapi.EndpointRows, revoxapi.EndpointCampaigns)
	var err error
	in.Config.Client, err = revoxapi.NewClient(in.Config.Key, append([]revoxapi.Option{
		revoxapi.WithBaseURL(url), revoxapi.WithClock(Impatient{in.Config.Clock}), revoxapi.WithTrace(requests.Trace()),
	}, options...)...)
	if err != nil {
		return nil, fmt.Errorf("making the client: %w", err)
	}
	if in.Exporter, err = collector.New(in.Config); err != nil {
		return nil, fmt.Errorf("making the exporter: %w", err)
	}
	own := prometheus.NewRegistry()
	own.MustRegister(requests)
	metrics, err := in.Exporter.MetricsHandler(own)
	if err != nil {
		return nil, fmt.Errorf("making the handler of /metrics: %w", err)
	}
	in.Metrics = in.Exporter.ScanOnScrape(metrics)
	in.Registry.MustRegister(scraped{metrics})
	return in, nil
}

// Run starts the exporter, which reads everything once. It must be called at most once, and Stop afterwards.
func (in *Instance) Run() {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { in.Exporter.Run(ctx) })
	in.stop = func() { cancel(); running.Wait() }
}

// Stop ends the exporter, waits for that, and closes the client's connections.
func (in *Instance) Stop() {
	in.stop()
	in.Config.Client.CloseIdleConnections()
}

// Settle returns when every scan and every reading of the list that is due has ended, or an error if ctx ends first. In
// on-scrape mode, the scans that are due are the first ones of new campaigns.
func (in *Instance) Settle(ctx context.Context) error {
	for fresh := false; ; {
		asleep := in.waitForSleepers(ctx)
		status := in.Exporter.Status()
		ids, scanned := make([]string, len(status.Campaigns)), true
		for i, c := range status.Campaigns {
			ids[i], scanned = c.ID, scanned && c.Scanned
		}
		changed := !slices.Equal(ids, in.selected)
		in.selected, fresh = ids, fresh || changed
		switch {
		case asleep && !changed && !status.OnScrape:
			return nil
		case asleep && !changed && scanned:
			if fresh {
				// The first scan publishes its results just before it ends. A scrape waits for its end.
				in.Metrics.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/metrics", nil))
			}
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the scans of %d campaigns to end: %w", len(ids), ctx.Err())
		case <-time.After(time.Millisecond):
		}
	}
}

// waitForSleepers reports whether as many goroutines sleep on the clock as the exporter has when nothing is due. It
// waits for that, but not long: campaigns may have been removed since.
func (in *Instance) waitForSleepers(ctx context.Context) bool {
	n := -in.Busy
	if in.Config.ScanInterval > 0 {
		n += len(in.selected)
	}
	if in.Config.Discovery != nil {
		n++
	}
	if in.Config.CampaignFile != "" {
		n++
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	return in.Clock.WaitForSleepers(ctx, n) == nil
}

// Impatient is a clock whose sleeps end at once. The client uses it, since its waits before retries are tested in its own
// package.
type Impatient struct{ revoxapi.Clock }

// Sleep returns at once: nil, or the reason why ctx has ended.
func (Impatient) Sleep(ctx context.Context, _ time.Duration) error { return context.Cause(ctx) }

// Key is a revoxapi.KeySource that a test can change. It is safe for concurrent use.
type Key struct {
	mu  sync.Mutex
	key revoxapi.Secret
}

// NewKey returns a source of key.
func NewKey(key string) *Key { return &Key{key: revoxapi.NewSecret(key)} }

// Key returns the key set last; its error is nil.
func (k *Key) Key() (revoxapi.Secret, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.key, nil
}

// Set changes the key.
func (k *Key) Set(key string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.key = revoxapi.NewSecret(key)
}
