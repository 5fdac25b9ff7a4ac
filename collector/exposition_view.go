package collector

import (
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
)

// view is what is shown of campaigns at one moment. It is immutable.
type view struct {
	campaigns []*campaignSeries // in the order of their IDs
	families  []shownFamily     // those that have series, in the order of their names
	errs      []error           // of what cannot be shown
}

// shownFamily is a family. Its revision is another one whenever its series are.
type shownFamily struct {
	*metricFamily
	revision uint64
}

// update makes x.view what is shown now. x.mu is held.
func (x *exposition) update() {
	before, records, now := x.view, x.exporter.store.all(), x.exporter.Clock.Now()
	next := &view{campaigns: make([]*campaignSeries, len(records))}
	changed := false
	same := len(records) == len(before.campaigns) // the campaigns are those of before
	for i, r := range records {
		var was *campaignSeries
		if i < len(before.campaigns) && before.campaigns[i].record.id == r.id {
			was = before.campaigns[i]
		} else {
			same = false
			was = before.campaign(r.id)
		}
		shown := x.exporter.parts(r, now)
		if was != nil && was.record == r && was.parts == shown {
			next.campaigns[i] = was
			continue
		}
		next.campaigns[i] = x.families.seriesOf(r, shown, was)
		changed = true
	}
	if !changed && same {
		return
	}
	revisions := map[*metricFamily]uint64{}
	for _, f := range before.families {
		revisions[f.metricFamily] = f.revision
	}
	for _, f := range x.families {
		if !slices.ContainsFunc(next.campaigns, func(c *campaignSeries) bool { return len(c.of(f)) > 0 }) {
			continue
		}
		shown := shownFamily{f, revisions[f]}
		if !same || !slices.EqualFunc(before.campaigns, next.campaigns, func(a, b *campaignSeries) bool { return a.same(b, f) }) {
			x.revision++
			shown.revision = x.revision
		}
		next.families = append(next.families, shown)
	}
	slices.SortFunc(next.families, func(a, b shownFamily) int { return strings.Compare(a.name, b.name) })
	for _, c := range next.campaigns {
		next.errs = append(next.errs, c.errs...)
	}
	x.view = next
}

// campaign returns a campaign's series, nil where it is not there.
func (v *view) campaign(id string) *campaignSeries {
	i, found := slices.BinarySearchFunc(v.campaigns, id, func(c *campaignSeries, id string) int { return strings.Compare(c.record.id, id) })
	if !found {
		return nil
	}
	return v.campaigns[i]
}

// inOrder calls each in the order of all families' names: of campaigns' families with their index in the view, of the
// others with as many as follow each other. The first error ends it.
func (v *view) inOrder(others []*dto.MetricFamily, campaigns func(int) error, rest func([]*dto.MetricFamily) error) error {
	from := 0
	for i, f := range v.families {
		to := from
		for to < len(others) && others[to].GetName() < f.name {
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
