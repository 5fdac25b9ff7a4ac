package campaigns

import (
	"crypto/sha256"
	"fmt"
	"sync"
	"time"

	"github.com/revox-exporter/revox_exporter/internal/regularfile"
)

// file is a campaign file. It is safe for concurrent use, and holds no lock while it reads.
type file struct {
	path  string
	hides func() func(text string) bool // see labelvalue.Labels.Hider: what a file must not have, because it is shown

	mu     sync.Mutex
	reads  int         // the number of reads that have started
	last   int         // the read whose result the rest holds; an earlier one that ends later is ignored
	good   parsedFile  // the last good file
	looked fingerprint // at the last check for changes
	read   fingerprint // at the last read, successful or not
	err    error       // of the last read
	readAt time.Time   // when the last good file was read
}

// fingerprint is a hash of a file's content, or zero if it could not be read. Its size and time do not show all changes:
// two versions that are written at nearly the same time may have both in common.
type fingerprint [sha256.Size]byte

// FileStatus describes the attempts to read the campaign file.
type FileStatus struct {
	// Err is the error of the last attempt; nil if it succeeded.
	Err error
	// LastSuccess is when a good file was last read.
	LastSuccess time.Time
}

// File returns the status of the campaign file; ok is false if there is none.
func (s *Selector) File() (status FileStatus, ok bool) {
	if s.file == nil {
		return FileStatus{}, false
	}
	s.file.mu.Lock()
	defer s.file.mu.Unlock()
	return FileStatus{s.file.err, s.file.readAt}, true
}

// Reload reads the campaign file, if there is one. changed reports whether the list, the labels or the error differ from
// before. If the file is bad, neither the list nor the labels change, and the error names the file and says what is wrong
// with it.
func (s *Selector) Reload() (changed bool, err error) {
	if s.file == nil {
		return false, nil
	}
	return s.file.reload(s.cfg.Clock.Now())
}

// FileChanged reports whether the campaign file must be read again, because it changed since it was read, or could not
// be used. It returns true only if the file has not changed since the last call, because it may still be being written.
func (s *Selector) FileChanged() bool { return s.file != nil && s.file.stale() }

func (f *file) reload(now time.Time) (changed bool, err error) {
	f.mu.Lock()
	f.reads++
	number := f.reads
	f.mu.Unlock()
	read, content, err := readCampaignFile(f.path, f.hides())
	f.mu.Lock()
	defer f.mu.Unlock()
	if number < f.last {
		return false, err
	}
	before := f.err
	f.last, f.read, f.looked, f.err = number, content, content, err
	if err != nil {
		return before == nil || before.Error() != err.Error(), err
	}
	changed = before != nil || !read.equal(f.good)
	if changed {
		f.good = read
	}
	f.readAt = now
	return changed, nil
}

func (f *file) stale() bool {
	_, content, _ := readText(f.path) // reload reports errors
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.looked
	f.looked = content
	return (f.err != nil || content != f.read) && content == before
}

// lastGood returns the last good file.
func (f *file) lastGood() parsedFile {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.good
}

// maxCampaignFileBytes is enough for 25,000 UUIDs, or 10,000 with a label. It limits the reading of a wrong path, such as a log.
const maxCampaignFileBytes = 1 << 20

// readCampaignFile reads a file, or returns an error that names it and says what is wrong with it. hides reports whether a
// text has the API key in it.
func readCampaignFile(path string, hides func(text string) bool) (parsedFile, fingerprint, error) {
	text, content, err := readText(path)
	if err != nil {
		return parsedFile{}, content, fmt.Errorf("reading the campaign file: %w", err)
	}
	parsed, err := parseCampaignFile(text, hides)
	if err != nil {
		return parsedFile{}, content, fmt.Errorf("reading the campaign file %s: %w", path, err)
	}
	return parsed, content, nil
}

func readText(path string) ([]byte, fingerprint, error) {
	text, _, err := regularfile.Read(path, maxCampaignFileBytes)
	if err != nil {
		return nil, fingerprint{}, err
	}
	return text, sha256.Sum256(text), nil
}
