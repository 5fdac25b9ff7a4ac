package pages_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func TestReadySaysWhatItIsWaitingFor(t *testing.T) {
	// Each campaign's first page waits until it is released.
	released := map[string]chan struct{}{"c-1": make(chan struct{}), "c-2": make(chan struct{})}
	w := newWorld(t, func(api *revoxtest.Server, c *collector.Config) {
		for id := range released {
			api.SetRows(id, "", nil)
		}
		api.OnPage(func(id string, _ int) { <-released[id] })
		c.CampaignIDs = []string{"c-1", "c-2"}
	}).run()
	for _, step := range []struct {
		id   string
		code int
		says string
	}{
		{"", http.StatusServiceUnavailable, "revox_exporter is waiting for the first scans of 2 campaigns, of them c-1.\n"},
		{"c-1", http.StatusServiceUnavailable, "revox_exporter is waiting for the first scan of campaign c-2.\n"},
		{"c-2", http.StatusOK, "revox_exporter is ready.\n"},
	} {
		if step.id != "" {
			close(released[step.id])
			w.await(func(s collector.Status) bool {
				for _, c := range s.Campaigns {
					if c.ID == step.id {
						return c.Scanned
					}
				}
				return false
			})
		}
		if code, _, body := w.ask(http.MethodGet, "/-/ready"); code != step.code || body != step.says {
			t.Errorf("%d %s, want %d %s", code, body, step.code, step.says)
		}
		if strings.Contains(w.landing(), "Waiting for the first scan") != (step.code != http.StatusOK) {
			t.Errorf("the landing page says\n%s", w.landing())
		}
		if code, _, body := w.ask(http.MethodGet, "/-/healthy"); code != http.StatusOK || body != "revox_exporter is healthy.\n" {
			t.Errorf("/-/healthy answered %d %s", code, body)
		}
	}
}

func TestPostReloadsAndSaysWhatIsWrong(t *testing.T) {
	path := filepath.Join(t.TempDir(), "campaigns.yml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("- a\n")
	w := newWorld(t, func(_ *revoxtest.Server, c *collector.Config) { c.CampaignFile = path })
	for _, step := range []struct {
		method, file string
		code         int
		says         string
		selected     string
	}{
		{http.MethodGet, "- b\n", http.StatusMethodNotAllowed, "revox_exporter reloads on POST alone.\n", "a"},
		{http.MethodPost, "- b\n", http.StatusOK, "revox_exporter has reloaded.\n", "b"},
		{http.MethodPost, "c", http.StatusInternalServerError, path + ": it is not a plain list", "b"},
	} {
		write(step.file)
		code, header, body := w.ask(step.method, "/-/reload")
		if code != step.code || !strings.Contains(body, step.says) {
			t.Errorf("%s with the file %q answered %d %s, want %d %s", step.method, step.file, code, body, step.code, step.says)
		}
		if (header.Get("Allow") == http.MethodPost) != (code == http.StatusMethodNotAllowed) ||
			header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("the header is %v", header)
		}
		if s := w.Exporter.Status(); len(s.Campaigns) != 1 || s.Campaigns[0].ID != step.selected {
			t.Errorf("%+v is selected, want %s", s.Campaigns, step.selected)
		}
	}
}
