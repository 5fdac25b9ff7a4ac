//go:build !race

package faultmatrix

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/internal/exportertest"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

const (
	// faulty is the campaign that meets faults, and sound the other one, with the same rows.
	faulty, sound = "faulty", "sound"
	// The rows fill four pages.
	pageSize   = 10
	rowsBefore = 31
	rowsAfter  = 32
	interval   = time.Minute
	// patience is how long a test waits before it fails.
	patience = time.Minute
)

// world is an exporter with two campaigns, and what can go wrong around it.
type world struct {
	*exportertest.Harness
	t     *testing.T
	clock *wallClock
	way   *way
	// logs is what lines of the log go through, and file the path of a file; both are set by machine faults.
	logs *gate
	file string
}

// newWorld makes an exporter without faults; run starts it.
func newWorld(t *testing.T, onScrape bool, timeout time.Duration, machine *machineFault) (w *world, run func()) {
	w = &world{t: t, clock: &wallClock{Clock: revoxtest.NewClock(exportertest.Start)}, way: newWay()}
	api := exportertest.NewAPI(t, w.clock.Clock, revoxtest.WithNow(w.clock.Now))
	w.Harness = exportertest.Prepare(t, api, w.clock.Clock, func(c *collector.Config) {
		c.Clock, c.CampaignIDs, c.Rows = w.clock, []string{faulty, sound}, revoxapi.RowsParams{PageSize: pageSize}
		if onScrape {
			c.ScanInterval = 0
		}
		if machine != nil {
			machine.setUp(w, c)
		}
	}, revoxapi.WithTimeout(timeout), revoxapi.WithTransport(w.way))
	w.Patience = patience
	w.setRows(rowsBefore)
	return w, w.start
}

// start runs the exporter until both campaigns are read. If requests about the faulty one are held, the sound one is read first.
func (w *world) start() {
	w.t.Helper()
	w.Run()
	if w.way.held != nil {
		w.Await(func() bool { return value(w.scrape(), `revox_campaign_up{campaign_id="sound"}`) == "1" })
		close(w.way.held)
	}
	w.Settle()
}

// scanAgain lets an interval pass, and then scrapes.
func (w *world) scanAgain() string {
	w.t.Helper()
	w.Advance(interval)
	return w.scrape()
}

// scrape returns what a scrape shows. client_golang must be able to gather it: no duplicate series, no wrong label or
// type.
func (w *world) scrape() string {
	w.t.Helper()
	scrape := w.Scrape()
	if _, err := w.Registry.Gather(); err != nil {
		w.t.Error(err)
	}
	return scrape
}

// setRows gives both campaigns n rows, which differ only in the campaign.
func (w *world) setRows(n int) {
	for _, id := range []string{faulty, sound} {
		rows := make([]json.RawMessage, n)
		for i := range rows {
			var compact bytes.Buffer
			if err := json.Compact(&compact, []byte(row(id, i))); err != nil {
				w.t.Fatal(err)
			}
			rows[i] = compact.Bytes()
		}
		w.API.SetRows(id, "Spring", rows)
	}
}

// personal are words that are in every row and that must never be shown.
var personal = []string{"+336123", "Canary Contact", "canary words", "canary.invalid", "canary prompt"}

func row(campaign string, i int) string {
	attempt := fmt.Sprintf(`{"id": "a%d", "status": "completed", "result": %q, "dial_error": null, "ended_by": "agent",
		"end_reason": "tool_end_call", "started_at": "2024-05-01T08:00:00Z",
		"answered_at": "2024-05-01T08:00:%02dZ", "ended_at": "2024-05-01T08:01:%02d.5Z",
		"phone_number": "+336123%05d", "recording_url": "https://canary.invalid/%d",
		"structured_output": {"said": "canary words"},
		"transcript": [{"role": "user", "content": "canary words"}, {"role": "assistant", "content": "canary words"},
			{"role": "tool", "content": "canary words", "tool_name": "find_slot", "tool_is_error": false, "tool_arguments": {"note": "canary words"}}]}`,
		i, []string{"human", "voicemail", "IVR"}[i%3], i, i, i, i)
	unanswered := fmt.Sprintf(`{"id": "b%d", "status": "error", "result": null, "dial_error": %q,
		"started_at": "2024-05-01T07:00:00Z", "answered_at": null,
		"ended_at": "2024-05-01T07:00:30Z", "phone_number": "+336123%05d"}`, i, []string{"busy", "no_answer"}[i%2], i)
	return fmt.Sprintf(`{"id": "r%d", "row_index": %d, "phone_number": "+336123%05d",
		"input_data": {"full_name": "Canary Contact"}, "call": {"id": "c%d", "status": %q, "outcome": "interested",
		"created_at": "2024-05-01T06:00:00Z", "campaign": {"id": %q, "name": "Spring"},
		"metadata": {"note": "canary words"}, "assistant": {"id": "x", "name": "Anna", "prompt": "canary prompt",
			"llm_model": {"type": "dedicated-instance", "name": "gpt-4.1"}, "voice": {"id": "v", "provider": "cartesia"}},
		"call_attempts": [%s, %s], "last_call_attempt": %s}}`,
		i, i, i, i, []string{"completed", "completed", "errored", "calling"}[i%4], campaign, attempt, unanswered, attempt)
}

// data returns the lines of a scrape that are about a campaign's rows, without the campaign's ID.
func data(scrape, campaign string) string {
	id := `campaign_id="` + campaign + `"`
	var lines []string
	for line := range strings.Lines(exportertest.Data(scrape)) {
		if strings.Contains(line, id) && !strings.HasPrefix(line, "revox_campaign_scan_requests{") {
			lines = append(lines, strings.Replace(line, id, "", 1))
		}
	}
	return strings.Join(lines, "")
}

// value returns the value of a series in a scrape, "" if there is no such series.
func value(scrape, series string) string {
	for line := range strings.Lines(scrape) {
		if rest, ok := strings.CutPrefix(line, series+" "); ok {
			return strings.TrimSpace(rest)
		}
	}
	return ""
}

// wallClock is a clock that can be set to another time. As with a real one, that does not change how long sleeps last.
type wallClock struct {
	*revoxtest.Clock
	jumped atomic.Int64
}

func (c *wallClock) Now() time.Time { return c.Clock.Now().Add(time.Duration(c.jumped.Load())) }

func (c *wallClock) jump(d time.Duration) { c.jumped.Add(int64(d)) }
