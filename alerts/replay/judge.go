package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// verdict is the result of a replay.
type verdict struct {
	incidents []*incident // in the order in which they began; those that never began are last
	missed    []string    // goals that were not met, in words
	pages     []*episode  // that no incident explains
	tickets   []*episode
	held      []*episode // that no incident explains, and of which Alertmanager notifies nobody
	explained []*episode // by an incident, but not the first
	others    []*episode // of other severities
	unnamed   []*episode // whose texts do not name their campaign
}

// judge compares the alerts with the incidents.
func (r *replay) judge(ctx context.Context) (*verdict, error) {
	v := &verdict{incidents: slices.Clone(r.plan.incidents)}
	slices.SortStableFunc(v.incidents, func(a, b *incident) int {
		if a.begun() != b.begun() {
			return btoi(b.begun()) - btoi(a.begun())
		}
		return a.start.Compare(b.start)
	})
	for _, in := range v.incidents {
		if err := r.measure(ctx, in); err != nil {
			return nil, err
		}
		for _, e := range r.alerts.episodes {
			if in.explains(e) {
				e.causes = append(e.causes, in)
				if in.alert == nil && slices.Contains(in.class.alerts, e.alert) &&
					(in.class.severity == "" || e.severity == in.class.severity) {
					in.alert = e
				}
			}
		}
		in.pages = len(r.inhibit.notified(slices.DeleteFunc(slices.Clone(r.alerts.episodes), func(e *episode) bool {
			return e.severity != "page" || !slices.Contains(e.causes, in)
		}), r.alerts.episodes))
		if text := in.failure(); text != "" {
			v.missed = append(v.missed, text)
		}
	}
	for _, e := range r.alerts.episodes {
		isFirst := slices.ContainsFunc(e.causes, func(in *incident) bool { return in.alert == e })
		switch {
		case e.severity != "page" && e.severity != "ticket":
			v.others = append(v.others, e)
		case len(e.causes) > 0 && !isFirst:
			v.explained = append(v.explained, e)
		case len(e.causes) == 0 && r.inhibit.hold(e, r.alerts.episodes):
			v.held = append(v.held, e)
		case len(e.causes) == 0 && e.severity == "page":
			v.pages = append(v.pages, e)
		case len(e.causes) == 0:
			v.tickets = append(v.tickets, e)
		}
		if m := r.fleet.members[e.campaign]; m != nil && !strings.Contains(e.text, m.spec.Name) {
			v.unnamed = append(v.unnamed, e)
		}
	}
	if n := len(v.pages); n > 0 {
		v.missed = append(v.missed, fmt.Sprintf("%d false pages", n))
	}
	if n, most := len(v.tickets), max(1, r.days/14); n > most {
		v.missed = append(v.missed, fmt.Sprintf("%d false tickets in %d days, more than %d", n, r.days, most))
	}
	if n := len(v.unnamed); n > 0 {
		v.missed = append(v.missed, fmt.Sprintf("%d alerts do not name their campaign", n))
	}
	return v, nil
}

// explains reports whether an alert reports the incident or follows from it.
func (in *incident) explains(e *episode) bool {
	c := in.class
	switch {
	case !in.begun(),
		!in.everywhere() && e.campaign != "" && e.campaign != in.campaign,
		e.start.Before(in.start),
		e.start.After(in.end.Add(c.linger)):
		return false
	}
	alert := strings.TrimSuffix(e.alert, "Often") // the ticket about the same, below the page
	return slices.Contains(c.alerts, alert) || slices.Contains(c.follows, alert)
}

// delay returns how long after the incident's beginning the alert fired.
func (in *incident) delay() time.Duration { return in.alert.start.Sub(in.start) }

// failure returns the goal that the incident misses, "" if it misses none.
func (in *incident) failure() string {
	switch {
	case !in.begun():
		return fmt.Sprintf("%s: no campaign was found on which it would show: try another seed, or a larger fleet", in.class.name)
	case in.alert == nil:
		return fmt.Sprintf("%s, %s at %s: no alert", in.class.name, in.name, stamp(in.start))
	case in.delay() > in.limit:
		return fmt.Sprintf("%s, %s at %s: %s after %s, want at most %s",
			in.class.name, in.name, stamp(in.start), in.alert.alert, minutes(in.delay()), minutes(in.limit))
	case in.pages > 1:
		return fmt.Sprintf("%s, %s at %s: %d pages for one cause", in.class.name, in.name, stamp(in.start), in.pages)
	}
	return ""
}

// measure counts the attempts that finished within the incident's limit.
func (r *replay) measure(ctx context.Context, in *incident) error {
	if in.campaign == "" {
		return nil
	}
	expr := fmt.Sprintf(`max by (campaign_id) (sum by (campaign_id, instance) (`+
		`increase(revox_campaign_call_attempts_finished_total{campaign_id=%q}[%dm])))`,
		in.campaign, int(in.limit.Minutes()))
	values, err := r.prometheus.query(ctx, expr, in.start.Add(in.limit+scrapeAfter))
	if err != nil {
		return err
	}
	in.attempts = values[in.campaign]
	return nil
}

func minutes(d time.Duration) string { return fmt.Sprintf("%.0f min", d.Minutes()) }
