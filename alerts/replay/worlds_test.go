package main

import (
	"cmp"
	"context"
	"flag"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/storage"
)

// A world is a fleet without an exporter: its attempts are drawn minute by minute, and what the exporter would show is
// stored directly. It is fast, so that there can be many kinds of fleets, also those that the simulated API does not have.
type world struct {
	name      string
	long      bool      // it is not played by default
	start     time.Time // default: Monday, 1 June 2026
	days      float64
	history   float64       // days at its beginning for which the rules are evaluated every 5 minutes, to save time; also by night
	scrape    time.Duration // default: a minute
	evaluate  time.Duration // default: a minute
	campaigns []*worldCampaign
	alerts    string // a regular expression of the alerts that are evaluated; default: those about silence
	// up is whether an exporter can be scraped, if it is not nil. One that is gone is no longer a target.
	up func(instance string, now time.Time) (up, gone bool)
	// down is whether Prometheus is, if it is not nil: nothing is scraped or evaluated then.
	down func(now time.Time) bool
	// refused is whether the API refuses an exporter's key, if it is not nil.
	refused func(instance string, now time.Time) bool
	// incident changes what happens to an attempt of a campaign at a time, if it is not nil.
	incident func(c *worldCampaign, now time.Time, a *worldAttempt)

	// tells are the alerts that must fire, with the time from which they may and by which they must. Alerts that other
	// does not list may not fire at all.
	tells []told
	other []string
	// severity is that of what it tells, if it is not "".
	severity string
	// leads are alerts that may only fire while another does: Alertmanager's example holds pages of single campaigns back for
	// 3 minutes, and then as long as the other fires. One that lasts longer is notified when the other ends.
	leads map[string]string
}

// told is an alert that must fire for a campaign, "" for none, between two times.
type told struct {
	alert, campaign string
	from, to        time.Time
}

// by reports whether an episode is what must fire, in time.
func (want told) by(e *episode) bool {
	return e.alert == want.alert && e.campaign == want.campaign && !e.start.Before(want.from) && !e.start.After(want.to)
}

// run plays the world and compares the alerts with those that it must have.
func (w *world) run(t *testing.T, seed uint64) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	if w.start.IsZero() {
		w.start = worldStart
	}
	w.scrape, w.evaluate = cmp.Or(w.scrape, time.Minute), cmp.Or(w.evaluate, time.Minute)
	file, needed := rulesFor(t, w.alerts)
	db, err := startServer(ctx, t.TempDir(), file, 60*24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.close(); err != nil {
			t.Error(err)
		}
	}()
	rng := rand.New(rand.NewPCG(seed, 0))
	exporters := map[string]map[string]*worldSeries{}
	for _, c := range w.campaigns {
		c.begin(w)
		exporters[cmp.Or(c.instance, "a")] = nil
	}
	for i, instance := range slices.Sorted(maps.Keys(exporters)) {
		exporters[instance] = exporterSeries(instance, i, len(exporters))
	}
	var app storage.AppenderV2
	store := func(s *worldSeries, at time.Time, exported bool) {
		v := s.value
		switch {
		case !needed(s.labels.Get(model.MetricNameLabel)):
			return
		case !exported || s.ended:
			if !s.stored {
				return
			}
			v = staleNaN
		}
		s.stored = exported && !s.ended
		if s.ref, err = app.Append(s.ref, s.labels, 0, at.UnixMilli(), v, nil, nil, storage.AOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	log := &alertLog{firing: map[string]*episode{}}
	end := w.end()
	length := min(time.Minute, w.scrape, w.evaluate)
	called, down := w.start, false
	for now := w.start; now.Before(end); now = now.Add(length) {
		for _, c := range w.campaigns {
			if now.After(c.from) {
				c.step(w, rng, now, length)
			}
			if c.calls(now) {
				called = now
			}
		}
		if w.down != nil && w.down(now) {
			down = true
			continue
		}
		if down {
			if err := db.restart(ctx); err != nil {
				t.Fatal(err)
			}
			down = false
		}
		if now.Sub(w.start)%w.scrape == 0 {
			app = db.db.AppenderV2(ctx)
			for instance, series := range exporters {
				up, gone := true, false
				if w.up != nil {
					up, gone = w.up(instance, now)
				}
				refused := w.refused != nil && w.refused(instance, now)
				series["up"].value = float64(btoi(up))
				series[map[bool]string{false: "200", true: "401"}[refused]].value += 10 * w.scrape.Minutes()
				store(series["up"], now, !gone)
				for name, s := range series {
					if name != "up" {
						store(s, now, up)
					}
				}
				for _, c := range w.campaigns {
					if cmp.Or(c.instance, "a") == instance {
						exported := up && now.After(c.from) && (c.vanishes.IsZero() || now.Before(c.vanishes))
						c.at("revox_campaign_up").value = float64(btoi(!refused))
						for _, s := range c.series {
							store(s, now, exported)
						}
					}
				}
			}
			if err := app.Commit(); err != nil {
				t.Fatal(err)
			}
		}
		evaluate := w.evaluate
		if now.Sub(w.start).Hours() < w.history*24 || now.Sub(called) > 3*time.Hour {
			evaluate = max(evaluate, 5*time.Minute)
		}
		if now.Sub(w.start)%evaluate == 0 {
			at := now.Add(10 * time.Second)
			for i, group := range db.groups {
				if evaluate < group.Interval() && now.Sub(w.start)%group.Interval() != 0 {
					continue
				}
				if err := db.evaluateGroup(ctx, group, at.Add(time.Duration(i)*time.Second)); err != nil {
					t.Fatal(err)
				}
			}
			log.note(db.groups, at)
		}
	}
	w.judge(t, log.episodes)
}

const aboutSilence = "RevoxCampaignStalled|RevoxCampaignNotStarted|RevoxCampaignSlow|RevoxCallsSlowEverywhere|RevoxCampaignsIdle|RevoxCallsStalledEverywhere"

// rulesFor writes a file with the alerts that a regular expression selects, and the series that they need. The function
// that it returns reports whether the rules need a metric.
func rulesFor(t *testing.T, alerts string) (file string, needs func(metric string) bool) {
	t.Helper()
	selected := regexp.MustCompile("^(" + cmp.Or(alerts, aboutSilence) + ")$")
	rules := readRules(t)
	metrics := keepNeeded(rules, selected.MatchString)
	file = filepath.Join(t.TempDir(), "rules.yml")
	writeYAML(t, file, rules)
	return file, func(metric string) bool { return metrics[metric] }
}

func (w *world) end() time.Time { return w.start.Add(time.Duration(w.days * 24 * float64(time.Hour))) }

func (w *world) judge(t *testing.T, episodes []*episode) {
	for _, e := range episodes {
		t.Logf("%s %s %s %s until %s", stamp(e.start), e.severity, e.alert, e.campaign, stamp(e.end))
	}
	for _, want := range w.tells {
		times := 0
		for _, e := range episodes {
			if want.by(e) {
				times++
				if w.severity != "" && e.severity != w.severity {
					t.Errorf("not a %s: %s %s %s %s", w.severity, stamp(e.start), e.severity, e.alert, e.campaign)
				}
			}
		}
		if times == 0 || times > 1 && !slices.Contains(w.other, want.alert) {
			t.Errorf("%d times, not once: %s %s from %s to %s", times, want.alert, want.campaign, stamp(want.from), stamp(want.to))
		}
	}
	for _, e := range episodes {
		if !slices.Contains(w.other, e.alert) && !slices.ContainsFunc(w.tells, func(want told) bool { return want.by(e) }) {
			t.Errorf("false: %s %s %s %s (%g)", stamp(e.start), e.severity, e.alert, e.campaign, e.value)
		}
	}
	for follower, leader := range w.leads {
		for _, e := range episodes {
			if e.alert != follower {
				continue
			}
			held := func(now time.Time) bool {
				return slices.ContainsFunc(episodes, func(l *episode) bool {
					return l.alert == leader && !l.start.After(now) && (l.end.IsZero() || l.end.After(now))
				})
			}
			end := e.end
			if end.IsZero() {
				end = w.end()
			}
			for now := e.start.Add(3 * time.Minute); now.Before(end); now = now.Add(time.Minute) {
				if !held(now) {
					t.Errorf("at %s %s %s fires, without %s", stamp(now), e.alert, e.campaign, leader)
					break
				}
			}
		}
	}
}

var worldStart = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

func at(day int, hour, minute int) time.Time {
	return worldStart.Add(time.Duration(day*24*60+hour*60+minute) * time.Minute)
}

var worldSeed = flag.Uint64("world-seed", 1, "the seed of worlds")

var allWorlds = flag.Bool("worlds", false, "play the long worlds too, which takes some minutes")

func TestWorlds(t *testing.T) {
	percent := debug.SetGCPercent(400) // they take little memory
	t.Cleanup(func() { debug.SetGCPercent(percent) })
	for _, w := range worlds() {
		if !w.long || *allWorlds {
			t.Run(w.name, func(t *testing.T) {
				t.Parallel()
				w.run(t, *worldSeed)
			})
		}
	}
}
