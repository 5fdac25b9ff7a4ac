package collector_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// starts returns when each campaign's scans began, that is, when its first page was requested, in seconds since start.
func (h *harness) starts() map[string][]int {
	starts := map[string][]int{}
	for _, r := range h.API.Requests() {
		id, ok := strings.CutSuffix(strings.TrimPrefix(r.Path, "/api/campaigns/"), "/rows")
		if ok && r.Query.Get("page") == "0" {
			starts[id] = append(starts[id], int(r.Time.Sub(start)/time.Second))
		}
	}
	return starts
}

// setRows makes campaigns name-0, name-1 and so on with a number of rows each, and returns their IDs.
func setRows(api *revoxtest.Server, name string, campaigns, rows int) (ids []string) {
	for i := range campaigns {
		var list []json.RawMessage
		for r := range rows {
			list = append(list, callRow(fmt.Sprint("r", r), "completed"))
		}
		id := fmt.Sprintf("%s-%d", name, i)
		api.SetRows(id, "", list)
		ids = append(ids, id)
	}
	return ids
}

func TestScansOfManyCampaignsAreSpreadOverTheInterval(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	const campaigns, intervals = 120, 4
	ids := setRows(api, "c", campaigns, 1)
	h := newHarness(t, api, clock, only(ids...))
	for range intervals * 60 {
		h.Clock.Advance(time.Second)
		h.Settle()
	}
	perSecond, tenths := map[int]int{}, make([]int, 6)
	for id, starts := range h.starts() {
		if first, second := starts[0], starts[1]; first != 0 || second < 30 || second > 90 {
			t.Errorf("campaign %s is scanned after %d s and %d s, want 0 and 30 to 90", id, first, second)
		}
		for i := 2; i < len(starts); i++ {
			if pause := starts[i] - starts[i-1]; pause != 60 {
				t.Errorf("campaign %s is scanned again after %d s, want 60: %v", id, pause, starts)
			}
		}
		perSecond[starts[1]%60]++
		tenths[starts[1]%60/10]++
	}
	for i, n := range tenths { // 20 on average
		if n < 8 || n > 35 {
			t.Errorf("%d of %d scans begin in second %d to %d of an interval: %v", n, campaigns, i*10, i*10+9, tenths)
		}
	}
	if most := slices.Max(slices.Collect(maps.Values(perSecond))); most > 8 {
		t.Errorf("%d of %d scans begin in one second", most, campaigns)
	}
	// A scan is due within the second by which the clock advances, so it lags by less.
	if most := slices.Max(h.lags()); most >= 1 {
		t.Errorf("a scan lags by %v s although there are free slots", most)
	}
}

// lags returns how late the campaigns' last scans began, in seconds.
func (h *harness) lags() []float64 {
	h.TB.Helper()
	return h.lagsOf(`.*`)
}

// lag returns how late a campaign's last scan began, in seconds.
func (h *harness) lag(id string) float64 {
	h.TB.Helper()
	lags := h.lagsOf(`campaign_id="` + id + `"`)
	if len(lags) != 1 {
		h.TB.Fatalf("%d lags of %s", len(lags), id)
	}
	return lags[0]
}

func (h *harness) lagsOf(labels string) (lags []float64) {
	h.TB.Helper()
	for line := range strings.Lines(grep(h.Scrape(), `^revox_campaign_scan_lag_seconds\{`+labels+`\}`)) {
		var lag float64
		if _, err := fmt.Sscan(line[strings.LastIndex(line, " "):], &lag); err != nil {
			h.TB.Fatal(err)
		}
		lags = append(lags, lag)
	}
	slices.Sort(lags)
	return lags
}

func TestHangingHugeCampaignsDelayNoSmallOnes(t *testing.T) {
	for name, page := range map[string]*int{
		"from the first page": revoxtest.Page(0), "from a later page": revoxtest.Page(5),
	} {
		t.Run(name, func(t *testing.T) {
			clock := revoxtest.NewClock(start)
			api := newAPI(t, clock)
			huge, small := setRows(api, "huge", 5, 30), setRows(api, "small", 3, 1)
			h := newHarness(t, api, clock, func(c *collector.Config) {
				c.CampaignIDs = append(slices.Clone(huge), small...)
				c.Rows.PageSize = 1 // 30 pages make a long scan
			})
			for _, id := range huge {
				for p := *page; p < 30; p++ {
					api.AddFault(revoxtest.Fault{Campaign: id, Page: revoxtest.Page(p), Behavior: revoxtest.Hang()})
				}
			}
			// When all huge campaigns are due, three hang and two wait.
			h.Busy = len(huge)
			h.Clock.Advance(90 * time.Second)
			h.Await(func() bool { running, waiting := h.Exporter.Scans(); return running == 3 && waiting == 2 })
			h.Settle()
			before := h.starts()
			const minutes = 5
			for range minutes * 60 {
				h.Clock.Advance(time.Second)
				h.Settle()
			}
			scrape, starts := h.Scrape(), h.starts()
			for _, id := range small {
				h.Want(scrape, fmt.Sprintf(`revox_campaign_up{campaign_id=%q} 1`, id))
				now := starts[id][len(before[id]):]
				if len(now) != minutes {
					t.Errorf("%s is scanned %d times in %d minutes", id, len(now), minutes)
				}
				for i := 1; i < len(now); i++ {
					if now[i]-now[i-1] != 60 {
						t.Errorf("%s is not scanned every minute: %v", id, now)
					}
				}
				if lag := h.lag(id); lag >= 1 {
					t.Errorf("%s lags by %v s", id, lag)
				}
			}
		})
	}
}

// At the start, nothing is known about the size of campaigns. If too many turn out to be huge, some scans yield and
// start again.
func TestHugeCampaignsYieldAtTheStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "campaigns.yml")
	write(t, path, "[]")
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	huge, small := setRows(api, "huge", 6, 40), setRows(api, "small", 5, 1)
	h := newHarness(t, api, clock, func(c *collector.Config) { c.CampaignFile, c.Rows.PageSize = path, 1 })
	blocked := make(chan struct{})
	api.OnPage(func(id string, page int) {
		if page >= 30 && strings.HasPrefix(id, "huge") {
			<-blocked
		}
	})
	unblock := sync.OnceFunc(func() { close(blocked) })
	t.Cleanup(unblock)
	write(t, path, "- "+strings.Join(append(slices.Clone(huge), small...), "\n- ")+"\n")
	if err := h.Exporter.Reload(); err != nil {
		t.Fatal(err)
	}
	h.Await(func() bool {
		for _, id := range small {
			if c := h.campaign(id); !c.Scanned || c.Err != nil {
				return false
			}
		}
		running, waiting := h.Exporter.Scans()
		return running == 3 && waiting == 3
	})
	scrape := h.Scrape()
	for _, id := range huge {
		h.WantNone(scrape, fmt.Sprintf(`^revox_campaign_(up|rows)\{campaign_id=%q`, id))
	}

	unblock()
	h.Settle()
	scrape = h.Scrape()
	for _, id := range huge {
		h.Want(scrape, fmt.Sprintf(`revox_campaign_up{campaign_id=%q} 1`, id),
			fmt.Sprintf(`revox_campaign_rows{campaign_id=%q} 40`, id),
			fmt.Sprintf(`revox_campaign_scan_failures_total{campaign_id=%q,reason="connection"} 0`, id))
	}
	again := 0
	for _, starts := range h.starts() {
		again += len(starts) - 1
	}
	if again != 3 {
		t.Errorf("%d scans were started again, want 3", again)
	}

	// If all campaigns are huge, no slot is reserved for short scans.
	write(t, path, "- "+strings.Join(huge, "\n- ")+"\n")
	if err := h.Exporter.Reload(); err != nil {
		t.Fatal(err)
	}
	for _, id := range huge {
		api.AddFault(revoxtest.Fault{Campaign: id, Behavior: revoxtest.Hang()})
	}
	h.Clock.Advance(90 * time.Second)
	h.Await(func() bool { running, waiting := h.Exporter.Scans(); return running == 4 && waiting == 2 })
}

// The pause after a scan that takes longer than the interval is as long as the scan, and the log says so once.
func TestScanThatTakesLongerThanTheIntervalLags(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	ids := setRows(api, "c", 1, 1)
	h := newHarness(t, api, clock, only(ids...))
	var asked atomic.Int64
	api.OnPage(func(string, int) {
		if asked.Add(1) <= 2 {
			clock.Advance(150 * time.Second)
		}
	})
	h.Clock.Advance(time.Minute)
	h.Settle()
	if next := h.Exporter.Status().Campaigns[0].NextScan.Sub(start); next != 360*time.Second {
		t.Errorf("the next scan is said to begin at %s", next)
	}
	h.Advance(149 * time.Second)
	h.Advance(time.Second)
	// The scan at 360 was due at 120. It ends at 510.
	h.Want(h.Scrape(), fmt.Sprintf(`revox_campaign_scan_lag_seconds{campaign_id=%q} 240`, ids[0]))
	h.Advance(149 * time.Second)
	h.Advance(time.Second)
	h.Advance(time.Minute)
	if got := h.starts()[ids[0]]; !slices.Equal(got, []int{0, 60, 360, 660, 720}) {
		t.Errorf("scans began at %v s", got)
	}
	if n := strings.Count(h.Logs.String(), "takes more than half of --scan.interval"); n != 1 {
		t.Errorf("%d lines in the log about long scans:\n%s", n, h.Logs.String())
	}
	h.Want(h.Scrape(), fmt.Sprintf(`revox_campaign_scan_lag_seconds{campaign_id=%q} 0`, ids[0]))
	if most := api.MaxInFlight(); most != 1 {
		t.Errorf("%d requests at once for one campaign", most)
	}
}

func TestScansThatWaitForASlotLag(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	ids := setRows(api, "c", 3, 1)
	api.OnPage(func(string, int) { clock.Advance(20 * time.Second) })
	oneSlot := func(c *collector.Config) { c.CampaignIDs, c.MaxScans, c.ScanInterval = ids, 1, time.Hour }
	h := newHarness(t, api, clock, oneSlot)
	if lags := h.lags(); !slices.Equal(lags, []float64{0, 20, 40}) {
		t.Errorf("scans lag by %v s", lags)
	}
}

// If the clock is set back by an hour during a scan, the next scan is not an hour late.
func TestClockThatIsSetBackDelaysNoScan(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	ids := setRows(api, "c", 1, 1)
	h := newHarness(t, api, clock, only(ids...))
	setBack := sync.OnceFunc(func() { clock.Set(start.Add(-time.Hour)) })
	api.OnPage(func(string, int) { setBack() })
	h.Advance(time.Minute)
	asked := api.RequestCount()
	h.Advance(4 * time.Minute)
	if n := api.RequestCount() - asked; n < 3 {
		t.Errorf("%d scans in the 4 minutes after the clock was set back", n)
	}
}
