package collector

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

	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v2"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// campaignFile is a file with a list of campaigns. It is safe for concurrent use.
type campaignFile struct {
	path string

	mu     sync.Mutex
	ids    []string    // of the newest good file
	looked os.FileInfo // the file as it was when it was last looked at; nil where there was none
	read   os.FileInfo // the file as it was just before it was last read, well or not
	err    error       // why that failed
	readAt time.Time   // when the newest good file was read
}

// newCampaignFile reads the file at path for the first time.
func newCampaignFile(path string, now time.Time) (*campaignFile, error) {
	f := &campaignFile{path: path}
	_, err := f.reload(now)
	return f, err
}

// reload reads the file, and tells whether that made the list, or the error, another one. Where the file is bad the list
// stays as it was.
func (f *campaignFile) reload(now time.Time) (changed bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.read, _ = os.Stat(f.path) // before it is read, so that a change meanwhile is seen later; reading tells what is wrong
	f.looked = f.read
	ids, err := readCampaignFile(f.path)
	before := f.err
	f.err = err
	if err != nil {
		return before == nil || before.Error() != err.Error(), err
	}
	changed = before != nil || !slices.Equal(ids, f.ids)
	f.ids, f.readAt = ids, now
	return changed, nil
}

// stale tells whether the file is to be read anew: it is another one than was read, or could not be used. It is left alone
// until it looks as it did the time before: one that is being written would be read by half.
func (f *campaignFile) stale() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.looked
	f.looked, _ = os.Stat(f.path) // a file that is gone is another one, too
	return (f.err != nil || !sameFile(f.looked, f.read)) && sameFile(f.looked, before)
}

// sameFile tells whether two looks at a path found the same file, unchanged. Links are followed, so that a Kubernetes
// volume whose ..data link was swapped has another file.
func sameFile(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

// list returns the IDs of the newest good file.
func (f *campaignFile) list() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ids
}

func (f *campaignFile) collect(ch sink) {
	f.mu.Lock()
	defer f.mu.Unlock()
	send(ch, descCampaignFileSuccessful, prometheus.GaugeValue, boolValue(f.err == nil))
	send(ch, descCampaignFileSuccess, prometheus.GaugeValue, unixSeconds(f.readAt))
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
