package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
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
	start     time.Time // default: Monday, 1 June 2026
	days      float64
	scrape    time.Duration // default: a minute
	evaluate  time.Duration // default: a minute
	campaigns []*worldCampaign
	alerts    string // a regular expression of the alerts that are evaluated; default: those about silence
	// incident changes what happens to an attempt of a campaign at a time, if it is not nil.
	incident func(c *worldCampaign, now time.Time, a *worldAttempt)

	// tells are the alerts that must fire, with the time from which they may and by which they must. Alerts that other
	// does not list may not fire at all.
	tells []told
	other []string
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
	from     time.Time                   // when it begins; default: before the world
	batches  time.Duration               // if not 0, attempts come all at once, at this interval
	zombie   time.Time                   // since when an attempt hangs
	vanishes time.Time                   // when it is no longer exported
	zone     *time.Location
	series   map[string]*worldSeries
	attempts float64
}

type worldSeries struct {
	labels labels.Labels
	ref    storage.SeriesRef
	value  float64
	next   float64
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
		pairs = append([]string{labels.MetricName, name, "campaign_id", c.id, "job", "revox", "instance", "a"}, pairs...)
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

// minute draws the attempts of a minute.
func (c *worldCampaign) minute(w *world, rng *rand.Rand, now time.Time) {
	queue := c.at("revox_campaign_calls", "status", "queued_for_calling")
	queue.value = 200
	if c.rows > 0 {
		queue.value = math.Max(0, float64(c.rows)-c.attempts/2.5)
	}
	rate := c.pace
	if c.factor != nil {
		rate *= c.factor(now)
	}
	if c.rows > 0 {
		rate *= math.Min(1, queue.value/float64(c.rows)*2) // slower at the end of the list
	}
	if !c.open(now.In(c.zone)) {
		rate = 0
	}
	if c.batches > 0 {
		if now.Sub(w.start)%c.batches == 0 {
			rate *= c.batches.Minutes()
		} else {
			rate = 0
		}
	}
	for p := rng.ExpFloat64(); p < rate; p += rng.ExpFloat64() {
		c.attempt(w, rng, now)
	}
	c.at("revox_campaign_call_attempts", "status", "ongoing").value = float64(btoi(rng.Float64() < rate*0.7))
	if !c.zombie.IsZero() && now.After(c.zombie) {
		c.at("revox_campaign_call_attempts", "status", "ongoing").value++
		c.at("revox_campaign_oldest_active_attempt_timestamp_seconds").value = float64(c.zombie.Unix())
	}
	c.at("revox_campaign_last_scan_success_timestamp_seconds").value = float64(now.Unix())
}

// run plays the world and compares the alerts with those that it must have.
func (w *world) run(t *testing.T, seed uint64) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	if w.start.IsZero() {
		w.start = worldStart
	}
	if w.scrape == 0 {
		w.scrape = time.Minute
	}
	if w.evaluate == 0 {
		w.evaluate = time.Minute
	}
	db, err := startServer(ctx, t.TempDir(), rulesFor(t, w.alerts))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.close(); err != nil {
			t.Error(err)
		}
	}()
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, c := range w.campaigns {
		c.begin(w)
	}
	up := &worldSeries{labels: labels.FromStrings(labels.MetricName, "up", "job", "revox", "instance", "a"), value: 1}
	log := &alertLog{firing: map[string]*episode{}}
	end := w.start.Add(time.Duration(w.days * 24 * float64(time.Hour)))
	for now := w.start; now.Before(end); now = now.Add(time.Minute) {
		for _, c := range w.campaigns {
			if now.After(c.from) {
				c.minute(w, rng, now)
			}
		}
		for part := time.Duration(0); part < time.Minute; part += min(time.Minute, w.scrape) {
			at := now.Add(part)
			if at.Sub(w.start)%w.scrape != 0 {
				continue
			}
			app := db.db.AppenderV2(ctx)
			store := func(s *worldSeries, v float64) {
				if s.ref, err = app.Append(s.ref, s.labels, 0, at.UnixMilli(), v, nil, nil, storage.AOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			store(up, 1)
			for _, c := range w.campaigns {
				gone := !c.vanishes.IsZero() && at.After(c.vanishes)
				if gone && at.Sub(c.vanishes) > 2*w.scrape || !at.After(c.from) {
					continue
				}
				for _, s := range c.series {
					if gone {
						store(s, staleNaN)
					} else {
						store(s, s.value)
					}
				}
			}
			if err := app.Commit(); err != nil {
				t.Fatal(err)
			}
		}
		if at := now.Add(10 * time.Second); now.Sub(w.start)%w.evaluate == 0 {
			for _, group := range db.groups {
				if group.Name() == "revox-campaigns" {
					group.Eval(ctx, at)
					for _, rule := range group.Rules() {
						if err := rule.LastError(); err != nil {
							t.Fatalf("%s at %s: %v", rule.Name(), stamp(at), err)
						}
					}
					log.note(db.groups, at)
				}
			}
		}
	}
	w.judge(t, log.episodes)
}

const aboutSilence = "RevoxCampaignStalled|RevoxCampaignNotStarted|RevoxCampaignsIdle|RevoxCallsStalledEverywhere"

// rulesFor writes a file with the campaigns' alerts that a regular expression selects, and the series that they need.
func rulesFor(t *testing.T, alerts string) string {
	t.Helper()
	all, errs := rulefmt.ParseFile("../revox.rules.yml", false, model.UTF8Validation, parser.NewParser(parser.Options{}),
		slog.New(slog.DiscardHandler))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	selected := regexp.MustCompile("^(" + cmp.Or(alerts, aboutSilence) + ")$")
	group := all.Groups[0]
	needed, text := make([]bool, len(group.Rules)), ""
	for range group.Rules { // until nothing more is needed
		for i, r := range group.Rules {
			if !needed[i] && (r.Alert != "" && selected.MatchString(r.Alert) ||
				r.Record != "" && regexp.MustCompile(`\b`+r.Record+`($|[^\w])`).MatchString(text)) {
				needed[i], text = true, text+r.Expr+"\n"
			}
		}
	}
	all.Groups = all.Groups[:1]
	all.Groups[0].Rules = slices.DeleteFunc(slices.Clone(group.Rules), func(r rulefmt.Rule) bool {
		return !needed[slices.IndexFunc(group.Rules, func(o rulefmt.Rule) bool { return o.Alert == r.Alert && o.Record == r.Record })]
	})
	for i := range all.Groups[0].Rules {
		r := &all.Groups[0].Rules[i]
		r.Expr = strings.Join(strings.Fields(r.Expr), " ") // some block texts are not read as they are written
	}
	out, err := yaml.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(file, out, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

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

var allWorlds = flag.Bool("worlds", false, "play all worlds, which takes many minutes, and not only the first two")

func TestWorlds(t *testing.T) {
	list := worlds()
	if !*allWorlds {
		list = list[:2]
	}
	for _, w := range list {
		t.Run(w.name, func(t *testing.T) { w.run(t, 1) })
	}
}
