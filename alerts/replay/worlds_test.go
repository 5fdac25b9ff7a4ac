package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"go.yaml.in/yaml/v3"
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
	// refused is whether the API refuses an exporter's key, if it is not nil.
	refused func(instance string, now time.Time) bool
	// incident changes what happens to an attempt of a campaign at a time, if it is not nil.
	incident func(c *worldCampaign, now time.Time, a *worldAttempt)

	// tells are the alerts that must fire, with the time from which they may and by which they must. Alerts that other
	// does not list may not fire at all.
	tells []told
	other []string
	// leads are alerts that may only fire while another does: Alertmanager's example holds pages of single campaigns back for
	// 3 minutes, and then as long as the other fires. One that lasts longer is notified when the other ends.
	leads map[string]string
}

// told is an alert that must fire for a campaign, "" for none, between two times.
type told struct {
	alert, campaign string
	from, to        time.Time
}

// worldCampaign is a campaign that makes attempts at random times.
type worldCampaign struct {
	id       string
	place    string                      // a time zone; default UTC
	pace     float64                     // attempts per minute while its window is open
	open     func(local time.Time) bool  // whether its window is open; default: weekdays from 9 to 18
	factor   func(now time.Time) float64 // of the pace; default 1
	rows     int                         // calls that it begins with; default: never fewer than 200 wait
	instance string                      // the exporter that reads it; default "a"
	from     time.Time                   // when it begins; default: before the world
	batches  time.Duration               // if not 0, attempts come all at once, at this interval
	zombie   time.Time                   // since when an attempt hangs
	renamed  time.Time                   // when it gets another name
	vanishes time.Time                   // when it is no longer exported
	paused   func(now time.Time) bool    // default: never
	zone     *time.Location
	series   map[string]*worldSeries
	attempts float64
}

type worldSeries struct {
	labels labels.Labels
	ref    storage.SeriesRef
	value  float64
	stored bool // and not stale
	ended  bool // no longer exported
}

// worldAttempt is what happens to an attempt.
type worldAttempt struct {
	human     float64 // probabilities
	voicemail float64
	dialError string // if it fails so
	system    bool   // ended by the system
	short     bool   // a talk of a few seconds
	errored   bool
	retry     bool
}

func officeHours(local time.Time) bool {
	return local.Weekday() != time.Saturday && local.Weekday() != time.Sunday && local.Hour() >= 9 && local.Hour() < 18
}

// closesAt is officeHours, with another end on one weekday.
func closesAt(day time.Weekday, hour int) func(time.Time) bool {
	return func(local time.Time) bool {
		return officeHours(local) && (local.Weekday() != day || local.Hour() < hour)
	}
}

func (c *worldCampaign) at(name string, pairs ...string) *worldSeries {
	key := name + strings.Join(pairs, ",")
	s := c.series[key]
	if s == nil {
		pairs = append([]string{labels.MetricName, name, "campaign_id", c.id, "job", "revox", "instance", cmp.Or(c.instance, "a")}, pairs...)
		s = &worldSeries{labels: labels.FromStrings(pairs...)}
		c.series[key] = s
	}
	return s
}

func (c *worldCampaign) add(name string, pairs ...string) { c.at(name, pairs...).value++ }

// attempt makes one attempt.
func (c *worldCampaign) attempt(w *world, rng *rand.Rand, now time.Time) {
	a := worldAttempt{human: 0.3, voicemail: 0.15, retry: rng.Float64() < 0.6}
	if rng.Float64() < 0.02 {
		a.dialError = "too_many_calls"
	} else if rng.Float64() < 0.01 {
		a.dialError = "non_classified_error"
	}
	a.system, a.short, a.errored = rng.Float64() < 0.02, rng.Float64() < 0.1, rng.Float64() < 0.01
	if w.incident != nil {
		w.incident(c, now, &a)
	}
	c.attempts++
	result, dice := "none", rng.Float64()
	switch {
	case a.dialError != "":
	case dice < a.human:
		result = "human"
	case dice < a.human+a.voicemail:
		result = "voicemail"
	default:
		a.dialError = "no_answer"
	}
	status := "completed"
	if a.dialError != "" {
		status = "error"
		c.add("revox_campaign_call_attempt_dial_errors_total", "dial_error", a.dialError)
	}
	c.add("revox_campaign_call_attempts_finished_total", "status", status)
	c.add("revox_campaign_call_attempt_results_total", "result", result)
	if !a.retry {
		c.add("revox_campaign_call_first_attempt_results_total", "result", result)
	}
	if result == "human" {
		by := "agent"
		if a.system {
			by = "system"
		}
		c.add("revox_campaign_call_attempt_ended_by_total", "ended_by", by)
		c.add("revox_campaign_call_attempt_talk_duration_seconds_count", "result", "human")
		if a.short || a.system {
			c.add("revox_campaign_call_attempt_talk_duration_seconds_bucket", "result", "human", "le", "5")
		}
	}
	if a.errored {
		c.add("revox_campaign_calls_finished_total", "status", "errored")
	} else if result == "human" || a.retry && rng.Float64() < 0.5 {
		c.add("revox_campaign_calls_finished_total", "status", "completed")
	}
}

var worldLabels = map[string][2][]string{
	"revox_campaign_call_attempts_finished_total":     {{"status"}, {"completed", "error"}},
	"revox_campaign_calls_finished_total":             {{"status"}, {"completed", "errored", "cancelled"}},
	"revox_campaign_call_attempt_results_total":       {{"result"}, {"human", "voicemail", "IVR", "unknown", "ios-screening-filter", "none"}},
	"revox_campaign_call_first_attempt_results_total": {{"result"}, {"human", "voicemail", "IVR", "unknown", "ios-screening-filter", "none"}},
	"revox_campaign_call_attempt_ended_by_total":      {{"ended_by"}, {"agent", "user", "system"}},
	"revox_campaign_call_attempt_dial_errors_total": {{"dial_error"}, {"number_non_attributed", "too_many_calls", "busy",
		"temporarily_unavailable", "no_answer", "no_international_permission", "precondition_failed", "non_classified_error"}},
}

func (c *worldCampaign) begin(w *world) {
	zone, err := time.LoadLocation(c.place)
	if err != nil {
		panic(err)
	}
	c.zone, c.series = zone, map[string]*worldSeries{}
	if c.open == nil {
		c.open = officeHours
	}
	for name, known := range worldLabels {
		for _, value := range known[1] {
			c.at(name, known[0][0], value)
		}
	}
	c.at("revox_campaign_call_attempt_talk_duration_seconds_count", "result", "human")
	c.at("revox_campaign_call_attempt_talk_duration_seconds_bucket", "result", "human", "le", "5")
	c.at("revox_campaign_call_attempts", "status", "ringing")
	c.at("revox_campaign_call_attempts", "status", "ongoing")
	c.at("revox_campaign_up").value = 1
	c.at("revox_campaign_info", "campaign_name", "Name of "+c.id).value = 1
	for _, status := range []string{"draft", "running", "paused", "completed", "cancelled"} {
		c.at("revox_campaign_status", "status", status).value = float64(btoi(status == "running"))
	}
}

// calls reports whether the campaign's window is open.
func (c *worldCampaign) calls(now time.Time) bool {
	return now.After(c.from) && c.open(now.In(c.zone)) && (c.paused == nil || !c.paused(now))
}

// step draws the attempts of some time.
func (c *worldCampaign) step(w *world, rng *rand.Rand, now time.Time, length time.Duration) {
	queue := c.at("revox_campaign_calls", "status", "queued_for_calling")
	queue.value = 200
	if c.rows > 0 {
		queue.value = math.Max(0, float64(c.rows)-c.attempts/2.5)
	}
	rate := c.pace * length.Minutes()
	if c.factor != nil {
		rate *= c.factor(now)
	}
	if c.rows > 0 {
		rate *= math.Min(1, queue.value/float64(c.rows)*2) // slower at the end of the list
	}
	if !c.calls(now) {
		rate = 0
	}
	if c.batches > 0 {
		if now.Sub(w.start)%c.batches == 0 {
			rate *= float64(c.batches / length)
		} else {
			rate = 0
		}
	}
	for p := rng.ExpFloat64(); p < rate; p += rng.ExpFloat64() {
		c.attempt(w, rng, now)
	}
	c.at("revox_campaign_call_attempts", "status", "ongoing").value = float64(btoi(rng.Float64() < rate/length.Minutes()*0.7))
	if !c.zombie.IsZero() && now.After(c.zombie) {
		c.at("revox_campaign_call_attempts", "status", "ongoing").value++
		c.at("revox_campaign_oldest_active_attempt_timestamp_seconds").value = float64(c.zombie.Unix())
	}
	if c.at("revox_campaign_up").value == 1 {
		c.at("revox_campaign_last_scan_success_timestamp_seconds").value = float64(now.Unix())
	}
	if c.paused != nil {
		c.at("revox_campaign_status", "status", "running").value = float64(btoi(!c.paused(now)))
		c.at("revox_campaign_status", "status", "paused").value = float64(btoi(c.paused(now)))
	}
	if !c.renamed.IsZero() && now.After(c.renamed) {
		c.at("revox_campaign_info", "campaign_name", "Name of "+c.id).ended = true
		c.at("revox_campaign_info", "campaign_name", "New name of "+c.id).value = 1
	}
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
		case !needed(s.labels.Get(labels.MetricName)):
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
	called := w.start
	for now := w.start; now.Before(end); now = now.Add(length) {
		for _, c := range w.campaigns {
			if now.After(c.from) {
				c.step(w, rng, now, length)
			}
			if c.calls(now) {
				called = now
			}
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
			for _, group := range db.groups {
				if evaluate < group.Interval() && now.Sub(w.start)%group.Interval() != 0 {
					continue
				}
				group.Eval(ctx, at)
				for _, rule := range group.Rules() {
					if err := rule.LastError(); err != nil {
						t.Fatalf("%s at %s: %v", rule.Name(), stamp(at), err)
					}
				}
			}
			log.note(db.groups, at)
		}
	}
	w.judge(t, log.episodes)
}

// exporterSeries returns an exporter's own series: requests by code, others by metric.
func exporterSeries(instance string, shard, shards int) map[string]*worldSeries {
	series := map[string]*worldSeries{}
	add := func(value float64, name string, pairs ...string) {
		pairs = append([]string{labels.MetricName, name, "job", "revox", "instance", instance}, pairs...)
		series[name] = &worldSeries{labels: labels.FromStrings(pairs...), value: value}
	}
	add(1, "up")
	for _, code := range []string{"200", "401"} {
		add(0, "revox_api_requests_total", "code", code)
		series[code] = series["revox_api_requests_total"]
	}
	delete(series, "revox_api_requests_total")
	if shards > 1 {
		add(float64(shards), "revox_exporter_shards")
		add(1, "revox_exporter_shard_info", "shard_index", fmt.Sprint(shard), "shard_count", fmt.Sprint(shards))
	}
	return series
}

const aboutSilence = "RevoxCampaignStalled|RevoxCampaignNotStarted|RevoxCampaignsIdle|RevoxCallsStalledEverywhere"

// rulesFor writes a file with the alerts that a regular expression selects, and the series that they need. The function
// that it returns reports whether the rules need a metric.
func rulesFor(t *testing.T, alerts string) (file string, needs func(metric string) bool) {
	t.Helper()
	promQL := parser.NewParser(parser.Options{})
	all, errs := rulefmt.ParseFile("../revox.rules.yml", false, model.UTF8Validation, promQL, slog.New(slog.DiscardHandler))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	selected := regexp.MustCompile("^(" + cmp.Or(alerts, aboutSilence) + ")$")
	metrics := map[string]bool{}
	name := regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*`)
	for range all.Groups[0].Rules { // until nothing more is needed
		for _, group := range all.Groups {
			for _, r := range group.Rules {
				if selected.MatchString(r.Alert) && r.Alert != "" || metrics[r.Record] {
					for _, metric := range name.FindAllString(r.Expr, -1) {
						metrics[metric] = true
					}
				}
			}
		}
	}
	for i := range all.Groups {
		rules := slices.DeleteFunc(all.Groups[i].Rules, func(r rulefmt.Rule) bool {
			return r.Alert != "" && !selected.MatchString(r.Alert) || r.Record != "" && !metrics[r.Record]
		})
		for j := range rules {
			expr, err := promQL.ParseExpr(rules[j].Expr)
			if err != nil {
				t.Fatal(err)
			}
			rules[j].Expr = expr.String() // some block texts are not read as they are written
		}
		all.Groups[i].Rules = rules
	}
	out, err := yaml.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(file, out, 0o600); err != nil {
		t.Fatal(err)
	}
	return file, func(metric string) bool { return metrics[metric] }
}

func (w *world) end() time.Time { return w.start.Add(time.Duration(w.days * 24 * float64(time.Hour))) }

func (w *world) judge(t *testing.T, episodes []*episode) {
	for _, e := range episodes {
		t.Logf("%s %s %s %s until %s", stamp(e.start), e.severity, e.alert, e.campaign, stamp(e.end))
	}
	for _, want := range w.tells {
		if !slices.ContainsFunc(episodes, func(e *episode) bool {
			return e.alert == want.alert && e.campaign == want.campaign && !e.start.Before(want.from) && !e.start.After(want.to)
		}) {
			t.Errorf("no %s %s from %s to %s", want.alert, want.campaign, stamp(want.from), stamp(want.to))
		}
	}
	for _, e := range episodes {
		if !slices.Contains(w.other, e.alert) && !slices.ContainsFunc(w.tells, func(want told) bool {
			return e.alert == want.alert && e.campaign == want.campaign && !e.start.Before(want.from) && !e.start.After(want.to)
		}) {
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

// paced returns campaigns with paces from low to high.
func paced(n int, low, high float64, more func(i int, c *worldCampaign)) []*worldCampaign {
	var cs []*worldCampaign
	for i := range n {
		c := &worldCampaign{id: fmt.Sprintf("c%d", i), pace: low + (high-low)*float64(i)/float64(max(1, n-1))}
		if more != nil {
			more(i, c)
		}
		cs = append(cs, c)
	}
	return cs
}

func at(day int, hour, minute int) time.Time {
	return worldStart.Add(time.Duration(day*24*60+hour*60+minute) * time.Minute)
}

// stopped returns a factor that is less while the time is between two.
func stopped(from, to time.Time, rest float64) func(time.Time) float64 {
	return func(now time.Time) float64 {
		if !now.Before(from) && now.Before(to) {
			return rest
		}
		return 1
	}
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
