package collector

import (
	"cmp"
	"context"
	"slices"

	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Report is what one complete reading of a campaign came to, in plain numbers. The maps have every known label value,
// 0 where there is none, and the unknown values met; text in them is free of control characters.
type Report struct {
	// Name of the campaign as its rows have it; "" where they do not.
	Name string
	// Rows, those of them without a call, and those that the API's total promises beyond them.
	Rows, RowsWithoutCall, RowsMissing uint64
	// Calls and Attempts by status.
	Calls, Attempts map[string]uint64
	// Results of finished attempts, "none" for those without one: together they are all finished attempts.
	Results map[string]uint64
	// DialErrors of finished attempts.
	DialErrors map[string]uint64
	// Anomalies by kind, as revox_campaign_anomalies has them.
	Anomalies map[string]uint64
	// UnknownValues are the values met that this version does not know, as their labels show them.
	UnknownValues []UnknownValue
	// HumanTalk is how long people talked in finished attempts that reached a human.
	HumanTalk tally.Distribution
}

// UnknownValue is a label, and a value of it that this version does not know.
type UnknownValue struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// ScanOnce reads every page of a campaign once and says what it came to, or returns a *revoxapi.Error. It publishes
// nothing, remembers nothing, and reads pages that Run would not read again yet. It may be called without Run.
func (e *Exporter) ScanOnce(ctx context.Context, campaignID string) (*Report, error) {
	found, err := e.scanner.Scan(ctx, campaignID, e.cfg.Clock.Now(), nil, nil)
	if err != nil {
		return nil, err
	}
	return reportOf(found.Tally), nil
}

// byValue returns what a family counts by label value.
func byValue(t *tally.Tally, f *tally.Family) map[string]uint64 {
	values := make(map[string]uint64, len(t.Values.Counts[f.Index]))
	for _, c := range t.Values.Counts[f.Index] {
		values[c.Label] = c.Value
	}
	return values
}

func reportOf(t *tally.Tally) *Report {
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
	for u := range t.Unknown {
		r.UnknownValues = append(r.UnknownValues, UnknownValue(u))
	}
	slices.SortFunc(r.UnknownValues, func(a, b UnknownValue) int {
		return cmp.Or(cmp.Compare(a.Label, b.Label), cmp.Compare(a.Value, b.Value))
	})
	return r
}

// ListedCampaign is what the API's list says of a campaign. Texts are free of control characters.
type ListedCampaign struct {
	ID, Name string
	Status   string // as revox_campaign_status shows it, "" where it is not known
}

// Selection says which campaigns are to be read.
type Selection struct {
	// Campaigns to read, those given first; of those that the list does not have, only the ID is known.
	Campaigns []ListedCampaign
	// Listed is how many campaigns the list has.
	Listed int
}

// Select returns the campaigns that the configuration selects now. Where discovery is on and the list cannot be read,
// the error says why, and the selection has those given. It may be called without Run.
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
	s.Listed = len(listed)
	for _, id := range ids {
		c := ListedCampaign{ID: id}
		if l := listed[id]; l != nil {
			c.Name, c.Status = l.Name, l.StatusLabel
		}
		s.Campaigns = append(s.Campaigns, c)
	}
	return s, err
}

// List returns every campaign that the API's list has with a usable ID, without its status, or a *revoxapi.Error.
func (e *Exporter) List(ctx context.Context) ([]ListedCampaign, error) {
	list, err := e.campaigns.All(ctx)
	var out []ListedCampaign
	for _, c := range list {
		out = append(out, ListedCampaign{ID: c.ID, Name: c.Name})
	}
	return out, err
}
