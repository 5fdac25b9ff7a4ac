package exposition

import (
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
)

// view holds the shown series of all campaigns at one moment. It is immutable.
type view struct {
	campaigns []*campaignSeries // sorted by ID
	families  []shownFamily     // the families that have series, sorted by name
	errs      []error           // of the series that cannot be shown
}

// shownFamily is a family in a view. Its revision changes whenever its series do.
type shownFamily struct {
	*family
	revision uint64
}

// update brings x.view up to date. x.mu must be locked.
func (x *handler) update() {
	before, records, now := x.view, x.store.All(), x.clock.Now()
	next := &view{campaigns: make([]*campaignSeries, len(records))}
	changed := false
	same := len(records) == len(before.campaigns) // no campaign was added or removed
	for i, r := range records {
		var was *campaignSeries
		if i < len(before.campaigns) && before.campaigns[i].record.ID == r.ID {
			was = before.campaigns[i]
		} else {
			same = false
			was = before.campaign(r.ID)
		}
		shown := x.store.Shown(r, now)
		if was != nil && was.record == r && was.shown == shown {
			next.campaigns[i] = was
			continue
		}
		next.campaigns[i] = seriesOf(r, shown, was)
		changed = true
	}
	if !changed && same {
		return
	}
	revisions := map[*family]uint64{}
	for _, f := range before.families {
		revisions[f.family] = f.revision
	}
	for _, f := range families {
		if !slices.ContainsFunc(next.campaigns, func(c *campaignSeries) bool { return len(c.of(f)) > 0 }) {
			continue
		}
		shown := shownFamily{f, revisions[f]}
		sameSeries := func(a, b *campaignSeries) bool { return a.same(b, f) }
		if !same || !slices.EqualFunc(before.campaigns, next.campaigns, sameSeries) {
			x.revision++
			shown.revision = x.revision
		}
		next.families = append(next.families, shown)
	}
	slices.SortFunc(next.families, func(a, b shownFamily) int { return strings.Compare(a.Name, b.Name) })
	for _, c := range next.campaigns {
		next.errs = append(next.errs, c.errs...)
	}
	x.view = next
}

// campaign returns a campaign's series; nil if v does not have it.
func (v *view) campaign(id string) *campaignSeries {
	i, found := slices.BinarySearchFunc(v.campaigns, id,
		func(c *campaignSeries, id string) int { return strings.Compare(c.record.ID, id) })
	if !found {
		return nil
	}
	return v.campaigns[i]
}

// inOrder calls its functions in the order of all families' names: campaigns with the index of each family in
// v.families, and rest with each run of others between them. It returns the first error.
func (v *view) inOrder(
	others []*dto.MetricFamily, campaigns func(int) error, rest func([]*dto.MetricFamily) error,
) error {
	from := 0
	for i, f := range v.families {
		to := from
		for to < len(others) && others[to].GetName() < f.Name {
			to++
		}
		if to > from {
			if err := rest(others[from:to]); err != nil {
				return err
			}
			from = to
		}
		if err := campaigns(i); err != nil {
			return err
		}
	}
	if from == len(others) {
		return nil
	}
	return rest(others[from:])
}

// only returns v with the families in names alone.
func (v *view) only(names familyNames) *view {
	if names == nil {
		return v
	}
	part := *v
	part.families = nil
	for _, f := range v.families {
		if names.has(f.Name) {
			part.families = append(part.families, f)
		}
	}
	return &part
}
