package collector

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"golang.org/x/sync/semaphore"

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
	// MaxScans is how many campaigns are scanned at once: as many as the client has requests in flight keep it busy, and
	// more would only read their pages further apart. 0 means 4.
	MaxScans int
	// ScanTimeout of one whole scan; 0: no limit but that of its requests.
	ScanTimeout time.Duration
	// MaxAge of published data; at least 3 intervals, and twice the time from when the campaign's newest complete scan
	// was due until it ended.
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
	refused   *refusedKey
	onScrape  *sharedScan         // nil: scans go on in the background
	slots     *semaphore.Weighted // for scans under way
	ready     atomic.Bool

	// Run's own.
	scanners map[string]context.CancelFunc // by campaign, in interval mode
	running  sync.WaitGroup
}

// New returns an Exporter, or an error about the IDs in cfg. Nothing is read before Run.
func New(cfg Config) (*Exporter, error) {
	if cfg.Clock == nil {
		cfg.Clock = revoxapi.SystemClock{}
	}
	if cfg.MaxScans == 0 {
		cfg.MaxScans = 4
	}
	given, err := checkGiven(cfg.CampaignIDs)
	if err != nil {
		return nil, err
	}
	labels := newLabelValues(cfg.Logger)
	e := &Exporter{
		Config: cfg,
		labels: labels,
		store:  &store{},
		campaigns: &campaigns{
			given: given, discovery: cfg.Discovery, client: cfg.Client, clock: cfg.Clock, logger: cfg.Logger, labels: labels,
		},
		refused:  &refusedKey{source: cfg.Key, recently: max(2*cfg.ScanInterval, authHoldOff)},
		slots:    semaphore.NewWeighted(int64(cfg.MaxScans)),
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
		e.scanUnscanned(ctx)
		<-ctx.Done()
		return
	}
	for ctx.Err() == nil {
		e.discover(ctx)
		e.scanUnscanned(ctx)
		_ = e.Clock.Sleep(ctx, e.campaigns.pause()) // its error is that ctx ended
	}
}

// discover reads the list of campaigns, unless it is to be left alone for now, and lets the selected ones be scanned.
func (e *Exporter) discover(ctx context.Context) {
	now := e.Clock.Now()
	left := now.Before(e.campaigns.notBefore) && !(revoxapi.KindOf(e.campaigns.failure()) == revoxapi.KindAuth && e.refused.changed())
	if left || e.refused.holds(now) {
		return
	}
	key, _ := e.Key.Key() // one that cannot be read is the client's to report
	ids, listed, err := e.campaigns.refresh(ctx)
	if ctx.Err() != nil {
		return
	}
	now = e.Clock.Now()
	e.refused.note(now, key, err)
	if err != nil {
		e.campaigns.notBefore = now.Add(holdOff(err))
		return
	}
	e.store.selectOnly(ids, listed, now)
	e.reconcile(ctx)
}

// scanUnscanned makes an exporter that scans on scrapes ready for campaigns that are new, and shows what will not work.
func (e *Exporter) scanUnscanned(ctx context.Context) {
	if e.onScrape == nil {
		return
	}
	for _, r := range e.store.all() {
		if !r.scanned {
			e.running.Go(func() { e.onScrape.wait(ctx) })
			return
		}
	}
}

// reconcile lets each selected campaign, and no other, have a goroutine that scans it.
func (e *Exporter) reconcile(ctx context.Context) {
	if e.onScrape != nil {
		return
	}
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

// scanCampaign scans a campaign once, when its turn comes, and publishes what came of it, unless it is to be left alone
// for now.
func (e *Exporter) scanCampaign(ctx context.Context, id string) {
	due := e.Clock.Now()
	if e.slots.Acquire(ctx, 1) != nil {
		if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
			e.publish(id, due, due, nil, &revoxapi.Error{Kind: revoxapi.KindTimeout, Endpoint: revoxapi.EndpointRows, CampaignID: id, Page: -1,
				Err: errors.New("its turn did not come in the time that there was")})
		}
		return
	}
	defer e.slots.Release(1)
	start := e.Clock.Now()
	r := e.store.get(id)
	if r == nil || e.leftAlone(r, start) {
		return
	}
	if e.refused.holds(start) {
		if r.up || !r.scanned {
			e.publish(id, due, start, nil, &revoxapi.Error{Kind: revoxapi.KindAuth, Endpoint: revoxapi.EndpointRows, CampaignID: id, Page: -1,
				Err: errors.New("not asked, since the API has just refused the API key: check the key")})
		}
		return
	}
	timed, cancel := ctx, context.CancelFunc(func() {})
	if e.ScanTimeout > 0 {
		timed, cancel = context.WithTimeout(ctx, e.ScanTimeout)
	}
	defer cancel()
	key, _ := e.Key.Key() // one that cannot be read is the client's to report
	tally, err := scan(timed, e.Client, id, e.Rows, e.labels)
	if err != nil && errors.Is(context.Cause(ctx), context.Canceled) {
		return // the exporter ends, the campaign is not selected any more, or nobody waits for the scan
	}
	e.refused.note(e.Clock.Now(), key, err)
	e.publish(id, due, start, tally, err)
}

// publish makes what came of a scan that was due and began at these times the campaign's newest.
func (e *Exporter) publish(id string, due, start time.Time, tally *Tally, err error) {
	now := e.Clock.Now()
	before, after := e.store.update(id, func(r *record) {
		if err == nil {
			err = r.doubt(tally)
		}
		r.scanned, r.up, r.err = true, err == nil, err
		r.ended, r.duration = now, now.Sub(start)
		r.notBefore = now.Add(holdOff(err))
		if err == nil {
			r.data = r.data.next(tally, now, now.Sub(due))
			return
		}
		failures := map[revoxapi.ErrorKind]uint64{revoxapi.KindOf(err): 1}
		for kind, n := range r.failures {
			failures[kind] += n
		}
		r.failures = failures
	})
	if after != nil {
		e.logScan(before, after)
	}
}

const (
	// believedScans is how many scans in a row have to find that most rows of a campaign are gone before that is
	// published: one odd answer of the API must not look as if everything had been called once more when it passes.
	believedScans = 3
	// fewRows can vanish at once without any doubt.
	fewRows = 10
)

// doubt returns an error for a tally that is not believed yet, because most rows have vanished since the one published.
func (r *record) doubt(t *Tally) error {
	if r.data == nil || r.data.tally.rows() <= fewRows || t.rows() >= r.data.tally.rows()/2 {
		r.shrunk = 0
		return nil
	}
	if r.shrunk++; r.shrunk >= believedScans {
		r.shrunk = 0
		return nil
	}
	return &revoxapi.Error{Kind: revoxapi.KindIncomplete, Endpoint: revoxapi.EndpointRows, CampaignID: r.id, Page: -1,
		Err: fmt.Errorf("only %d rows where there were %d: believed if %d scans in a row find that", t.rows(), r.data.tally.rows(), believedScans)}
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

// statusOf returns the HTTP status behind an error, 0 for none.
func statusOf(err error) int {
	if e, ok := errors.AsType[*revoxapi.Error](err); ok {
		return e.StatusCode
	}
	return 0
}

// leftAlone tells whether the campaign is not to be asked for yet, by what its newest scan met.
func (e *Exporter) leftAlone(r *record, now time.Time) bool {
	if revoxapi.KindOf(r.err) == revoxapi.KindAuth && e.refused.changed() {
		return false
	}
	return now.Before(r.notBefore)
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
		level.Info(logger).Log("msg", "first scan complete", "rows", after.data.tally.rows(), "duration", took)
	case before.err != nil:
		level.Info(logger).Log("msg", "scans succeed again", "rows", after.data.tally.rows(), "duration", took)
	default:
		level.Debug(logger).Log("msg", "scan complete", "rows", after.data.tally.rows(), "duration", took)
	}
}

// maxAge returns how old the campaign's published data may be.
func (e *Exporter) maxAge(r *record) time.Duration {
	return max(e.MaxAge, 3*e.ScanInterval, 2*r.data.took)
}

// Ready tells whether each selected campaign's first scan has ended, well or not; otherwise it says what is awaited.
// Once it is ready it stays so: campaigns that come later are no reason to send scrapes elsewhere.
func (e *Exporter) Ready() (ready bool, waitingFor string) {
	if e.ready.Load() {
		return true, ""
	}
	if !e.campaigns.answered() {
		return false, "the list of campaigns"
	}
	for _, r := range e.store.all() {
		if !r.scanned {
			return false, "the first scan of campaign " + r.id
		}
	}
	e.ready.Store(true)
	return true, ""
}
