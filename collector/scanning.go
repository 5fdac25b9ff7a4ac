package collector

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/schedule"
	"github.com/revox-exporter/revox_exporter/collector/store"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// scanInSlot scans a campaign that was due at a time once, when it gets a slot, and returns when that scan began.
func (e *Exporter) scanInSlot(ctx context.Context, id string, due time.Time) time.Time {
	for {
		if start, yielded := e.scanCampaign(ctx, id, due); !yielded {
			return start
		}
	}
}

// scanCampaign scans a campaign that was due at a time once, when it gets a slot, and publishes what came of it, unless the campaign
// should be left alone for now. It returns when the scan began, and whether it has given way to others and must be made again.
func (e *Exporter) scanCampaign(ctx context.Context, id string, due time.Time) (start time.Time, yielded bool) {
	asked := e.cfg.Clock.Now()
	slot, err := e.queue.Wait(ctx, id, due)
	if err != nil {
		if r := e.store.Get(id); errors.Is(err, context.DeadlineExceeded) && r != nil && !e.leftAlone(r, asked) {
			e.publish(id, store.Outcome{Due: due, Asked: asked, Start: asked, Err: scanError(id, revoxapi.KindTimeout, "its turn did not come in the time that there was")})
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
			outcome.Err = scanError(id, revoxapi.KindAuth, "not asked, since the API has just refused the API key: check the key")
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
	key, _ := e.cfg.Key.Key() // one that cannot be read is the client's to report
	outcome.Found, outcome.Err = e.scanner.Scan(timed, id, start, r.Data.LastScan(), slot.LowPriority)
	if outcome.Err != nil && errors.Is(context.Cause(ctx), context.Canceled) {
		return start, false // the exporter ends, the campaign is not selected any more, or nobody waits for the scan
	}
	if outcome.Err != nil && slot.Yielded() {
		return start, true
	}
	slot.Judge(e.cfg.Clock.Now().Sub(start), outcome.Err)
	e.breaker.Note(e.cfg.Clock.Now(), id, key, outcome.Err)
	e.publish(id, outcome)
	return start, false
}

// scanError is why a campaign was not read though its scan was due.
func scanError(id string, kind revoxapi.ErrorKind, text string) error {
	return &revoxapi.Error{Kind: kind, Endpoint: revoxapi.EndpointRows, CampaignID: id, Page: -1, Err: errors.New(text)}
}

func (e *Exporter) publish(id string, o store.Outcome) {
	o.End = e.cfg.Clock.Now()
	if before, after := e.store.Publish(id, o); after != nil {
		e.logScan(before, after)
		e.logTooOld(before, after)
	}
}

// leftAlone reports whether the campaign should not be asked for yet, by what its last scan met.
func (e *Exporter) leftAlone(r *store.Record, now time.Time) bool {
	if revoxapi.KindOf(r.Err) == revoxapi.KindAuth && e.breaker.Changed() {
		return false
	}
	return schedule.Within(schedule.HoldOff(r.Err), r.Ended, now)
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

// scanNewOnes lets campaigns that are selected and were never scanned be scanned, where scans are made on scrapes.
func (e *Exporter) scanNewOnes() {
	select {
	case e.selected <- struct{}{}:
	default: // they will be with those selected before
	}
}

// scanSelected makes an exporter that scans on scrapes ready for campaigns that are new, and shows what will not work, until ctx ends.
func (e *Exporter) scanSelected(ctx context.Context) {
	for {
		select {
		case <-e.selected:
		case <-ctx.Done():
			return
		}
		for range 2 { // a scan that goes on may have begun without them
			if e.someUnscanned() {
				e.onScrape.Wait(ctx)
			}
		}
	}
}

func (e *Exporter) someUnscanned() bool {
	for _, r := range e.store.All() {
		if !r.Scanned {
			return true
		}
	}
	return false
}

// ScanOnScrape returns a handler that, where scans are made on scrapes, scans before next serves. The scan ends before
// the scraper would give up, by its X-Prometheus-Scrape-Timeout-Seconds header less the offset; next then serves what
// was complete before.
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

// scrapeTimeout returns how long a scan may take, of a header's value; false where the header sets no limit.
func (e *Exporter) scrapeTimeout(header string) (time.Duration, bool) {
	if header == "" {
		return 0, false
	}
	seconds, err := strconv.ParseFloat(header, 64)
	if err != nil || !(seconds > 0) || seconds > math.MaxInt32 {
		e.cfg.Logger.Debug("a scrape's X-Prometheus-Scrape-Timeout-Seconds header cannot be read; its scan has no deadline")
		return 0, false
	}
	limit := time.Duration(seconds * float64(time.Second))
	if limit > e.cfg.ScrapeTimeoutOffset {
		return limit - e.cfg.ScrapeTimeoutOffset, true
	}
	// An offset that leaves no time at all was meant for longer timeouts.
	return limit / 2, true
}
