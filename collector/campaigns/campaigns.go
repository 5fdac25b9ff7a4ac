package campaigns

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Config says which campaigns a Selector selects.
type Config struct {
	// Given campaigns are selected always.
	Given []string
	// File is a YAML or JSON list of campaigns that are selected too; "" for none.
	File string
	// Discovery selects campaigns of the list; nil is off.
	Discovery *Discovery
	// Shard of all these that is selected; the zero value is all of them.
	Shard Shard
	// Client reads the list; it may be nil where Discovery is.
	Client *revoxapi.Client
	Clock  revoxapi.Clock
	Logger *slog.Logger
	Labels *tally.Labels
}

// Selector knows which campaigns are selected. It is safe for concurrent use. Make one with New.
type Selector struct {
	cfg  Config
	file *file // nil: none

	mu         sync.Mutex
	discovered []string           // what discovery selects of the list read last
	listed     map[string]*Listed // that list, by ID
	list       ListStatus
	passedOver int // campaigns of the last list without a usable ID
}

// ListStatus is how reading the list of campaigns goes.
type ListStatus struct {
	// Asked reports that the list was read or failed to be read.
	Asked bool
	// Err says why it could not be read the last time; nil where it could.
	Err error
	// LastSuccess is when it was last read; the zero time where it never was.
	LastSuccess time.Time
}

// New returns a Selector, or an error about the given IDs, the file, which is read, or the shard. The API is not asked.
func New(cfg Config) (*Selector, error) {
	var given []string
	for _, id := range cfg.Given {
		if err := revoxapi.CheckCampaignID(id); err != nil {
			return nil, fmt.Errorf("selecting campaigns: %w", err)
		}
		if !slices.Contains(given, id) {
			given = append(given, id)
		}
	}
	cfg.Given = given
	if err := cfg.Shard.check(); err != nil {
		return nil, err
	}
	s := &Selector{cfg: cfg}
	if cfg.File != "" {
		s.file = &file{path: cfg.File}
		if _, err := s.file.reload(cfg.Clock.Now()); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Selected returns the campaigns that are selected now, once each, and what the list read last says of campaigns; the map must
// not be changed, and is nil before the first list.
func (s *Selector) Selected() (ids []string, listed map[string]*Listed) {
	s.mu.Lock()
	discovered, listed := s.discovered, s.listed
	s.mu.Unlock()
	return s.own(s.Always(), discovered), listed
}

// AlwaysSelected returns the campaigns that are selected whatever the list says, once each.
func (s *Selector) AlwaysSelected() []string { return s.own(s.Always()) }

// own returns those of the campaigns that are the shard's, once each.
func (s *Selector) own(sources ...[]string) (ids []string) {
	seen := map[string]bool{}
	for _, source := range sources {
		for _, id := range source {
			if !seen[id] && s.cfg.Shard.Has(id) {
				seen[id] = true
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// Always returns the campaigns given and those of the file, of all shards.
func (s *Selector) Always() []string {
	if s.file == nil {
		return s.cfg.Given
	}
	return slices.Concat(s.cfg.Given, s.file.list())
}

// Given returns how many campaigns are given, and how many the file has.
func (s *Selector) Given() (given, inFile int) {
	if s.file != nil {
		inFile = len(s.file.list())
	}
	return len(s.cfg.Given), inFile
}

// Refresh reads the list. Where it cannot be read, the error says so, and the selection made before stands. It must not be
// called more than once at a time.
func (s *Selector) Refresh(ctx context.Context) error {
	now := s.cfg.Clock.Now()
	var discovered []string
	listed := map[string]*Listed{}
	always := s.Always()
	unknown := map[tally.Unknown]struct{}{}
	passedOver := 0
	for c, err := range revoxapi.Campaigns[listedJSON](ctx, s.cfg.Client) {
		if err != nil && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			s.note(s.cfg.Clock.Now(), 0, err)
			return err
		}
		id := c.ID.value
		if revoxapi.CheckCampaignID(id) != nil {
			passedOver++
			continue
		}
		if listed[id] != nil || !s.cfg.Shard.Has(id) {
			continue
		}
		campaign := c.listed(now)
		listed[id] = campaign
		if s.cfg.Discovery.Selects(campaign, now) {
			discovered = append(discovered, id)
		} else if !tally.KnownCampaignStatus(campaign.Status) && !slices.Contains(always, id) {
			continue // an unknown status is no news where nobody asks for the campaign
		}
		campaign.StatusLabel = s.statusLabel(campaign, unknown)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s.cfg.Labels.Sighted(unknown)
	s.mu.Lock()
	s.discovered, s.listed = discovered, listed
	s.mu.Unlock()
	s.note(s.cfg.Clock.Now(), passedOver, nil)
	return nil
}

// statusLabel returns a campaign's status as a label value; one that is not known is added to unknown.
func (s *Selector) statusLabel(campaign *Listed, unknown map[tally.Unknown]struct{}) string {
	switch {
	case campaign.IsCancelled:
		return tally.CampaignCancelled
	case campaign.Status == "":
		return ""
	}
	value, known := s.cfg.Labels.CampaignStatus(campaign.Status)
	if !known {
		unknown[tally.UnknownCampaignStatus(value)] = struct{}{}
	}
	return value
}

// note keeps how reading the list went, and logs it where that changed.
func (s *Selector) note(now time.Time, passedOver int, err error) {
	s.mu.Lock()
	before, passedOverBefore := s.list, s.passedOver
	s.list.Asked, s.list.Err = true, err
	if err == nil {
		s.list.LastSuccess, s.passedOver = now, passedOver
	}
	s.mu.Unlock()
	changed := !before.Asked || (before.Err == nil) != (err == nil) || revoxapi.KindOf(before.Err) != revoxapi.KindOf(err)
	switch {
	case err != nil && changed:
		s.cfg.Logger.Error("the list of campaigns cannot be read; the selection made before stands", "err", err)
	case err != nil:
		s.cfg.Logger.Debug("the list of campaigns still cannot be read", "err", err)
	case before.Err != nil:
		s.cfg.Logger.Info("the list of campaigns is read again")
	}
	if err == nil && passedOver > 0 && passedOver != passedOverBefore {
		s.cfg.Logger.Warn("campaigns of the list are passed over, because they have no usable ID", "campaigns", passedOver)
	}
}

// List returns how reading the list goes.
func (s *Selector) List() ListStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list
}

// Restore makes a list that an earlier process read the last one, until one is read.
func (s *Selector) Restore(discovered []string, listed map[string]*Listed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.discovered, s.listed = discovered, listed
}

// Campaign is a campaign of the whole list, selected or not.
type Campaign struct{ ID, Name string }

// All returns every campaign of the list that has a usable ID, of all shards, or a *revoxapi.Error.
func (s *Selector) All(ctx context.Context) ([]Campaign, error) {
	var all []Campaign
	for c, err := range revoxapi.Campaigns[listedJSON](ctx, s.cfg.Client) {
		if err != nil {
			return nil, err
		}
		if revoxapi.CheckCampaignID(c.ID.value) == nil {
			all = append(all, Campaign{ID: c.ID.value, Name: tally.CleanText(c.Name.value, tally.MaxNameRunes)})
		}
	}
	return all, nil
}
