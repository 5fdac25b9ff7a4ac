package main

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
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
	c, limit := &class{name: "throttling"}, 10*time.Minute
	for name, test := range map[string]struct {
		incident incident
		fails    bool
	}{
		"in time":  {incident{class: c, limit: limit, start: start, alert: &episode{start: start.Add(10 * time.Minute)}}, false},
		"too late": {incident{class: c, limit: limit, start: start, alert: &episode{start: start.Add(11 * time.Minute)}}, true},
		"no alert": {incident{class: c, start: start}, true},
		"no place": {incident{class: c}, true},
		"one page": {incident{class: c, limit: limit, start: start, alert: &episode{start: start}, pages: 1}, false},
		"two":      {incident{class: c, limit: limit, start: start, alert: &episode{start: start}, pages: 2}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.incident.failure(); (got != "") != test.fails {
				t.Errorf("it says %q", got)
			}
		})
	}
}

// pageFires returns a page that fires from one minute to another, or goes on if that is 0.
func pageFires(alert, campaign string, from, to int) *episode {
	at := func(minutes int) time.Time { return worldStart.Add(time.Duration(minutes) * time.Minute) }
	set := labels.FromStrings("alertname", alert, "severity", "page", "campaign_id", campaign)
	e := &episode{alert: alert, severity: "page", campaign: campaign, labels: set, start: at(from)}
	if to > 0 {
		e.end = at(to)
	}
	return e
}

// An alert is not false if Alertmanager sends nothing of it, from its first minute to its last.
func TestAlertsThatAreHeldBackAreNotFalse(t *testing.T) {
	rules, err := readInhibitions("../alertmanager.example.yml")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		others []*episode // in the order of their starts
		held   bool
	}{
		"nothing else fires":             {},
		"that of all":                    {[]*episode{pageFires("RevoxThrottledEverywhere", "", 0, 30)}, true},
		"that of all, to the last":       {[]*episode{pageFires("RevoxThrottledEverywhere", "", 0, 20)}, true},
		"that of all, which goes on":     {[]*episode{pageFires("RevoxThrottledEverywhere", "", 0, 0)}, true},
		"that of all, from later on":     {[]*episode{pageFires("RevoxThrottledEverywhere", "", 11, 30)}, false},
		"that of all, which ends before": {[]*episode{pageFires("RevoxThrottledEverywhere", "", 0, 19)}, false},
		"two after each other": {[]*episode{
			pageFires("RevoxThrottledEverywhere", "", 0, 15), pageFires("RevoxExporterDown", "", 15, 25)}, true},
		"two with a gap": {[]*episode{
			pageFires("RevoxThrottledEverywhere", "", 0, 14), pageFires("RevoxExporterDown", "", 15, 25)}, false},
		"that of all, of another class": {[]*episode{pageFires("RevoxCallsErroredEverywhere", "", 0, 30)}, false},
		"that of another campaign":      {[]*episode{pageFires("RevoxThrottled", "b", 0, 30)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			single := pageFires("RevoxThrottled", "a", 10, 20)
			r := &replay{plan: &plan{}, fleet: &fleet{}, inhibit: rules, alerts: &alertLog{episodes: append(test.others, single)}}
			v, err := r.judge(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if held, isFalse := slices.Contains(v.held, single), slices.Contains(v.pages, single); held != test.held || isFalse == held {
				t.Errorf("held back: %t, false: %t; want it held back: %t", held, isFalse, test.held)
			}
		})
	}
}

// A campaign's pages are one, and one that waits is not sent if that of all comes meanwhile.
func TestPagesAreCountedAsTheyAreSent(t *testing.T) {
	rules, err := readInhibitions("../alertmanager.example.yml")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		pages []*episode
		want  int
	}{
		"two of one campaign":         {[]*episode{pageFires("RevoxThrottled", "a", 0, 20), pageFires("RevoxCallsErrored", "a", 8, 20)}, 1},
		"of two campaigns":            {[]*episode{pageFires("RevoxThrottled", "a", 0, 20), pageFires("RevoxThrottled", "b", 8, 20)}, 2},
		"of two campaigns and of all": {[]*episode{pageFires("RevoxThrottled", "a", 0, 20), pageFires("RevoxThrottled", "b", 1, 20), pageFires("RevoxThrottledEverywhere", "", 3, 20)}, 1},
		"that of all is late":         {[]*episode{pageFires("RevoxThrottled", "a", 0, 20), pageFires("RevoxThrottledEverywhere", "", 4, 20)}, 2},
		"that of all ends before":     {[]*episode{pageFires("RevoxThrottled", "a", 0, 20), pageFires("RevoxThrottledEverywhere", "", 1, 15)}, 2},
		"one that ends soon":          {[]*episode{pageFires("RevoxThrottled", "a", 0, 3)}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := len(rules.notified(test.pages, test.pages)); got != test.want {
				t.Errorf("%d pages, want %d", got, test.want)
			}
		})
	}
}

// Of the alerts of a campaign, only those on the same campaign are equal.
func TestInhibitionsCompareLabels(t *testing.T) {
	rules, err := readInhibitions("../alertmanager.example.yml")
	if err != nil {
		t.Fatal(err)
	}
	alert := func(name, severity, campaign string) *episode {
		return &episode{labels: labels.FromStrings("alertname", name, "severity", severity, "campaign_id", campaign)}
	}
	source := alert("RevoxThrottled", "page", "a")
	for campaign, want := range map[string]bool{"a": true, "b": false} {
		if got := rules.inhibits(source, alert("RevoxScreeningSurge", "ticket", campaign)); got != want {
			t.Errorf("on %s: %t, want %t", campaign, got, want)
		}
	}
}
