package campaigns

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// reading is one reading of the list. Of the campaigns that are not selected it keeps nothing.
type reading struct {
	selector *Selector
	now      time.Time
	always   map[string]bool // campaigns that are selected independently of the list
	before   map[string]*Listed
	found    map[string]bool // the campaigns that discovery selected before: whether the list has them

	listedCount, skipped int
	unselected           int
	known, fresh         []string // selected, and discovered before or not
	discovered           []string
	listed               map[string]*Listed
	unknown              map[labelvalue.Unknown]struct{}
	partial              bool
	hides                func(text string) bool // see labelvalue.Labels.Hider
}

func (s *Selector) newReading() *reading {
	r := &reading{
		selector: s, now: s.cfg.Clock.Now(), always: map[string]bool{}, found: map[string]bool{},
		listed: map[string]*Listed{}, unknown: map[labelvalue.Unknown]struct{}{}, hides: s.cfg.Labels.Hider(),
	}
	for _, id := range s.Always() {
		r.always[id] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r.before = s.listed
	for _, id := range s.discovered {
		r.found[id] = false
	}
	return r
}

// add adds the next campaign in the list.
func (r *reading) add(c *listedJSON) {
	s, id := r.selector, c.ID.value
	if revoxapi.CheckCampaignID(id) != nil || r.hides(id) {
		r.skipped++
		return
	}
	r.listedCount++
	if r.listed[id] != nil || !s.cfg.Shard.Has(id) {
		return
	}
	_, known := r.found[id]
	if known {
		r.found[id] = true
	}
	campaign := c.listed(r.now, r.hides)
	switch selects := s.cfg.Discovery.Selects(campaign, r.now); {
	case selects && known:
		r.known = append(r.known, id)
	case selects && len(r.fresh) < MaxSelected:
		r.fresh = append(r.fresh, id)
	case selects && !r.always[id]:
		r.unselected++
		return
	case !r.always[id]:
		return
	}
	campaign.StatusLabel = s.statusLabel(campaign, c.Status.value, r.unknown)
	r.listed[id] = campaign
}

// end decides which campaigns are selected. Campaigns that were selected before go first: beyond the limit, those that
// are read go on being read. They also stay selected if they are not in a partial list.
func (r *reading) end(partial bool) {
	r.partial = partial
	r.discovered = slices.Concat(r.known, r.fresh)
	if partial {
		for _, id := range slices.Sorted(maps.Keys(r.found)) {
			if was := r.before[id]; !r.found[id] && (was == nil || r.selector.cfg.Discovery.Selects(was, r.now)) {
				r.discovered = append(r.discovered, id)
				if was != nil {
					r.listed[id] = was
				}
			}
		}
	}
	if len(r.discovered) > MaxSelected {
		for _, id := range r.discovered[MaxSelected:] {
			if !r.always[id] {
				delete(r.listed, id)
				r.unselected++
			}
		}
		r.discovered = slices.Clip(r.discovered[:MaxSelected])
	}
}

// statusLabel returns a campaign's status as a label value. It adds an unknown one to unknown.
func (s *Selector) statusLabel(campaign *Listed, raw string, unknown map[labelvalue.Unknown]struct{}) string {
	switch {
	case campaign.IsCancelled:
		return labelvalue.CampaignCancelled
	case raw == "":
		return ""
	}
	value, known := s.cfg.Labels.Value(labelvalue.CampaignStatus, raw)
	if !known {
		unknown[labelvalue.Unknown{Label: labelvalue.CampaignStatus.Label, Value: value}] = struct{}{}
	}
	return value
}

const (
	// confirmingLists is the number of lists in a row that must lack most of the campaigns before that is believed.
	confirmingLists = 3
	// minLossCheck is the number of selected campaigns above which it is checked how many of them the list lacks.
	minLossCheck = 10
)

// checkSuddenLoss returns an error if the list is empty or has less than half of the campaigns of the list before, or
// less than half of those that are selected, unless confirmingLists lists in a row do. A partial list drops no campaign,
// so it is never doubted.
func (s *Selector) checkSuddenLoss(r *reading) error {
	found := 0
	for _, is := range r.found {
		if is {
			found++
		}
	}
	was, what, now := s.List().Listed, "", r.listedCount
	if selected := len(r.found); selected > minLossCheck && found < selected/2 {
		was, what, now = selected, " of the selected ones", found
	}
	if r.partial || was == 0 || now > 0 && 2*now >= was {
		s.doubted = 0
		return nil
	}
	if s.doubted++; s.doubted >= confirmingLists {
		s.doubted = 0
		return nil
	}
	return incomplete(fmt.Errorf("the list of campaigns has only %d%s, after %d before: used if %d lists in a row are like that",
		now, what, was, confirmingLists))
}

func incomplete(err error) error {
	return &revoxapi.Error{Kind: revoxapi.KindIncomplete, Endpoint: revoxapi.EndpointCampaigns, Page: -1, Err: err}
}
