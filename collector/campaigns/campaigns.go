package campaigns

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/causes"
	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Config says which campaigns a Selector selects.
type Config struct {
	// Given are the IDs of campaigns that are always selected.
	Given []string
	// File is the path of a YAML or JSON list of IDs that are selected too, and of labels; "" for none.
	File string
	// Discovery selects campaigns from the list; nil turns discovery off.
	Discovery *Discovery
	// Shard is the share of all these campaigns that is selected. The zero value selects all.
	Shard Shard
	// Client reads the list. It may be nil if Discovery is nil.
	Client *revoxapi.Client
	Clock  revoxapi.Clock
	Logger *slog.Logger
	// Labels knows the API key, which neither the list nor the file may show.
	Labels *labelvalue.Labels
}

// MaxSelected is the number of campaigns that are selected at most, the given ones first, then those in the file. What
// the API lists must not decide how much memory and how many series there are.
const MaxSelected = 2500

// Selector knows which campaigns are selected. It is safe for concurrent use. Make one with New.
type Selector struct {
	cfg  Config
	file *file // nil if there is none

	mu         sync.Mutex
	discovered []string           // the campaigns that discovery selected from the last list, at most MaxSelected
	listed     map[string]*Listed // the entries in the last list, by ID, of discovered and always selected campaigns
	unselected int                // campaigns that discovery would have selected without the limit
	list       ListStatus
	skipped    int           // campaigns in the last list without a usable ID
	failing    causes.Causes // why the list could not be read
	doubted    int           // lists in a row that lack most of the campaigns
}

// ListStatus describes the attempts to read the list of campaigns.
type ListStatus struct {
	// Asked reports that the list was read, or could not be read, at least once.
	Asked bool
	// Err is the error of the last attempt; nil if it succeeded. A list that has more campaigns than it sent is used, but
	// is an error too.
	Err error
	// LastSuccess is the time of the last success; zero if there was none.
	LastSuccess time.Time
	// Used reports that a list was used in this process, if only an incomplete one. Listed is the number of campaigns in
	// the last such list.
	Used   bool
	Listed int
	// Failures counts the attempts with an error by kind.
	Failures map[revoxapi.ErrorKind]uint64
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
		s.file = &file{path: cfg.File, hides: cfg.Labels.Hider}
		if _, err := s.file.reload(cfg.Clock.Now()); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Selected returns the IDs of the selected campaigns, each once, and the entries in the last list, by ID, of those that
// have one. The map must not be changed; it is nil before the first list.
func (s *Selector) Selected() (ids []string, listed map[string]*Listed) {
	s.mu.Lock()
	discovered, listed := s.discovered, s.listed
	s.mu.Unlock()
	ids, _ = s.own(s.Always(), discovered)
	return ids, listed
}

// OverLimit returns the number of campaigns that are not selected only because of MaxSelected.
func (s *Selector) OverLimit() int {
	s.mu.Lock()
	discovered, unselected := s.discovered, s.unselected
	s.mu.Unlock()
	_, over := s.own(s.Always(), discovered)
	return over + unselected
}

// AlwaysSelected returns the IDs of the campaigns that are selected independently of the list, each once.
func (s *Selector) AlwaysSelected() []string {
	ids, _ := s.own(s.Always())
	return ids
}

// own returns the first MaxSelected IDs that belong to the shard, each once, and how many more there are.
func (s *Selector) own(sources ...[]string) (ids []string, over int) {
	seen := map[string]bool{}
	for _, source := range sources {
		for _, id := range source {
			if seen[id] || !s.cfg.Shard.Has(id) {
				continue
			}
			seen[id] = true
			if len(ids) == MaxSelected {
				over++
				continue
			}
			ids = append(ids, id)
		}
	}
	return ids, over
}

// Always returns the given IDs and those in the file, of all shards. An ID may occur in both.
func (s *Selector) Always() []string {
	if s.file == nil {
		return s.cfg.Given
	}
	return slices.Concat(s.cfg.Given, s.file.lastGood().ids)
}

// Labels returns the labels that the last good campaign file gives.
func (s *Selector) Labels() *Labels {
	if s.file == nil {
		return nil
	}
	return s.file.lastGood().labels
}

// Given returns the number of given campaigns and the number of campaigns in the file.
func (s *Selector) Given() (given, inFile int) {
	if s.file != nil {
		inFile = len(s.file.lastGood().ids)
	}
	return len(s.cfg.Given), inFile
}

// Refresh reads the list and selects campaigns from it. If it returns an error, the selection does not change. It must
// not be called concurrently.
func (s *Selector) Refresh(ctx context.Context) error {
	r := s.newReading()
	var summary revoxapi.ListSummary
	for c, err := range revoxapi.Campaigns[listedJSON](ctx, s.cfg.Client, revoxapi.WithListSummary(&summary)) {
		if err != nil && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			s.note(nil, err)
			return err
		}
		r.add(&c)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r.skipped += summary.Skipped
	r.end(summary.More)
	if err := s.checkSuddenLoss(r); err != nil {
		s.note(nil, err)
		return err
	}
	s.cfg.Labels.Sighted(r.unknown)
	s.mu.Lock()
	s.discovered, s.listed, s.unselected = r.discovered, r.listed, r.unselected
	s.mu.Unlock()
	var err error
	if r.partial {
		err = incomplete(fmt.Errorf("the list has more campaigns than the %d that the API sent, which documents no "+
			"way to read the others", summary.Entries))
	}
	s.note(r, err)
	return nil
}

// note records the result of reading the list, and logs it if it differs from the one before. r is nil if the list is
// not used.
func (s *Selector) note(r *reading, err error) {
	s.mu.Lock()
	before, skippedBefore := s.list, s.skipped
	s.list.Asked, s.list.Err = true, err
	if err == nil {
		s.list.LastSuccess = s.cfg.Clock.Now()
	} else {
		s.list.Failures = maps.Clone(s.list.Failures) // callers of List have the old one
		if s.list.Failures == nil {
			s.list.Failures = map[revoxapi.ErrorKind]uint64{}
		}
		s.list.Failures[revoxapi.KindOf(err)]++
	}
	if r != nil {
		s.list.Used, s.list.Listed, s.skipped = true, r.listedCount, r.skipped
	}
	s.mu.Unlock()
	if err == nil {
		s.failing.Forget("")
	}
	switch {
	case err != nil && s.failing.News("", err, s.cfg.Clock.Now()):
		if r != nil {
			s.cfg.Logger.Warn("the list of campaigns is incomplete; campaigns that it does not have are read only if they "+
				"were selected before, or are given with --campaign.id or --campaign.file", "err", err)
		} else if before.Used {
			s.cfg.Logger.Error("the list of campaigns cannot be used; the selected campaigns stay the same", "err", err)
		} else {
			s.cfg.Logger.Error("the list of campaigns cannot be used, and has not been read since the start; until it is, only "+
				"campaigns that are given or were selected before the start are read", "err", err)
		}
	case err != nil:
		s.cfg.Logger.Debug("the list of campaigns still cannot be used", "err", err)
	case before.Err != nil && before.Used:
		s.cfg.Logger.Info("the list of campaigns can be used again")
	case before.Err != nil:
		s.cfg.Logger.Info("the list of campaigns can be used now")
	}
	if r != nil && r.skipped > 0 && r.skipped != skippedBefore {
		s.cfg.Logger.Warn("campaigns in the list are skipped because they have no usable ID", "campaigns", r.skipped)
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
	s.discovered, s.listed, s.list.Listed = discovered, listed, len(discovered)
}

// Campaign is a campaign by its ID and its name, which is clean text; "" if it is not known.
type Campaign struct{ ID, Name string }

// All reads the list and returns every campaign with a usable ID, of all shards, or a *revoxapi.Error.
func (s *Selector) All(ctx context.Context) ([]Campaign, error) {
	var all []Campaign
	hides := s.cfg.Labels.Hider()
	for c, err := range revoxapi.Campaigns[listedJSON](ctx, s.cfg.Client) {
		if err != nil {
			return nil, err
		}
		if revoxapi.CheckCampaignID(c.ID.value) == nil && !hides(c.ID.value) {
			all = append(all, Campaign{ID: c.ID.value, Name: labelvalue.Name(c.Name.value, hides)})
		}
	}
	return all, nil
}
