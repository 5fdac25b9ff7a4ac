package collector

import (
	"context"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/schedule"
	"github.com/revox-exporter/revox_exporter/collector/store"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// discover reads the list of campaigns on its interval and applies the selection, until ctx ends.
func (e *Exporter) discover(ctx context.Context) {
	var failed time.Time // when the list last failed to be read
	for ctx.Err() == nil {
		now := e.cfg.Clock.Now()
		err := e.campaigns.List().Err
		keyChanged := revoxapi.KindOf(err) == revoxapi.KindAuth && e.breaker.Changed()
		asked := (keyChanged || !schedule.Within(schedule.HoldOff(err), failed, now)) && !e.breaker.Holds(now)
		if asked {
			key, _ := e.cfg.Key.Key() // the client reports an error
			err = e.campaigns.Refresh(ctx)
			if ctx.Err() != nil {
				return
			}
			e.breaker.Note(e.cfg.Clock.Now(), "the list of campaigns", key, err)
			if err != nil {
				failed = e.cfg.Clock.Now()
			} else {
				e.applySelection()
				e.listRead.Store(true)
			}
		}
		e.scanNewOnes()
		// Try again soon if the list was not read: new campaigns wait for it, and the key may have changed.
		pause := e.cfg.Discovery.Interval
		if !asked || err != nil {
			pause = min(pause, time.Minute)
		}
		sleep, wake := context.WithCancel(ctx)
		e.wakeDiscovery.Store(&wake)
		_ = e.cfg.Clock.Sleep(sleep, pause) // the only error is that its context ended
		wake()
	}
}

// applySelection passes the selected campaigns to the store, the queue and the intervals, and logs what changed.
func (e *Exporter) applySelection() {
	change := e.selectCampaigns()
	e.store.KeepSelection()
	e.logSelection(change)
}

// selectionChange is what one selection changed.
type selectionChange struct {
	before, after []*store.Record
	// listed is how many campaigns the list has.
	listed int
	// first reports that there was nothing to compare with: the list was just read for the first time, or is off.
	first bool
	// emptied reports that no campaign is selected any more.
	emptied bool
	// overLimit is the number of campaigns that are not selected because there are too many, if it was 0 before.
	overLimit int
}

func (e *Exporter) selectCampaigns() selectionChange {
	e.selecting.Lock()
	defer e.selecting.Unlock()
	ids, listed := e.campaigns.Selected()
	list := e.campaigns.List()
	c := selectionChange{before: e.store.All(), listed: list.Listed, first: !e.compared}
	e.store.SelectOnly(ids, listed, e.campaigns.Labels(), e.cfg.Clock.Now())
	e.queue.SelectOnly(ids)
	e.intervals.Select(ids)
	c.after = e.store.All()
	if e.cfg.Discovery == nil || list.Used {
		e.compared = true
	}
	over := e.campaigns.OverLimit()
	if before := e.overLimit.Swap(int64(over)); before == 0 {
		c.overLimit = over
	}
	idle := len(ids) == 0 && (e.cfg.Discovery == nil || listed != nil)
	c.emptied = idle && !e.idle
	e.idle = idle || e.idle && len(ids) == 0
	return c
}

// Reload reads the campaign file again, even if it has not changed. If the file is bad, the selected campaigns and their
// labels stay the same, and the error says what is wrong with the file. Without a campaign file Reload only logs that there is none.
func (e *Exporter) Reload() error { return e.reload(true) }

func (e *Exporter) reload(asked bool) error {
	if e.cfg.CampaignFile == "" {
		e.cfg.Logger.Info("there is no campaign file to read again")
		return nil
	}
	changed, err := e.campaigns.Reload()
	switch {
	case err != nil && (changed || asked):
		e.cfg.Logger.Error("the campaign file cannot be used; the selected campaigns and their labels stay the same", "err", err)
	case err == nil && (changed || asked):
		_, inFile := e.campaigns.Given()
		e.cfg.Logger.Info("the campaign file was read again", "campaigns", inFile)
	}
	if err == nil {
		e.applySelection()
		e.scanNewOnes()
		// The list has the names and statuses of campaigns that are new in the file.
		if wake := e.wakeDiscovery.Load(); changed && wake != nil {
			(*wake)()
		}
	}
	return err
}

// campaignFileInterval is the time between two checks whether the campaign file has changed.
const campaignFileInterval = 5 * time.Second

// watchCampaignFile reads the campaign file again when it changes, until ctx ends.
func (e *Exporter) watchCampaignFile(ctx context.Context) {
	for e.cfg.Clock.Sleep(ctx, campaignFileInterval) == nil {
		if e.campaigns.FileChanged() {
			_ = e.reload(false) // it logs the error
		}
	}
}
