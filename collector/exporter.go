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
	"github.com/revox-exporter/revox_exporter/collector/causes"
	"github.com/revox-exporter/revox_exporter/collector/exposition"
	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/collector/rows"
	"github.com/revox-exporter/revox_exporter/collector/scan"
	"github.com/revox-exporter/revox_exporter/collector/schedule"
	"github.com/revox-exporter/revox_exporter/collector/store"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Config is the configuration of an Exporter. Client, Key and Logger must be set.
type Config struct {
	Client *revoxapi.Client
	// Key is the client's key. When it changes, campaigns that were refused with the old one are read again at once.
	Key    revoxapi.KeySource
	Logger *slog.Logger
	// Clock is the clock for scans and ages; nil means the system's clock.
	Clock revoxapi.Clock

	// CampaignIDs are campaigns that are always read, whatever Discovery selects.
	CampaignIDs []string
	// CampaignFile is the path of a YAML or JSON list of campaigns that are read too, and of labels. It is read again when
	// it changes.
	CampaignFile string
	// Discovery selects campaigns from the organization's list; nil turns discovery off.
	Discovery *campaigns.Discovery
	// Shard is the share of all these campaigns that is read. The zero value reads all.
	Shard campaigns.Shard

	// Rows are the first page and the page size to ask for. The zero value suits every server.
	Rows revoxapi.RowsParams
	// ScanInterval is the time between the starts of a campaign's scans; 0 means to scan on each scrape.
	ScanInterval time.Duration
	// MaxScans is the number of concurrent scans; 0 means 4. More than the client's limit of requests in flight do not
	// help. If there are more campaigns, their scans are spread over the interval.
	MaxScans int
	// ScanTimeout limits one whole scan; 0 means no limit except those of its requests.
	ScanTimeout time.Duration
	// MaxAge limits the age of published data. It is raised to 3 intervals, or 3 times the duration of a full scan.
	MaxAge time.Duration
	// FullInterval is the time after which a scan reads every row again, up to a quarter earlier; 0: each scan does.
	FullInterval time.Duration
	// ScrapeTimeoutOffset is how long before the scrape timeout a scan on a scrape ends.
	ScrapeTimeoutOffset time.Duration
	// State keeps data over restarts; nil keeps nothing. The caller must close it after Run has returned.
	State *store.State
}

// Exporter reads campaigns while Run runs, and serves their metrics. It is safe for concurrent use. Make one with New.
type Exporter struct {
	cfg       Config
	labels    *labelvalue.Labels
	campaigns *campaigns.Selector
	scanner   *scan.Scanner
	queue     *schedule.Queue
	breaker   *schedule.KeyBreaker
	intervals *schedule.Intervals
	onScrape  *schedule.SharedScan // nil: scans run on an interval
	store     *store.Store

	selected chan struct{} // holds a message if new campaigns need a first scan without a scrape
	listRead atomic.Bool   // the list of campaigns was read and applied
	ready    atomic.Bool
	// wakeDiscovery makes discover read the list soon, if it is waiting; nil before its first wait.
	wakeDiscovery atomic.Pointer[context.CancelFunc]
	overLimit     atomic.Int64  // campaigns that are not selected because there are too many
	warnedFull    atomic.Bool   // the log has said that there is no room for some campaign
	failing       causes.Causes // why scans fail, by campaign

	// selecting is locked while campaigns are selected. It guards the fields below.
	selecting sync.Mutex
	idle      bool // no campaign is selected
	compared  bool // a selection was made that later ones are compared with in the log
}

// New returns an Exporter. The error is about the IDs, the campaign file or the shard in cfg.
func New(cfg Config) (*Exporter, error) {
	if cfg.Clock == nil {
		cfg.Clock = revoxapi.SystemClock{}
	}
	if cfg.MaxScans == 0 {
		cfg.MaxScans = 4
	}
	labels := labelvalue.New(cfg.Logger)
	labels.HideKey(cfg.Key)
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
		scanner: &scan.Scanner{Client: cfg.Client, Params: cfg.Rows, Labels: labels, RowTable: rows.NewTable(),
			FullInterval: cfg.FullInterval},
		queue:    schedule.NewQueue(cfg.MaxScans, cfg.ScanInterval/2),
		breaker:  schedule.NewKeyBreaker(cfg.Key, cfg.ScanInterval),
		store:    store.New(cfg.State, ages),
		selected: make(chan struct{}, 1),
	}
	e.intervals = schedule.NewIntervals(cfg.ScanInterval, e.queue, cfg.Clock, e.scanInSlot)
	if cfg.ScanInterval == 0 {
		e.onScrape = schedule.NewSharedScan(e.scanAll)
	}
	e.restore()
	e.applySelection()
	return e, nil
}

// Config returns the configuration, including defaults.
func (e *Exporter) Config() Config { return e.cfg }

// MetricsHandler returns a handler for /metrics. It serves the metrics of campaigns and of registry, and registers
// those of e itself with registry. It never waits for a scan. The error is that registering failed.
func (e *Exporter) MetricsHandler(registry *prometheus.Registry) (http.Handler, error) {
	if err := registry.Register(ownMetrics{e}); err != nil {
		return nil, err
	}
	return exposition.NewHandler(e.store, e.cfg.Clock, registry, e.cfg.Logger)
}

// Run reads the list of campaigns and scans campaigns on the interval, until ctx ends. It returns when everything that
// it started has ended. It must be called once.
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
