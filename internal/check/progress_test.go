package check_test

import (
	"strings"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/internal/exportertest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func TestProgress(t *testing.T) {
	api := newAPI(t)
	api.SetRows("a", "", rows(25))
	api.SetRows("b", "", rows(5))
	clock := revoxtest.NewClock(time.Now())
	api.OnPage(func(string, int) { clock.Advance(time.Second) })
	inPages := func(c *collector.Config) {
		c.CampaignIDs, c.Rows.PageSize, c.MaxScans = []string{"a", "b"}, 10, 1
	}
	o := run{url: api.URL, columns: 80, clock: clock, config: inPages}.do(t)
	for _, want := range []string{
		"\r\x1b[K[................]  0 of 2 campaigns  0 rows",
		// 10 rows a second; the other campaign is taken to be like this one.
		"\r\x1b[K[###.............]  0 of 2 campaigns  10 rows  10 rows/s  4s left",
		"\r\x1b[K[################]  2 of 2 campaigns  30 rows  7 rows/s",
	} {
		if !strings.Contains(o.progress, want) {
			t.Errorf("%q is not shown:\n%q", want, o.progress)
		}
	}
	if !strings.HasSuffix(o.progress, "\r\x1b[K") {
		t.Errorf("the line is not removed: %q", o.progress)
	}

	o = run{url: api.URL, clock: clock, config: inPages}.do(t)
	if want := "campaign a (1 of 2): 25 rows in 3s\ncampaign b (2 of 2): 5 rows in 1s\n"; o.progress != want {
		t.Errorf("without a terminal there is %q, want %q", o.progress, want)
	}
	api.OnPage(func(string, int) { clock.Advance(11 * time.Second) })
	o = run{url: api.URL, clock: clock, config: inPages}.do(t)
	if !strings.HasPrefix(o.progress, "0 of 2 campaigns  10 rows  0 rows/s  44s left\n") {
		t.Errorf("a long check says nothing in between: %q", o.progress)
	}
}

func TestWaitsAreShown(t *testing.T) {
	api := newAPI(t)
	api.SetRows("a", "", rows(3))
	for _, columns := range []int{80, 0} {
		api.AddFault(revoxtest.Fault{Times: 1, Behavior: revoxtest.RateLimited("7")})
		o := run{url: api.URL, columns: columns, config: exportertest.Only("a")}.do(t)
		if !o.ok || !strings.Contains(o.progress, "trying again in 7s: rate_limited") {
			t.Errorf("progress: %q", o.progress)
		}
	}
}
