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

// manyListed returns entries of n campaigns, c-0 and so on.
func manyListed(n int) []string {
	entries := make([]string, n)
	for i := range entries {
		entries[i] = listed(fmt.Sprint("c-", i), "", "running", false, start)
	}
	return entries
}

// ids returns what harness.selected returns if c-0 to c-(n-1) are selected.
func ids(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprint("c-", i)
	}
	return strings.Join(all, " ")
}

func TestSuddenLossOfCampaignsIsDoubted(t *testing.T) {
	others := func(n int) []string {
		entries := make([]string, n)
		for i := range entries {
			entries[i] = listed(fmt.Sprint("other-", i), "", "draft", false, start)
		}
		return entries
	}
	for _, test := range []struct {
		name          string
		before, after []string
		doubted       bool
	}{
		{"an empty list", manyListed(8), nil, true},
		{"an empty list after one campaign", manyListed(1), nil, true},
		{"less than half", manyListed(8), manyListed(3), true},
		{"half", manyListed(8), manyListed(4), false},
		{"most of the selected campaigns, of a longer list", append(manyListed(9), others(40)...),
			append(manyListed(4), others(40)...), false},
		{"most of many selected campaigns, of a longer list", append(manyListed(11), others(40)...),
			append(manyListed(4), others(40)...), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			clock := revoxtest.NewClock(start)
			api := newAPI(t, clock)
			for i := range 11 {
				api.SetRows(fmt.Sprint("c-", i), "", []json.RawMessage{callRow("r", "completed")})
			}
			remove := list(api, test.before...)
			h := newHarness(t, api, clock, discover(nil))
			before := h.selected()
			remove()
			remove = list(api, test.after...)
			h.Advance(5 * time.Minute)
			if got := h.selected(); (got == before) != test.doubted {
				t.Fatalf("selected %q, doubted: %v", got, !test.doubted)
			}
			if !test.doubted {
				h.Want(h.Scrape(), `revox_discovery_up 1`, `revox_discovery_failures_total{reason="incomplete"} 0`)
				return
			}
			h.Want(h.Scrape(), `revox_discovery_up 0`, `revox_discovery_failures_total{reason="incomplete"} 1`,
				`revox_campaign_up{campaign_id="c-0"} 1`)
			if lines := grep(h.Logs.String(), "used if 3 lists in a row are like that"); strings.Count(lines, "\n") != 1 {
				t.Errorf("want one line in the log:\n%s", h.Logs)
			}
			// Two lists like that, and then a whole one: nothing is lost, and the count starts again.
			h.Advance(time.Minute)
			remove()
			remove = list(api, test.before...)
			h.Advance(time.Minute)
			h.Want(h.Scrape(), `revox_discovery_up 1`)
			remove()
			list(api, test.after...)
			h.Advance(6 * time.Minute)
			if got := h.selected(); got != before {
				t.Errorf("selected %q after two lists", got)
			}
			h.Advance(time.Minute)
			if got := h.selected(); got == before {
				t.Error("not believed after three lists in a row")
			}
			h.Want(h.Scrape(), `revox_discovery_up 1`, `revox_discovery_failures_total{reason="incomplete"} 4`)
		})
	}
}

// After a restart, the first list is compared with the campaigns in the state.
func TestEmptyListAfterARestartIsDoubted(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("a", "", []json.RawMessage{callRow("r1", "completed")})
	remove := list(api, listed("a", "A", "running", false, start))
	folder := t.TempDir()
	state, _ := openTestState(t, folder, api.URL, clock)
	h := newHarness(t, api, clock, with(state, discover(nil)))
	remove()
	list(api)
	again, _ := h.restart(folder, discover(nil))
	again.Want(again.Scrape(), `revox_discovery_up 0`, `revox_campaign_up{campaign_id="a"} 1`)
	again.Advance(2 * time.Minute)
	again.Want(again.Scrape(), `revox_discovery_up 1`)
	again.WantNone(again.Scrape(), `campaign_id="a"`)
}

// There is no way to read the rest of a list with pages. What it sends is read, and no campaign is dropped because it
// moved to another page.
func TestPartialListIsReported(t *testing.T) {
	for _, more := range []string{`"total": 40`, `"total": "40"`, `"has_more": true`, `"next": "/campaigns?page=2"`} {
		clock := revoxtest.NewClock(start)
		api := newAPI(t, clock)
		for i := range 12 {
			api.SetRows(fmt.Sprint("c-", i), "", []json.RawMessage{callRow("r", "completed")})
		}
		partial := func(entries []string) func() {
			return api.AddFault(revoxtest.Fault{Endpoint: "campaigns", Behavior: revoxtest.Body("application/json",
				fmt.Sprintf(`{"campaigns": [%s], %s}`, strings.Join(entries, ","), more))})
		}
		remove := partial(manyListed(11))
		h := newHarness(t, api, clock, discover(nil))
		scrape := h.Scrape()
		h.Want(scrape, `revox_discovery_up 0`, `revox_discovery_failures_total{reason="incomplete"} 1`,
			`revox_campaign_up{campaign_id="c-0"} 1`, `revox_campaign_status{campaign_id="c-0",status="running"} 1`)
		h.WantNone(scrape, `^revox_discovery_last_success_timestamp_seconds `)
		if lines := grep(h.Logs.String(), "the list of campaigns is incomplete"); strings.Count(lines, "\n") != 1 {
			t.Errorf("want one warning:\n%s", h.Logs)
		}
		remove()
		remove = partial(append(manyListed(12)[10:], listed("c-1", "", "draft", false, start)))
		h.Advance(5 * time.Minute)
		if got, want := h.selected(), strings.ReplaceAll(ids(12), "c-1 c-10", "c-10"); got != want &&
			got != "c-0 c-10 c-11 c-2 c-3 c-4 c-5 c-6 c-7 c-8 c-9" {
			t.Errorf("selected %q", got)
		}
		if h.Exporter.Status().ListErr == nil {
			t.Error("the status has no error")
		}
		remove()
		list(api, manyListed(12)...)
		h.Advance(5 * time.Minute)
		h.Want(h.Scrape(), `revox_discovery_up 1`, `revox_discovery_failures_total{reason="incomplete"} 2`)
	}
}

func TestUnknownCampaignStatusIsRead(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	for _, id := range []string{"a", "b", "c"} {
		api.SetRows(id, "", []json.RawMessage{callRow("r", "completed")})
	}
	list(api, listed("a", "A", "archived", false, start), listed("b", "B", "call +33 6 12", false, start),
		listed("c", "C", "archived", true, start))
	h := newHarness(t, api, clock, discover(nil))
	scrape := h.Scrape()
	h.Want(scrape, `revox_campaign_up{campaign_id="a"} 1`, `revox_campaign_up{campaign_id="b"} 1`,
		`revox_campaign_status{campaign_id="a",status="archived"} 1`,
		`revox_campaign_status{campaign_id="b",status="other"} 1`,
		`revox_campaign_status{campaign_id="c",status="cancelled"} 1`,
		`revox_exporter_unknown_values_total{label="status"} 2`)
	if n := strings.Count(h.Logs.String(), "value=archived"); n != 1 || strings.Contains(h.Logs.String()+scrape, "+33") {
		t.Errorf("the log names the new status %d times, or shows text:\n%s", n, h.Logs)
	}
}

func TestTooManyCampaignsAreReportedOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "campaigns.yml")
	var file strings.Builder
	for i := range campaigns.MaxSelected + 3 {
		fmt.Fprintf(&file, "- c-%d\n", i)
	}
	write(t, path, file.String())
	clock := revoxtest.NewClock(start)
	h := prepareHarness(t, newAPI(t, clock), clock, func(c *collector.Config) { c.CampaignFile = path })
	if n := len(h.Exporter.Status().Campaigns); n != campaigns.MaxSelected {
		t.Errorf("%d campaigns are selected", n)
	}
	h.Want(h.Scrape(), `revox_exporter_campaigns_over_limit 3`)
	if err := h.Exporter.Reload(); err != nil {
		t.Fatal(err)
	}
	lines := grep(h.Logs.String(), "--shard.count")
	if strings.Count(lines, "\n") != 1 || !strings.Contains(lines, "--campaign.include") || !strings.Contains(lines, "not_read=3") {
		t.Errorf("want one warning that says what to do:\n%s", lines)
	}
	write(t, path, "[]")
	if err := h.Exporter.Reload(); err != nil {
		t.Fatal(err)
	}
	h.Want(h.Scrape(), `revox_exporter_campaigns_over_limit 0`)
}

func TestShardInfo(t *testing.T) {
	clock := revoxtest.NewClock(start)
	h := prepareHarness(t, newAPI(t, clock), clock, only("c"))
	h.Want(h.Scrape(), `revox_exporter_shard_info{shard_count="1",shard_index="0"} 1`)
	h = prepareHarness(t, newAPI(t, clock), clock, func(c *collector.Config) { c.Shard = campaigns.Shard{Index: 2, Count: 3} })
	h.Want(h.Scrape(), `revox_exporter_shard_info{shard_count="3",shard_index="2"} 1`, `revox_exporter_shards 3`)
}
