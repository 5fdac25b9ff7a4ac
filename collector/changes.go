package collector

import (
	"fmt"
	"strings"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// What is logged of campaigns that come, go and change: a line for each change, and none for what goes on as before.

// Plan says what will be read, how often, and what it costs: one line for the log, at the start.
func (e *Exporter) Plan() string {
	var what []string
	if n := len(e.campaigns.given); n == 1 {
		what = append(what, "the campaign given")
	} else if n > 1 {
		what = append(what, fmt.Sprintf("the %d campaigns given", n))
	}
	if e.campaigns.file != nil {
		what = append(what, fmt.Sprintf("the %d of the campaign file", len(e.campaigns.file.list())))
	}
	if e.Discovery != nil {
		what = append(what, fmt.Sprintf("those that the list of campaigns selects (read every %s)", e.Discovery.Interval))
	}
	when := fmt.Sprintf("every %s", e.ScanInterval)
	if e.onScrape != nil {
		when = "with each scrape"
	}
	size := e.Rows.PageSize
	if size == 0 {
		size = revoxapi.DefaultPageSize
	}
	share := ""
	if e.Shard.Count > 1 {
		share = fmt.Sprintf(" (share %d of 0 to %d)", e.Shard.Index, e.Shard.Count-1)
	}
	cost := fmt.Sprintf("a scan of N rows costs N/%d requests and one or two more", size)
	if e.FullInterval > 0 {
		cost += ", later ones only the pages that can have changed"
	}
	return fmt.Sprintf("%s%s: each scanned %s, %d at once; %s", strings.Join(what, ", and "), share, when, e.MaxScans, cost)
}

// logSelection logs how the selected campaigns have changed; of what is selected at the start only how many the list has.
// e.selecting is held.
func (e *Exporter) logSelection(before, after []*record, listed int) {
	if !e.selectionLogged {
		switch {
		case e.Discovery == nil:
			e.selectionLogged = true
		case e.campaigns.read():
			e.selectionLogged = true
			e.Logger.Info("the list of campaigns is read", "listed", listed, "selected", len(after))
		}
		return
	}
	was := make(map[string]*record, len(before))
	for _, r := range before {
		was[r.id] = r
	}
	for _, r := range after {
		earlier := was[r.id]
		delete(was, r.id)
		switch {
		case earlier == nil:
			e.Logger.Info("campaign selected: it is scanned from now on", "campaign_id", r.id, "campaign_name", r.name(), "status", r.status())
		case earlier.status() != r.status() && r.listed != nil && earlier.listed != nil:
			e.Logger.Info("campaign changed its status", "campaign_id", r.id, "campaign_name", r.name(), "from", earlier.status(), "to", r.status())
		}
	}
	for _, id := range sorted(was) {
		e.Logger.Info("campaign not selected any more: its metrics disappear", "campaign_id", id, "campaign_name", was[id].name())
	}
}

// status returns the campaign's status as the list has it, "" where it does not.
func (r *record) status() string {
	if r.listed == nil {
		return ""
	}
	return r.listed.statusLabel
}

// logTooOld logs that a campaign's data has become too old to be published, once.
func (e *Exporter) logTooOld(before, after *record) {
	if after.err == nil || after.data == nil {
		return
	}
	tooOld := func(at time.Time) bool { return at.Sub(after.data.at) > e.maxAge(after) }
	if tooOld(after.ended) && !tooOld(before.ended) {
		e.Logger.Warn("the last complete data is too old: the campaign's metrics disappear until a scan succeeds", "campaign_id", after.id,
			"age", after.ended.Sub(after.data.at).Round(time.Second), "reason", revoxapi.KindOf(after.err))
	}
}
