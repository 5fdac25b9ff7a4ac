package collector

import (
	"slices"

	"github.com/revox-exporter/revox_exporter/collector/campaigns"
	"github.com/revox-exporter/revox_exporter/collector/store"
)

// restore reads the state. With discovery, it selects the campaigns that the earlier process had discovered, if the
// configuration still selects them, so that they are shown even if the list cannot be read.
func (e *Exporter) restore() {
	now := e.cfg.Clock.Now()
	always := e.campaigns.Always()
	records, dropped := map[string]*store.Record{}, map[string]store.Dropped{}
	var discovered []string
	listed := map[string]*campaigns.Listed{}
	withData := 0
	for id, was := range e.cfg.State.Campaigns(e.labels, e.scanner.RowTable) {
		if e.cfg.Discovery == nil {
			was.Record.Listed = nil
		}
		selected := slices.Contains(always, id)
		if !selected && was.At.IsZero() && was.Record.Listed != nil && e.cfg.Discovery.Selects(was.Record.Listed, now) {
			selected, discovered = true, append(discovered, id)
		}
		e.labels.RestoreCampaignStatus(was.Record.Status())
		if was.Record.Data != nil {
			e.labels.RestoreValues(was.Record.Data.Monotonic)
		}
		if selected && e.cfg.Shard.Has(id) {
			records[id] = was.Record
			if was.Record.Listed != nil {
				listed[id] = was.Record.Listed
			}
			if was.Record.Data != nil {
				withData++
			}
			continue
		}
		if was.At.IsZero() {
			was.At = now
		}
		if now.Sub(was.At) < store.RememberDropped {
			dropped[id] = was
		}
	}
	if len(records)+len(dropped) > 0 {
		e.cfg.Logger.Info("state restored", "campaigns", withData, "not_selected", len(dropped))
	}
	if len(listed) > 0 {
		e.campaigns.Restore(discovered, listed)
	}
	e.store.Restore(records, dropped)
}
