package main

import (
	"fmt"
	"os"
	"slices"
	"time"

	amcommon "github.com/prometheus/alertmanager/config/common"
	amlabels "github.com/prometheus/alertmanager/pkg/labels"
	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// inhibitions are the rules by which Alertmanager notifies nobody of an alert while others fire.
type inhibitions []amcommon.InhibitRule

// readInhibitions reads those of a configuration of Alertmanager.
func readInhibitions(file string) (inhibitions, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var config struct {
		Rules inhibitions `yaml:"inhibit_rules"`
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		return nil, fmt.Errorf("reading the inhibitions of %s: %w", file, err)
	}
	return config.Rules, nil
}

// hold reports whether others hold an alert back for as long as it fires. Groups wait for no time here.
func (rules inhibitions) hold(e *episode, others []*episode) bool {
	// others are in the order of their starts, so each continues what those before it cover, or leaves a gap for good.
	until := e.start
	for _, o := range others {
		if !o.start.After(until) && ends(o).After(until) && rules.inhibits(o, e) {
			until = ends(o)
		}
	}
	return !until.Before(ends(e))
}

// Alertmanager's example waits so long before it notifies somebody of a page of a single campaign, and of others.
const (
	waitOfCampaign = 3 * time.Minute
	waitOfOthers   = 30 * time.Second
)

// notified returns the groups of pages of which Alertmanager notifies somebody: campaigns, and alerts that are about none. An
// alert joins its group once it has fired as long as the group waits, in a minute in which no other holds it back.
func (rules inhibitions) notified(pages, others []*episode) map[string]bool {
	groups := map[string]bool{}
	for _, e := range pages {
		group, wait := e.campaign, waitOfCampaign
		if group == "" {
			group, wait = e.alert, waitOfOthers
		}
		holding := slices.DeleteFunc(slices.Clone(others), func(o *episode) bool { return !rules.inhibits(o, e) })
		held := func(at time.Time) bool {
			return slices.ContainsFunc(holding, func(o *episode) bool { return !o.start.After(at) && ends(o).After(at) })
		}
		for at := e.start.Add(wait); at.Before(ends(e)) && at.Sub(e.start) < 24*time.Hour; at = at.Add(time.Minute) {
			if !held(at) {
				groups[group] = true
				break
			}
		}
	}
	return groups
}

// ends is when an alert ends, far in the future if it still fires.
func ends(e *episode) time.Time {
	if e.end.IsZero() {
		return time.Unix(1<<40, 0)
	}
	return e.end
}

// inhibits reports whether an alert holds back another, as in Alertmanager: those that match both sides of a rule do not
// hold back each other, and a label that both lack is equal.
func (rules inhibitions) inhibits(source, target *episode) bool {
	from, to := labelSet(source), labelSet(target)
	return slices.ContainsFunc(rules, func(r amcommon.InhibitRule) bool {
		sources, targets := amlabels.Matchers(r.SourceMatchers), amlabels.Matchers(r.TargetMatchers)
		differ := func(name string) bool { return from[model.LabelName(name)] != to[model.LabelName(name)] }
		return sources.Matches(from) && targets.Matches(to) &&
			!(sources.Matches(to) && targets.Matches(from)) && !slices.ContainsFunc(r.Equal, differ)
	})
}

func labelSet(e *episode) model.LabelSet {
	set := model.LabelSet{}
	for name, value := range e.labels.Map() {
		set[model.LabelName(name)] = model.LabelValue(value)
	}
	return set
}
