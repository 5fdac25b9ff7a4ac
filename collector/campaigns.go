package collector

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Discovery says which campaigns of the organization's list are selected.
type Discovery struct {
	// Interval between two readings of the list.
	Interval time.Duration
	// Include and Exclude are matched against the name; nil Include selects all, nil Exclude excludes none.
	Include, Exclude *regexp.Regexp
	// Statuses that are selected, as the API's `status` has them.
	Statuses []string
	// CompletedFor is how long after `updated_at` a completed or cancelled campaign stays selected; 0: for ever.
	CompletedFor time.Duration
}

// listedCampaign is what is read of a campaign in the list; the embedded assistant is skipped unread.
type listedCampaign struct {
	ID                 string             `json:"id"`
	Name               string             `json:"name"`
	Status             string             `json:"status"`
	IsCancelled        bool               `json:"is_cancelled"`
	UpdatedAt          revoxapi.Timestamp `json:"updated_at"`
	MaxConcurrentCalls *float64           `json:"max_concurrent_calls"`
}

// selects tells whether a listed campaign is to be read now.
func (d *Discovery) selects(c *listedCampaign, now time.Time) bool {
	if !slices.Contains(d.Statuses, c.Status) {
		return false
	}
	if d.Include != nil && !d.Include.MatchString(c.Name) || d.Exclude != nil && d.Exclude.MatchString(c.Name) {
		return false
	}
	over := c.IsCancelled || c.Status == string(revoxapi.CampaignCompleted)
	// Where it is not known since when it is over, it is read: too much is better than a gap.
	if over && d.CompletedFor > 0 && c.UpdatedAt.Valid() {
		return now.Sub(c.UpdatedAt.Time) <= d.CompletedFor
	}
	return true
}

// AnchoredRegexp compiles a pattern that has to match the whole of a name.
func AnchoredRegexp(pattern string) (*regexp.Regexp, error) {
	return regexp.Compile("^(?s:" + pattern + ")$")
}

// campaigns knows which campaigns are selected: those given, and those discovered.
type campaigns struct {
	given     []string
	discovery *Discovery // nil: off
	client    *revoxapi.Client
	clock     revoxapi.Clock
	logger    log.Logger

	mu          sync.Mutex
	asked, up   bool
	lastSuccess time.Time
	lastErr     error
}

// refresh reads the list, and returns which campaigns are selected now and what the list says of them. Where it
// cannot be read, the error says so, and the selection made before stands.
func (c *campaigns) refresh(ctx context.Context) (ids []string, listed map[string]*listedCampaign, err error) {
	list, err := revoxapi.AllCampaigns[listedCampaign](ctx, c.client)
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	now := c.clock.Now()
	c.note(now, err)
	if err != nil {
		return nil, nil, err
	}
	ids = slices.Clone(c.given)
	listed = make(map[string]*listedCampaign, len(list))
	for i := range list {
		campaign := &list[i]
		if err := revoxapi.CheckCampaignID(campaign.ID); err != nil {
			level.Warn(c.logger).Log("msg", "a campaign of the list is passed over", "err", err)
			continue
		}
		if listed[campaign.ID] != nil {
			continue
		}
		campaign.Name = cleanLabel(campaign.Name, maxNameRunes)
		listed[campaign.ID] = campaign
		if c.discovery.selects(campaign, now) && !slices.Contains(c.given, campaign.ID) {
			ids = append(ids, campaign.ID)
		}
	}
	return ids, listed, nil
}

// note keeps how reading the list went, and logs it where that changed.
func (c *campaigns) note(now time.Time, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	changed := !c.asked || c.up != (err == nil) || revoxapi.KindOf(c.lastErr) != revoxapi.KindOf(err)
	recovered := c.asked && !c.up
	c.asked, c.up, c.lastErr = true, err == nil, err
	if err == nil {
		c.lastSuccess = now
	}
	switch {
	case err != nil && changed:
		level.Error(c.logger).Log("msg", "the list of campaigns cannot be read; the selection made before stands", "err", err)
	case err != nil:
		level.Debug(c.logger).Log("msg", "the list of campaigns still cannot be read", "err", err)
	case recovered:
		level.Info(c.logger).Log("msg", "the list of campaigns is read again")
	}
}

// pause is how long to wait before the list is read again.
func (c *campaigns) pause(err error) time.Duration {
	if err == nil {
		return c.discovery.Interval
	}
	// While nothing new can be discovered the next try comes sooner, unless the API asks for peace.
	pause := min(c.discovery.Interval, time.Minute)
	return max(pause, holdOff(err))
}

func (c *campaigns) collect(ch chan<- prometheus.Metric) {
	if c.discovery == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.asked {
		send(ch, descDiscoveryUp, prometheus.GaugeValue, boolValue(c.up))
	}
	if !c.lastSuccess.IsZero() {
		send(ch, descDiscoveryLastSuccess, prometheus.GaugeValue, unixSeconds(c.lastSuccess))
	}
}

// answered tells whether the list was read or failed to be read, where discovery is on.
func (c *campaigns) answered() bool {
	if c.discovery == nil {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked
}

// checkGiven refuses IDs that cannot be a campaign's, and returns the others once each.
func checkGiven(ids []string) ([]string, error) {
	var given []string
	for _, id := range ids {
		if err := revoxapi.CheckCampaignID(id); err != nil {
			return nil, fmt.Errorf("selecting campaigns: %w", err)
		}
		if !slices.Contains(given, id) {
			given = append(given, id)
		}
	}
	return given, nil
}
