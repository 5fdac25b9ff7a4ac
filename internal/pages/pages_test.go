package pages_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

// Being ready means that the list was read and that the key works. A failed scan alone keeps nobody waiting.
func TestReadyNeedsAListAndAKey(t *testing.T) {
	unreadable := revoxtest.Fault{Behavior: revoxtest.Status(503, nil, "canary")}
	unlisted := revoxtest.Fault{Endpoint: "campaigns", Behavior: revoxtest.Status(503, nil, "canary")}
	unlistable := revoxtest.Fault{Endpoint: "campaigns", Behavior: revoxtest.Status(403, nil, "canary")}
	for name, test := range map[string]struct {
		key      string // "": the right one
		discover bool
		faults   []revoxtest.Fault
		says     string // before the fault is removed and the key is right
	}{
		"campaign that cannot be read":                 {faults: []revoxtest.Fault{unreadable}},
		"listed campaign that cannot be read":          {discover: true, faults: []revoxtest.Fault{unreadable}},
		"list that cannot be read":                     {discover: true, faults: []revoxtest.Fault{unlisted}, says: "the list of campaigns, which cannot be read"},
		"list that the key has no right to":            {discover: true, faults: []revoxtest.Fault{unlistable}, says: keyRefused},
		"key that is refused for a campaign":           {key: "wrong", says: keyRefused},
		"key that is refused for the list":             {key: "wrong", discover: true, says: keyRefused},
		"key that is refused where the list is unread": {key: "wrong", discover: true, faults: []revoxtest.Fault{unlisted}, says: keyRefused},
		"list and campaign that cannot be read":        {discover: true, faults: []revoxtest.Fault{unlisted, unreadable}, says: "the list of campaigns, which cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mend []func()
			w := newWorld(t, func(api *revoxtest.Server, c *collector.Config) {
				api.SetRows("c", "", nil)
				for _, f := range test.faults {
					if f.Endpoint == "" {
						f.Campaign = "c"
					}
					mend = append(mend, api.AddFault(f))
				}
				c.CampaignIDs = []string{"c"}
				if test.discover {
					c.Discovery = discovered()
				}
			})
			if test.key != "" {
				w.Key.Set(test.key)
			}
			w.run().Settle()
			ready := func() (int, string) {
				code, _, body := w.ask(http.MethodGet, "/-/ready")
				return code, strings.TrimSpace(body)
			}
			want, says := http.StatusOK, "revox_exporter is ready."
			if test.says != "" {
				want, says = http.StatusServiceUnavailable, "revox_exporter is waiting for "+test.says+"."
			}
			if code, body := ready(); code != want || body != says {
				t.Errorf("%d %s, want %d %s", code, body, want, says)
			}
			for _, f := range mend {
				f()
			}
			w.Key.Set(revoxtest.APIKey)
			for range 10 { // as long as a refused key is left alone
				w.Advance(time.Minute)
			}
			if code, body := ready(); code != http.StatusOK {
				t.Errorf("after all is well: %d %s", code, body)
			}
			w.Key.Set("wrong again")
			w.Advance(3 * time.Minute)
			if code, body := ready(); code != http.StatusOK {
				t.Errorf("it does not stay ready: %d %s", code, body)
			}
		})
	}
}

const keyRefused = "an API key that works: the API key is refused"

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
