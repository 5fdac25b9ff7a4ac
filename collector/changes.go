package collector

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/room"
	"github.com/revox-exporter/revox_exporter/collector/store"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// This file logs changes of campaigns: one line for each change, and none while nothing changes.

// Plan returns a line for the log that says which campaigns are read, how often, and what that costs.
func (e *Exporter) Plan() string {
	var what []string
	given, inFile := e.campaigns.Given()
	if n := given; n == 1 {
		what = append(what, "the given campaign")
	} else if n > 1 {
		what = append(what, fmt.Sprintf("the %d given campaigns", n))
	}
	if e.cfg.CampaignFile != "" && (inFile > 0 || len(what) == 0 && e.cfg.Discovery == nil) { // it may only give labels
		what = append(what, fmt.Sprintf("the %d in the campaign file", inFile))
	}
	if d := e.cfg.Discovery; d != nil {
		what = append(what, fmt.Sprintf("those that the list of campaigns selects (read every %s)", d.Interval))
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
		share = fmt.Sprintf(" (share %s, --shard.index=%d)", e.share(), e.cfg.Shard.Index)
	}
	cost := fmt.Sprintf("a scan of N rows costs N/%d requests and one or two more", size)
	if e.cfg.FullInterval > 0 {
		cost = fmt.Sprintf("the first scan of N rows, and one every %s, costs N/%d requests and one or two more; "+
			"each other about 10", e.cfg.FullInterval, size)
		if e.onScrape == nil {
			cost += fmt.Sprintf(", %d an hour", 10*time.Hour/e.cfg.ScanInterval)
		}
		cost += ", and the pages of calls under way or scheduled"
	}
	cost += "; a row takes about 10 kB before compression"
	return fmt.Sprintf("%s%s: each scanned %s, %d at once; %s",
		strings.Join(what, ", and "), share, when, e.cfg.MaxScans, cost)
}

// share returns which share of the campaigns this process reads, counted from 1.
func (e *Exporter) share() string {
	return fmt.Sprintf("%d of %d", e.cfg.Shard.Index+1, e.cfg.Shard.Count)
}

// logSelection logs changes of the selected campaigns; at the start, only their number.
func (e *Exporter) logSelection(c selectionChange) {
	if c.emptied {
		logger := e.cfg.Logger
		if e.cfg.Shard.Count > 1 {
			logger = logger.With("share", e.share())
		}
		defer logger.Warn("no campaign is selected: nothing is read until one is")
	}
	if c.overLimit > 0 {
		e.cfg.Logger.Warn("there are more campaigns than one process reads: divide them between several with --shard.count, "+
			"or select fewer with --campaign.include", "selected", len(c.after), "not_read", c.overLimit)
	}
	if c.first {
		if e.cfg.Discovery != nil && e.campaigns.List().Used {
			e.cfg.Logger.Info("the list of campaigns was read", "listed", c.listed, "selected", len(c.after))
		}
		return
	}
	was := make(map[string]*store.Record, len(c.before))
	for _, r := range c.before {
		was[r.ID] = r
	}
	for _, r := range c.after {
		earlier, logger := was[r.ID], e.cfg.Logger.With("campaign_id", r.ID, "campaign_name", r.Name())
		delete(was, r.ID)
		switch {
		case earlier == nil:
			logger.Info("campaign selected: it is scanned from now on", "status", r.Status())
		case earlier.Status() != r.Status() && r.Listed != nil && earlier.Listed != nil:
			logger.Info("campaign changed its status", "from", earlier.Status(), "to", r.Status())
		}
	}
	for _, id := range slices.Sorted(maps.Keys(was)) {
		e.failing.Forget(id)
		e.cfg.Logger.Info("campaign no longer selected: its metrics disappear",
			"campaign_id", id, "campaign_name", was[id].Name())
	}
}

// logScan logs a campaign's last scan. If its result is like that of the scan before, the level is debug.
func (e *Exporter) logScan(before, after *store.Record) {
	logger := e.cfg.Logger.With("campaign_id", after.ID)
	if after.Err == nil && before.Data != nil && before.Data.Known.Filters() && after.Data.Known != nil &&
		!after.Data.Known.Filters() {
		logger.Warn("the API's filter by status cannot be relied upon: scans read every row for a day")
	}
	if after.Err == nil && before.Data != nil && after.Data.Differences > before.Data.Differences {
		logger.Warn("a full scan found rows changed that scans before it did not see",
			"rows", after.Data.Differences-before.Data.Differences)
	}
	if errors.Is(before.Err, room.ErrFull) && e.full() == 0 {
		e.warnedFull.Store(false)
	}
	if e.onScrape == nil && long(after.Duration, e.cfg.ScanInterval) && after.Err == nil &&
		(!before.Scanned || before.Data == nil || !long(before.Data.Took, e.cfg.ScanInterval)) {
		help := "raise --scan.interval"
		if e.cfg.FullInterval > 0 && after.Data.Known.ReadsAll() {
			help += "; each scan reads every row, because there is one page, most calls are under way, or the API gives no pages or totals, or filters wrongly"
		}
		logger.Warn("a scan takes more than half of --scan.interval: the pause after it is as long as the scan",
			"took", after.Duration.Round(time.Millisecond), "hint", help)
	}
	took, reason := after.Duration.Round(time.Millisecond), revoxapi.KindOf(after.Err)
	if after.Err == nil || errors.Is(after.Err, room.ErrFull) {
		e.failing.Forget(after.ID)
	}
	switch {
	case errors.Is(after.Err, room.ErrFull):
		if first := !e.warnedFull.Swap(true); first {
			logger.Warn("there is no room for a campaign; "+e.published(after)+"; revox_exporter_campaigns_over_limit counts "+
				"others like it", "reason", reason, "err", after.Err)
		} else {
			logger.Debug("there is no room for a campaign", "reason", reason, "err", after.Err)
		}
	case after.Err != nil && e.failing.News(after.ID, after.Err, after.Ended):
		if reason == revoxapi.KindTimeout {
			logger = logger.With("hint", "if the API is only slow, raise --revox.timeout, and --scan.timeout if it is set")
		}
		logger.Warn("scan failed; "+e.published(after), "reason", reason, "err", after.Err)
	case after.Err != nil:
		logger.Debug("scan failed again", "reason", reason, "err", after.Err)
	case before.Data == nil:
		cost := after.Data.Costs.Full
		logger.Info("first scan complete", "rows", after.Data.Tally.Rows(), "requests", cost.Requests, "bytes", cost.Bytes,
			"duration", took)
	case before.Err != nil:
		logger.Info("scans succeed again", "rows", after.Data.Tally.Rows(), "duration", took)
	default:
		logger.Debug("scan complete", "rows", after.Data.Tally.Rows(), "duration", took)
	}
}

// published says what is published of a campaign whose last scan has failed.
func (e *Exporter) published(r *store.Record) string {
	switch {
	case r.Data == nil:
		return "the campaign has never been read"
	case e.store.TooOld(r, r.Ended):
		return "the last complete data is too old to be published"
	}
	return "the last complete data stays published until it is too old"
}

// full returns the number of campaigns for whose last scan there was no room.
func (e *Exporter) full() (n int64) {
	for _, r := range e.store.All() {
		if errors.Is(r.Err, room.ErrFull) {
			n++
		}
	}
	return n
}

// long reports whether the pause after a scan may be longer than the interval leaves.
func long(took, interval time.Duration) bool { return took > interval/2 }

// logTooOld logs, once, that a campaign's data has become too old to be published.
func (e *Exporter) logTooOld(before, after *store.Record) {
	if after.Err == nil || after.Data == nil {
		return
	}
	if e.store.TooOld(after, after.Ended) && !e.store.TooOld(after, before.Ended) {
		e.cfg.Logger.Warn("the last complete data is too old: the campaign's metrics disappear until a scan succeeds",
			"campaign_id", after.ID, "age", after.Ended.Sub(after.Data.At).Round(time.Second),
			"reason", revoxapi.KindOf(after.Err))
	}
}
