package collector_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/collector/campaigns"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// newFileHarness starts an exporter with a campaign file, and an API with the campaigns a, b and c.
func newFileHarness(t *testing.T, path string, change func(*collector.Config)) *fileHarness {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	for _, id := range []string{"a", "b", "c"} {
		api.SetRows(id, "", []json.RawMessage{callRow("r", "completed")})
	}
	watcher := &watcherClock{Clock: clock, check: make(chan struct{})}
	h := prepareHarness(t, api, clock, func(c *collector.Config) {
		c.CampaignFile, c.Clock = path, watcher
		if change != nil {
			change(c)
		}
	})
	h.Busy = 1 // the watcher sleeps until the test wakes it
	h.Run()
	h.Settle()
	return &fileHarness{h, watcher}
}

// fileHarness is a harness whose exporter checks its campaign file only when the test says so.
type fileHarness struct {
	*harness
	watcher *watcherClock
}

// watcherClock is a clock on which the pauses between checks of the campaign file end only when the test says so.
type watcherClock struct {
	*revoxtest.Clock
	check  chan struct{}
	pauses atomic.Int64
}

func (c *watcherClock) Sleep(ctx context.Context, d time.Duration) error {
	if d != collector.CampaignFileInterval {
		return c.Clock.Sleep(ctx, d)
	}
	c.pauses.Add(1)
	select {
	case <-c.check:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// checkOnce makes the exporter check its file once, and returns when it has reacted.
func (h *fileHarness) checkOnce() {
	h.TB.Helper()
	clock := h.watcher
	clock.Advance(collector.CampaignFileInterval)
	h.Await(func() bool { return clock.pauses.Load() > 0 })
	pauses := clock.pauses.Load()
	clock.check <- struct{}{}
	h.Await(func() bool { return clock.pauses.Load() > pauses })
}

// check makes the exporter check its file twice: it reads a changed file only if the file is unchanged at the second
// check.
func (h *fileHarness) check() {
	h.TB.Helper()
	h.checkOnce()
	h.checkOnce()
}

// reads fails the test unless the exporter reads exactly these campaigns.
func (h *harness) reads(ids ...string) {
	h.TB.Helper()
	h.Settle()
	if got, want := h.selected(), strings.Join(ids, " "); got != want {
		h.TB.Errorf("selected: %q, want %q", got, want)
	}
	scrape := h.Scrape()
	for _, id := range ids {
		h.Want(scrape, fmt.Sprintf(`revox_campaign_up{campaign_id=%q} 1`, id))
	}
	if n := strings.Count(scrape, "\nrevox_campaign_up{"); n != len(ids) {
		h.TB.Errorf("%d campaigns are shown, want %d:\n%s", n, len(ids), grep(scrape, "^revox_campaign_up"))
	}
}

// fileMetrics returns the metrics of a file that is good (1) or bad (0) now, and was good last at a time.
func fileMetrics(ok int, at time.Time) []string {
	return []string{
		fmt.Sprintf("revox_exporter_campaign_file_last_reload_successful %d", ok),
		fmt.Sprintf("revox_exporter_campaign_file_last_reload_success_timestamp_seconds %v", float64(at.Unix())),
	}
}

func TestChangedCampaignFileIsReadAgain(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "campaigns.yml")
	for _, replaced := range []struct {
		name string
		with func(t *testing.T, text string)
	}{
		{"overwritten", func(t *testing.T, text string) { write(t, path, text) }},
		{"overwritten within one tick of its time", func(t *testing.T, text string) {
			write(t, path, text)
			if err := os.Chtimes(path, start, start); err != nil {
				t.Fatal(err)
			}
		}},
		{"renamed into place", func(t *testing.T, text string) {
			write(t, path+".new", text)
			if err := os.Rename(path+".new", path); err != nil {
				t.Fatal(err)
			}
		}},
		{"as a Kubernetes volume", func(t *testing.T, text string) {
			// campaigns.yml -> ..data/campaigns.yml, ..data -> a separate folder for each version
			version, err := os.MkdirTemp(dir, "..version")
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(version, "campaigns.yml"), text)
			data := filepath.Join(dir, "..data")
			_ = os.Remove(path) // it may not be a link yet
			for link, to := range map[string]string{data: version, path: filepath.Join("..data", "campaigns.yml")} {
				_ = os.Remove(link + ".new")
				if err := os.Symlink(to, link+".new"); err != nil {
					t.Fatal(err)
				}
				if err := os.Rename(link+".new", link); err != nil {
					t.Fatal(err)
				}
			}
		}},
	} {
		t.Run(replaced.name, func(t *testing.T) {
			replaced.with(t, "- a\n- b\n")
			h := newFileHarness(t, path, nil)
			h.reads("a", "b")
			replaced.with(t, "- b\n- c\n")
			h.check()
			h.reads("b", "c")
			h.Want(h.Scrape(), fileMetrics(1, h.Clock.Now())...)

			replaced.with(t, "[]")
			h.check()
			h.reads()
			if !strings.Contains(h.Logs.String(), "no campaign is selected") {
				t.Errorf("the log does not say that nothing is selected:\n%s", h.Logs)
			}
			if waitingFor := h.Exporter.Status().WaitingFor; waitingFor != "" {
				t.Errorf("not ready: waiting for %s", waitingFor)
			}
			replaced.with(t, "- a\n")
			h.check()
			h.reads("a")
		})
	}
}

func TestBadCampaignFileDoesNotChangeTheSelection(t *testing.T) {
	path := filepath.Join(t.TempDir(), "campaigns.yml")
	write(t, path, "- a\n")
	h := newFileHarness(t, path, nil)
	h.reads("a")
	read := h.Clock.Now()
	for name, spoil := range map[string]func(){
		"not a list": func() { write(t, path, "b\n") },
		"empty":      func() { write(t, path, "") },
		"gone":       func() { os.Remove(path) },
	} {
		t.Run(name, func(t *testing.T) {
			before := len(h.Logs.String())
			spoil()
			h.check()
			h.reads("a")
			h.Want(h.Scrape(), fileMetrics(0, read)...)
			h.check()
			h.check()
			logs := h.Logs.String()[before:]
			if strings.Count(logs, "level=error") != 1 || !strings.Contains(logs, path) {
				t.Errorf("want one error that names the file:\n%s", logs)
			}
			write(t, path, "- a\n")
			h.check()
			read = h.Clock.Now()
			h.Want(h.Scrape(), fileMetrics(1, read)...)
		})
	}
}

// A part of a list may be a valid list, so a file is not read while it is being written.
func TestCampaignFileIsNotReadWhileItIsWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "campaigns.yml")
	write(t, path, "- a\n- b\n")
	h := newFileHarness(t, path, nil)
	for i, text := range []string{"", "- a\n", "- a\n- b\n- c\n"} {
		write(t, path, text)
		h.checkOnce()
		if got := h.selected(); got != "a b" {
			t.Errorf("after part %d: selected %q", i, got)
		}
	}
	h.checkOnce()
	h.reads("a", "b", "c")
	h.Want(h.Scrape(), fileMetrics(1, h.Clock.Now())...)
}

func TestReloadReadsTheFileAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "campaigns.yml")
	write(t, path, "- a\n")
	h := newFileHarness(t, path, nil)
	write(t, path, "- b\n")
	if err := h.Exporter.Reload(); err != nil {
		t.Error(err)
	}
	h.reads("b")
	write(t, path, "b")
	if err := h.Exporter.Reload(); err == nil || !strings.Contains(err.Error(), path+": it is not a plain list") {
		t.Errorf("bad file: error %v", err)
	}
	h.reads("b")
	h.Want(h.Scrape(), "revox_exporter_campaign_file_last_reload_successful 0")
}

func TestCampaignFileIsMergedAndSharded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "campaigns.yml")
	write(t, path, "- a\n- c\n")
	shard := campaigns.Shard{Index: shardsOf("c", 2)[0], Count: 2}
	var want []string
	for _, id := range []string{"a", "b", "c"} {
		if shard.Has(id) {
			want = append(want, id)
		}
	}
	if len(want) == 3 {
		t.Fatal("the shard has all campaigns")
	}
	h := newFileHarness(t, path, func(c *collector.Config) { c.CampaignIDs, c.Shard = []string{"a", "b"}, shard })
	h.reads(want...)
	write(t, path, "- a\n")
	h.check()
	h.reads(slices.DeleteFunc(want, func(id string) bool { return id == "c" })...)
}

// If scans are made on scrapes, a new campaign is scanned without waiting for a scrape, as at the start.
func TestNewFileCampaignIsScannedWithoutAScrape(t *testing.T) {
	path := filepath.Join(t.TempDir(), "campaigns.yml")
	write(t, path, "[]")
	h := newFileHarness(t, path, func(c *collector.Config) { c.ScanInterval = 0 })
	write(t, path, "- a\n")
	h.check()
	h.reads("a")
}

// Reading the campaign file again keeps the data from the list of campaigns, and its age.
func TestReloadKeepsTheListOfCampaigns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "campaigns.yml")
	write(t, path, "- a\n")
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	for _, id := range []string{"a", "b"} {
		api.SetRows(id, "", []json.RawMessage{callRow("r", "completed")})
	}
	remove := list(api, listed("a", "A", "draft", false, start), listed("b", "B", "running", false, start))
	h := newHarness(t, api, clock, func(c *collector.Config) { discover(nil)(c); c.CampaignFile = path })
	status := []string{
		`revox_campaign_status{campaign_id="a",status="draft"} 1`,
		`revox_campaign_status{campaign_id="b",status="running"} 1`,
	}
	h.Want(h.Scrape(), status...)
	remove()
	api.AddFault(revoxtest.Fault{Endpoint: "campaigns", Behavior: revoxtest.Status(500, nil, "")})
	h.Advance(14 * time.Minute)
	if err := h.Exporter.Reload(); err != nil {
		t.Fatal(err)
	}
	h.Want(h.Scrape(), status...)
	h.Advance(2 * time.Minute)
	h.WantNone(h.Scrape(), "^revox_campaign_status")
}

// The status from the list is known when the campaign file adds the campaign later.
func TestStatusOfACampaignThatIsAddedLater(t *testing.T) {
	path := filepath.Join(t.TempDir(), "campaigns.yml")
	write(t, path, "[]")
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("a", "", []json.RawMessage{callRow("r", "completed")})
	list(api, listed("a", "A", "draft", false, start), listed("b", "B", "novel", false, start))
	h := newHarness(t, api, clock, func(c *collector.Config) {
		discover(func(d *campaigns.Discovery) { d.Exclude = anchored(t, "B") })(c)
		c.CampaignFile = path
	})
	if lines := grep(h.Logs.String(), "novel"); lines != "" {
		t.Errorf("the log has the unknown status of a campaign that is not selected:\n%s", lines)
	}
	write(t, path, "- a\n")
	if err := h.Exporter.Reload(); err != nil {
		t.Fatal(err)
	}
	h.Settle()
	h.Want(h.Scrape(), `revox_campaign_status{campaign_id="a",status="draft"} 1`)
	h.Advance(5 * time.Minute)
	if strings.Contains(h.Logs.String(), "changed its status") {
		t.Errorf("the status did not change, but the log says so:\n%s", h.Logs)
	}
}
