package collector

import (
	"context"
	"fmt"
	"time"
)

// applySelection makes the campaigns that are selected now those that are read and shown.
func (e *Exporter) applySelection() {
	e.selecting.Lock()
	defer e.selecting.Unlock()
	ids, listed := e.campaigns.selected()
	before := e.store.all()
	e.store.selectOnly(ids, listed, e.Clock.Now())
	e.turns.selectOnly(ids)
	e.logSelection(before, e.store.all(), len(listed))
	if len(ids) > 0 {
		e.idle = false
	} else if !e.idle && (e.Discovery == nil || listed != nil) {
		e.idle = true
		logger := e.Logger
		if e.Shard.Count > 1 {
			logger = logger.With("shard", fmt.Sprintf("%d of %d", e.Shard.Index, e.Shard.Count))
		}
		logger.Warn("no campaign is selected: nothing is read until one is")
	}
}

// Reload reads the campaign file anew, whether it has changed or not. Where the file is bad the campaigns that were
// selected before stay, and the error says what is wrong with it. Without a campaign file there is nothing to do.
func (e *Exporter) Reload() error { return e.reload(true) }

func (e *Exporter) reload(asked bool) error {
	if e.campaigns.file == nil {
		e.Logger.Info("there is no campaign file to read anew")
		return nil
	}
	changed, err := e.campaigns.file.reload(e.Clock.Now())
	switch {
	case err != nil && (changed || asked):
		e.Logger.Error("the campaigns that were selected before stay", "err", err)
	case err == nil && (changed || asked):
		e.Logger.Info("the campaign file is read anew", "campaigns", len(e.campaigns.file.list()))
	}
	if err == nil {
		e.applySelection()
		e.reconcile()
	}
	return err
}

// campaignFileInterval is the pause between two looks at whether the campaign file is another one.
const campaignFileInterval = 5 * time.Second

// watchCampaignFile reads the campaign file anew when it changes, until ctx ends.
func (e *Exporter) watchCampaignFile(ctx context.Context) {
	for e.Clock.Sleep(ctx, campaignFileInterval) == nil {
		if e.campaigns.file.stale() {
			_ = e.reload(false) // which has logged it
		}
	}
}
