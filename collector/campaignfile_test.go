package collector

import (
	"bytes"
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

	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func TestCampaignFileFormats(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"YAML":                        {"# ours\n- a\n- b # theirs\n", []string{"a", "b"}},
		"YAML with quotes and ---":    {"---\n- \"a\"\n- 'b'\n...\n", []string{"a", "b"}},
		"YAML on one line":            {"[a, b]", []string{"a", "b"}},
		"YAML with CRLF and BOM":      {"\ufeff- a\r\n- b\r\n", []string{"a", "b"}},
		"JSON":                        {`["a", "b"]`, []string{"a", "b"}},
		"JSON with tabs and escapes":  {"[\n\t\"\\u0061\",\n\t\"b\"\n]\n", []string{"a", "b"}},
		"an empty list, written":      {"[]", []string{}},
		"IDs that could be something": {"- 007\n- 1e5\n- true\n- 2024-05-01\n- 0x10\n- 7c9e6679-7425-40de-944b-e07fc1f90ae7\n", []string{"007", "1e5", "true", "2024-05-01", "0x10", "7c9e6679-7425-40de-944b-e07fc1f90ae7"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseCampaignFile([]byte(test.text))
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("%q, %v; want %q", got, err, test.want)
			}
		})
	}
}

func TestBadCampaignFiles(t *testing.T) {
	const canary = "canary"
	dir := t.TempDir()
	for name, test := range map[string]struct{ text, says string }{
		"nothing":            {"", "it is empty: write []"},
		"comments alone":     {"# canary\n", "it is empty: write []"},
		"null":               {"null\n", "it is empty: write []"},
		"a key":              {"canary-key\n", "it is not a plain list"},
		"a mapping":          {"campaigns: [canary]\n", "it is not a plain list"},
		"mappings":           {"- id: canary\n", "it is not a plain list"},
		"lists":              {"- [canary]\n", "it is not a plain list"},
		"no YAML":            {"- a\n- \"canary\n", "line 3: it cannot be parsed"},
		"unknown anchor":     {"- *canary\n", "it cannot be parsed"},
		"cut JSON":           {`["a", "canar`, "it cannot be parsed"},
		"NUL":                {"- a\x00canary\n", "it cannot be parsed"},
		"not UTF-8":          {"- canary\xff\n", "it cannot be parsed"},
		"two documents":      {"- a\n---\n- canary\n", "something follows its list"},
		"two JSON lists":     {`["a"] ["canary"]`, "something follows its list"},
		"no ID":              {"- a\n-\n", "entry 2 is not a campaign ID"},
		"an ID that is none": {"- a\n- canary canary\n", "entry 2 is not a campaign ID"},
		"a path":             {"- ..\n", "entry 1 is not a campaign ID"},
		"a long ID":          {"- " + strings.Repeat("canary", 50), "entry 1 is not a campaign ID"},
		"an ID twice":        {"- a\n- canary\n- canary\n", "entry 3 is the same campaign as entry 2"},
		"too large":          {"- a\n#" + strings.Repeat(canary, maxCampaignFileBytes/6), "bytes, and may have 1048576 at most"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, strings.ReplaceAll(name, " ", "_")+".yml")
			write(t, path, test.text)
			_, err := readCampaignFile(path)
			if err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want one line that says %q and names the file", err, test.says)
			}
			if err != nil && strings.Contains(err.Error(), canary) {
				t.Errorf("the error repeats the file: %v", err)
			}
		})
	}
	for _, path := range []string{dir, filepath.Join(dir, "none")} {
		if _, err := readCampaignFile(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v", path, err)
		}
	}
}

// Whatever is accepted can be asked of the API, once each, and says the same when it is written as JSON.
func FuzzCampaignFile(f *testing.F) {
	for _, seed := range []string{
		"- a\n- b\n", `["a", "b"]`, "[]", "", "null", "---\n- a\n---\n- b\n", "- &x a\n- *x\n", "- id: a\n", "- 1e5\n- ~\n- true\n- 0b1\n",
		"- |\n  a\n", "- >-\n  a\n  b\n", "- !!binary YQ==\n", "- !!str a\n", "- \"\\x61\"\n", "? a\n", "\ufeff- a\r\n", "%YAML 1.1\n---\n- a\n",
		"- ..\n", "- a\n- a\n", "[a, [b]]", "- <<: a\n", "[\t\"a\"]", "- \"\\x80\"\n", "- \"a\\u200b\"\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		ids, err := parseCampaignFile(text)
		if err != nil {
			if ids != nil {
				t.Errorf("%d campaigns with an error", len(ids))
			}
			return
		}
		seen := map[string]bool{}
		for _, id := range ids {
			if err := revoxapi.CheckCampaignID(id); err != nil || seen[id] {
				t.Errorf("accepted %q: %v, seen before: %v", id, err, seen[id])
			}
			seen[id] = true
		}
		var plain bytes.Buffer
		encoder := json.NewEncoder(&plain)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(ids); err != nil {
			t.Fatal(err)
		}
		again, err := parseCampaignFile(plain.Bytes())
		if err != nil || !slices.Equal(again, ids) {
			t.Errorf("%q, written as JSON, reads %q: %v", ids, again, err)
		}
	})
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// newFileHarness starts an exporter with a campaign file, of an API with campaigns a, b and c.
func newFileHarness(t *testing.T, path string, change func(*Config)) *harness {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	for _, id := range []string{"a", "b", "c"} {
		api.SetRows(id, "", []json.RawMessage{callRow("r", "completed")})
	}
	return newHarness(t, api, clock, func(c *Config) {
		c.CampaignFile, c.Clock = path, &watcherClock{Clock: clock, look: make(chan struct{})}
		if change != nil {
			change(c)
		}
	})
}

// watcherClock is a clock on which the pauses between looks at the campaign file end when the test says so.
type watcherClock struct {
	*revoxtest.Clock
	look   chan struct{}
	pauses atomic.Int64
}

func (c *watcherClock) Sleep(ctx context.Context, d time.Duration) error {
	if d != campaignFileInterval {
		return c.Clock.Sleep(ctx, d)
	}
	c.pauses.Add(1)
	select {
	case <-c.look:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// lookOnce lets the exporter look at its file once, and returns when it has done what follows from that.
func (h *harness) lookOnce() {
	h.t.Helper()
	clock := h.exporter.Clock.(*watcherClock)
	clock.Advance(campaignFileInterval)
	h.await(func() bool { return clock.pauses.Load() > 0 })
	pauses := clock.pauses.Load()
	clock.look <- struct{}{}
	h.await(func() bool { return clock.pauses.Load() > pauses })
}

// look lets the exporter look at its file as often as it takes to believe a change.
func (h *harness) look() {
	h.t.Helper()
	h.lookOnce()
	h.lookOnce()
}

// reads waits until the exporter reads these campaigns and no other.
func (h *harness) reads(ids ...string) {
	h.t.Helper()
	h.await(func() bool { return h.selected() == strings.Join(ids, " ") && !h.exporter.someUnscanned() })
	scrape := h.scrape()
	for _, id := range ids {
		h.want(scrape, fmt.Sprintf(`revox_campaign_up{campaign_id=%q} 1`, id))
	}
	if n := strings.Count(scrape, "\nrevox_campaign_up{"); n != len(ids) {
		h.t.Errorf("%d campaigns are shown, want %d:\n%s", n, len(ids), grep(scrape, "^revox_campaign_up"))
	}
}

// fileMetrics are what is shown where the file was last read well at a time, and is good or bad now.
func fileMetrics(ok int, at time.Time) []string {
	return []string{
		fmt.Sprintf("revox_exporter_campaign_file_last_reload_successful %d", ok),
		fmt.Sprintf("revox_exporter_campaign_file_last_reload_success_timestamp_seconds %v", float64(at.Unix())),
	}
}

func TestCampaignFileIsReadAnewWhenItChanges(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "campaigns.yml")
	for _, replaced := range []struct {
		name string
		with func(t *testing.T, text string)
	}{
		{"written over", func(t *testing.T, text string) { write(t, path, text) }},
		{"renamed into place", func(t *testing.T, text string) {
			write(t, path+".new", text)
			if err := os.Rename(path+".new", path); err != nil {
				t.Fatal(err)
			}
		}},
		{"as a Kubernetes volume", func(t *testing.T, text string) {
			// campaigns.yml -> ..data/campaigns.yml, ..data -> a folder of its own for each version
			version, err := os.MkdirTemp(dir, "..version")
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(version, "campaigns.yml"), text)
			data := filepath.Join(dir, "..data")
			_ = os.Remove(path) // where it is no link yet
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
			h.look()
			h.reads("b", "c")
			h.want(h.scrape(), fileMetrics(1, h.clock.Now())...)

			replaced.with(t, "[]")
			h.look()
			h.reads()
			if !strings.Contains(h.logs.String(), "no campaign is selected") {
				t.Errorf("it does not say that nothing is left:\n%s", h.logs)
			}
			if ready, waitingFor := h.exporter.Ready(); !ready {
				t.Errorf("not ready: waiting for %s", waitingFor)
			}
			replaced.with(t, "- a\n")
			h.look()
			h.reads("a")
		})
	}
}

func TestBadCampaignFileLeavesTheOldList(t *testing.T) {
	path := filepath.Join(t.TempDir(), "campaigns.yml")
	write(t, path, "- a\n")
	h := newFileHarness(t, path, nil)
	h.reads("a")
	read := h.clock.Now()
	for name, spoil := range map[string]func(){
		"not a list": func() { write(t, path, "b\n") },
		"empty":      func() { write(t, path, "") },
		"gone":       func() { os.Remove(path) },
	} {
		t.Run(name, func(t *testing.T) {
			before := len(h.logs.String())
			spoil()
			h.look()
			h.reads("a")
			h.want(h.scrape(), fileMetrics(0, read)...)
			h.look()
			h.look()
			logs := h.logs.String()[before:]
			if strings.Count(logs, "level=error") != 1 || !strings.Contains(logs, path) {
				t.Errorf("it is not said once, with the file:\n%s", logs)
			}
			write(t, path, "- a\n")
			h.look()
			read = h.clock.Now()
			h.want(h.scrape(), fileMetrics(1, read)...)
		})
	}
}

// A file that is being written would be read by half, and half a list may be a list too.
func TestCampaignFileIsNotReadWhileItIsWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "campaigns.yml")
	write(t, path, "- a\n- b\n")
	h := newFileHarness(t, path, nil)
	for i, text := range []string{"", "- a\n", "- a\n- b\n- c\n"} {
		write(t, path, text)
		h.lookOnce()
		if got := h.selected(); got != "a b" {
			t.Errorf("after part %d: selected %q", i, got)
		}
	}
	h.lookOnce()
	h.reads("a", "b", "c")
	h.want(h.scrape(), fileMetrics(1, h.clock.Now())...)
}

func TestReloadReadsTheFileAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "campaigns.yml")
	write(t, path, "- a\n")
	h := newFileHarness(t, path, nil)
	write(t, path, "- b\n")
	if err := h.exporter.Reload(); err != nil {
		t.Error(err)
	}
	h.reads("b")
	write(t, path, "b")
	if err := h.exporter.Reload(); err == nil || !strings.Contains(err.Error(), path+": it is not a plain list") {
		t.Errorf("a bad file: error %v", err)
	}
	h.reads("b")
	h.want(h.scrape(), "revox_exporter_campaign_file_last_reload_successful 0")
}

func TestCampaignFileIsMergedAndSharded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "campaigns.yml")
	write(t, path, "- a\n- c\n")
	shard := Shard{shardsOf("c", 2)[0], 2}
	var want []string
	for _, id := range []string{"a", "b", "c"} {
		if shard.has(id) {
			want = append(want, id)
		}
	}
	if len(want) == 3 {
		t.Fatal("the shard leaves nothing out")
	}
	h := newFileHarness(t, path, func(c *Config) { c.CampaignIDs, c.Shard = []string{"a", "b"}, shard })
	h.reads(want...)
	write(t, path, "- a\n")
	h.look()
	h.reads(slices.DeleteFunc(want, func(id string) bool { return id == "c" })...)
}

// With scans on scrapes, what is new is read without waiting for one, as at the start.
func TestNewFileCampaignIsScannedWithoutAScrape(t *testing.T) {
	path := filepath.Join(t.TempDir(), "campaigns.yml")
	write(t, path, "[]")
	h := newFileHarness(t, path, func(c *Config) { c.ScanInterval = 0 })
	write(t, path, "- a\n")
	h.look()
	h.await(func() bool { r := h.exporter.store.get("a"); return r != nil && r.up })
}

// What the list of campaigns says stays known where the file is read anew, and grows no younger.
func TestReloadKeepsWhatTheListSays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "campaigns.yml")
	write(t, path, "- a\n")
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	for _, id := range []string{"a", "b"} {
		api.SetRows(id, "", []json.RawMessage{callRow("r", "completed")})
	}
	remove := list(api, listed("a", "A", "draft", false, start), listed("b", "B", "running", false, start))
	h := newHarness(t, api, clock, func(c *Config) { discover(nil)(c); c.CampaignFile = path })
	h.sleepers = 4
	h.settle()
	status := []string{`revox_campaign_status{campaign_id="a",status="draft"} 1`, `revox_campaign_status{campaign_id="b",status="running"} 1`}
	h.want(h.scrape(), status...)
	remove()
	api.AddFault(revoxtest.Fault{Endpoint: "campaigns", Behavior: revoxtest.Status(500, nil, "")})
	h.advance(14 * time.Minute)
	if err := h.exporter.Reload(); err != nil {
		t.Fatal(err)
	}
	h.want(h.scrape(), status...)
	h.advance(2 * time.Minute)
	h.wantNone(h.scrape(), "^revox_campaign_status")
}
