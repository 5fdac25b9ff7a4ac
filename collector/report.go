package collector

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/revox-exporter/revox_exporter/collector/campaigns"
	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Report has the counts of one full scan of a campaign. The maps have every known label value, even if its count is 0,
// and the unknown values found. Texts have no control characters.
type Report struct {
	// Name is the campaign's name according to its rows; "" if they do not give it.
	Name string
	// Rows are all rows, RowsWithoutCall those without a call, and RowsMissing those that no page contains.
	Rows, RowsWithoutCall, RowsMissing uint64
	// Calls and Attempts are counted by status.
	Calls, Attempts map[string]uint64
	// Results counts all finished attempts by result, which is "none" if there is none.
	Results map[string]uint64
	// DialErrors counts the finished attempts with a dial error, by that error.
	DialErrors map[string]uint64
	// Anomalies are counted by kind, as in revox_campaign_anomalies.
	Anomalies map[string]uint64
	// UnknownValues are the values that this version does not know, as labels show them, sorted.
	UnknownValues []labelvalue.Unknown
	// HumanTalk has the talk durations of finished attempts that reached a human.
	HumanTalk tally.Distribution
}

// ScanOnce reads every page of a campaign and returns the counts, or a *revoxapi.Error. It neither publishes nor
// remembers anything. It may be called without Run.
func (e *Exporter) ScanOnce(ctx context.Context, campaignID string) (*Report, error) {
	claim := e.store.Claim(campaignID)
	defer claim.End()
	found, err := e.scanner.Scan(ctx, campaignID, e.cfg.Clock.Now(), nil, claim, nil)
	if err != nil {
		return nil, err
	}
	t := found.Tally
	r := &Report{
		Name:            t.Name,
		Rows:            t.Rows(),
		RowsWithoutCall: t.Total(tally.RowsWithoutCall),
		RowsMissing:     t.Total(tally.RowsMissing),
		Calls:           byValue(t, tally.Calls),
		Attempts:        byValue(t, tally.CallAttempts),
		Results:         byValue(t, tally.AttemptResults),
		DialErrors:      byValue(t, tally.AttemptDialErrors),
		Anomalies:       byValue(t, tally.Anomalies),
		HumanTalk:       t.Values.Distributions[tally.TalkDuration.Index].Of(string(revoxapi.ResultHuman)),
	}
	r.UnknownValues = slices.SortedFunc(maps.Keys(t.Unknown), func(a, b labelvalue.Unknown) int {
		return cmp.Or(cmp.Compare(a.Label, b.Label), cmp.Compare(a.Value, b.Value))
	})
	return r, nil
}

// byValue returns the counts of a family by label value.
func byValue(t *tally.Tally, f *tally.Family) map[string]uint64 {
	values := make(map[string]uint64, len(t.Values.Counts[f.Index]))
	for _, c := range t.Values.Counts[f.Index] {
		values[c.Label] = c.Value
	}
	return values
}

// Selection says which campaigns the exporter reads.
type Selection struct {
	// Campaigns are the campaigns to read, the given ones first. Those that are not in the list have only an ID.
	Campaigns []campaigns.Campaign
	// Listed is the number of campaigns in the list, of all shards.
	Listed int
}

// Select returns the campaigns that the configuration selects now. If discovery is on and the list cannot be read, it
// returns the error and the campaigns that are selected without the list; if the list is incomplete, the error and those
// that are selected from it. It may be called without Run.
func (e *Exporter) Select(ctx context.Context) (Selection, error) {
	var s Selection
	var err error
	if e.cfg.Discovery != nil {
		err = e.campaigns.Refresh(ctx)
	}
	ids, listed := e.campaigns.Selected()
	if err != nil {
		ids, listed = e.campaigns.AlwaysSelected(), nil
	}
	list := e.campaigns.List()
	s.Listed = list.Listed
	if err == nil {
		err = list.Err // the list is used, but is incomplete
	}
	for _, id := range ids {
		c := campaigns.Campaign{ID: id}
		if l := listed[id]; l != nil {
			c.Name = l.Name
		}
		s.Campaigns = append(s.Campaigns, c)
	}
	return s, err
}

// Labels returns the labels that the campaign file gives to a campaign, by their names there; nil if it has none.
func (e *Exporter) Labels(id, name string) map[string]string {
	var labels map[string]string
	for _, l := range e.campaigns.Labels().Of(id, name) {
		if l.Value == "" {
			continue
		}
		if labels == nil {
			labels = map[string]string{}
		}
		labels[strings.TrimPrefix(l.Name, campaigns.LabelPrefix)] = l.Value
	}
	return labels
}

// UnusedMatches returns the numbers of the campaign file's entries, counted from 1, whose match gives labels to none of
// these campaigns, whose names are by ID.
func (e *Exporter) UnusedMatches(names map[string]string) []int {
	return e.campaigns.Labels().Unused(names)
}

// List reads the API's list and returns every campaign with a usable ID, or a *revoxapi.Error.
func (e *Exporter) List(ctx context.Context) ([]campaigns.Campaign, error) {
	return e.campaigns.All(ctx)
}
