package collector

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/revox-exporter/revox_exporter/collector/campaigns"
	"github.com/revox-exporter/revox_exporter/collector/exposition"
	"github.com/revox-exporter/revox_exporter/collector/scan"
	"github.com/revox-exporter/revox_exporter/collector/schedule"
	"github.com/revox-exporter/revox_exporter/collector/store"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Config says what an Exporter reads, and when. Client, Key and Logger must be set.
type Config struct {
	Client *revoxapi.Client
	// Key is the client's: a campaign whose key was refused is read again as soon as the key changes.
	Key    revoxapi.KeySource
	Logger *slog.Logger
	// Clock says when to scan and how old data is; nil is the machine's own.
	Clock revoxapi.Clock

	// CampaignIDs are read always, whatever Discovery selects.
	CampaignIDs []string
	// CampaignFile is a YAML or JSON list of campaigns that are read too, read again when it changes; empty: none.
	CampaignFile string
	// Discovery selects campaigns of the organization's list; nil is off.
	Discovery *campaigns.Discovery
	// Shard of all these campaigns that is read; the zero value is all of them.
	Shard campaigns.Shard

	// Rows says how rows are asked for: the first page and the size of a page. The zero value is right.
	Rows revoxapi.RowsParams
	// ScanInterval between the starts of a campaign's scans; 0: scan on each scrape.
	ScanInterval time.Duration
	// MaxScans is how many campaigns are scanned at once: as many as the client has requests in flight keep it busy, and more would
	// only read their pages further apart. Where there are more campaigns, their scans are spread over the interval. 0 means 4.
	MaxScans int
	// ScanTimeout of one whole scan; 0: no limit but that of its requests.
	ScanTimeout time.Duration
	// MaxAge of published data; at least 3 intervals, and twice the time that a full scan of the campaign took.
	MaxAge time.Duration
	// FullInterval is how often settled pages are read again all the same, at most a quarter early; 0: by every scan.
	FullInterval time.Duration
	// ScrapeTimeoutOffset is how long before Prometheus would give up a scan on a scrape ends.
	ScrapeTimeoutOffset time.Duration
	// State is what outlives a restart; nil: nothing does. Whoever opened it closes it after Run has returned.
	State *store.State
}

// Exporter reads campaigns while Run runs, and serves what it has read. It is safe for concurrent use. Make one with New.
type Exporter struct {
	cfg       Config
	labels    *tally.Labels
	campaigns *campaigns.Selector
	scanner   *scan.Scanner
	queue     *schedule.Queue
	breaker   *schedule.KeyBreaker
	intervals *schedule.Intervals
	onScrape  *schedule.SharedScan // nil: scans go on in the background
	store     *store.Store

	selected chan struct{} // holds a message where campaigns were selected that on-scrape mode has not scanned
	listRead atomic.Bool   // the list of campaigns was read or failed to be read
	ready    atomic.Bool

	// selecting is held while campaigns are selected, and guards what follows.
	selecting sync.Mutex
	idle      bool // no campaign is selected
	logged    bool // the log has what is selected: from then on it has what changes
}

// New returns an Exporter, or an error about the IDs, the campaign file or the shard in cfg. The API is not asked before Run.
func New(cfg Config) (*Exporter, error) {
	if cfg.Clock == nil {
		cfg.Clock = revoxapi.SystemClock{}
	}
	if cfg.MaxScans == 0 {
		cfg.MaxScans = 4
	}
	labels := tally.NewLabels(cfg.Logger)
	selector, err := campaigns.New(campaigns.Config{
		Given: cfg.CampaignIDs, File: cfg.CampaignFile, Discovery: cfg.Discovery, Shard: cfg.Shard,
		Client: cfg.Client, Clock: cfg.Clock, Logger: cfg.Logger, Labels: labels,
	})
	if err != nil {
		return nil, err
	}
	ages := store.Ages{MaxAge: cfg.MaxAge, ScanInterval: cfg.ScanInterval}
	if cfg.Discovery != nil {
		ages.ListInterval = cfg.Discovery.Interval
	}
	e := &Exporter{
		cfg:       cfg,
		labels:    labels,
		campaigns: selector,
		scanner:   &scan.Scanner{Client: cfg.Client, Params: cfg.Rows, Labels: labels, FullInterval: cfg.FullInterval},
		queue:     schedule.NewQueue(cfg.MaxScans, cfg.ScanInterval/2),
		breaker:   schedule.NewKeyBreaker(cfg.Key, cfg.ScanInterval),
		store:     store.New(cfg.State, ages),
		selected:  make(chan struct{}, 1),
	}
	e.intervals = schedule.NewIntervals(cfg.ScanInterval, e.queue, cfg.Clock, e.scanInSlot)
	if cfg.ScanInterval == 0 {
		e.onScrape = schedule.NewSharedScan(e.scanAll)
	}
	e.restore()
	e.applySelection()
	return e, nil
}

// Config returns what the exporter was made with, with defaults filled in.
func (e *Exporter) Config() Config { return e.cfg }

// MetricsHandler returns a handler of /metrics: the metrics of e's campaigns and of e itself, which are registered with registry,
// and those of registry. It waits for no scan.
func (e *Exporter) MetricsHandler(registry *prometheus.Registry) (http.Handler, error) {
	if err := registry.Register(ownMetrics{e}); err != nil {
		return nil, err
	}
	return exposition.NewHandler(e.store, e.cfg.Clock, registry, e.cfg.Logger)
}

// Run reads the list of campaigns and, on an interval, the campaigns until ctx ends; then it waits for what it started and returns.
// It must be called once.
func (e *Exporter) Run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	if e.onScrape != nil {
		e.onScrape.Open()
		defer e.onScrape.Close()
		running.Go(func() { e.scanSelected(ctx) })
	} else {
		running.Go(func() { e.intervals.Run(ctx) })
	}
	if e.cfg.CampaignFile != "" {
		running.Go(func() { e.watchCampaignFile(ctx) })
	}
	if e.cfg.Discovery == nil {
		e.scanNewOnes()
		<-ctx.Done()
		return
	}
	e.discover(ctx)
}
