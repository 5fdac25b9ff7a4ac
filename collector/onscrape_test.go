package collector

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

const timeoutHeader = "X-Prometheus-Scrape-Timeout-Seconds"

func newOnScrapeHarness(t *testing.T) *harness {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("c", "", readRows(t, "testdata/hand_counted.json"))
	h := newHarness(t, api, clock, func(c *Config) { c.CampaignIDs, c.ScanInterval = []string{"c"}, 0 }, revoxapi.WithClock(clock))
	h.await(func() bool { ready, _ := h.exporter.Ready(); return ready && h.waiters() == 0 }) // the first scan is over
	return h
}

func TestEachScrapeScans(t *testing.T) {
	h := newOnScrapeHarness(t)
	asked := h.api.RequestCount()
	h.clock.Advance(7 * time.Second)
	h.want(h.scrape(timeoutHeader, "10"),
		`revox_campaign_rows{campaign_id="c"} 13`,
		`revox_campaign_last_scan_success_timestamp_seconds{campaign_id="c"} 1.714554007e+09`)
	if n := h.api.RequestCount() - asked; n != 1 {
		t.Errorf("%d requests for a scrape, want 1", n)
	}
}

func TestScrapesThatOverlapShareAScan(t *testing.T) {
	h := newOnScrapeHarness(t)
	asked := h.api.RequestCount()
	inScan, joined := make(chan struct{}), make(chan struct{})
	h.api.OnPage(func(string, int) { close(inScan); <-joined })
	const scrapes = 5
	var done sync.WaitGroup
	done.Go(func() { h.scrape() })
	<-inScan
	for range scrapes - 1 {
		done.Go(func() { h.scrape() })
	}
	h.await(func() bool { return h.waiters() == scrapes })
	close(joined)
	done.Wait()
	if n := h.api.RequestCount() - asked; n != 1 {
		t.Errorf("%d requests for %d scrapes that overlap, want 1", n, scrapes)
	}
}

func (h *harness) waiters() int {
	s := h.exporter.onScrape
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		return 0
	}
	return s.current.waiters
}

func TestScrapeWithTooShortADeadlineServesTheLastCompleteData(t *testing.T) {
	for _, timeout := range []string{"0.6", "0.2", "0.05"} { // the offset is 0.5
		t.Run(timeout, func(t *testing.T) {
			h := newOnScrapeHarness(t)
			remove := h.api.AddFault(revoxtest.Fault{Behavior: revoxtest.Hang()})
			h.want(h.scrape(timeoutHeader, timeout),
				`revox_campaign_up{campaign_id="c"} 0`,
				`revox_campaign_scan_failures_total{campaign_id="c",reason="timeout"} 1`,
				`revox_campaign_rows{campaign_id="c"} 13`)
			remove()
			h.want(h.scrape(timeoutHeader, "10"), `revox_campaign_up{campaign_id="c"} 1`)
		})
	}
}

func TestScraperThatGoesAwayIsNoFailure(t *testing.T) {
	h := newOnScrapeHarness(t)
	t.Run("while a retry is waited for", func(t *testing.T) { h.scraperGoesAway(t, revoxtest.RateLimited("30")) })
	t.Run("while the API hangs", func(t *testing.T) { h.scraperGoesAway(t, revoxtest.Hang()) })
}

func (h *harness) scraperGoesAway(t *testing.T, fault revoxtest.Behavior) {
	remove := h.api.AddFault(revoxtest.Fault{Behavior: fault})
	asked := h.api.RequestCount()
	ctx, cancel := context.WithCancel(context.Background())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, h.web.URL, nil)
		if resp, err := h.web.Client().Do(req); err == nil {
			resp.Body.Close()
			t.Errorf("an answer came before the scan can have ended:\n%s", h.logs)
		}
	}()
	patient, stop := context.WithTimeout(context.Background(), patience)
	defer stop()
	if err := h.api.WaitForRequests(patient, asked+1); err != nil {
		t.Fatal(err)
	}
	cancel()
	<-gone
	h.await(func() bool { return h.waiters() == 0 }) // the server has yet to notice
	remove()
	h.want(h.scrape(timeoutHeader, "10"),
		`revox_campaign_up{campaign_id="c"} 1`,
		`revox_campaign_scan_failures_total{campaign_id="c",reason="rate_limited"} 0`,
		`revox_campaign_scan_failures_total{campaign_id="c",reason="timeout"} 0`)
}

func TestScrapeTimeout(t *testing.T) {
	e := newOnScrapeHarness(t).exporter
	for header, want := range map[string]time.Duration{
		"":      0,
		"x":     0,
		"NaN":   0,
		"-1":    0,
		"0":     0,
		"+Inf":  0,
		"1e300": 0,
		"10":    9500 * time.Millisecond,
		"0.75":  250 * time.Millisecond,
		"0.5":   250 * time.Millisecond,
		"0.1":   50 * time.Millisecond,
	} {
		got, ok := e.scrapeTimeout(header)
		if got != want || ok != (want > 0) {
			t.Errorf("header %q: %s, %v; want %s", header, got, ok, want)
		}
	}
}

func TestScanTimeoutEndsAScan(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("c", "", readRows(t, "testdata/hand_counted.json"))
	api.AddFault(revoxtest.Fault{Behavior: revoxtest.Hang()})
	h := newHarness(t, api, clock, func(c *Config) {
		c.CampaignIDs, c.ScanTimeout = []string{"c"}, 50*time.Millisecond
	}, revoxapi.WithTimeout(time.Hour))
	h.want(h.scrape(), `revox_campaign_scan_failures_total{campaign_id="c",reason="timeout"} 1`)
}

// A campaign that the API has asked to leave alone is left alone, though the scrape is over before its turn comes.
func TestCampaignThatIsLeftAloneNeedsNoTurn(t *testing.T) {
	h := newOnScrapeHarness(t)
	remove := h.api.AddFault(revoxtest.Fault{Behavior: revoxtest.RateLimited("1800")})
	h.want(h.scrape(timeoutHeader, "10"), `revox_campaign_scan_failures_total{campaign_id="c",reason="rate_limited"} 1`)
	remove()
	for i := range h.exporter.MaxScans {
		turn, err := h.exporter.turns.wait(t.Context(), fmt.Sprint("another ", i), start)
		if err != nil {
			t.Fatal(err)
		}
		defer turn.end()
	}
	h.want(h.scrape(timeoutHeader, "0.6"), `revox_campaign_scan_failures_total{campaign_id="c",reason="timeout"} 0`)
	if r := h.exporter.store.get("c"); !h.exporter.leftAlone(r, h.clock.Now()) {
		t.Error("the API is to be asked again before the time that it asked for")
	}
}
