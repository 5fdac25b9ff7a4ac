package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

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
	// CampaignFile is a YAML or JSON list of campaigns that are read too, read anew when it changes; empty: none.
	CampaignFile string
	// Discovery selects campaigns of the organization's list; nil is off.
	Discovery *Discovery
	// Shard of all these campaigns that is read; the zero value is all of them.
	Shard Shard

	// Rows says how rows are asked for: the first page and the size of a page. The zero value is right.
	Rows revoxapi.RowsParams
	// ScanInterval between the starts of a campaign's scans; 0: scan on each scrape.
	ScanInterval time.Duration
	// MaxScans is how many campaigns are scanned at once: as many as the client has requests in flight keep it busy, and
	// more would only read their pages further apart. Where there are more campaigns, their scans are spread over the
	// interval. 0 means 4.
	MaxScans int
	// ScanTimeout of one whole scan; 0: no limit but that of its requests.
	ScanTimeout time.Duration
	// MaxAge of published data; at least 3 intervals, and twice the time that the newest scan of all the campaign's pages
	// took, or a later one that took longer, with what they waited for their turns.
	MaxAge time.Duration
	// FullInterval is how often pages that have settled are read again all the same, at most a quarter early; 0: by
	// every scan.
	FullInterval time.Duration
	// ScrapeTimeoutOffset is how long before Prometheus would give up a scan on a scrape ends.
	ScrapeTimeoutOffset time.Duration
	// State is what outlives a restart; nil: nothing does. Whoever opened it closes it after Run has returned.
	State *State
}

// Exporter reads campaigns while Run runs, and is a prometheus.Collector of what it has read. It is safe for
// concurrent use. Make one with New.
type Exporter struct {
	Config
	labels    *labelValues
	store     *store
	campaigns *campaigns
	refused   *refusedKey
	onScrape  *sharedScan // nil: scans go on in the background
	turns     *turns
	began     time.Time   // when the exporter was made; intervals are counted from here
	listRead  atomic.Bool // the list of campaigns was read or failed to be read
	ready     atomic.Bool

	// selecting is held while campaigns are selected and scanners started, and guards what follows.
	selecting sync.Mutex
	idle      bool // no campaign is selected
	// selectionLogged tells that the log has what is selected: from then on it has what changes.
	selectionLogged bool
	ctx             context.Context               // Run's; nil before and after
	scanners        map[string]context.CancelFunc // by campaign, in interval mode
	running         sync.WaitGroup
}

// New returns an Exporter, or an error about the IDs, the campaign file or the shard in cfg. The API is not asked before
// Run.
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
	if err := cfg.Shard.check(); err != nil {
		return nil, err
	}
	var file *campaignFile
	if cfg.CampaignFile != "" {
		if file, err = newCampaignFile(cfg.CampaignFile, cfg.Clock.Now()); err != nil {
			return nil, err
		}
	}
	labels := newLabelValues(cfg.Logger)
	e := &Exporter{
		Config: cfg,
		labels: labels,
		store:  &store{state: cfg.State},
		campaigns: &campaigns{
			given: given, file: file, shard: cfg.Shard, discovery: cfg.Discovery,
			client: cfg.Client, clock: cfg.Clock, logger: cfg.Logger, labels: labels,
		},
		refused:  &refusedKey{source: cfg.Key, recently: max(2*cfg.ScanInterval, authHoldOff)},
		turns:    newTurns(cfg.MaxScans, cfg.ScanInterval/2),
		began:    cfg.Clock.Now(),
		scanners: map[string]context.CancelFunc{},
	}
	if cfg.ScanInterval == 0 {
		e.onScrape = &sharedScan{scan: e.scanAll}
	}
	e.restore()
	e.applySelection()
	return e, nil
}

// Run reads the list of campaigns and, on an interval, the campaigns until ctx ends; then it waits for what it started
// and returns. It must be called once.
func (e *Exporter) Run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer e.running.Wait()
	defer e.runUnderNone()
	defer cancel()
	if e.onScrape != nil {
		e.onScrape.start(ctx)
		defer e.onScrape.stop()
	}
	e.runUnder(ctx)
	if e.campaigns.file != nil {
		e.running.Go(func() { e.watchCampaignFile(ctx) })
	}
	if e.Discovery == nil {
		e.reconcile()
		<-ctx.Done()
		return
	}
	if e.onScrape == nil {
		e.reconcile() // what is given need not wait for the list
	}
	for ctx.Err() == nil {
		asked := e.discover(ctx)
		e.listRead.Store(ctx.Err() == nil)
		e.reconcile()
		_ = e.Clock.Sleep(ctx, e.campaigns.pause(asked)) // its error is that ctx ended
	}
}

// runUnder sets the context under which scanners are started.
func (e *Exporter) runUnder(ctx context.Context) {
	e.selecting.Lock()
	defer e.selecting.Unlock()
	e.ctx = ctx
}

// runUnderNone lets no scanner be started any more.
func (e *Exporter) runUnderNone() {
	e.selecting.Lock()
	defer e.selecting.Unlock()
	e.ctx = nil
}

// discover asks for the list of campaigns, unless it is to be left alone for now, and lets the selected ones be scanned.
func (e *Exporter) discover(ctx context.Context) (asked bool) {
	now := e.Clock.Now()
	left := within(e.campaigns.holdOff, e.campaigns.failed, now) && !(revoxapi.KindOf(e.campaigns.failure()) == revoxapi.KindAuth && e.refused.changed())
	if left || e.refused.holds(now) {
		return false
	}
	key, _ := e.Key.Key() // one that cannot be read is the client's to report
	err := e.campaigns.refresh(ctx)
	if ctx.Err() != nil {
		return true
	}
	now = e.Clock.Now()
	e.refused.note(now, "the list of campaigns", key, err)
	e.campaigns.holdOff = holdOff(err)
	if err != nil {
		e.campaigns.failed = now
		return true
	}
	e.applySelection()
	return true
}

// scanCampaign scans a campaign that was due at a time once, when its turn comes, and publishes what came of it, unless
// it is to be left alone for now. It returns when the scan began, and whether it has given way to others, to be made anew.
func (e *Exporter) scanCampaign(ctx context.Context, id string, due time.Time) (start time.Time, gaveWay bool) {
	asked := e.Clock.Now()
	turn, err := e.turns.wait(ctx, id, due)
	if err != nil {
		if r := e.store.get(id); errors.Is(err, context.DeadlineExceeded) && r != nil && !e.leftAlone(r, asked) {
			e.publish(id, scanTimes{due, asked, asked}, nil, &revoxapi.Error{Kind: revoxapi.KindTimeout, Endpoint: revoxapi.EndpointRows, CampaignID: id, Page: -1,
				Err: errors.New("its turn did not come in the time that there was")})
		}
		return asked, false
	}
	defer turn.end()
	start = e.Clock.Now()
	r := e.store.get(id)
	if r == nil || e.leftAlone(r, start) {
		return start, false
	}
	if e.refused.holds(start) {
		if r.up || !r.scanned {
			e.publish(id, scanTimes{due, asked, start}, nil, &revoxapi.Error{Kind: revoxapi.KindAuth, Endpoint: revoxapi.EndpointRows, CampaignID: id, Page: -1,
				Err: errors.New("not asked, since the API has just refused the API key: check the key")})
		}
		return start, false
	}
	timed, cancel := turn.watch(ctx)
	defer cancel()
	if e.ScanTimeout > 0 {
		timed, cancel = context.WithTimeout(timed, e.ScanTimeout)
		defer cancel()
	}
	key, _ := e.Key.Key() // one that cannot be read is the client's to report
	found, err := (&scan{
		client: e.Client, campaignID: id, params: e.Rows, labels: e.labels, fullInterval: e.FullInterval, start: start, before: r.data,
		lowPriority: turn.lowPriority,
	}).run(timed)
	if err != nil && errors.Is(context.Cause(ctx), context.Canceled) {
		return start, false // the exporter ends, the campaign is not selected any more, or nobody waits for the scan
	}
	if err != nil && turn.gave() {
		return start, true
	}
	turn.judge(e.Clock.Now().Sub(start), err)
	e.refused.note(e.Clock.Now(), id, key, err)
	e.publish(id, scanTimes{due, asked, start}, found, err)
	return start, false
}

// publish makes what came of a scan the campaign's newest.
func (e *Exporter) publish(id string, at scanTimes, found *scanned, err error) {
	now := e.Clock.Now()
	if e.State.sweepDue(now) {
		e.store.forget(now)
	}
	scanErr := err
	before, after := e.store.update(id, func(r *record) {
		err := scanErr
		if err == nil {
			err = r.doubt(found.tally)
		}
		r.scanned, r.up, r.err = true, err == nil, err
		r.ended, r.duration, r.lag = now, now.Sub(at.start), at.start.Sub(at.due)
		r.holdOff = holdOff(err)
		if err == nil {
			took := now.Sub(at.asked)
			if r.data != nil && !found.full {
				took = max(took, r.data.took) // the next scan may read every page again
			}
			r.data = r.data.next(found.tally, now, took)
			r.data.settled = found.settled
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
		e.logTooOld(before, after)
	}
}

const (
	// believedScans is how many scans in a row have to find that most of a campaign is gone before that is published: one
	// odd answer of the API must not look as if everything had been called once more when it passes.
	believedScans = 3
	// few can vanish at once without any doubt.
	few = 10
)

// doubt returns an error for a tally that is not believed yet, because most rows have vanished since the one published, or
// most of what is counted of them.
func (r *record) doubt(t *Tally) error {
	what, now, was := "", uint64(0), uint64(0)
	if r.data != nil {
		what, now, was = r.data.tally.mostlyGone(t)
	}
	if what == "" {
		r.shrunk = 0
		return nil
	}
	if r.shrunk++; r.shrunk >= believedScans {
		r.shrunk = 0
		return nil
	}
	return &revoxapi.Error{Kind: revoxapi.KindIncomplete, Endpoint: revoxapi.EndpointRows, CampaignID: r.id, Page: -1,
		Err: fmt.Errorf("only %d %s where there were %d: believed if %d scans in a row find that", now, what, was, believedScans)}
}

// mostlyGone names something of which next counts less than half, "" where there is no such thing.
func (t *Tally) mostlyGone(next *Tally) (what string, now, was uint64) {
	if was, now := t.rows(), next.rows(); was > few && now < was/2 {
		return "rows", now, was
	}
	for _, f := range families {
		if was, now := t.total(f), next.total(f); f.kind != gauge && was > few && now < was/2 {
			return "of " + f.name, now, was
		}
	}
	return "", 0, 0
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
	return within(r.holdOff, r.ended, now)
}

// within tells whether less than a time has passed since then. Where the clock was set back, nobody knows, and it has.
func within(d time.Duration, since, now time.Time) bool {
	passed := now.Sub(since)
	return passed >= 0 && passed < d
}

// logScan logs what changed with a campaign's newest scan, so that a campaign that goes on as before says nothing.
func (e *Exporter) logScan(before, after *record) {
	logger := e.Logger.With("campaign_id", after.id)
	took := after.duration.Round(time.Millisecond)
	switch {
	case after.err != nil && (before.err == nil || revoxapi.KindOf(before.err) != revoxapi.KindOf(after.err)):
		logger.Warn("scan failed; the last complete data stays published until it is too old", "reason", revoxapi.KindOf(after.err), "err", after.err)
	case after.err != nil:
		logger.Debug("scan failed again", "reason", revoxapi.KindOf(after.err), "err", after.err)
	case before.data == nil:
		logger.Info("first scan complete", "rows", after.data.tally.rows(), "duration", took)
	case before.err != nil:
		logger.Info("scans succeed again", "rows", after.data.tally.rows(), "duration", took)
	default:
		logger.Debug("scan complete", "rows", after.data.tally.rows(), "duration", took)
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
	if e.Discovery != nil && !e.listRead.Load() {
		return false, "the list of campaigns"
	}
	var waiting []string
	for _, r := range e.store.all() {
		if !r.scanned {
			waiting = append(waiting, r.id)
		}
	}
	switch len(waiting) {
	case 0:
	case 1:
		return false, "the first scan of campaign " + waiting[0]
	default:
		return false, fmt.Sprintf("the first scans of %d campaigns, of them %s", len(waiting), waiting[0])
	}
	e.ready.Store(true)
	return true, ""
}
