package collector

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
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
	ID                 tolerant[string]   `json:"id"`
	Name               tolerant[string]   `json:"name"`
	Status             tolerant[string]   `json:"status"`
	IsCancelled        tolerant[bool]     `json:"is_cancelled"`
	UpdatedAt          revoxapi.Timestamp `json:"updated_at"`
	MaxConcurrentCalls tolerant[*float64] `json:"max_concurrent_calls"`

	statusLabel string    // its status as revox_campaign_status shows it, "" where it is not known
	readAt      time.Time // when the list was read
}

// tolerant is a value that is the zero value where the JSON is of another type: one odd campaign must not make the list
// unreadable.
type tolerant[T any] struct{ value T }

// UnmarshalJSONFrom reads the value, or skips it.
func (v *tolerant[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	raw, err := d.ReadValue()
	if err != nil {
		return err
	}
	if json.Unmarshal(raw, &v.value, jsontext.AllowInvalidUTF8(true)) != nil {
		var zero T
		v.value = zero
	}
	return nil
}

// selects tells whether a listed campaign is to be read now.
func (d *Discovery) selects(c *listedCampaign, now time.Time) bool {
	if !slices.Contains(d.Statuses, c.Status.value) {
		return false
	}
	if d.Include != nil && !d.Include.MatchString(c.Name.value) || d.Exclude != nil && d.Exclude.MatchString(c.Name.value) {
		return false
	}
	over := c.IsCancelled.value || c.Status.value == string(revoxapi.CampaignCompleted)
	// Where it is not known since when it is over, it is read: too much is better than a gap.
	if over && d.CompletedFor > 0 && c.UpdatedAt.Valid() {
		return now.Sub(c.UpdatedAt.Time) <= d.CompletedFor
	}
	return true
}

// AnchoredRegexp compiles a pattern that has to match the whole of a name.
func AnchoredRegexp(pattern string) (*regexp.Regexp, error) {
	// By itself first: "a)|(b" is none, but would be one between the parentheses.
	if _, err := regexp.Compile(pattern); err != nil {
		return nil, err
	}
	return regexp.Compile("^(?s:" + pattern + ")$")
}

// campaigns knows which campaigns are selected: those given, those of a file, and those discovered; of all these, the
// shard's.
type campaigns struct {
	given     []string
	file      *campaignFile // nil: none
	shard     Shard
	discovery *Discovery // nil: off
	client    *revoxapi.Client
	clock     revoxapi.Clock
	logger    *slog.Logger
	labels    *labelValues

	// Run's own: the list is to be left alone until holdOff after it failed to be read.
	failed  time.Time
	holdOff time.Duration

	mu          sync.Mutex
	discovered  []string                   // what discovery selects of the list read last
	listed      map[string]*listedCampaign // that list, by ID
	asked, up   bool
	lastSuccess time.Time
	lastErr     error
	passedOver  int // campaigns of the newest list without a usable ID
}

// selected returns the campaigns that are selected now, once each, and what the list read last says of campaigns.
func (c *campaigns) selected() (ids []string, listed map[string]*listedCampaign) {
	c.mu.Lock()
	discovered, listed := c.discovered, c.listed
	c.mu.Unlock()
	return c.own(c.always(), discovered), listed
}

// own returns those of the campaigns that are the shard's, once each.
func (c *campaigns) own(sources ...[]string) (ids []string) {
	seen := map[string]bool{}
	for _, source := range sources {
		for _, id := range source {
			if !seen[id] && c.shard.has(id) {
				seen[id] = true
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// always returns the campaigns that are selected whatever the list says of them.
func (c *campaigns) always() []string {
	if c.file == nil {
		return c.given
	}
	return slices.Concat(c.given, c.file.list())
}

// refresh reads the list. Where it cannot be read, the error says so, and the selection made before stands.
func (c *campaigns) refresh(ctx context.Context) error {
	now := c.clock.Now()
	var discovered []string
	listed := map[string]*listedCampaign{}
	always := c.always()
	unknown := map[unknownValue]struct{}{}
	passedOver := 0
	for listing, err := range revoxapi.Campaigns[listedCampaign](ctx, c.client) {
		if err != nil && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			c.note(c.clock.Now(), 0, err)
			return err
		}
		campaign := &listing
		id := campaign.ID.value
		if revoxapi.CheckCampaignID(id) != nil {
			passedOver++
			continue
		}
		if listed[id] != nil {
			continue
		}
		if !c.shard.has(id) {
			continue
		}
		campaign.Name.value, campaign.readAt = cleanLabel(campaign.Name.value, maxNameRunes), now
		listed[id] = campaign
		if c.discovery.selects(campaign, now) {
			discovered = append(discovered, id)
		} else if enumCampaignStatus.known[campaign.Status.value] == "" && !slices.Contains(always, id) {
			continue // a status that is not known is no news where nobody asks for the campaign
		}
		campaign.statusLabel = c.statusLabel(campaign, unknown)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	c.labels.sighted(unknown)
	c.mu.Lock()
	c.discovered, c.listed = discovered, listed
	c.mu.Unlock()
	c.note(c.clock.Now(), passedOver, nil)
	return nil
}

// statusLabel returns a campaign's status as a label value; one that is not known is added to unknown.
func (c *campaigns) statusLabel(campaign *listedCampaign, unknown map[unknownValue]struct{}) string {
	switch {
	case campaign.IsCancelled.value:
		return campaignCancelled
	case campaign.Status.value == "":
		return ""
	}
	value, known := c.labels.value(enumCampaignStatus, campaign.Status.value)
	if !known {
		unknown[unknownValue{enumCampaignStatus.label, value}] = struct{}{}
	}
	return value
}

// note keeps how reading the list went, and logs it where that changed.
func (c *campaigns) note(now time.Time, passedOver int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		if passedOver > 0 && passedOver != c.passedOver {
			c.logger.Warn("campaigns of the list are passed over, because they have no usable ID", "campaigns", passedOver)
		}
		c.passedOver = passedOver
	}
	changed := !c.asked || c.up != (err == nil) || revoxapi.KindOf(c.lastErr) != revoxapi.KindOf(err)
	recovered := c.asked && !c.up
	c.asked, c.up, c.lastErr = true, err == nil, err
	if err == nil {
		c.lastSuccess = now
	}
	switch {
	case err != nil && changed:
		c.logger.Error("the list of campaigns cannot be read; the selection made before stands", "err", err)
	case err != nil:
		c.logger.Debug("the list of campaigns still cannot be read", "err", err)
	case recovered:
		c.logger.Info("the list of campaigns is read again")
	}
}

// pause is how long to wait before the list is looked at again: not long where it was not asked for or could not be read,
// since until then nothing new is discovered, and a key that has changed is to be tried.
func (c *campaigns) pause(asked bool) time.Duration {
	if asked && c.failure() == nil {
		return c.discovery.Interval
	}
	return min(c.discovery.Interval, time.Minute)
}

// read tells whether the list was ever read.
func (c *campaigns) read() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.lastSuccess.IsZero()
}

// failure returns why the list could not be read the newest time, nil where it could.
func (c *campaigns) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lastErr
}

func (c *campaigns) collect(ch sink) {
	if c.file != nil {
		c.file.collect(ch)
	}
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
