package collector_test

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/internal/answertest"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

const timeoutHeader = "X-Prometheus-Scrape-Timeout-Seconds"

func newOnScrapeHarness(t *testing.T) *harness {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("c", "", answertest.Rows(t, "testdata/hand_counted.json"))
	onScrape := func(c *collector.Config) { c.CampaignIDs, c.ScanInterval = []string{"c"}, 0 }
	return newHarness(t, api, clock, onScrape, revoxapi.WithClock(clock))
}

func TestEachScrapeScans(t *testing.T) {
	h := newOnScrapeHarness(t)
	asked := h.API.RequestCount()
	h.Clock.Advance(7 * time.Second)
	h.Want(h.Scrape(timeoutHeader, "10"),
		`revox_campaign_rows{campaign_id="c"} 13`,
		`revox_campaign_last_scan_success_timestamp_seconds{campaign_id="c"} 1.714554007e+09`)
	if n := h.API.RequestCount() - asked; n != 1 {
		t.Errorf("%d requests for a scrape, want 1", n)
	}
}

// A server listens before the exporter runs.
func TestScrapeBeforeTheExporterRunsWaitsForItsScan(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("c", "", answertest.Rows(t, "testdata/hand_counted.json"))
	onScrape := func(c *collector.Config) { c.CampaignIDs, c.ScanInterval = []string{"c"}, 0 }
	h := prepareHarness(t, api, clock, onScrape, revoxapi.WithClock(clock))
	var done sync.WaitGroup
	done.Go(func() { h.Want(h.Scrape(), `revox_campaign_rows{campaign_id="c"} 13`) })
	h.Await(func() bool { return h.Exporter.Scrapers() == 1 })
	h.Run()
	done.Wait()
}

func TestOverlappingScrapesShareAScan(t *testing.T) {
	h := newOnScrapeHarness(t)
	asked := h.API.RequestCount()
	inScan, joined := make(chan struct{}), make(chan struct{})
	h.API.OnPage(func(string, int) { close(inScan); <-joined })
	const scrapes = 5
	var done sync.WaitGroup
	done.Go(func() { h.Scrape() })
	<-inScan
	for range scrapes - 1 {
		done.Go(func() { h.Scrape() })
	}
	h.Await(func() bool { return h.Exporter.Scrapers() == scrapes })
	close(joined)
	done.Wait()
	if n := h.API.RequestCount() - asked; n != 1 {
		t.Errorf("%d requests for %d overlapping scrapes, want 1", n, scrapes)
	}
}

func TestScrapeWithAShortTimeoutServesTheLastCompleteData(t *testing.T) {
	for _, timeout := range []string{"0.6", "0.2", "0.05"} { // the offset is 0.5
		t.Run(timeout, func(t *testing.T) {
			h := newOnScrapeHarness(t)
			remove := h.API.AddFault(revoxtest.Fault{Behavior: revoxtest.Hang()})
			h.Want(h.Scrape(timeoutHeader, timeout),
				`revox_campaign_up{campaign_id="c"} 0`,
				`revox_campaign_scan_failures_total{campaign_id="c",reason="timeout"} 1`,
				`revox_campaign_rows{campaign_id="c"} 13`)
			remove()
			h.Want(h.Scrape(timeoutHeader, "10"), `revox_campaign_up{campaign_id="c"} 1`)
		})
	}
}

func TestScrapeThatIsCanceledIsNoFailure(t *testing.T) {
	h := newOnScrapeHarness(t)
	t.Run("before a retry", func(t *testing.T) { h.cancelScrape(t, revoxtest.RateLimited("30")) })
	t.Run("while the API hangs", func(t *testing.T) { h.cancelScrape(t, revoxtest.Hang()) })
}

// cancelScrape cancels a scrape while its scan meets the fault.
func (h *harness) cancelScrape(t *testing.T, fault revoxtest.Behavior) {
	remove := h.API.AddFault(revoxtest.Fault{Behavior: fault})
	asked := h.API.RequestCount()
	ctx, cancel := context.WithCancel(context.Background())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, h.Web.URL, nil)
		if resp, err := h.Web.Client().Do(req); err == nil {
			resp.Body.Close()
			t.Errorf("an answer came before the scan could end:\n%s", h.Logs)
		}
	}()
	patient, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	if err := h.API.WaitForRequests(patient, asked+1); err != nil {
		t.Fatal(err)
	}
	cancel()
	<-gone
	h.Await(func() bool { return h.Exporter.Scrapers() == 0 }) // the server may notice later
	remove()
	h.Want(h.Scrape(timeoutHeader, "10"),
		`revox_campaign_up{campaign_id="c"} 1`,
		`revox_campaign_scan_failures_total{campaign_id="c",reason="rate_limited"} 0`,
		`revox_campaign_scan_failures_total{campaign_id="c",reason="timeout"} 0`)
}

func TestScanTimeoutEndsAScan(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("c", "", answertest.Rows(t, "testdata/hand_counted.json"))
	api.AddFault(revoxtest.Fault{Behavior: revoxtest.Hang()})
	h := newHarness(t, api, clock, func(c *collector.Config) {
		c.CampaignIDs, c.ScanTimeout = []string{"c"}, 50*time.Millisecond
	}, revoxapi.WithTimeout(time.Hour))
	h.Want(h.Scrape(), `revox_campaign_scan_failures_total{campaign_id="c",reason="timeout"} 1`)
}

// A campaign that must not be read yet gets no failure if the scrape ends before the campaign gets a slot.
func TestCampaignOnHoldNeedsNoSlot(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	ids := append(setRows(api, "other", 5, 1), setRows(api, "c", 1, 1)...)
	h := newHarness(t, api, clock, func(c *collector.Config) { c.CampaignIDs, c.ScanInterval, c.MaxScans = ids, 0, 1 })
	defer api.AddFault(revoxtest.Fault{Campaign: "c-0", Behavior: revoxtest.RateLimited("1800")})()
	failures := `revox_campaign_scan_failures_total{campaign_id=`
	h.Want(h.Scrape(timeoutHeader, "10"), failures+`"c-0",reason="rate_limited"} 1`)
	api.AddFault(revoxtest.Fault{Behavior: revoxtest.Hang()})
	scrape := h.Scrape(timeoutHeader, "0.6")
	h.Want(scrape, failures+`"c-0",reason="timeout"} 0`)
	lines := grep(scrape, `^`+regexp.QuoteMeta(failures)+`"other-.",reason="timeout"\} 1`)
	if strings.Count(lines, "\n") != 5 {
		t.Errorf("want a timeout of each of 5 other campaigns:\n%s", lines)
	}
	if next := h.campaign("c-0").NextScan; next.Sub(clock.Now()) != 30*time.Minute {
		t.Errorf("the next scan is due at %s, want 30 minutes from now", next)
	}
}
