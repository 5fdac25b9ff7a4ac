package collector

import (
	"maps"
	"slices"

	"github.com/revox-exporter/revox_exporter/collector/campaigns"
	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/collector/store"
)

// restore reads the state. With discovery, it selects the campaigns that the earlier process had discovered, if the
// configuration still selects them, so that they are shown even if the list cannot be read.
func (e *Exporter) restore() {
	now := e.cfg.Clock.Now()
	always := map[string]bool{}
	for _, id := range e.campaigns.Always() {
		always[id] = true
	}
	records, dropped := map[string]*store.Record{}, map[string]store.Dropped{}
	var discovered []string
	listed := map[string]*campaigns.Listed{}
	withData := 0
	hides := e.labels.Hider()
	restored := e.cfg.State.Campaigns(e.labels, e.scanner.RowTable, e.store.Admit)
	for _, id := range slices.Sorted(maps.Keys(restored)) { // in order, in case that there are too many
		was := restored[id]
		if e.cfg.Discovery == nil {
			was.Record.Listed = nil
		}
		if !always[id] && hides(id) {
			continue
		}
		selected := always[id]
		if !selected && was.At.IsZero() && was.Record.Listed != nil && e.cfg.Discovery.Selects(was.Record.Listed, now) {
			selected, discovered = true, append(discovered, id)
		}
		if l := was.Record.Listed; l != nil {
			l.StatusLabel = e.labels.RestoreCampaignStatus(l.StatusLabel)
			l.Name = labelvalue.Name(l.Name, hides)
		}
		if was.Record.Data != nil {
			was.Record.Data.Monotonic.RestoreLabels(e.labels)
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
