package main

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
)

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
	ended    func(now time.Time) bool    // it is completed then, and no call waits; default: never
	voice    func(now time.Time) string  // the provider of its assistant's voice; default: none is known
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
	silent    bool   // the agent never spoke
	tool      string // that the agent uses in a talk, if it is not ""
	uses      int    // of it
	failures  int    // of these
}

// use has the agent use a tool once, with the probability share, which fails with the probability failing.
func (a *worldAttempt) use(c *worldCampaign, now time.Time, tool string, share, failing float64) {
	if hit(c, now.Add(time.Second), share) {
		a.tool, a.uses, a.failures = tool, 1, btoi(hit(c, now.Add(2*time.Second), failing))
	}
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
		pairs = append([]string{model.MetricNameLabel, name, "campaign_id", c.id, "job", "revox", "instance", cmp.Or(c.instance, "a")}, pairs...)
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
	if result != "none" {
		c.add("revox_campaign_call_attempt_turns_count", "role", "assistant")
		if a.silent {
			c.add("revox_campaign_call_attempt_turns_bucket", "role", "assistant", "le", "0")
		}
	}
	if result == "human" && a.tool != "" {
		c.at("revox_campaign_tool_calls_total", "tool_name", a.tool).value += float64(a.uses)
		c.at("revox_campaign_tool_errors_total", "tool_name", a.tool).value += float64(a.failures)
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
	c.at("revox_campaign_call_attempt_turns_count", "role", "assistant")
	c.at("revox_campaign_call_attempt_turns_bucket", "role", "assistant", "le", "0")
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
	return now.After(c.from) && c.open(now.In(c.zone)) && (c.paused == nil || !c.paused(now)) && (c.ended == nil || !c.ended(now))
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
	if c.ended != nil {
		c.at("revox_campaign_status", "status", "running").value = float64(btoi(!c.ended(now)))
		c.at("revox_campaign_status", "status", "completed").value = float64(btoi(c.ended(now)))
		if c.ended(now) {
			queue.value = 0
		}
	}
	if c.voice != nil {
		const name = "revox_campaign_assistant_info"
		for _, s := range c.series {
			if s.labels.Get(model.MetricNameLabel) == name {
				s.ended = true
			}
		}
		s := c.at(name, "assistant_name", "Emma", "voice_provider", c.voice(now))
		s.value, s.ended = 1, false
	}
	if !c.renamed.IsZero() && now.After(c.renamed) {
		c.at("revox_campaign_info", "campaign_name", "Name of "+c.id).ended = true
		c.at("revox_campaign_info", "campaign_name", "New name of "+c.id).value = 1
	}
}

// exporterSeries returns an exporter's own series: requests by code, others by metric.
func exporterSeries(instance string, shard, shards int) map[string]*worldSeries {
	series := map[string]*worldSeries{}
	add := func(value float64, name string, pairs ...string) {
		pairs = append([]string{model.MetricNameLabel, name, "job", "revox", "instance", instance}, pairs...)
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

// stopped returns a factor that is less while the time is between two.
func stopped(from, to time.Time, rest float64) func(time.Time) float64 {
	return func(now time.Time) float64 {
		if !now.Before(from) && now.Before(to) {
			return rest
		}
		return 1
	}
}
