package collector_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// activeRow returns a row with one attempt per pair of a status and a start.
func activeRow(id, status string, statusAndStart ...string) json.RawMessage {
	attempts := ""
	for i := 0; i < len(statusAndStart); i += 2 {
		attempts += fmt.Sprintf(`,{"id": "%s-%d", "status": %q, "started_at": %s}`, id, i, statusAndStart[i], statusAndStart[i+1])
	}
	return fmt.Appendf(nil, `{"id": %q, "call": {"status": %q, "created_at": "2024-04-01T09:00:00Z", "call_attempts": [%s]}}`,
		id, status, attempts[min(len(attempts), 1):])
}

// The start of the oldest attempt under way is known from whatever page has it, and over restarts.
func TestOldestActiveAttempt(t *testing.T) {
	const metric = `revox_campaign_oldest_active_attempt_timestamp_seconds{campaign_id="c"} `
	at := func(d time.Duration) string { return start.Add(d).Format(`"2006-01-02T15:04:05.000Z"`) }
	seconds := func(d time.Duration) string { return fmt.Sprint(metric, float64(start.Add(d).UnixMilli())/1e3) }
	old := at(-240 * time.Hour)
	done := func(id string) json.RawMessage { return activeRow(id, "completed", "completed", old) }
	rows := []json.RawMessage{done("r1"), done("r2")}

	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock, revoxtest.WithPageSizeCap(2))
	api.SetRows("c", "", rows)
	folder := t.TempDir()
	state, _ := openTestState(t, folder, api.URL, clock)
	h := newHarness(t, api, clock, with(state, only("c")))
	none := `^revox_campaign_oldest_active_attempt_timestamp_seconds`
	h.WantNone(h.Scrape(), none)

	// Absent, unreadable and impossible starts do not count, nor do attempts that have ended or have an unknown status.
	odd := activeRow("r3", "calling", "queued", "null", "ringing", `"soon"`, "ongoing", `"0001-01-01T00:00:00Z"`,
		"ongoing", `"1970-01-01T00:00:00Z"`, "error", old, "lost", old)
	rows = append(rows, odd, done("r4"))
	api.SetRows("c", "", rows)
	h.Advance(time.Minute)
	h.WantNone(h.Scrape(), none)
	h.Want(h.Scrape(), `revox_campaign_anomalies{campaign_id="c",kind="bad_timestamp"} 1`)

	rows = append(rows, activeRow("r5", "calling", "ringing", at(-time.Minute)),
		activeRow("r6", "completed", "ongoing", at(-50*time.Hour+250*time.Millisecond), "queued", at(-2*time.Hour)))
	api.SetRows("c", "", rows)
	h.Advance(time.Minute)
	h.Want(h.Scrape(), seconds(-50*time.Hour+250*time.Millisecond))

	api.AddFault(revoxtest.Fault{Behavior: revoxtest.Status(503, nil, "")})
	again, _ := h.restart(folder, only("c"))
	again.Want(again.Scrape(), seconds(-50*time.Hour+250*time.Millisecond))
}

func TestOldestActiveAttemptEnds(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("c", "", []json.RawMessage{activeRow("r", "calling", "queued", `"2024-05-01T08:00:00Z"`)})
	h := newHarness(t, api, clock, only("c"))
	h.Want(h.Scrape(), `revox_campaign_oldest_active_attempt_timestamp_seconds{campaign_id="c"} 1.7145504e+09`)
	api.SetRows("c", "", []json.RawMessage{activeRow("r", "completed", "completed", `"2024-05-01T08:00:00Z"`)})
	h.Advance(time.Minute)
	h.WantNone(h.Scrape(), `^revox_campaign_oldest_active`)
}
