package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

// scope is what an incident affects.
type scope int

const (
	oneCampaign scope = iota // a running campaign with volume
	newCampaign              // a campaign that begins with the incident
	oneProvider              // campaigns that have the same provider of a voice, and at least one other campaign has another
	everything               // all campaigns, the API or the exporter
)

// baseline is what an incident is compared with.
type baseline int

const (
	none          baseline = iota
	callsWereWell          // the calls of the day before, as far as they are known
	dataWasThere           // the data of the day before, as it was known at that time
)

// class is a kind of incident that the alerts must detect.
type class struct {
	name     string
	severity string        // page or ticket; "" if either will do
	limit    time.Duration // from its start to the alert, at most, where few attempts are made
	shorter  []volumeLimit // limits where counts allow it, the shortest first
	lasts    time.Duration
	scope    scope
	// baseline, if not none, means that the incident shows only by comparison with the same hours of earlier days. Its
	// campaign needs such a day without incidents.
	baseline baseline
	// alerts are those that report the incident; one is enough.
	alerts []string
	// follows are alerts that may fire too, because they are about the incident's effects on calls or data.
	follows []string
	// linger is how long after the incident's end alerts that look back may still begin to fire.
	linger time.Duration
	// attempts is how many must finish in half an hour so that the incident shows in time; 0: enoughAttempts.
	attempts float64
	// needs, if not empty, is a query: the incident shows only on campaigns that have a result.
	needs string
	// dataOnly classes do not change the calls, only what the exporter sees of them.
	dataOnly bool
	begin    func(r *replay, in *incident) (undo func())
}

// volumeLimit is the limit of an incident where that many attempts finished in the half hour before.
type volumeLimit struct {
	attempts float64
	limit    time.Duration
}

// limitAt returns the limit of an incident that begins at a time, where that many attempts finished in the half hour before.
// A campaign that stops within minutes of a full hour may have reached the end of its window, so that takes longer to tell.
func (c *class) limitAt(begins time.Time, attempts float64) time.Duration {
	if c.baseline == dataWasThere && nearFullHour(begins) {
		return c.limit
	}
	for _, s := range c.shorter {
		if attempts >= s.attempts {
			return s.limit
		}
	}
	return c.limit
}

// nearFullHour reports whether a campaign that stops then may have reached the end of its window, or of a half day.
func nearFullHour(t time.Time) bool { return t.Minute() < 6 || t.Minute() >= 44 }

// enoughAttempts is the volume rule: an incident happens only on a campaign on which that many attempts have finished in
// the half hour before, and on which enough calls wait for the next attempts.
const enoughAttempts = 60

// enoughForShare is the volume at which a share of 40 % can almost certainly be distinguished from 2 % within ten
// minutes. At two thirds of it, twenty attempts in ten minutes, one incident in eight has too few errors by then.
const enoughForShare = 90

// halfOf15m is the limit of what was to be told of in a quarter of an hour before.
const halfOf15m = 7*time.Minute + 30*time.Second

// Where shares of ten minutes are the measure, counts allow a shorter limit at four or five attempts a minute.
var (
	atFour = []volumeLimit{{120, halfOf15m}}
	atFive = []volumeLimit{{150, halfOf15m}}
)

// enoughEarlier is how many attempts in the same 90 minutes of earlier days make a share precise enough. With 180, which
// is all of a campaign's second day, and three in ten answered, the share is off by more than a tenth of itself one time
// in six, and a fall to a quarter can look like a fall to a half. The short replay ignores it, since it has no third day.
const enoughEarlier = 300

// calls makes calls fail on the incident's campaign, or on all.
func calls(kind sim.IncidentKind, dialError string, share float64) func(*replay, *incident) func() {
	return func(r *replay, in *incident) func() {
		r.api.AddIncident(sim.Incident{
			Kind: kind, DialError: dialError, Share: share, Campaign: in.campaign, Provider: in.provider, Start: in.start, End: in.end,
		})
		return nil
	}
}

// campaignWith starts a campaign that fails from its first attempt on.
func campaignWith(kind string, spec sim.Campaign, dialError string, share float64) func(*replay, *incident) func() {
	return func(r *replay, in *incident) func() {
		spec.Start = in.start
		spec.Windows = []sim.Window{{Start: "00:00", End: "24:00"}}
		m := r.fleet.add(kind, place{"everywhere", "UTC"}, spec, in.class.lasts+in.class.linger+12*time.Hour)
		in.campaign, in.name = m.id, m.spec.Name
		if dialError != "" {
			r.api.AddIncident(sim.Incident{
				DialError: dialError, Share: share, Campaign: m.id, Start: in.start, End: in.end,
			})
		}
		return nil
	}
}

// fault makes requests fail.
func fault(endpoint string, behavior revoxtest.Behavior) func(*replay, *incident) func() {
	return func(r *replay, in *incident) func() {
		return r.api.AddFault(revoxtest.Fault{Campaign: in.campaign, Endpoint: endpoint, Behavior: behavior})
	}
}

// loseRows removes every tenth row of a page. The total stays the same.
func loseRows(rows []json.RawMessage) []json.RawMessage {
	var kept []json.RawMessage
	for i, row := range rows {
		if i%10 != 5 {
			kept = append(kept, row)
		}
	}
	return kept
}

// newResult returns a function that gives one attempt of a campaign an unknown result, as when the API adds one. It is
// the same attempt in each scan.
func newResult() func([]json.RawMessage) []json.RawMessage {
	known, news := []byte(`"result":"voicemail"`), []byte(`"result":"answering-robot"`)
	const idLength = 44 // of {"id":"..."
	var mu sync.Mutex
	var chosen []byte
	return func(rows []json.RawMessage) []json.RawMessage {
		mu.Lock()
		defer mu.Unlock()
		for i, row := range rows {
			if len(row) < idLength || !bytes.Contains(row, known) {
				continue
			}
			if chosen == nil && len(rows) > 1 { // of a page of one row, only the total is wanted
				chosen = bytes.Clone(row[:idLength])
			}
			if chosen != nil && bytes.HasPrefix(row, chosen) {
				rows[i] = bytes.Replace(row, known, news, 1)
			}
		}
		return rows
	}
}

// notRead are the alerts that may follow if no more data comes.
var notRead = []string{
	"RevoxCampaignNotRead", "RevoxDiscoveryFailing", "RevoxAPIFailing", "RevoxReplicaDown", "RevoxScansLate",
}

// Alerts that look back may begin to fire after an incident's end: those of ten minutes, and those of an hour and a half.
const (
	shortLook = 15 * time.Minute
	longLook  = 2 * time.Hour
)

// classes are all kinds of incidents.
var classes = []*class{
	{
		name: "throttling of one campaign", severity: "page", limit: 10 * time.Minute, shorter: atFour, lasts: 40 * time.Minute,
		alerts: []string{"RevoxThrottled"}, follows: []string{"RevoxThrottledEverywhere"}, linger: shortLook,
		attempts: enoughForShare,
		begin:    calls(sim.DialErrorSurge, "too_many_calls", 0.4),
	},
	{
		name: "throttling of all", severity: "page", limit: 10 * time.Minute, shorter: atFour, lasts: 40 * time.Minute, scope: everything,
		alerts: []string{"RevoxThrottled", "RevoxThrottledEverywhere"}, linger: shortLook, attempts: enoughForShare,
		begin: calls(sim.DialErrorSurge, "too_many_calls", 0.4),
	},
	{
		name: "no permission", severity: "page", limit: 10 * time.Minute, shorter: atFour, lasts: 40 * time.Minute,
		alerts: []string{"RevoxCallsCannotLeave"}, linger: shortLook,
		begin: calls(sim.DialErrorSurge, "no_international_permission", 0.9),
	},
	{
		name: "precondition failed", severity: "page", limit: 10 * time.Minute, shorter: atFour, lasts: 40 * time.Minute,
		alerts: []string{"RevoxCallsCannotLeave"}, linger: shortLook,
		begin: calls(sim.DialErrorSurge, "precondition_failed", 0.9),
	},
	{
		name: "errors not classified", severity: "page", limit: 10 * time.Minute, shorter: atFour, lasts: 40 * time.Minute,
		alerts: []string{"RevoxCallsCannotLeave"}, linger: shortLook,
		begin: calls(sim.DialErrorSurge, "non_classified_error", 0.8),
	},
	{
		name: "no permission from the start", severity: "page", limit: halfOf15m, lasts: 40 * time.Minute,
		scope: newCampaign, alerts: []string{"RevoxCallsCannotLeave"}, linger: shortLook,
		begin: campaignWith("abroad", sim.Campaign{Rows: 900, MaxConcurrentCalls: 4}, "no_international_permission", 0.9),
	},
	{
		name: "bad list", severity: "ticket", limit: 30 * time.Minute, lasts: 3 * time.Hour, scope: newCampaign,
		alerts: []string{"RevoxBadList"}, linger: 12 * time.Hour,
		begin: campaignWith("bad list", sim.Campaign{Rows: 450, MaxConcurrentCalls: 3, BadNumbersShare: 0.45}, "", 0),
	},
	{
		name: "agent breaks", severity: "page", limit: 15 * time.Minute, shorter: atFive, lasts: 45 * time.Minute,
		alerts: []string{"RevoxCallsEndedBySystem", "RevoxTalksCutShort"}, follows: []string{"RevoxCallsErrored", "RevoxProviderFailing"},
		linger: shortLook, begin: calls(sim.AgentBreaks, "", 0.8),
	},
	{
		name: "agent silent", severity: "page", limit: 15 * time.Minute, shorter: atFive, lasts: 45 * time.Minute,
		alerts: []string{"RevoxAgentSilent"}, follows: []string{"RevoxTalksCutShort", "RevoxProviderFailing"},
		linger: shortLook, begin: calls(sim.VoiceSilent, "", 0.9),
	},
	{
		name: "tool fails", severity: "page", limit: 45 * time.Minute, lasts: 90 * time.Minute,
		alerts: []string{"RevoxToolFailing"}, linger: shortLook, begin: calls(sim.ToolFails, "", 0.8),
		needs: `
			campaign_tool_name:revox_campaign_tool_errors:ratio_usual{tool_name="find_appointment"} < 0.08
			and on (campaign_id) campaign_tool_name_window:revox_campaign_tool_calls:increase{tool_name="find_appointment", window="30m"} >= 8`,
	},
	{
		name: "provider fails", severity: "page", limit: 15 * time.Minute, lasts: 45 * time.Minute, scope: oneProvider,
		alerts: []string{"RevoxProviderFailing"}, follows: []string{"RevoxAgentSilent", "RevoxAgentSilentEverywhere", "RevoxTalksCutShort", "RevoxTalksCutShortEverywhere"},
		linger: shortLook, attempts: 110, begin: calls(sim.VoiceSilent, "", 0.9),
	},
	{
		name: "calls errored", severity: "page", limit: 15 * time.Minute, shorter: atFive, lasts: 45 * time.Minute,
		alerts: []string{"RevoxCallsErrored"}, linger: shortLook, attempts: enoughForShare,
		begin: calls(sim.ErroredSurge, "", 0.3),
	},
	{
		name: "answers drop", severity: "ticket", limit: 2 * time.Hour, shorter: []volumeLimit{{300, 20 * time.Minute}, {120, 40 * time.Minute}}, lasts: 150 * time.Minute, baseline: callsWereWell,
		alerts: []string{"RevoxAnswersDropped"}, linger: longLook,
		begin: calls(sim.AnswersDrop, "", 0.75),
	},
	{
		name: "voicemail surge", severity: "ticket", limit: time.Hour, lasts: 150 * time.Minute, baseline: callsWereWell,
		alerts: []string{"RevoxVoicemailSurge"}, follows: []string{"RevoxAnswersDropped"}, linger: longLook,
		begin: calls(sim.VoicemailSurge, "", 0.6),
	},
	{
		name: "screening surge", severity: "ticket", limit: 30 * time.Minute, lasts: 150 * time.Minute, baseline: callsWereWell,
		alerts: []string{"RevoxScreeningSurge"}, follows: []string{"RevoxAnswersDropped"}, linger: longLook,
		begin: calls(sim.ScreeningSurge, "", 0.5),
	},
	{
		name: "stall", severity: "page", limit: 30 * time.Minute, shorter: []volumeLimit{{enoughForShare, 15 * time.Minute}}, lasts: 75 * time.Minute, baseline: dataWasThere,
		alerts: []string{"RevoxCampaignStalled"}, follows: []string{"RevoxCallsStalledEverywhere"}, linger: shortLook,
		begin: calls(sim.Stall, "", 0),
	},
	{
		name: "exporter down", dataOnly: true, limit: halfOf15m, lasts: 35 * time.Minute, scope: everything,
		alerts: []string{"RevoxExporterDown"}, follows: notRead, linger: shortLook,
		begin: func(r *replay, _ *incident) func() { r.down = true; return func() { r.down = false } },
	},
	{
		name: "key refused", dataOnly: true, limit: halfOf15m, lasts: 40 * time.Minute, scope: everything,
		alerts: []string{"RevoxKeyRefused"}, follows: notRead, linger: shortLook,
		begin: func(r *replay, _ *incident) func() {
			r.key.Set("not the key any more")
			return func() { r.key.Set(revoxtest.APIKey) }
		},
	},
	{
		name: "API fails", dataOnly: true, limit: halfOf15m, lasts: 40 * time.Minute, scope: everything,
		alerts: []string{"RevoxAPIFailing"}, follows: notRead, linger: shortLook,
		begin: fault("", revoxtest.Status(http.StatusServiceUnavailable, nil, "")),
	},
	{
		name: "API throttles", dataOnly: true, limit: halfOf15m, lasts: 40 * time.Minute, scope: everything,
		alerts: []string{"RevoxAPIFailing"}, follows: notRead, linger: shortLook,
		begin: fault("", revoxtest.RateLimited("20")),
	},
	{
		name: "one campaign's data stale", dataOnly: true, limit: halfOf15m, lasts: 40 * time.Minute,
		alerts: []string{"RevoxCampaignNotRead"}, linger: shortLook,
		begin: fault("rows", revoxtest.Status(http.StatusInternalServerError, nil, "")),
	},
	{
		name: "rows missing", limit: halfOf15m, lasts: 40 * time.Minute,
		alerts: []string{"RevoxRowsMissing"}, linger: shortLook,
		begin: fault("rows", revoxtest.MangleRows(loseRows)),
	},
	{
		name: "unknown value", severity: "ticket", limit: 30 * time.Minute, lasts: 90 * time.Minute,
		alerts: []string{"RevoxUnknownValues"}, linger: shortLook,
		begin: func(r *replay, in *incident) func() {
			return fault("rows", revoxtest.MangleRows(newResult()))(r, in)
		},
	},
}
