package campaigns

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"sync"
	"time"

	"go.yaml.in/yaml/v2"

	"github.com/revox-exporter/revox_exporter/internal/regularfile"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// file is a campaign file. It is safe for concurrent use, and holds no lock while it reads.
type file struct {
	path string
	key  revoxapi.KeySource // its key must not be in the list; nil for none

	mu     sync.Mutex
	reads  int         // the number of reads that have started
	last   int         // the read whose result the rest holds; an earlier one that ends later is ignored
	ids    []string    // from the last good file
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

// Reload reads the campaign file, if there is one. changed reports whether the list or the error differs from before. If
// the file is bad, the list does not change, and the error names the file and says what is wrong with it.
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
	ids, content, err := readCampaignFile(f.path)
	if i := f.keyIn(ids); i >= 0 {
		ids, err = nil, fmt.Errorf("reading the campaign file %s: entry %d is the API key, not a campaign ID: remove it",
			f.path, i+1)
	}
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
	changed = before != nil || !slices.Equal(ids, f.ids)
	f.ids, f.readAt = ids, now
	return changed, nil
}

// keyIn returns the index of the API key in ids, -1 if it is not there. An ID is shown, the key must not be.
func (f *file) keyIn(ids []string) int {
	if f.key == nil || len(ids) == 0 {
		return -1
	}
	secret, err := f.key.Key()
	if err != nil {
		return -1 // no key, none to show
	}
	return slices.Index(ids, secret.Reveal())
}

func (f *file) stale() bool {
	_, content, _ := readText(f.path) // reload reports errors
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.looked
	f.looked = content
	return (f.err != nil || content != f.read) && content == before
}

// list returns the IDs from the last good file.
func (f *file) list() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ids
}

// maxCampaignFileBytes is enough for 25,000 UUIDs. It limits the reading of a wrong path, such as a log.
const maxCampaignFileBytes = 1 << 20

// readCampaignFile returns the IDs in the file, or an error that names the file and says what is wrong with it.
func readCampaignFile(path string) ([]string, fingerprint, error) {
	text, content, err := readText(path)
	if err != nil {
		return nil, content, fmt.Errorf("reading the campaign file: %w", err)
	}
	ids, err := parseCampaignFile(text)
	if err != nil {
		return nil, content, fmt.Errorf("reading the campaign file %s: %w", path, err)
	}
	return ids, content, nil
}

func readText(path string) ([]byte, fingerprint, error) {
	text, _, err := regularfile.Read(path, maxCampaignFileBytes)
	if err != nil {
		return nil, fingerprint{}, err
	}
	return text, sha256.Sum256(text), nil
}

// parseCampaignFile returns the IDs in a YAML or JSON list, in its order. Its errors never quote the text: if the path
// is wrong, the text may be a key or the contacts of a campaign.
func parseCampaignFile(text []byte) ([]string, error) {
	const empty = "it is empty: write [] to select no campaign"
	const wanted = "it should be a YAML or JSON list of campaign IDs, with a line \"- ID\" for each"
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var ids []string
	if err := decoder.Decode(&ids); err != nil {
		switch _, other := errors.AsType[*yaml.TypeError](err); {
		case errors.Is(err, io.EOF):
			return nil, errors.New(empty)
		case other:
			return nil, errors.New("it is not a plain list: " + wanted)
		}
		return nil, errors.New(yamlLine.FindString(err.Error()) + "it cannot be parsed: " + wanted)
	}
	if ids == nil {
		return nil, errors.New(empty)
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows its list: " + wanted)
	}
	entries := make(map[string]int, len(ids))
	for i, id := range ids {
		if revoxapi.CheckCampaignID(id) != nil {
			return nil, fmt.Errorf("entry %d is not a campaign ID: "+
				"IDs have no white space, only printable characters, and at most 256 bytes", i+1)
		}
		if first, twice := entries[id]; twice {
			return nil, fmt.Errorf("entry %d is the same campaign as entry %d", i+1, first)
		}
		entries[id] = i + 1
	}
	return ids, nil
}

// yamlLine finds the line number in an error of the YAML parser.
var yamlLine = regexp.MustCompile(`line \d+: `)
