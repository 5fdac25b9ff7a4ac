package campaigns

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"sync"
	"time"

	"go.yaml.in/yaml/v2"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// file is a file with a list of campaigns. It is safe for concurrent use, and holds no lock while it reads.
type file struct {
	path string

	mu     sync.Mutex
	reads  int         // that have begun
	newest int         // the number of the read that the rest is of; an earlier one that ends later changes nothing
	ids    []string    // of the last good file
	looked os.FileInfo // the file as it was when it was last looked at; nil where there was none
	read   os.FileInfo // the file as it was just before it was last read, well or not
	err    error       // why that failed
	readAt time.Time   // when the last good file was read
}

// FileStatus is how reading the campaign file went.
type FileStatus struct {
	// Err says why it could not be used the last time that it was read; nil where it could.
	Err error
	// LastSuccess is when a good file was last read.
	LastSuccess time.Time
}

// File returns how reading the campaign file went; ok is false where there is none.
func (s *Selector) File() (status FileStatus, ok bool) {
	if s.file == nil {
		return FileStatus{}, false
	}
	s.file.mu.Lock()
	defer s.file.mu.Unlock()
	return FileStatus{s.file.err, s.file.readAt}, true
}

// Reload reads the campaign file, and reports whether that made its list, or the error, another one. Where the file is bad, its
// campaigns stay as they were and the error names the file and says what is wrong with it. Without a file it does nothing.
func (s *Selector) Reload() (changed bool, err error) {
	if s.file == nil {
		return false, nil
	}
	return s.file.reload(s.cfg.Clock.Now())
}

// FileChanged reports whether the campaign file should be read again: it is another one than was read, or could not be used. It
// is left alone until it looks as it did the time before: one that is being written would be read by half.
func (s *Selector) FileChanged() bool { return s.file != nil && s.file.stale() }

func (f *file) reload(now time.Time) (changed bool, err error) {
	f.mu.Lock()
	f.reads++
	number := f.reads
	f.mu.Unlock()
	info, _ := os.Stat(f.path) // before it is read, so that a change meanwhile is seen later; reading reports what is wrong
	ids, err := readCampaignFile(f.path)
	f.mu.Lock()
	defer f.mu.Unlock()
	if number < f.newest {
		return false, err
	}
	before := f.err
	f.newest, f.read, f.looked, f.err = number, info, info, err
	if err != nil {
		return before == nil || before.Error() != err.Error(), err
	}
	changed = before != nil || !slices.Equal(ids, f.ids)
	f.ids, f.readAt = ids, now
	return changed, nil
}

func (f *file) stale() bool {
	info, _ := os.Stat(f.path) // a file that is gone is another one, too
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.looked
	f.looked = info
	return (f.err != nil || !sameFile(f.looked, f.read)) && sameFile(f.looked, before)
}

// sameFile reports whether two looks at a path found the same file, unchanged. Links are followed, so that a Kubernetes volume
// whose ..data link was swapped has another file.
func sameFile(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

// list returns the IDs of the last good file.
func (f *file) list() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ids
}

// maxCampaignFileBytes keeps a wrong path (a log, an export of contacts) from being read whole. It is room for 25,000
// UUIDs.
const maxCampaignFileBytes = 1 << 20

// readCampaignFile returns the campaigns of the file, or an error that names the file and what is wrong with it.
func readCampaignFile(path string) ([]string, error) {
	text, err := readRegularFile(path, maxCampaignFileBytes)
	if err != nil {
		return nil, fmt.Errorf("reading the campaign file: %w", err)
	}
	ids, err := parseCampaignFile(text)
	if err != nil {
		return nil, fmt.Errorf("reading the campaign file %s: %w", path, err)
	}
	return ids, nil
}

func readRegularFile(path string, most int64) ([]byte, error) {
	// Not opened before it is known to be a file: opening a pipe may wait for ever.
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a file", path)
	case info.Size() > most:
		return nil, fmt.Errorf("%s has %d bytes, and may have %d at most", path, info.Size(), most)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("%s has more than the %d bytes that it may have", path, most)
	}
	return text, err
}

// parseCampaignFile returns the campaigns of a YAML or JSON list, in its order. Its errors hold nothing of the text: where
// the path is wrong, that may be a key or the contacts of a campaign.
func parseCampaignFile(text []byte) ([]string, error) {
	const wanted = "it should be a YAML or JSON list of campaign IDs, a line \"- ID\" for each"
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var ids []string
	if err := decoder.Decode(&ids); err != nil {
		switch _, other := errors.AsType[*yaml.TypeError](err); {
		case errors.Is(err, io.EOF):
			return nil, errors.New("it is empty: write [] where no campaign is meant")
		case other:
			return nil, errors.New("it is not a plain list: " + wanted)
		}
		return nil, errors.New(yamlLine.FindString(err.Error()) + "it cannot be parsed: " + wanted)
	}
	if ids == nil {
		return nil, errors.New("it is empty: write [] where no campaign is meant")
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows its list: " + wanted)
	}
	entries := make(map[string]int, len(ids))
	for i, id := range ids {
		if revoxapi.CheckCampaignID(id) != nil {
			return nil, fmt.Errorf("entry %d is not a campaign ID: IDs have no white space, nothing that cannot be printed, and at most 256 bytes", i+1)
		}
		if first, twice := entries[id]; twice {
			return nil, fmt.Errorf("entry %d is the same campaign as entry %d", i+1, first)
		}
		entries[id] = i + 1
	}
	return ids, nil
}

// yamlLine finds where the parser says that a mistake is.
var yamlLine = regexp.MustCompile(`line \d+: `)
