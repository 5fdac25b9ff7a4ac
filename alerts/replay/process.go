package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// What the exporter's flags would say.
const (
	scanInterval      = time.Minute
	discoveryInterval = 5 * time.Minute
	maxAge            = 15 * time.Minute
	completedFor      = 3 * time.Hour // less than the default: rows of campaigns that are over are only slow here
)

// process is one run of the exporter, from start to stop: everything is real but the clock and the sockets.
type process struct {
	pace     *pace
	exporter *collector.Exporter
	metrics  http.Handler
	selected int // campaigns, when the list was read last
	lists    int // how many lists were dealt with by then
	stop     func()
}

// startProcess starts an exporter, which reads the list and all campaigns at once.
func startProcess(ctx context.Context, api http.Handler, clock *revoxtest.Clock, key revoxapi.KeySource) (*process, error) {
	p := &process{pace: newPace(clock)}
	requests := collector.NewAPIMetrics(revoxapi.EndpointRows, revoxapi.EndpointCampaigns)
	client, err := revoxapi.NewClient(key,
		revoxapi.WithBaseURL("http://api.invalid/api"), revoxapi.WithTransport(&inProcess{handler: api, onList: p.pace.noteList}),
		revoxapi.WithClock(impatient{clock}), revoxapi.WithTrace(requests.Trace()))
	if err != nil {
		return nil, fmt.Errorf("making the client: %w", err)
	}
	p.exporter, err = collector.New(collector.Config{
		Client: client, Key: key, Logger: slog.New(slog.DiscardHandler), Clock: p.pace,
		ScanInterval: scanInterval, MaxAge: maxAge, ScrapeTimeoutOffset: 500 * time.Millisecond,
		Discovery: &collector.Discovery{
			Interval: discoveryInterval, Statuses: []string{"running", "paused", "completed"}, CompletedFor: completedFor,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("making the exporter: %w", err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(p.exporter, requests, versioncollector.NewCollector("revox_exporter"))
	p.metrics = promhttp.InstrumentMetricHandler(registry, promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, Registry: registry, DisableCompression: true,
	}))

	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { p.exporter.Run(ctx) })
	p.stop = func() { cancel(); running.Wait() }
	return p, nil
}

// settle returns when the exporter has done all that is due: the reader of the list and each campaign's scanner sleep.
func (p *process) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		asleep, listed, lists := p.pace.look()
		if !listed && lists != p.lists {
			p.selected, p.lists = p.countSelected(), lists
		}
		if !listed && asleep == p.selected+1 {
			return nil
		}
		select {
		case <-p.pace.changed:
		case <-ctx.Done():
			return fmt.Errorf("the exporter does not come to rest: of %d campaigns and the list, %d wait: %w", p.selected, asleep, ctx.Err())
		}
	}
}

// patience is real time within which every scan of a minute must have ended.
const patience = time.Minute

// countSelected returns how many campaigns the exporter has selected.
func (p *process) countSelected() int {
	metrics := make(chan prometheus.Metric)
	var collected sync.WaitGroup
	collected.Go(func() { defer close(metrics); p.exporter.Collect(metrics) })
	n := 0
	for m := range metrics {
		if bytes.Contains([]byte(m.Desc().String()), []byte(`"revox_campaign_scan_failures_total"`)) {
			n++ // one for each kind of failure, of every selected campaign
		}
	}
	collected.Wait()
	return n / len(revoxapi.ErrorKinds())
}

// scrape returns what a scrape reads, as text.
func (p *process) scrape(ctx context.Context) ([]byte, string, error) {
	req := httptest.NewRequestWithContext(ctx, http.MethodGet, "/metrics", nil)
	resp := httptest.NewRecorder()
	p.metrics.ServeHTTP(resp, req)
	if resp.Code != http.StatusOK {
		return nil, "", fmt.Errorf("the scrape was answered with %d", resp.Code)
	}
	return resp.Body.Bytes(), resp.Header().Get("Content-Type"), nil
}

// keySource is a key that the replay changes.
type keySource struct {
	mu  sync.Mutex
	key string
}

// Key is revoxapi.KeySource.
func (k *keySource) Key() (revoxapi.Secret, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return revoxapi.NewSecret(k.key), nil
}

func (k *keySource) set(key string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.key = key
}
