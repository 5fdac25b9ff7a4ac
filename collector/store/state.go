package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc64"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/scan"
	"github.com/revox-exporter/revox_exporter/collector/statefile"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// State is what of campaigns outlives a restart: the newest complete data, what has been shown of counters, and which
// campaigns were selected. It is safe for concurrent use; nil
// keeps nothing. Make one with OpenState, give it to one Exporter, and close it when that has ended.
type State struct {
	logger *slog.Logger
	clock  revoxapi.Clock
	file   *statefile.File // nil where it cannot be used
	found  map[string]map[string][]byte

	mu    sync.Mutex
	kept  map[string]keptCampaign
	swept time.Time
	// failing are the campaigns that could not be written the newest time.
	failing map[string]struct{}
	failed  uint64 // writes
}

// keptCampaign is what of a campaign is in the file. What has not changed is not written again.
type keptCampaign struct {
	tally     *tally.Tally // what the data was made of; nil for none
	dataSum   uint64       // of the data's bytes
	dropped   time.Time
	settled   *scan.Settled
	settledAt time.Time // when settled was written
	// newest settled pages: they are written when the process ends, or when it is time.
	newest *scan.Settled
}

// The kinds of values in the file; each is named by its campaign.
const (
	keptScan    = "scan"    // small, written with each scan
	keptData    = "data"    // written where it has changed
	keptSettled = "settled" // large, and may be some scans behind the data: the next finds out
)

var keptKinds = []string{keptScan, keptData, keptSettled}

const (
	// stateFormat goes up when stored values change in a way that an earlier version would read wrongly.
	stateFormat = 1
	// lockPatience is longer than a process takes to end once it is told to.
	lockPatience = 6 * time.Second
	// writePatience is how long a scan's results wait for a disk that hangs before they are published all the same, and
	// closePatience how long the end of the process waits: together less than the 5 s within which it is to end.
	writePatience = 2 * time.Second
	closePatience = 2 * time.Second
	// settledInterval is how often, at most, a campaign's settled pages are written.
	settledInterval = 5 * time.Minute
	// sweepInterval is how often campaigns that are not selected are looked at.
	sweepInterval = time.Hour
)

// OpenState opens the state of an API's campaigns in a folder, or makes it there. Where it cannot be used, the log says
// so, and a State that keeps nothing is returned: the exporter does its work without. An error means that another
// process has it.
func OpenState(folder, baseURL string, clock revoxapi.Clock, logger *slog.Logger) (*State, error) {
	s := &State{logger: logger.With("path", folder), clock: clock, kept: map[string]keptCampaign{}, failing: map[string]struct{}{}}
	file, found, err := statefile.Open(folder, Identity(baseURL), lockPatience, clock.Now())
	if errors.Is(err, statefile.ErrInUse) {
		return nil, fmt.Errorf("the state cannot be used: %w; give each process a --state.path of its own", err)
	}
	if err != nil {
		s.logger.Warn("the state cannot be used; nothing will outlive a restart", "err", err)
		return s, nil
	}
	if found.Damage != nil {
		s.logger.Warn("the state was damaged; what could be read of it is used", "err", found.Damage)
	}
	s.file, s.found = file, found.Values
	return s, nil
}

// Identity returns whose state the file of an API's campaigns says that it is. It does not have the URL, which may say more than a file
// should.
func Identity(baseURL string) statefile.Identity {
	owner := sha256.Sum256([]byte(strings.TrimRight(baseURL, "/")))
	return statefile.Identity{Owner: hex.EncodeToString(owner[:]), Format: stateFormat}
}

// Close writes what is left and lets go of the file.
func (s *State) Close() {
	if s == nil || s.file == nil {
		return
	}
	s.mu.Lock()
	var changes []statefile.Change
	for id, is := range s.kept {
		if is.newest != is.settled {
			changes = append(changes, settledChange(id, is.newest))
		}
	}
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), closePatience)
	defer cancel()
	var err error
	if len(changes) > 0 {
		err = s.file.Write(ctx, changes...)
	}
	if err := errors.Join(err, s.file.Close(ctx)); err != nil {
		s.logger.Warn("the state could not be written to its end", "err", err)
	}
}

// Campaigns returns what the file had of campaigns when it was opened, each as if it had been dropped; the time at which
// it was is zero for those that were selected. It must be called once, before anything is kept.
func (s *State) Campaigns(labels *tally.Labels) map[string]Dropped {
	if s == nil {
		return nil
	}
	campaigns := map[string]Dropped{}
	unreadable := 0
	for id := range s.found[keptData] {
		if s.found[keptScan][id] == nil {
			unreadable++ // each is written with the other
		}
	}
	for id, bytes := range s.found[keptScan] {
		r, dropped, err := decodeScan(id, bytes)
		if err == nil && r.Data != nil {
			err = decodeData(s.found[keptData][id], r.Data, labels)
		}
		if err != nil {
			unreadable++
			s.logger.Debug("the state of a campaign cannot be read", "campaign_id", id, "err", err)
			continue
		}
		is := keptCampaign{dropped: dropped}
		if r.Data != nil {
			is.tally, is.dataSum = r.Data.Tally, sumOf(s.found[keptData][id])
			if bytes := s.found[keptSettled][id]; bytes != nil {
				// Where they cannot be read, the next scan reads every page.
				if r.Data.Settled, err = scan.DecodeSettled(bytes, labels); err != nil {
					s.logger.Debug("every page is read anew", "campaign_id", id, "err", err)
				}
				is.settled, is.newest, is.settledAt = r.Data.Settled, r.Data.Settled, s.clock.Now()
			}
		}
		campaigns[id] = Dropped{r, dropped}
		s.kept[id] = is
	}
	if unreadable > 0 {
		s.logger.Warn("the state of some campaigns cannot be read; they begin anew", "campaigns", unreadable)
	}
	s.found = nil
	return campaigns
}

// keep writes what is to outlive a restart of a selected campaign. It returns when that is on the disk, or cannot be.
func (s *State) keep(r *Record) {
	if s != nil && s.file != nil {
		s.write(s.stored(r, time.Time{}))
	}
}

// keepSelection writes which campaigns are no longer selected, and removes those that need not be remembered.
func (s *State) keepSelection(selected []*Record, dropped map[string]Dropped) {
	if s == nil || s.file == nil {
		return
	}
	var all []storedCampaign
	stay := map[string]bool{}
	for _, r := range selected {
		stay[r.ID] = true // that it is selected again is written with its next scan
	}
	s.mu.Lock()
	for id := range s.failing {
		if _, kept := s.kept[id]; !kept && !stay[id] {
			delete(s.failing, id) // the file has nothing of it, and is to have nothing
		}
	}
	s.mu.Unlock()
	for id, r := range dropped {
		stay[id] = true
		if was, ok := s.is(id); ok && !was.dropped.Equal(r.At) {
			all = append(all, s.stored(r.Record, r.At))
		}
	}
	s.mu.Lock()
	for id := range s.kept {
		if !stay[id] {
			all = append(all, removed(id))
		}
	}
	s.mu.Unlock()
	if len(all) > 0 {
		s.write(all...)
	}
}

func (s *State) is(id string) (keptCampaign, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was, ok := s.kept[id]
	return was, ok
}

// sweepDue tells, now and then, that campaigns that are not selected are to be looked at.
func (s *State) sweepDue(now time.Time) bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.swept) < sweepInterval {
		return false
	}
	s.swept = now
	return true
}

// storedCampaign is what is to be written of a campaign.
type storedCampaign struct {
	id      string
	changes []statefile.Change
	kept    *keptCampaign // what is in the file then; nil: nothing
}

func removed(id string) storedCampaign {
	c := storedCampaign{id: id}
	for _, kind := range keptKinds {
		c.changes = append(c.changes, statefile.Change{Kind: kind, Name: id})
	}
	return c
}

// stored returns what is to be written of a campaign that was dropped at a time, or is selected.
func (s *State) stored(r *Record, dropped time.Time) storedCampaign {
	was, _ := s.is(r.ID)
	is := keptCampaign{dropped: dropped}
	c := storedCampaign{id: r.ID, kept: &is}
	c.changes = append(c.changes, statefile.Change{Kind: keptScan, Name: r.ID, Bytes: encodeScan(r, dropped)})
	if r.Data == nil {
		return c
	}
	is.tally, is.dataSum = r.Data.Tally, was.dataSum
	if is.tally != was.tally {
		bytes := encodeData(r.Data)
		is.dataSum = sumOf(bytes)
		if was.tally == nil || is.dataSum != was.dataSum {
			c.changes = append(c.changes, statefile.Change{Kind: keptData, Name: r.ID, Bytes: bytes})
		}
	}
	is.newest, is.settled, is.settledAt = r.Data.Settled, was.settled, was.settledAt
	switch now := s.clock.Now(); {
	case is.newest == is.settled:
	case now.Sub(is.settledAt) >= settledInterval:
		c.changes = append(c.changes, settledChange(r.ID, is.newest))
		is.settled, is.settledAt = is.newest, now
	case !is.newest.Follows(is.settled):
		// What the file has does not go with the data any more.
		c.changes = append(c.changes, settledChange(r.ID, nil))
		is.settled = nil
	}
	return c
}

// settledChange writes settled pages, or removes what there is of them.
func settledChange(id string, p *scan.Settled) statefile.Change {
	c := statefile.Change{Kind: keptSettled, Name: id}
	if p != nil {
		c.Bytes = p.Encode()
	}
	return c
}

var crcTable = crc64.MakeTable(crc64.ECMA)

func sumOf(bytes []byte) uint64 { return crc64.Checksum(bytes, crcTable) }

// write writes campaigns and waits for it; how it went is counted, and logged where that changes.
func (s *State) write(campaigns ...storedCampaign) {
	var changes []statefile.Change
	for _, c := range campaigns {
		changes = append(changes, c.changes...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), writePatience)
	defer cancel()
	err := s.file.Write(ctx, changes...)
	s.mu.Lock()
	defer s.mu.Unlock()
	failed := len(s.failing) > 0
	for _, c := range campaigns {
		switch {
		case err != nil:
			s.failing[c.id] = struct{}{}
			continue
		case c.kept == nil:
			delete(s.kept, c.id)
		default:
			s.kept[c.id] = *c.kept
		}
		delete(s.failing, c.id)
	}
	switch {
	case err != nil:
		s.failed++
		if !failed {
			s.logger.Warn("the state cannot be written; what is not may be lost when the process ends", "err", err)
		}
	case failed && len(s.failing) == 0:
		s.logger.Info("the state is written again")
	}
}

// Status returns whether what should outlive a restart is on the disk, and how many times it could not be written. A nil State
// has none.
func (s *State) Status() (up bool, failedWrites uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.file != nil && len(s.failing) == 0, s.failed
}
