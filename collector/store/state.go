package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc64"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/known"
	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/collector/rows"
	"github.com/revox-exporter/revox_exporter/collector/statefile"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// State keeps data over restarts: the last complete data, the published counters, and which campaigns were selected. It
// is safe for concurrent use. A nil State keeps nothing. Make one with OpenState for one Exporter, and close it last.
type State struct {
	logger *slog.Logger
	clock  revoxapi.Clock
	file   *statefile.File // nil if it cannot be used
	found  map[string]map[string][]byte

	mu    sync.Mutex
	kept  map[string]keptCampaign
	swept time.Time
	// failing are the campaigns whose last write failed.
	failing map[string]struct{}
	failed  uint64 // the number of failed writes
}

// keptCampaign describes what the file has of a campaign, so that only changes are written.
type keptCampaign struct {
	data    *Snapshot // whose data and gone rows it has; nil if it has none
	dataSum uint64    // the checksum of the data
	dropped time.Time
	// known is the latest known. It is written after largeInterval, or when the process ends: until then, knownChanged.
	known        *known.Rows
	knownChanged bool
	knownAt      time.Time // when it was last written
	rows         *rows.Set // in keptRows
	rowsAt       time.Time // when they were written
}

// The kinds of values in the file. The name of each value is the campaign's ID.
const (
	keptScan   = "scan"   // small, written after each scan
	keptData   = "data"   // written if it has changed
	keptKnown  = "known"  // large; may be some scans older than the data, which the next scan handles
	keptRows   = "rows"   // large; may be some scans older than the data
	keptRecent = "recent" // the rows that have changed since keptRows was written
	keptGone   = "gone"   // the rows that have vanished
)

var keptKinds = []string{keptScan, keptData, keptKnown, keptRows, keptRecent, keptGone}

const (
	// stateFormat increases when earlier versions would misread the stored values.
	stateFormat = 1
	// lockPatience is longer than a process takes to end after SIGTERM.
	lockPatience = 6 * time.Second
	// writePatience is how long publishing a scan's results waits for a disk that hangs, and closePatience how long the
	// end of the process waits. Together they are shorter than the 5 s within which the process must end.
	writePatience = 2 * time.Second
	closePatience = 2 * time.Second
	// largeInterval is the minimum time between two writes of a campaign's large values.
	largeInterval = 5 * time.Minute
	// sweepInterval is the minimum time between two checks for dropped campaigns to forget.
	sweepInterval = time.Hour
)

// OpenState opens or creates the state file in an existing folder, for the API at baseURL. If that fails, it logs a
// warning and returns a State that keeps nothing. The only error is that another process uses the file.
func OpenState(folder, baseURL string, clock revoxapi.Clock, logger *slog.Logger) (*State, error) {
	s := &State{
		logger: logger.With("path", folder), clock: clock,
		kept: map[string]keptCampaign{}, failing: map[string]struct{}{},
	}
	file, found, err := statefile.Open(folder, Identity(baseURL), lockPatience, clock.Now())
	if errors.Is(err, statefile.ErrInUse) {
		return nil, fmt.Errorf("the state cannot be used: %w; give each process a --state.path of its own", err)
	}
	if err != nil {
		s.logger.Warn("the state cannot be used; a restart will lose the last data", "err", err)
		return s, nil
	}
	if found.Damage != nil {
		s.logger.Warn("the state was damaged; the readable part is used", "err", found.Damage)
	}
	s.file, s.found = file, found.Values
	return s, nil
}

// TryState returns why OpenState could keep nothing in a folder, or statefile.ErrInUse if another process does. It changes
// nothing.
func TryState(folder, baseURL string) error { return statefile.Try(folder, Identity(baseURL)) }

// Identity returns the state file's identity for the API at baseURL. It hashes the URL, which may be confidential.
func Identity(baseURL string) statefile.Identity {
	owner := sha256.Sum256([]byte(strings.TrimRight(baseURL, "/")))
	return statefile.Identity{Owner: hex.EncodeToString(owner[:]), Format: stateFormat}
}

// Close writes the latest of what is known of rows and closes the file.
func (s *State) Close() {
	if s == nil || s.file == nil {
		return
	}
	s.mu.Lock()
	var changes []statefile.Change
	for id, is := range s.kept {
		if is.knownChanged {
			changes = append(changes, knownChange(id, is.known))
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
		s.logger.Warn("the last changes could not be written to the state; a restart may lose them", "err", err)
	}
}

// Campaigns returns the campaigns that the file had when it was opened, by ID. At is zero for those that were selected.
// It must be called once, before anything is published. A record for which admit returns false loses its data, because
// there is no room for it; selected campaigns come first, and then they are in the order of their IDs.
func (s *State) Campaigns(labels *labelvalue.Labels, table *rows.Table, admit func(*Record) bool) map[string]Dropped {
	if s == nil {
		return nil
	}
	campaigns := map[string]Dropped{}
	unreadable, tooMany := 0, 0
	for id := range s.found[keptData] {
		if s.found[keptScan][id] == nil {
			unreadable++ // both kinds are always written together
		}
	}
	var ids [2][]string // selected and dropped
	for id, bytes := range s.found[keptScan] {
		r, dropped, err := decodeScan(id, bytes)
		if err != nil {
			unreadable++
			s.logger.Debug("the state of a campaign cannot be read", "campaign_id", id, "err", err)
			continue
		}
		campaigns[id] = Dropped{r, dropped}
		if dropped.IsZero() {
			ids[0] = append(ids[0], id)
		} else {
			ids[1] = append(ids[1], id)
		}
	}
	slices.Sort(ids[0])
	slices.Sort(ids[1])
	for _, id := range slices.Concat(ids[0], ids[1]) {
		r, dropped := campaigns[id].Record, campaigns[id].At
		is := keptCampaign{dropped: dropped}
		if r.Data != nil {
			if err := decodeData(s.found[keptData][id], r.Data, labels); err != nil {
				unreadable++
				s.logger.Debug("the state of a campaign cannot be read", "campaign_id", id, "err", err)
				delete(campaigns, id)
				continue
			}
			s.restoreLarge(id, r.Data, &is, labels, table)
			is.data, is.dataSum = r.Data, sumOf(s.found[keptData][id])
			for _, kind := range keptKinds {
				delete(s.found[kind], id) // it may be large
			}
			if !admit(r) {
				tooMany++
				r.Data, is = nil, keptCampaign{dropped: dropped}
			}
		}
		s.kept[id] = is
	}
	if tooMany > 0 {
		s.logger.Warn("the state has more campaigns than one process has room for; the others start from zero", "campaigns", tooMany)
	}
	if unreadable > 0 {
		s.logger.Warn("the state of some campaigns cannot be read; they start from zero", "campaigns", unreadable)
	}
	s.removeOther()
	s.found = nil
	return campaigns
}

// removeOther removes values of kinds that only an earlier version wrote.
func (s *State) removeOther() {
	var changes []statefile.Change
	for kind, values := range s.found {
		for name := range values {
			if !slices.Contains(keptKinds, kind) {
				changes = append(changes, statefile.Change{Kind: kind, Name: name})
			}
		}
	}
	if s.file == nil || len(changes) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), writePatience)
	defer cancel()
	if err := s.file.Write(ctx, changes...); err != nil {
		s.logger.Warn("values of an earlier version cannot be removed from the state; the next start tries again", "err", err)
	}
}

// restoreLarge sets p's rows, and what is known of them, to those in the file. If they cannot be read, the next scan reads every
// page.
func (s *State) restoreLarge(id string, p *Snapshot, is *keptCampaign, labels *labelvalue.Labels, table *rows.Table) {
	var err error
	is.rows, err = restoreRows(p, table, s.found[keptRows][id], s.found[keptRecent][id], s.found[keptGone][id])
	is.rowsAt = s.clock.Now()
	if bytes := s.found[keptKnown][id]; bytes != nil && p.Rows != nil {
		p.Known, err = known.Decode(bytes, labels, p.Rows)
		is.known, is.knownAt = p.Known, s.clock.Now()
	}
	if err != nil {
		s.logger.Debug("what the state knows of rows cannot be read; the next scan reads every page", "campaign_id", id, "err", err)
	}
}

// keep writes a selected campaign's record. It returns when that is on the disk, or has failed.
func (s *State) keep(r *Record) {
	if s != nil && s.file != nil {
		s.write(s.stored(r, time.Time{}))
	}
}

// keepSelection writes which campaigns were dropped, and removes those that are in neither argument.
func (s *State) keepSelection(selected []*Record, dropped map[string]Dropped) {
	if s == nil || s.file == nil {
		return
	}
	var all []storedCampaign
	stay := map[string]bool{}
	for _, r := range selected {
		stay[r.ID] = true // if it was dropped, its next scan writes that it is selected again
	}
	s.mu.Lock()
	for id := range s.failing {
		if _, kept := s.kept[id]; !kept && !stay[id] {
			delete(s.failing, id) // the file has nothing to remove
		}
	}
	s.mu.Unlock()
	for id, r := range dropped {
		stay[id] = true
		if was, ok := s.inFile(id); ok && !was.dropped.Equal(r.At) {
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

// inFile returns what the file has of a campaign.
func (s *State) inFile(id string) (keptCampaign, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was, ok := s.kept[id]
	return was, ok
}

// sweepDue reports, once per sweepInterval, that dropped campaigns must be checked.
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

// storedCampaign is a campaign to be written.
type storedCampaign struct {
	id      string
	changes []statefile.Change
	kept    *keptCampaign // what the file has after the write; nil for nothing
}

func removed(id string) storedCampaign {
	c := storedCampaign{id: id}
	for _, kind := range keptKinds {
		c.changes = append(c.changes, statefile.Change{Kind: kind, Name: id})
	}
	return c
}

// stored returns what to write of a campaign. dropped is when it was dropped; zero if it is selected.
func (s *State) stored(r *Record, dropped time.Time) storedCampaign {
	was, _ := s.inFile(r.ID)
	is := keptCampaign{dropped: dropped}
	c := storedCampaign{id: r.ID, kept: &is}
	c.changes = append(c.changes, statefile.Change{Kind: keptScan, Name: r.ID, Bytes: encodeScan(r, dropped)})
	if r.Data == nil {
		return c
	}
	is.data, is.dataSum = r.Data, was.dataSum
	if !r.Data.hasDataOf(was.data) {
		bytes := encodeData(r.Data)
		is.dataSum = sumOf(bytes)
		if was.data == nil || is.dataSum != was.dataSum {
			c.changes = append(c.changes, statefile.Change{Kind: keptData, Name: r.ID, Bytes: bytes})
		}
	}
	c.changes = append(c.changes, rowChanges(r.ID, r.Data, was, &is, s.clock.Now())...)
	is.known, is.knownChanged, is.knownAt = r.Data.Known, was.knownChanged || r.Data.Known != was.known, was.knownAt
	if now := s.clock.Now(); is.knownChanged && (is.known == nil || now.Sub(is.knownAt) >= largeInterval) {
		c.changes = append(c.changes, knownChange(r.ID, is.known))
		is.knownChanged, is.knownAt = false, now
	}
	return c
}

// knownChange returns the change that writes what is known of rows, or removes it if k is nil.
func knownChange(id string, k *known.Rows) statefile.Change {
	c := statefile.Change{Kind: keptKnown, Name: id}
	if k != nil {
		c.Bytes = k.Encode()
	}
	return c
}

var crcTable = crc64.MakeTable(crc64.ECMA)

func sumOf(bytes []byte) uint64 { return crc64.Checksum(bytes, crcTable) }

// write writes campaigns and waits for that. It counts failures, and logs the first one and the end of them.
func (s *State) write(campaigns ...storedCampaign) {
	var changes []statefile.Change
	for _, c := range campaigns {
		changes = append(changes, c.changes...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), writePatience)
	defer cancel()
	err := s.file.Write(ctx, changes...)
	switch failedBefore, failing := s.written(campaigns, err); {
	case err != nil && !failedBefore:
		s.logger.Warn("the state cannot be written; a restart may lose the last data", "err", err)
	case failedBefore && !failing:
		s.logger.Info("the state can be written again")
	}
}

// written notes how writing campaigns ended, and reports whether any could not be written before, and now.
func (s *State) written(campaigns []storedCampaign, err error) (failedBefore, failing bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	failedBefore = len(s.failing) > 0
	if err != nil {
		s.failed++
	}
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
	return failedBefore, len(s.failing) > 0
}

// Status reports whether all data for a restart is on the disk, and the number of failed writes. s must not be nil.
func (s *State) Status() (up bool, failedWrites uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.file != nil && len(s.failing) == 0, s.failed
}
