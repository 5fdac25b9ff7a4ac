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
	// Given are the IDs of campaigns that are always selected.
	Given []string
	// File is the path of a YAML or JSON list of IDs that are selected too; "" for none.
	File string
	// Discovery selects campaigns from the list; nil turns discovery off.
	Discovery *Discovery
	// Shard is the share of all these campaigns that is selected. The zero value selects all.
	Shard Shard
	// Client reads the list. It may be nil if Discovery is nil.
	Client *revoxapi.Client
	Clock  revoxapi.Clock
	Logger *slog.Logger
	Labels *tally.Labels
}

// Selector knows which campaigns are selected. It is safe for concurrent use. Make one with New.
type Selector struct {
	cfg  Config
	file *file // nil if there is none

	mu         sync.Mutex
	discovered []string           // the campaigns that discovery selected from the last list
	listed     map[string]*Listed // the last list, by ID
	list       ListStatus
	skipped    int // campaigns in the last list without a usable ID
}

// ListStatus describes the attempts to read the list of campaigns.
type ListStatus struct {
	// Asked reports that the list was read, or could not be read, at least once.
	Asked bool
	// Err is the error of the last attempt; nil if it succeeded.
	Err error
	// LastSuccess is the time of the last success; zero if there was none.
	LastSuccess time.Time
}

// New reads the campaign file and returns a Selector. The error is about the given IDs, the file or the shard.
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

// Selected returns the IDs of the selected campaigns, each once, and the campaigns of the last list by ID. The map must
// not be changed; it is nil before the first list.
func (s *Selector) Selected() (ids []string, listed map[string]*Listed) {
	s.mu.Lock()
	discovered, listed := s.discovered, s.listed
	s.mu.Unlock()
	return s.own(s.Always(), discovered), listed
}

// AlwaysSelected returns the IDs of the campaigns that are selected independently of the list, each once.
func (s *Selector) AlwaysSelected() []string { return s.own(s.Always()) }

// own returns the IDs that belong to the shard, each once.
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

// Always returns the given IDs and those in the file, of all shards. An ID may occur in both.
func (s *Selector) Always() []string {
	if s.file == nil {
		return s.cfg.Given
	}
	return slices.Concat(s.cfg.Given, s.file.list())
}

// Given returns the number of given campaigns and the number of campaigns in the file.
func (s *Selector) Given() (given, inFile int) {
	if s.file != nil {
		inFile = len(s.file.list())
	}
	return len(s.cfg.Given), inFile
}

// Refresh reads the list and selects campaigns from it. If it returns an error, the selection does not change. It must
// not be called concurrently.
func (s *Selector) Refresh(ctx context.Context) error {
	now := s.cfg.Clock.Now()
	var discovered []string
	listed := map[string]*Listed{}
	always := s.Always()
	unknown := map[tally.Unknown]struct{}{}
	skipped := 0
	var list revoxapi.ListSummary
	for c, err := range revoxapi.Campaigns[listedJSON](ctx, s.cfg.Client, revoxapi.WithListSummary(&list)) {
		if err != nil && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			s.note(s.cfg.Clock.Now(), 0, err)
			return err
		}
		id := c.ID.value
		if revoxapi.CheckCampaignID(id) != nil {
			skipped++
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
			continue // report unknown statuses only of campaigns that are selected
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
	s.note(s.cfg.Clock.Now(), skipped+list.Skipped, nil)
	return nil
}

// statusLabel returns a campaign's status as a label value. It adds an unknown one to unknown.
func (s *Selector) statusLabel(campaign *Listed, unknown map[tally.Unknown]struct{}) string {
	switch {
	case campaign.IsCancelled:
		return tally.CampaignCancelled
	case campaign.Status == "":
		return ""
	}
	value, known := s.cfg.Labels.CampaignStatus(campaign.Status)
	if !known {
		unknown[value] = struct{}{}
	}
	return value.Value
}

// note records the result of reading the list, and logs it if it differs from the one before.
func (s *Selector) note(now time.Time, skipped int, err error) {
	s.mu.Lock()
	before, skippedBefore := s.list, s.skipped
	s.list.Asked, s.list.Err = true, err
	if err == nil {
		s.list.LastSuccess, s.skipped = now, skipped
	}
	s.mu.Unlock()
	switch {
	case err != nil && (before.Err == nil || revoxapi.KindOf(before.Err) != revoxapi.KindOf(err)):
		s.cfg.Logger.Error("the list of campaigns cannot be read; the selected campaigns stay the same", "err", err)
	case err != nil:
		s.cfg.Logger.Debug("the list of campaigns still cannot be read", "err", err)
	case before.Err != nil:
		s.cfg.Logger.Info("the list of campaigns can be read again")
	}
	if err == nil && skipped > 0 && skipped != skippedBefore {
		s.cfg.Logger.Warn("campaigns in the list are skipped because they have no usable ID", "campaigns", skipped)
	}
}

// List returns the status of reading the list.
func (s *Selector) List() ListStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list
}

// Restore sets the last list and the campaigns selected from it to those of an earlier process.
func (s *Selector) Restore(discovered []string, listed map[string]*Listed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.discovered, s.listed = discovered, listed
}

// Campaign is a campaign in the list, selected or not.
type Campaign struct{ ID, Name string }

// All reads the list and returns every campaign with a usable ID, of all shards, or a *revoxapi.Error.
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
