package collector_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/collector/campaigns"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// labeled fails the test unless exactly these series of revox_campaign_labels are shown, each without its name.
func (h *harness) labeled(want ...string) {
	h.TB.Helper()
	scrape := h.Scrape()
	for i := range want {
		want[i] = "revox_campaign_labels" + want[i] + " 1"
	}
	h.Want(scrape, want...)
	if n := strings.Count(scrape, "\nrevox_campaign_labels{"); n != len(want) {
		h.TB.Errorf("%d campaigns have labels, want %d:\n%s", n, len(want), grep(scrape, "^revox_campaign_labels"))
	}
}

func reload(t *testing.T, h *harness, path, text string) {
	t.Helper()
	write(t, path, text)
	if err := h.Exporter.Reload(); err != nil {
		t.Fatal(err)
	}
	h.Settle()
}

// namedRows returns the row of a campaign whose name only the row gives.
func namedRows(name string) []json.RawMessage {
	return []json.RawMessage{json.RawMessage(fmt.Sprintf(`{"id": "r", "call": {"status": "completed", "campaign": {"name": %q}}}`, name))}
}

func TestLabelsChangeWithTheCampaignFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "campaigns.yml")
	write(t, path, "- a\n- {id: b, labels: {team: sales}}\n")
	h := newFileHarness(t, path, func(c *collector.Config) { c.CampaignIDs = []string{"c"} })
	h.labeled(`{campaign_id="b",label_team="sales"}`)

	// A further name is on every series, and a campaign that is given has labels from the file too.
	write(t, path, "- a\n- {id: b, labels: {team: support}}\n- {id: c, labels: {on_call: 'C \"night\" \\'}}\n")
	h.check()
	h.Settle()
	changed := []string{`{campaign_id="b",label_on_call="",label_team="support"}`,
		`{campaign_id="c",label_on_call="C \"night\" \\",label_team=""}`}
	h.labeled(changed...)

	// A bad file changes nothing, and its error says where it is bad.
	write(t, path, "- a\n- {id: b, labels: {Team: support}}\n")
	err := h.Exporter.Reload()
	if err == nil || !strings.Contains(err.Error(), path+": line 2: entry 2 has a label with a bad name") {
		t.Errorf("error %v", err)
	}
	h.Want(h.Scrape(), "revox_exporter_campaign_file_last_reload_successful 0")
	h.labeled(`{campaign_id="b",label_on_call="",label_team="support"}`,
		`{campaign_id="c",label_on_call="C \"night\" \\",label_team=""}`)

	reload(t, h.harness, path, "- a\n- b\n")
	h.labeled()
}

// A file in JSON can have the escapes that PHP and Python write, and an error in it still names the line.
func TestLabelsFromJSONWithEscapes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "campaigns.json")
	write(t, path, `[{"id": "a", "labels": {"team": "sales\/emea \ud83c\udf81"}}]`)
	h := newFileHarness(t, path, nil)
	h.labeled(`{campaign_id="a",label_team="sales/emea 🎁"}`)

	write(t, path, "[\n{\"id\": \"a\", \"labels\": {\"team\": \"sales\\/emea\"}},\n{\"id\": \"a\"}\n]")
	if err := h.Exporter.Reload(); err == nil || !strings.Contains(err.Error(), path+": line 3: entry 2 is the same campaign as entry 1") {
		t.Errorf("error %v", err)
	}
}

func TestLabelsByName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "campaigns.yml")
	write(t, path, `[{"id": "pinned", "labels": {"team": "pinned"}}, {"id": "none", "labels": {}}, "a",
		{"match": "Spring.*", "labels": {"team": "spring"}}, {"match": ".*sale", "labels": {"team": "sales"}}]`)
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	ids := []string{"a", "b", "c", "none", "pinned", "draft"}
	for _, id := range ids {
		api.SetRows(id, "", []json.RawMessage{callRow("r", "completed")})
	}
	api.SetRows("unlisted", "", namedRows("Late sale"))
	names := map[string]string{"a": "Spring sale", "b": "Winter sale", "c": "Survey", "none": "Spring", "pinned": "Spring"}
	relist := func() (remove func()) {
		return list(api, listed("a", names["a"], "running", false, start), listed("b", names["b"], "running", false, start),
			listed("c", names["c"], "running", false, start), listed("none", names["none"], "running", false, start),
			listed("pinned", names["pinned"], "running", false, start), listed("draft", "Spring", "draft", false, start))
	}
	remove := relist()
	h := newHarness(t, api, clock, func(c *collector.Config) {
		discover(nil)(c)
		c.CampaignFile, c.CampaignIDs = path, []string{"unlisted"}
	})
	pinned, unlisted := `{campaign_id="pinned",label_team="pinned"}`, `{campaign_id="unlisted",label_team="sales"}`
	// An entry selects nothing by its match; a draft is not discovered.
	h.labeled(`{campaign_id="a",label_team="spring"}`, `{campaign_id="b",label_team="sales"}`, pinned, unlisted)

	// A campaign has the labels of its name as it is now, however it came by it.
	names["a"], names["b"], names["c"] = "Winter sale", "Survey", "Spring"
	api.SetRows("unlisted", "", namedRows("Spring"))
	remove()
	relist()
	h.Advance(5 * time.Minute)
	h.labeled(`{campaign_id="a",label_team="sales"}`, `{campaign_id="c",label_team="spring"}`, pinned,
		`{campaign_id="unlisted",label_team="spring"}`)

	reload(t, h, path, `[{"match": ".*", "labels": {"team": "all"}}]`)
	h.labeled(`{campaign_id="a",label_team="all"}`, `{campaign_id="b",label_team="all"}`, `{campaign_id="c",label_team="all"}`,
		`{campaign_id="none",label_team="all"}`, `{campaign_id="pinned",label_team="all"}`, `{campaign_id="unlisted",label_team="all"}`)
}

// Alerts about a campaign that cannot be read, or whose data is too old, need its labels too.
func TestLabelsStayWhileACampaignCannotBeRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "campaigns.yml")
	write(t, path, "- {id: gone, labels: {team: never}}\n- {match: Spring, labels: {team: spring}}\n")
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("a", "", []json.RawMessage{callRow("r", "completed")})
	list(api, listed("a", "Spring", "running", false, start))
	h := newHarness(t, api, clock, func(c *collector.Config) { discover(nil)(c); c.CampaignFile = path })
	want := func() { h.labeled(`{campaign_id="a",label_team="spring"}`, `{campaign_id="gone",label_team="never"}`) }
	h.Want(h.Scrape(), `revox_campaign_up{campaign_id="gone"} 0`)
	want()
	api.AddFault(revoxtest.Fault{Behavior: revoxtest.Status(500, nil, "")})
	for range 5 {
		h.Advance(time.Hour)
	}
	h.WantNone(h.Scrape(), "^revox_campaign_rows")
	want()
}

// Labels are there from the first scrape after a restart on, as the data is. They are those of the file as it is now.
func TestLabelsAfterARestart(t *testing.T) {
	path, folder := filepath.Join(t.TempDir(), "campaigns.yml"), t.TempDir()
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("a", "", namedRows("Spring"))
	for _, team := range []string{"before", "after"} {
		write(t, path, fmt.Sprintf("- a\n- {match: Spring, labels: {team: %s}}\n", team))
		state, _ := openTestState(t, folder, api.URL, clock)
		h := prepareHarness(t, api, clock, with(state, func(c *collector.Config) { c.CampaignFile = path }))
		if team == "after" {
			h.labeled(`{campaign_id="a",label_team="after"}`)
		}
		h.Run()
		h.Settle()
		h.labeled(fmt.Sprintf(`{campaign_id="a",label_team=%q}`, team))
		h.Stop()
		state.Close()
	}
}

// Each campaign has one series in all shards together, and the same in each replica.
func TestLabelsOfShards(t *testing.T) {
	path := filepath.Join(t.TempDir(), "campaigns.yml")
	write(t, path, "- {id: a, labels: {team: a}}\n- {id: b, labels: {team: b}}\n- {id: c, labels: {team: c}}\n")
	seen := map[string]int{}
	for index := range 2 {
		h := newFileHarness(t, path, func(c *collector.Config) { c.Shard = campaigns.Shard{Index: index, Count: 2} })
		for line := range strings.Lines(h.Scrape()) {
			if strings.HasPrefix(line, "revox_campaign_labels{") {
				seen[line]++
			}
		}
	}
	for _, id := range []string{"a", "b", "c"} {
		if n := seen[fmt.Sprintf("revox_campaign_labels{campaign_id=%q,label_team=%[1]q} 1\n", id)]; n != 1 || len(seen) != 3 {
			t.Errorf("campaign %s has %d series, of %v", id, n, seen)
		}
	}
}
