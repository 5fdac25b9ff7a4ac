package main

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// incident is an incident of a replay.
type incident struct {
	class     *class
	notBefore time.Time

	// Set once it begins.
	campaign, name string // "" if it is on all
	provider       string // of the campaigns that it is on; "" if it does not matter
	start, end     time.Time
	limit          time.Duration // from its start to the alert, by its class and the attempts before
	undo           func()
	over           bool
	attempts       float64  // finished within the limit, on its campaign
	alert          *episode // the first that reports it
	pages          int      // that Alertmanager sends of it
}

func (in *incident) begun() bool { return !in.start.IsZero() }

func (in *incident) everywhere() bool {
	return in.class.scope == everything || in.class.scope == oneProvider
}

// plan has the incidents, and decides when and where they happen.
type plan struct {
	rng       *rand.Rand
	until     time.Time
	calm      time.Duration // between two incidents on a campaign, and around those on everything
	incidents []*incident
}

// newPlan spreads a number of incidents of each class over the replay.
func newPlan(rng *rand.Rand, start, until time.Time, times int, calm time.Duration) *plan {
	p := &plan{rng: rng, until: until, calm: calm}
	for range times {
		round := slices.Clone(classes)
		rng.Shuffle(len(round), func(i, j int) { round[i], round[j] = round[j], round[i] })
		for _, c := range round {
			p.incidents = append(p.incidents, &incident{class: c})
		}
	}
	// The first hours show what is usual, and the last must leave each incident enough time.
	first, last := start.Add(8*time.Hour), until.Add(-10*time.Hour)
	step := last.Sub(first) / time.Duration(len(p.incidents))
	for i, in := range p.incidents {
		in.notBefore = first.Add(time.Duration(i)*step + time.Duration(rng.Int64N(int64(step))))
		// Those of one provider need several campaigns that call at the same time.
		if in.class.scope == oneProvider && i < len(classes) {
			in.notBefore = first
		}
		// Incidents that need an earlier day are the hardest to place, so they wait from the first possible time on, and those of
		// each further round from three days later.
		if in.class.baseline != none {
			in.notBefore = start.Add(25*time.Hour + time.Duration(i/len(classes))*72*time.Hour)
		}
	}
	slices.SortStableFunc(p.incidents, func(a, b *incident) int { return int(b.class.baseline) - int(a.class.baseline) })
	return p
}

// move ends the incidents that are due, and begins those that have a place, at the minute that begins now.
func (p *plan) move(ctx context.Context, r *replay, now time.Time) error {
	for _, in := range p.incidents {
		if in.begun() && !in.over && !in.end.After(now) {
			in.over = true
			if in.undo != nil {
				in.undo()
			}
		}
	}
	var places *places30
	for _, in := range p.incidents {
		if in.begun() || in.notBefore.After(now) || now.Add(in.class.limit+5*time.Minute).After(p.until) {
			continue
		}
		if places == nil {
			var err error
			if places, err = r.places(ctx, now); err != nil {
				return err
			}
		}
		if !p.place(in, r, places, now) {
			continue
		}
		in.start, in.end = now, now.Add(in.class.lasts)
		in.undo = in.class.begin(r, in)
		r.say("%s  begins: %s %s", stamp(now), in.class.name, in.name)
	}
	return nil
}

// place finds a campaign for an incident and its limit, and reports whether the incident can begin.
func (p *plan) place(in *incident, r *replay, places *places30, now time.Time) bool {
	end := now.Add(in.class.lasts)
	in.limit = in.class.limit
	eitherOnAll := func(o *incident) bool {
		// Those on a campaign of their own last for hours, and are on no campaign that a provider fails.
		return o.everywhere() || in.everywhere() && !(in.class.scope == oneProvider && o.class.scope == newCampaign)
	}
	if p.near(now.Add(-p.calm), end.Add(p.calm), eitherOnAll) {
		return false
	}
	// An incident would not show on a campaign that stops calling before the limit.
	shut := func(m *member, at time.Time) bool {
		return m.openUntil(at).Before(at.Add(in.class.limit + 10*time.Minute))
	}
	switch in.class.scope {
	case everything:
		if r.alerts.fires(in.class.alerts, "") {
			return false
		}
		attempts := 0.0
		for _, m := range places.busy {
			if in.class.dataOnly || !shut(m, now) {
				attempts += places.attempts[m.id]
			}
		}
		in.limit = in.class.limitAt(now, attempts)
		return attempts >= max(in.class.attempts, enoughAttempts)
	case oneProvider:
		in.provider = p.provider(places, func(m *member) bool { return !shut(m, now) && places.attempts[m.id] >= in.class.attempts })
		in.name = in.provider
		return in.provider != "" && !r.alerts.fires(in.class.alerts, "")
	case newCampaign:
		return !p.near(now.Add(-p.calm), end, func(o *incident) bool { return o.class.scope == newCampaign })
	}
	// A campaign that stops within minutes of a full hour may have a short Friday, or a half holiday: no alert can know.
	if day := now.Weekday(); in.class.baseline == dataWasThere && (day == time.Friday || day == time.Saturday || day == time.Sunday) &&
		nearFullHour(now) {
		return false
	}
	var fit []*member
	for _, m := range places.busy {
		own := func(o *incident) bool { return o.everywhere() || o.campaign == m.id }
		spoils := func(o *incident) bool { return own(o) && (in.class.baseline == dataWasThere || !o.class.dataOnly) }
		limit := in.class.limit
		switch {
		case in.class.needs != "" && !places.has[in.class.needs][m.id],
			places.attempts[m.id] < in.class.attempts,
			shut(m, now),
			!m.gone.IsZero() && m.gone.Before(end.Add(in.class.linger)),
			places.queued[m.id] < 0.75*places.attempts[m.id]*min(limit.Minutes()/30, 2),
			p.near(now.Add(-p.calm), end.Add(p.calm), own),
			r.alerts.fires(in.class.alerts, m.id): // its alert fires already
			continue
		}
		if in.class.baseline != none {
			// The same hours of the day before must have been without incidents.
			const day = 24 * time.Hour
			dayBefore, from, to := now.Add(-day), now.Add(-day-time.Hour), end.Add(-day+time.Hour)
			switch {
			case in.class.baseline == callsWereWell && !r.small && places.earlier[m.id] < enoughEarlier,
				m.spec.Start.After(dayBefore),
				r.start.After(dayBefore),
				shut(m, dayBefore),
				p.near(from, to, spoils),
				m.pausedIn(from, to):
				continue
			}
		}
		fit = append(fit, m)
	}
	if len(fit) == 0 {
		return false
	}
	m := pick(p.rng, fit)
	in.campaign, in.name, in.limit = m.id, m.spec.Name, in.class.limitAt(now, places.attempts[m.id])
	return true
}

// provider returns the provider of voices that two busy campaigns or more have which fit, while a busy one has another; "" if
// there is none.
func (p *plan) provider(places *places30, fits func(*member) bool) string {
	fitting := map[string]int{}
	for _, m := range places.busy {
		if fits(m) {
			fitting[m.spec.Voice]++
		}
	}
	var shared []string
	for _, voice := range voices {
		other := func(m *member) bool { return m.spec.Voice != voice }
		if fitting[voice] >= 2 && slices.ContainsFunc(places.busy, other) {
			shared = append(shared, voice)
		}
	}
	if len(shared) == 0 {
		return ""
	}
	return pick(p.rng, shared)
}

// pausedIn reports whether the campaign was paused in a span of time.
func (m *member) pausedIn(from, to time.Time) bool {
	return slices.ContainsFunc(m.pauses, func(s span) bool { return s.from.Before(to) && s.to.After(from) })
}

// near reports whether there is an incident that which selects in a span of time.
func (p *plan) near(from, to time.Time, which func(*incident) bool) bool {
	return slices.ContainsFunc(p.incidents, func(o *incident) bool {
		return o.begun() && o.start.Before(to) && o.end.After(from) && which(o)
	})
}

// troubled reports whether an incident is on a campaign at about a time; "" is any campaign.
func (p *plan) troubled(campaign string, now time.Time) bool {
	return p.near(now.Add(-p.calm), now.Add(p.calm), func(o *incident) bool {
		return o.everywhere() || campaign != "" && o.campaign == campaign
	})
}

// places30 are the campaigns on which incidents would show, by what happened in the half hour before.
type places30 struct {
	busy             []*member // that make enough attempts
	attempts, queued map[string]float64
	earlier          map[string]float64         // attempts on earlier days, in the 90 minutes that begin now
	has              map[string]map[string]bool // by class.needs: the campaigns that have a result
}

const (
	attempts30 = `max by (campaign_id) (sum by (campaign_id, instance) (increase(revox_campaign_call_attempts_finished_total[30m])))`
	// The offsets are 1, 2, 3 and 7 days minus the 90 minutes that the series looks back.
	earlier90 = `
		sum by (campaign_id) (
			label_replace(campaign:revox_campaign_call_attempts_delivered:increase90m offset 1350m, "day", "1", "", "")
			or label_replace(campaign:revox_campaign_call_attempts_delivered:increase90m offset 2790m, "day", "2", "", "")
			or label_replace(campaign:revox_campaign_call_attempts_delivered:increase90m offset 4230m, "day", "3", "", "")
			or label_replace(campaign:revox_campaign_call_attempts_delivered:increase90m offset 9990m, "day", "7", "", "")
		)`
	queuedNow = `max by (campaign_id) (revox_campaign_calls{status="queued_for_calling"})`
)

func (r *replay) places(ctx context.Context, now time.Time) (p *places30, err error) {
	p = &places30{has: map[string]map[string]bool{}}
	if p.attempts, err = r.prometheus.query(ctx, attempts30, now); err != nil {
		return nil, err
	}
	if p.queued, err = r.prometheus.query(ctx, queuedNow, now); err != nil {
		return nil, err
	}
	if p.earlier, err = r.prometheus.query(ctx, earlier90, now); err != nil {
		return nil, err
	}
	for _, c := range classes {
		if c.needs == "" {
			continue
		}
		values, err := r.prometheus.query(ctx, c.needs, now)
		if err != nil {
			return nil, err
		}
		p.has[c.needs] = map[string]bool{}
		for id := range values {
			p.has[c.needs][id] = true
		}
	}
	for id, n := range p.attempts {
		if m := r.fleet.members[id]; m != nil && !m.isGone && !m.paused && m.kind != "history" && n >= enoughAttempts {
			p.busy = append(p.busy, m)
		}
	}
	slices.SortFunc(p.busy, func(a, b *member) int { return strings.Compare(a.id, b.id) })
	return p, nil
}
