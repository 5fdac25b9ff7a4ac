package collector

import (
	"context"
	"math/bits"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"
)

// scanTimes are when a scan was due, when it asked for its turn, and when that came. They differ where the scan before took
// longer than the interval, and where others were due before.
type scanTimes struct{ due, asked, start time.Time }

// reconcile lets each selected campaign, and no other, be scanned while Run runs.
func (e *Exporter) reconcile() {
	e.selecting.Lock()
	defer e.selecting.Unlock()
	if e.ctx == nil || e.ctx.Err() != nil {
		return
	}
	ctx := e.ctx
	if e.onScrape != nil {
		e.running.Go(func() { e.scanUnscanned(ctx) })
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

// scanUnscanned makes an exporter that scans on scrapes ready for campaigns that are new, and shows what will not work.
func (e *Exporter) scanUnscanned(ctx context.Context) {
	for range 2 { // a scan that is under way may have begun without them
		if !e.someUnscanned() {
			return
		}
		e.onScrape.wait(ctx)
	}
}

func (e *Exporter) someUnscanned() bool {
	for _, r := range e.store.all() {
		if !r.scanned {
			return true
		}
	}
	return false
}

// scanOnInterval scans a campaign until ctx ends. A scan that took longer than the interval is followed by the next.
func (e *Exporter) scanOnInterval(ctx context.Context, id string) {
	first := e.Clock.Now()
	due := first
	for ctx.Err() == nil {
		start := e.scanInTurn(ctx, id, due)
		due = e.nextDue(id, first, start)
		pause := min(due.Sub(e.Clock.Now()), 2*e.ScanInterval) // more only where the clock was set back during the scan
		_ = e.Clock.Sleep(ctx, pause)                          // its error is that ctx ended
	}
}

// nextDue returns when a campaign's scan is due after one that began at start: an interval later, or up to half of one more
// or less where that brings it to the campaign's place in the interval. Few campaigns have none, and keep to when each was
// first due.
func (e *Exporter) nextDue(id string, first, start time.Time) time.Time {
	if e.turns.count() > e.MaxScans {
		first = e.began.Add(place(id, e.ScanInterval))
	}
	after := start.Add(e.ScanInterval / 2).Sub(first)
	intervals := after / e.ScanInterval
	if intervals*e.ScanInterval < after {
		intervals++
	}
	return first.Add(intervals * e.ScanInterval)
}

// place returns where in the interval a campaign's scans are due: many campaigns are spread evenly over it, and each is
// where it was before a restart.
func place(id string, interval time.Duration) time.Duration {
	at, _ := bits.Mul64(xxhash.Sum64String(id), uint64(interval))
	return time.Duration(at)
}

// scanAll scans every selected campaign once.
func (e *Exporter) scanAll(ctx context.Context) {
	due := e.Clock.Now()
	var scans sync.WaitGroup
	for _, r := range e.store.all() {
		scans.Go(func() { e.scanInTurn(ctx, r.id, due) })
	}
	scans.Wait()
}

// scanInTurn scans a campaign that was due at a time once, and returns when that scan began.
func (e *Exporter) scanInTurn(ctx context.Context, id string, due time.Time) time.Time {
	for {
		if start, gaveWay := e.scanCampaign(ctx, id, due); !gaveWay {
			return start
		}
	}
}
