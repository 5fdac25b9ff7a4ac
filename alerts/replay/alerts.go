package main

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/rules"
)

// episode is one time that an alert fires, from its first evaluation to its last.
type episode struct {
	alert    string
	severity string
	campaign string // campaign_id, "" if the alert is about none
	labels   labels.Labels
	summary  string
	text     string // all annotations
	start    time.Time
	end      time.Time // zero while it fires
	value    float64   // at the start
	causes   []*incident
}

// alertLog follows the alerts of rules from evaluation to evaluation.
type alertLog struct {
	firing   map[string]*episode // by labels
	episodes []*episode          // in the order of their starts
	looked   []*episode          // what fired when look was last called
}

// look notes what fires now, for fires. Rules must not be evaluated at the same time; they may be during fires.
func (l *alertLog) look() { l.looked = slices.Collect(maps.Values(l.firing)) }

// fires reports whether any of these alerts fires for a campaign or for none; "" is any campaign.
func (l *alertLog) fires(alerts []string, campaign string) bool {
	return slices.ContainsFunc(l.looked, func(e *episode) bool {
		return slices.Contains(alerts, e.alert) && (campaign == "" || e.campaign == "" || e.campaign == campaign)
	})
}

// note records what fires after an evaluation at a time, and returns the episodes that began with it.
func (l *alertLog) note(groups []*rules.Group, at time.Time) []*episode {
	var began []*episode
	fires := map[string]bool{}
	for _, group := range groups {
		for _, rule := range group.AlertingRules() {
			for _, alert := range rule.ActiveAlerts() {
				if alert.State != rules.StateFiring {
					continue
				}
				id := alert.Labels.String()
				fires[id] = true
				if l.firing[id] == nil {
					e := newEpisode(alert, at)
					l.firing[id] = e
					began = append(began, e)
				}
			}
		}
	}
	for id, e := range l.firing {
		if !fires[id] {
			e.end = at
			delete(l.firing, id)
		}
	}
	slices.SortFunc(began, func(a, b *episode) int { return strings.Compare(a.labels.String(), b.labels.String()) })
	l.episodes = append(l.episodes, began...)
	return began
}

func newEpisode(alert *rules.Alert, at time.Time) *episode {
	e := &episode{
		alert: alert.Labels.Get(labels.AlertName), severity: alert.Labels.Get("severity"),
		campaign: alert.Labels.Get("campaign_id"), labels: alert.Labels, summary: alert.Annotations.Get("summary"),
		start: at, value: alert.Value,
	}
	alert.Annotations.Range(func(l labels.Label) { e.text += l.Name + ": " + l.Value + "\n" })
	return e
}
