package main

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

// trap is an event that only looks like an incident. No alert may fire for it.
type trap struct {
	what     string
	at       time.Time // before it is done, the earliest time
	campaign string
	name     string
	done     bool
	spring   func(ctx context.Context, r *replay, t *trap, now time.Time) (bool, error) // false: not possible now
}

type traps struct{ list []*trap }

// newTraps plans the traps of a replay, except those that the fleet's campaigns always have: nights, ends, retries, small
// campaigns, history, reclassified attempts.
func newTraps(rng *rand.Rand, start, until time.Time, small bool) *traps {
	ts := &traps{}
	add := func(at time.Time, what string, spring func(context.Context, *replay, *trap, time.Time) (bool, error)) {
		if at.Before(until.Add(-2 * time.Hour)) {
			ts.list = append(ts.list, &trap{what: what, at: at, spring: spring})
		}
	}
	some := func() time.Duration { return time.Duration(rng.Int64N(int64(24 * time.Hour))).Truncate(time.Minute) }
	for day := start; day.Before(until); day = day.Add(24 * time.Hour) {
		add(day.Add(some()), "exporter restarts", restart)
		add(day.Add(some()), "a scan fails once", failOnce)
		add(day.Add(some()), "a scan fails once", failOnce)
		add(day.Add(some()), "the list fails once", failListOnce)
		add(day.Add(some()), "a campaign is paused for 3 h", pauseFor(3*time.Hour))
		add(day.Add(some()), "a draft is created and begins 4 h later", draft(rng.Uint64()))
		add(day.Add(some()), "a campaign is deleted", change((*fleet).remove))
		add(day.Add(some()), "a campaign is cancelled", change((*fleet).cancel))
	}
	from, to := start.Add(74*time.Hour), start.Add(120*time.Hour)
	if small {
		from, to = start.Add(14*time.Hour), start.Add(22*time.Hour)
	}
	add(from, "a second replica starts", func(ctx context.Context, r *replay, _ *trap, _ time.Time) (bool, error) {
		return true, r.startReplica(ctx, "exporter-b:10210")
	})
	add(to, "the second replica is removed", func(ctx context.Context, r *replay, _ *trap, now time.Time) (bool, error) {
		return true, r.removeReplica(ctx, now)
	})
	slices.SortStableFunc(ts.list, func(a, b *trap) int { return a.at.Compare(b.at) })
	return ts
}

// move springs the traps that are due. They wait while there is an incident, which would hide them.
func (ts *traps) move(ctx context.Context, r *replay, now time.Time) error {
	for _, t := range ts.list {
		if t.done || t.at.After(now) {
			continue
		}
		if r.plan.troubled("", now) {
			return nil
		}
		done, err := t.spring(ctx, r, t, now)
		if err != nil {
			return fmt.Errorf("%s: %w", t.what, err)
		}
		if done {
			t.done, t.at = true, now
			r.say("%s  trap: %s %s", stamp(now), t.what, t.name)
		}
	}
	return nil
}

// near returns the traps of the four hours before a time that could concern a campaign.
func (ts *traps) near(campaign string, at time.Time) (names []string) {
	for _, t := range ts.list {
		since := at.Sub(t.at)
		if t.done && since >= 0 && since < 4*time.Hour && (t.campaign == "" || t.campaign == campaign) {
			names = append(names, fmt.Sprintf("%s %d min before", t.what, int(since.Minutes())))
		}
	}
	return names
}

func restart(ctx context.Context, r *replay, _ *trap, _ time.Time) (bool, error) {
	return true, r.restart(ctx)
}

// failOnce makes one scan fail: its first request and the client's two retries.
func failOnce(_ context.Context, r *replay, t *trap, now time.Time) (bool, error) {
	m := r.calmMember(now)
	if m == nil {
		return false, nil
	}
	t.campaign, t.name = m.id, m.spec.Name
	r.api.AddFault(revoxtest.Fault{Campaign: m.id, Endpoint: "rows", Times: 3, Behavior: badGateway})
	return true, nil
}

func failListOnce(_ context.Context, r *replay, _ *trap, _ time.Time) (bool, error) {
	r.api.AddFault(revoxtest.Fault{Endpoint: "campaigns", Times: 3, Behavior: badGateway})
	return true, nil
}

var badGateway = revoxtest.Status(http.StatusBadGateway, nil, "")

func pauseFor(d time.Duration) func(context.Context, *replay, *trap, time.Time) (bool, error) {
	return func(_ context.Context, r *replay, t *trap, now time.Time) (bool, error) {
		m := r.calmMember(now)
		if m == nil {
			return false, nil
		}
		t.campaign, t.name = m.id, m.spec.Name
		m.paused = true
		m.pauses = append(m.pauses, span{now, now.Add(d)})
		r.api.Pause(m.id)
		r.later(now.Add(d), func() error {
			if !m.isGone {
				r.api.Resume(m.id)
			}
			return nil
		})
		// Incidents wait until its calls are as usual again.
		r.later(now.Add(d+30*time.Minute), func() error { m.paused = false; return nil })
		return true, nil
	}
}

func draft(salt uint64) func(context.Context, *replay, *trap, time.Time) (bool, error) {
	return func(_ context.Context, r *replay, t *trap, now time.Time) (bool, error) {
		rng := rand.New(rand.NewPCG(salt, 0))
		spec := sim.Campaign{Start: now, Draft: true, Rows: 60, MaxConcurrentCalls: 1}
		m := r.fleet.add("draft", pick(rng, places), spec, 40*time.Hour)
		t.campaign, t.name = m.id, m.spec.Name
		r.later(now.Add(4*time.Hour), func() error { r.api.Resume(m.id); return nil })
		return true, nil
	}
}

// change does something final to a running campaign that incidents do not need.
func change(f func(*fleet, *member)) func(context.Context, *replay, *trap, time.Time) (bool, error) {
	return func(_ context.Context, r *replay, t *trap, now time.Time) (bool, error) {
		m := r.calmMember(now, "medium", "big", "small")
		if m == nil {
			return false, nil
		}
		t.campaign, t.name = m.id, m.spec.Name
		f(r.fleet, m)
		return true, nil
	}
}

func (f *fleet) remove(m *member) {
	m.isGone = true
	f.api.Remove(m.id)
}

func (f *fleet) cancel(m *member) {
	m.paused = true // no more incidents can happen on it
	f.api.Cancel(m.id)
}

// calmMember returns a campaign in its calling hours without an incident, and of the given kinds, if any are given.
func (r *replay) calmMember(now time.Time, kinds ...string) *member {
	var fit []*member
	for _, m := range r.fleet.members {
		if !m.isGone && !m.paused && m.spec.Start.Before(now.Add(-time.Hour)) &&
			m.openUntil(now).After(now.Add(time.Hour)) && (len(kinds) == 0 || slices.Contains(kinds, m.kind)) &&
			!r.plan.troubled(m.id, now) {
			fit = append(fit, m)
		}
	}
	if len(fit) == 0 {
		return nil
	}
	slices.SortFunc(fit, func(a, b *member) int { return cmp.Compare(a.id, b.id) })
	return pick(r.rng, fit)
}
