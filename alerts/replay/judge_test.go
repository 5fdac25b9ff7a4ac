package main

import (
	"testing"
	"time"
)

func TestAnIncidentExplainsOnlyItsOwnAlerts(t *testing.T) {
	start := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	c := &class{alerts: []string{"Own"}, follows: []string{"Follower"}, linger: 10 * time.Minute}
	on := &incident{class: c, campaign: "a", start: start, end: start.Add(time.Hour)}
	all := &class{alerts: []string{"Own"}, scope: everything}
	everywhere := &incident{class: all, start: start, end: start.Add(time.Hour)}
	at := func(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }

	for name, test := range map[string]struct {
		incident *incident
		episode  episode
		want     bool
	}{
		"its alert":                                 {on, episode{alert: "Own", campaign: "a", start: at(5)}, true},
		"its alert, about no campaign":              {on, episode{alert: "Own", start: at(5)}, true},
		"its alert, on another campaign":            {on, episode{alert: "Own", campaign: "b", start: at(5)}, false},
		"one that follows":                          {on, episode{alert: "Follower", campaign: "a", start: at(5)}, true},
		"one that follows but came before":          {on, episode{alert: "Follower", campaign: "a", start: at(-5)}, false},
		"its alert, which goes on from before":      {on, episode{alert: "Own", campaign: "a", start: at(-5)}, false},
		"its alert, over before":                    {on, episode{alert: "Own", campaign: "a", start: at(-5), end: at(-1)}, false},
		"another alert":                             {on, episode{alert: "Other", campaign: "a", start: at(5)}, false},
		"its alert, soon after its end":             {on, episode{alert: "Own", campaign: "a", start: at(69)}, true},
		"its alert, long after its end":             {on, episode{alert: "Own", campaign: "a", start: at(71)}, false},
		"any campaign's, of one that is everywhere": {everywhere, episode{alert: "Own", campaign: "b", start: at(5)}, true},
		"of one that never began":                   {&incident{class: c}, episode{alert: "Own", start: at(5)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.incident.explains(&test.episode); got != test.want {
				t.Errorf("explains it: %t, want %t", got, test.want)
			}
		})
	}
}

// An incident does not begin while its alert already fires.
func TestFiringAlertsAreKnown(t *testing.T) {
	log := alertLog{firing: map[string]*episode{"1": {alert: "Own", campaign: "a"}, "2": {alert: "General"}}}
	if log.fires([]string{"Own"}, "a") {
		t.Error("it fires before look is called")
	}
	log.look()
	delete(log.firing, "1") // later evaluations make no difference
	for name, test := range map[string]struct {
		alert, campaign string
		want            bool
	}{
		"its alert":                          {"Own", "a", true},
		"its alert, on another campaign":     {"Own", "b", false},
		"its alert, on any campaign":         {"Own", "", true},
		"another alert":                      {"Other", "a", false},
		"an alert that is about no campaign": {"General", "a", true},
	} {
		if got := log.fires([]string{test.alert}, test.campaign); got != test.want {
			t.Errorf("%s: %t, want %t", name, got, test.want)
		}
	}
}

func TestAMissedLimitIsReported(t *testing.T) {
	start := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	c := &class{name: "throttling", limit: 10 * time.Minute}
	for name, test := range map[string]struct {
		incident incident
		fails    bool
	}{
		"in time":  {incident{class: c, start: start, alert: &episode{start: start.Add(10 * time.Minute)}}, false},
		"too late": {incident{class: c, start: start, alert: &episode{start: start.Add(11 * time.Minute)}}, true},
		"no alert": {incident{class: c, start: start}, true},
		"no place": {incident{class: c}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.incident.failure(); (got != "") != test.fails {
				t.Errorf("it says %q", got)
			}
		})
	}
}
