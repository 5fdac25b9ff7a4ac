package collector

import (
	"context"
	"errors"
	"math"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/room"
	"github.com/revox-exporter/revox_exporter/collector/scan"
	"github.com/revox-exporter/revox_exporter/collector/schedule"
	"github.com/revox-exporter/revox_exporter/collector/store"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Why a scan that was due did not start.
var (
	errNoSlot     = errors.New("not started, because no scan slot was free in time")
	errKeyRefused = errors.New("not read, because the API refused the key: check the API key")
)

// scanInSlot scans a campaign once, when it gets a slot, and returns when that scan began. due is when it was due.
func (e *Exporter) scanInSlot(ctx context.Context, id string, due time.Time) time.Time {
	for {
		if start, yielded := e.scanCampaign(ctx, id, due); !yielded {
			return start
		}
	}
}

// scanCampaign waits for a slot, scans a campaign and publishes the outcome, unless the campaign must not be read yet.
// It returns when the scan began, and whether the scan was canceled to make way for others and must be repeated.
func (e *Exporter) scanCampaign(ctx context.Context, id string, due time.Time) (start time.Time, yielded bool) {
	asked := e.cfg.Clock.Now()
	slot, err := e.queue.Wait(ctx, id, due)
	if err != nil {
		if r := e.store.Get(id); errors.Is(err, context.DeadlineExceeded) && r != nil && !e.leftAlone(r, asked) {
			err := scan.Error(id, revoxapi.KindTimeout, errNoSlot)
			e.publish(id, store.Outcome{Due: due, Asked: asked, Start: asked, Err: err})
		}
		return asked, false
	}
	defer slot.End()
	start = e.cfg.Clock.Now()
	outcome := store.Outcome{Due: due, Asked: asked, Start: start}
	r := e.store.Get(id)
	if r == nil || e.leftAlone(r, start) {
		return start, false
	}
	if e.breaker.Holds(start) {
		if r.Up || !r.Scanned {
			outcome.Err = scan.Error(id, revoxapi.KindAuth, errKeyRefused)
			e.publish(id, outcome)
		}
		return start, false
	}
	timed, cancel := slot.Watch(ctx)
	defer cancel()
	if e.cfg.ScanTimeout > 0 {
		timed, cancel = context.WithTimeout(timed, e.cfg.ScanTimeout)
		defer cancel()
	}
	claim := e.store.Claim(id)
	defer claim.End()
	key, _ := e.cfg.Key.Key() // the client reports an error
	outcome.Found, outcome.Err = e.scanner.Scan(timed, id, start, r.Data.LastScan(), claim, slot.LowPriority)
	if outcome.Err != nil && errors.Is(context.Cause(ctx), context.Canceled) {
		return start, false // the exporter ends, the campaign is no longer selected, or no scrape waits for the scan
	}
	if outcome.Err != nil && slot.Yielded() {
		return start, true
	}
	slot.Judge(e.cfg.Clock.Now().Sub(start), outcome.Err)
	e.breaker.Note(e.cfg.Clock.Now(), id, key, outcome.Err)
	e.publish(id, outcome)
	return start, false
}

// publish publishes and logs the outcome of a scan that ends now.
func (e *Exporter) publish(id string, o store.Outcome) {
	o.End = e.cfg.Clock.Now()
	if before, after := e.store.Publish(id, o); after != nil {
		e.logScan(before, after)
		e.logTooOld(before, after)
	}
}

// leftAlone reports whether the campaign must not be read yet because of the error of its last scan.
func (e *Exporter) leftAlone(r *store.Record, now time.Time) bool {
	if revoxapi.KindOf(r.Err) == revoxapi.KindAuth && e.breaker.Changed() {
		return false
	}
	return schedule.Within(holdOff(r.Err), r.Ended, now)
}

// fullHoldOff is the wait after a scan that found no room: reading the campaign again soon does not help.
const fullHoldOff = 10 * time.Minute

// holdOff returns the minimum wait between a scan that failed with err and the next one.
func holdOff(err error) time.Duration {
	if errors.Is(err, room.ErrFull) {
		return fullHoldOff
	}
	return schedule.HoldOff(err)
}

// scanAll scans every selected campaign once.
func (e *Exporter) scanAll(ctx context.Context) {
	due := e.cfg.Clock.Now()
	var scans sync.WaitGroup
	for _, r := range e.store.All() {
		scans.Go(func() { e.scanInSlot(ctx, r.ID, due) })
	}
	scans.Wait()
}

// scanNewOnes makes scanSelected scan the campaigns that were never scanned.
func (e *Exporter) scanNewOnes() {
	select {
	case e.selected <- struct{}{}:
	default: // a message that is already there covers them
	}
}

// scanSelected scans new campaigns without a scrape, so that the exporter becomes ready, until ctx ends.
func (e *Exporter) scanSelected(ctx context.Context) {
	for {
		select {
		case <-e.selected:
		case <-ctx.Done():
			return
		}
		for range 2 { // a running scan may have started without them
			if slices.ContainsFunc(e.store.All(), func(r *store.Record) bool { return !r.Scanned }) {
				e.onScrape.Wait(ctx)
			}
		}
	}
}

// ScanOnScrape returns a handler that scans before it calls next, or next itself if scans run on an interval. A scan is
// canceled before the scrape times out, according to the X-Prometheus-Scrape-Timeout-Seconds header minus the offset;
// next then serves the last complete data.
func (e *Exporter) ScanOnScrape(next http.Handler) http.Handler {
	if e.onScrape == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		if limit, ok := e.scrapeTimeout(r.Header.Get("X-Prometheus-Scrape-Timeout-Seconds")); ok {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, limit)
			defer cancel()
		}
		e.onScrape.Wait(ctx)
		next.ServeHTTP(w, r)
	})
}

// scrapeTimeout returns how long a scan may take according to the header's value; false if there is no limit.
func (e *Exporter) scrapeTimeout(header string) (time.Duration, bool) {
	if header == "" {
		return 0, false
	}
	seconds, err := strconv.ParseFloat(header, 64)
	if err != nil || !(seconds > 0) || seconds > math.MaxInt32 {
		e.cfg.Logger.Debug("invalid X-Prometheus-Scrape-Timeout-Seconds header; the scan has no deadline")
		return 0, false
	}
	limit := time.Duration(seconds * float64(time.Second))
	if limit > e.cfg.ScrapeTimeoutOffset {
		return limit - e.cfg.ScrapeTimeoutOffset, true
	}
	// The offset leaves no time: it was meant for longer timeouts.
	return limit / 2, true
}
