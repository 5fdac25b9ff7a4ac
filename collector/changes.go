package collector

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/store"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// What is logged of campaigns that come, go and change: a line for each change, and none for what goes on as before.

// Plan says what will be read, how often, and what it costs: one line for the log, at the start.
func (e *Exporter) Plan() string {
	var what []string
	given, inFile := e.campaigns.Given()
	if n := given; n == 1 {
		what = append(what, "the campaign given")
	} else if n > 1 {
		what = append(what, fmt.Sprintf("the %d campaigns given", n))
	}
	if e.cfg.CampaignFile != "" {
		what = append(what, fmt.Sprintf("the %d of the campaign file", inFile))
	}
	if e.cfg.Discovery != nil {
		what = append(what, fmt.Sprintf("those that the list of campaigns selects (read every %s)", e.cfg.Discovery.Interval))
	}
	when := fmt.Sprintf("every %s", e.cfg.ScanInterval)
	if e.onScrape != nil {
		when = "with each scrape"
	}
	size := e.cfg.Rows.PageSize
	if size == 0 {
		size = revoxapi.DefaultPageSize
	}
	share := ""
	if e.cfg.Shard.Count > 1 {
		share = fmt.Sprintf(" (share %d of 0 to %d)", e.cfg.Shard.Index, e.cfg.Shard.Count-1)
	}
	cost := fmt.Sprintf("a scan of N rows costs N/%d requests and one or two more", size)
	if e.cfg.FullInterval > 0 {
		cost += ", later ones only the pages that can have changed"
	}
	return fmt.Sprintf("%s%s: each scanned %s, %d at once; %s", strings.Join(what, ", and "), share, when, e.cfg.MaxScans, cost)
}

// logSelection logs how the selected campaigns have changed; of what is selected at the start only how many the list has.
// e.selecting is held.
func (e *Exporter) logSelection(before, after []*store.Record, listed int) {
	if !e.logged {
		switch {
		case e.cfg.Discovery == nil:
			e.logged = true
		case !e.campaigns.List().LastSuccess.IsZero():
			e.logged = true
			e.cfg.Logger.Info("the list of campaigns is read", "listed", listed, "selected", len(after))
		}
		return
	}
	was := make(map[string]*store.Record, len(before))
	for _, r := range before {
		was[r.ID] = r
	}
	for _, r := range after {
		earlier := was[r.ID]
		delete(was, r.ID)
		switch {
		case earlier == nil:
			e.cfg.Logger.Info("campaign selected: it is scanned from now on", "campaign_id", r.ID, "campaign_name", r.Name(), "status", r.Status())
		case earlier.Status() != r.Status() && r.Listed != nil && earlier.Listed != nil:
			e.cfg.Logger.Info("campaign changed its status", "campaign_id", r.ID, "campaign_name", r.Name(), "from", earlier.Status(), "to", r.Status())
		}
	}
	for _, id := range slices.Sorted(maps.Keys(was)) {
		e.cfg.Logger.Info("campaign not selected any more: its metrics disappear", "campaign_id", id, "campaign_name", was[id].Name())
	}
}

// logScan logs what changed with a campaign's last scan: one that goes on as before says nothing.
func (e *Exporter) logScan(before, after *store.Record) {
	logger := e.cfg.Logger.With("campaign_id", after.ID)
	took := after.Duration.Round(time.Millisecond)
	switch {
	case after.Err != nil && (before.Err == nil || revoxapi.KindOf(before.Err) != revoxapi.KindOf(after.Err)):
		logger.Warn("scan failed; the last complete data stays published until it is too old", "reason", revoxapi.KindOf(after.Err), "err", after.Err)
	case after.Err != nil:
		logger.Debug("scan failed again", "reason", revoxapi.KindOf(after.Err), "err", after.Err)
	case before.Data == nil:
		logger.Info("first scan complete", "rows", after.Data.Tally.Rows(), "duration", took)
	case before.Err != nil:
		logger.Info("scans succeed again", "rows", after.Data.Tally.Rows(), "duration", took)
	default:
		logger.Debug("scan complete", "rows", after.Data.Tally.Rows(), "duration", took)
	}
}

// logTooOld logs that a campaign's data has become too old to be published, once.
func (e *Exporter) logTooOld(before, after *store.Record) {
	if after.Err == nil || after.Data == nil {
		return
	}
	if e.store.TooOld(after, after.Ended) && !e.store.TooOld(after, before.Ended) {
		e.cfg.Logger.Warn("the last complete data is too old: the campaign's metrics disappear until a scan succeeds", "campaign_id", after.ID,
			"age", after.Ended.Sub(after.Data.At).Round(time.Second), "reason", revoxapi.KindOf(after.Err))
	}
}
