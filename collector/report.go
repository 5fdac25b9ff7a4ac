package collector

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

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
	// HumanTalk is how long finished attempts that reached a human were talked on.
	HumanTalk Durations
}

// UnknownValue is a label, and a value of it that this version does not know.
type UnknownValue struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// Durations are observations of how long something took. The zero value is none. They are immutable.
type Durations struct {
	cells distribution
	count uint64
}

// DurationsError is how far a quantile of Durations can be off: that much of itself, by the width of a native bucket.
var DurationsError = math.Pow(2, math.Pow(2, -nativeSchema)) - 1

func newDurations(d distribution) Durations { return Durations{d, d.total()} }

// Count returns the number of observations.
func (d Durations) Count() uint64 { return d.count }

// Quantile returns the duration that a share q, from 0 to 1, of the observations does not exceed: within DurationsError
// of it, exactly where the bucket that it falls into has no other observation. Without observations it is 0.
func (d Durations) Quantile(q float64) time.Duration {
	rank := max(1, uint64(math.Ceil(q*float64(d.count))))
	for _, c := range d.cells {
		if rank <= c.count {
			// The mean of a bucket's observations is between its ends, as each of them is.
			return time.Duration(c.sum().float() / float64(c.count) * float64(time.Second)).Round(time.Millisecond)
		}
		rank -= c.count
	}
	return 0
}

// ScanOnce reads every page of a campaign once and says what it came to, or returns a *revoxapi.Error. It publishes
// nothing, remembers nothing, and reads pages that Run would not read again yet. It may be called without Run.
func (e *Exporter) ScanOnce(ctx context.Context, campaignID string) (*Report, error) {
	found, err := (&scan{client: e.Client, campaignID: campaignID, params: e.Rows, labels: e.labels, start: e.Clock.Now()}).run(ctx)
	if err != nil {
		return nil, err
	}
	return found.tally.report(), nil
}

// byValue returns what a family counts by label value.
func (t *Tally) byValue(f *family) map[string]uint64 {
	values := make(map[string]uint64, len(t.counts[f.index]))
	for _, c := range t.counts[f.index] {
		values[c.label] = c.value
	}
	return values
}

func (t *Tally) report() *Report {
	r := &Report{
		Name:            t.name,
		Rows:            t.rows(),
		RowsWithoutCall: t.counts[familyRowsWithoutCall.index].of(""),
		RowsMissing:     t.counts[familyRowsMissing.index].of(""),
		Calls:           t.byValue(familyCalls),
		Attempts:        t.byValue(familyCallAttempts),
		Results:         t.byValue(familyAttemptResults),
		DialErrors:      t.byValue(familyAttemptDialErrors),
		Anomalies:       t.byValue(familyAnomalies),
		HumanTalk:       newDurations(t.distributions[familyTalkDuration.index].of(string(revoxapi.ResultHuman))),
	}
	for u := range t.unknown {
		r.UnknownValues = append(r.UnknownValues, UnknownValue{u.label, u.value})
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
	if e.Discovery != nil {
		err = e.campaigns.refresh(ctx)
	}
	ids, listed := e.campaigns.selected()
	if err != nil {
		ids, listed = e.campaigns.own(e.campaigns.always()), nil
	}
	s.Listed = len(listed)
	for _, id := range ids {
		c := ListedCampaign{ID: id}
		if l := listed[id]; l != nil {
			c.Name, c.Status = l.Name.value, l.statusLabel
		}
		s.Campaigns = append(s.Campaigns, c)
	}
	return s, err
}

// List returns every campaign that the API's list has with a usable ID, or a *revoxapi.Error.
func (e *Exporter) List(ctx context.Context) ([]ListedCampaign, error) {
	var out []ListedCampaign
	for c, err := range revoxapi.Campaigns[listedCampaign](ctx, e.Client) {
		if err != nil {
			return nil, err
		}
		if revoxapi.CheckCampaignID(c.ID.value) == nil {
			out = append(out, ListedCampaign{ID: c.ID.value, Name: cleanLabel(c.Name.value, maxNameRunes)})
		}
	}
	return out, nil
}
