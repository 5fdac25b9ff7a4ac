package collector

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Config says what an Exporter reads, and when. Client, Key and Logger must be set.
type Config struct {
	Client *revoxapi.Client
	// Key is the client's: a campaign whose key was refused is read again as soon as the key changes.
	Key    revoxapi.KeySource
	Logger log.Logger
	// Clock says when to scan and how old data is; nil is the machine's own.
	Clock revoxapi.Clock

	// CampaignIDs are read always, whatever Discovery selects.
	CampaignIDs []string
	// Discovery selects campaigns of the organization's list; nil is off.
	Discovery *Discovery

	// Rows says how rows are asked for: the first page and the size of a page. The zero value is right.
	Rows revoxapi.RowsParams
	// ScanInterval between the starts of a campaign's scans; 0: scan on each scrape.
	ScanInterval time.Duration
	// ScanTimeout of one whole scan; 0: no limit but that of its requests.
	ScanTimeout time.Duration
	// MaxAge of published data; at least 3 intervals, and twice the time that the campaign's newest complete scan took.
	MaxAge time.Duration
	// ScrapeTimeoutOffset is how long before Prometheus would give up a scan on a scrape ends.
	ScrapeTimeoutOffset time.Duration
}

// Exporter reads campaigns while Run runs, and is a prometheus.Collector of what it has read. It is safe for
// concurrent use. Make one with New.
type Exporter struct {
	Config
	labels    *labelValues
	store     *store
	campaigns *campaigns
	onScrape  *sharedScan // nil: scans go on in the background

	mu       sync.Mutex
	scanners map[string]context.CancelFunc // by campaign, in interval mode
	running  sync.WaitGroup
}

// New returns an Exporter, or an error about the IDs in cfg. Nothing is read before Run.
func New(cfg Config) (*Exporter, error) {
	if cfg.Clock == nil {
		cfg.Clock = revoxapi.SystemClock{}
	}
	given, err := checkGiven(cfg.CampaignIDs)
	if err != nil {
		return nil, err
	}
	e := &Exporter{
		Config: cfg,
		labels: newLabelValues(cfg.Logger),
		store:  &store{},
		campaigns: &campaigns{
			given: given, discovery: cfg.Discovery, client: cfg.Client, clock: cfg.Clock, logger: cfg.Logger,
		},
		scanners: map[string]context.CancelFunc{},
	}
	if cfg.ScanInterval == 0 {
		e.onScrape = &sharedScan{scan: e.scanAll}
	}
	e.store.selectOnly(given, nil, cfg.Clock.Now())
	return e, nil
}

// Run reads the list of campaigns and, on an interval, the campaigns until ctx ends; then it waits for what it started
// and returns. It must be called once.
func (e *Exporter) Run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer e.running.Wait()
	defer cancel()
	if e.onScrape != nil {
		e.onScrape.start(ctx)
		defer e.onScrape.stop()
	}
	e.reconcile(ctx)
	if e.Discovery == nil {
		e.firstScan(ctx)
		<-ctx.Done()
		return
	}
	for first := true; ctx.Err() == nil; first = false {
		ids, listed, err := e.campaigns.refresh(ctx)
		if err == nil {
			e.store.selectOnly(ids, listed, e.Clock.Now())
			e.reconcile(ctx)
		}
		if first {
			e.firstScan(ctx)
		}
		_ = e.Clock.Sleep(ctx, e.campaigns.pause(err)) // its error is that ctx ended
	}
}

// firstScan makes an exporter that scans on scrapes ready, and shows at the start what will not work.
func (e *Exporter) firstScan(ctx context.Context) {
	if e.onScrape != nil {
		e.running.Go(func() { e.onScrape.wait(ctx) })
	}
}

// reconcile lets each selected campaign, and no other, have a goroutine that scans it.
func (e *Exporter) reconcile(ctx context.Context) {
	if e.onScrape != nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for id, stop := range e.scanners {
		if e.store.get(id) == nil {
			stop()
			delete(e.scanners, id)
		}
	}
	for _, r := range e.store.all() {
		if e.scanners[r.id] != nil {
			continue
		}
		campaign, stop := context.WithCancel(ctx)
		e.scanners[r.id] = stop
		e.running.Go(func() { e.scanOnInterval(campaign, r.id) })
	}
}

// scanOnInterval scans a campaign until ctx ends. A scan that took longer than the interval is followed by the next.
func (e *Exporter) scanOnInterval(ctx context.Context, id string) {
	next := e.Clock.Now()
	for ctx.Err() == nil {
		e.scanCampaign(ctx, id)
		next = next.Add(e.ScanInterval)
		now := e.Clock.Now()
		if next.Before(now) {
			next = now
		}
		_ = e.Clock.Sleep(ctx, next.Sub(now)) // its error is that ctx ended
	}
}

// scanAll scans every selected campaign once.
func (e *Exporter) scanAll(ctx context.Context) {
	var scans sync.WaitGroup
	for _, r := range e.store.all() {
		scans.Go(func() { e.scanCampaign(ctx, r.id) })
	}
	scans.Wait()
}

// scanCampaign scans a campaign once and publishes what came of it, unless it is to be left alone for now.
func (e *Exporter) scanCampaign(ctx context.Context, id string) {
	if e.heldOff(id) {
		return
	}
	start := e.Clock.Now()
	timed, cancel := ctx, context.CancelFunc(func() {})
	if e.ScanTimeout > 0 {
		timed, cancel = context.WithTimeout(ctx, e.ScanTimeout)
	}
	key, _ := e.Key.Key() // one that cannot be read is the client's to report
	tally, err := scan(timed, e.Client, id, e.Rows, e.labels)
	cancel()
	if err != nil && errors.Is(context.Cause(ctx), context.Canceled) {
		return // the exporter ends, the campaign is not selected any more, or nobody waits for the scan
	}
	now := e.Clock.Now()
	before, after := e.store.update(id, func(r *record) {
		r.scanned, r.up, r.err = true, err == nil, err
		r.ended, r.duration = now, now.Sub(start)
		if err == nil {
			r.data = r.data.next(tally, now, r.duration)
			r.notBefore, r.refusedKey = time.Time{}, revoxapi.Secret{}
			return
		}
		failures := map[revoxapi.ErrorKind]uint64{revoxapi.KindOf(err): 1}
		for kind, n := range r.failures {
			failures[kind] += n
		}
		r.failures = failures
		r.notBefore, r.refusedKey = now.Add(holdOff(err)), key
	})
	if after != nil {
		e.logScan(before, after)
	}
}

const (
	// authHoldOff is the wait after the key was refused: asking again soon changes nothing and looks like an attack.
	authHoldOff = 5 * time.Minute
	// maxHoldOff is as long as the API is obeyed where it asks to wait: a mistake of its must not blind for days.
	maxHoldOff = time.Hour
)

// holdOff returns how long to leave the API alone after err, beyond the usual interval.
func holdOff(err error) time.Duration {
	e, ok := errors.AsType[*revoxapi.Error](err)
	if !ok {
		return 0
	}
	wait := min(e.RetryAfter, maxHoldOff)
	if e.Kind == revoxapi.KindAuth {
		return max(wait, authHoldOff)
	}
	return wait
}

// heldOff tells whether the campaign is to be left alone for now.
func (e *Exporter) heldOff(id string) bool {
	r := e.store.get(id)
	if r == nil {
		return true
	}
	if !e.Clock.Now().Before(r.notBefore) {
		return false
	}
	if revoxapi.KindOf(r.err) == revoxapi.KindAuth {
		key, err := e.Key.Key()
		return err != nil || key.Equal(r.refusedKey)
	}
	return true
}

// logScan logs what changed with a campaign's newest scan, so that a campaign that goes on as before says nothing.
func (e *Exporter) logScan(before, after *record) {
	logger := log.With(e.Logger, "campaign_id", after.id)
	took := after.duration.Round(time.Millisecond)
	switch {
	case after.err != nil && (before.err == nil || revoxapi.KindOf(before.err) != revoxapi.KindOf(after.err)):
		level.Warn(logger).Log("msg", "scan failed; the last complete data stays published until it is too old", "reason", revoxapi.KindOf(after.err), "err", after.err)
	case after.err != nil:
		level.Debug(logger).Log("msg", "scan failed again", "reason", revoxapi.KindOf(after.err), "err", after.err)
	case before.data == nil:
		level.Info(logger).Log("msg", "first scan complete", "rows", after.rows(), "duration", took)
	case before.err != nil:
		level.Info(logger).Log("msg", "scans succeed again", "rows", after.rows(), "duration", took)
	default:
		level.Debug(logger).Log("msg", "scan complete", "rows", after.rows(), "duration", took)
	}
}

// rows returns the number of rows in the published data.
func (r *record) rows() uint64 {
	if r.data == nil {
		return 0
	}
	return r.data.tally.counts[familyRows.index][""]
}

// maxAge returns how old the campaign's published data may be.
func (e *Exporter) maxAge(r *record) time.Duration {
	return max(e.MaxAge, 3*e.ScanInterval, 2*r.data.took)
}

// Ready tells whether each selected campaign's first scan has ended, well or not; otherwise it says what is awaited.
func (e *Exporter) Ready() (ready bool, waitingFor string) {
	if !e.campaigns.answered() {
		return false, "the list of campaigns"
	}
	for _, r := range e.store.all() {
		if !r.scanned {
			return false, "the first scan of campaign " + r.id
		}
	}
	return true, ""
}
