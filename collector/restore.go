package collector

import (
	"slices"
)

// restore selects the campaigns that are given and, where campaigns are discovered, those that were selected when the
// process before this one ended and that the flags still select: they are shown even if the list cannot be read.
func (e *Exporter) restore() {
	now := e.Clock.Now()
	always := e.campaigns.always()
	records, dropped := map[string]*record{}, map[string]droppedRecord{}
	var discovered []string
	listed := map[string]*listedCampaign{}
	withData := 0
	for id, was := range e.State.campaigns(e.labels) {
		if e.Discovery == nil {
			was.listed = nil
		}
		selected := slices.Contains(always, id)
		if !selected && was.at.IsZero() && was.listed != nil && e.Discovery.selects(was.listed, now) {
			selected, discovered = true, append(discovered, id)
		}
		e.labels.recall(&was.record)
		switch {
		case selected && e.Shard.has(id):
			records[id] = &was.record
			if was.listed != nil {
				listed[id] = was.listed
			}
			if was.data != nil {
				withData++
			}
		default:
			if was.at.IsZero() {
				was.at = now
			}
			if now.Sub(was.at) < rememberDropped {
				dropped[id] = was
			}
		}
	}
	if len(records)+len(dropped) > 0 {
		e.Logger.Info("state restored", "campaigns", withData, "not_selected", len(dropped))
	}
	if len(listed) > 0 {
		e.campaigns.recall(discovered, listed)
	}
	e.store.restore(records, dropped)
}

// recall makes a list that an earlier process read the newest, until one is read.
func (c *campaigns) recall(discovered []string, listed map[string]*listedCampaign) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.discovered, c.listed = discovered, listed
}

// recall lets values that are not known pass, as they did before the restart, so that they go on being counted under
// their names.
func (l *labelValues) recall(r *record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	recall := func(label, value string, known bool) {
		if passed := l.unknown[label]; passed != nil && !known && value != valueNone && value != valueOther && len(passed) < maxUnknownValues {
			passed[value] = true
		}
	}
	if r.listed != nil && r.listed.statusLabel != "" {
		recall(enumCampaignStatus.label, r.listed.statusLabel, slices.Contains(campaignStatuses, r.listed.statusLabel))
	}
	if r.data == nil {
		return
	}
	for _, f := range families {
		// Of the open set of end reasons no family shows all.
		known := func(value string) bool {
			return slices.Contains(f.known, value) || f == familyAttemptEndReasons && enumEndReason.known[value] != ""
		}
		for _, c := range r.data.heldCounts[f.index] {
			recall(f.label, c.label, known(c.label))
		}
		for _, d := range r.data.heldDistributions[f.index] {
			recall(f.label, d.label, known(d.label))
		}
	}
}
