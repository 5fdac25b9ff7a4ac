package collector_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// finishedRows returns rows with finished calls. The only attempt of the last one failed, which shows in totals by status that
// these go by the call's status.
func finishedRows(n int) []json.RawMessage {
	rows := make([]json.RawMessage, n)
	for i := range rows {
		rows[i] = callRow(fmt.Sprint("r", i), "completed", endedAttempt("human", 40))
	}
	rows[n-1] = callRow(fmt.Sprint("r", n-1), "completed", failedAttempt)
	return rows
}

// runningRows returns 100 rows of a campaign that is called in the order of the list: calls that are finished up to row
// 59, three that are tried again, one under way, and the others queued or, every fifth, without a call.
func runningRows() []json.RawMessage {
	rows := finishedRows(100)
	for _, i := range []int{7, 33, 51} {
		rows[i] = callRow(fmt.Sprint("r", i), "scheduled", endedAttempt("voicemail", 20))
	}
	rows[60] = callRow("r60", "calling", `{"status": "ongoing"}`)
	for i := 61; i < 100; i++ {
		rows[i] = callRow(fmt.Sprint("r", i), "queued_for_calling")
		if i%5 == 0 {
			rows[i] = json.RawMessage(fmt.Sprintf(`{"id": "r%d"}`, i))
		}
	}
	return rows
}

// inPagesOfTen reads the campaign "c" in pages of 10 rows, whole only once a day.
func inPagesOfTen(c *collector.Config) {
	c.CampaignIDs, c.Rows.PageSize, c.FullInterval = []string{"c"}, 10, 24*time.Hour
}

// later runs an exporter of a campaign "c" with these rows, and returns after its first scan.
func later(t *testing.T, rows []json.RawMessage, options ...revoxtest.Option) *harness {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock, options...)
	api.SetRows("c", "", rows)
	return newHarness(t, api, clock, inPagesOfTen)
}

// counts returns what a scrape says of the campaign's rows.
func counts(scrape string) string {
	return grep(scrape, `^revox_campaign_(rows|rows_without_call|calls|call_attempts|calls_finished_total|call_attempt_results_total)[ {]`)
}

// wantCounts fails the test unless the exporter counts the same as one that has just started.
func (h *harness) wantCounts() {
	h.TB.Helper()
	fresh := newHarness(h.TB, h.API, revoxtest.NewClock(h.Clock.Now()), inPagesOfTen)
	gauges := func(scrape string) string {
		return grep(counts(scrape), `^revox_campaign_(rows|rows_without_call|calls|call_attempts)[ {]`)
	}
	if got, want := gauges(h.Scrape()), gauges(fresh.Scrape()); got != want || got == "" {
		h.TB.Errorf("the counts differ from those of a first scan:\n%s", diff(want, got))
	}
}

func (h *harness) requests() string {
	h.TB.Helper()
	var kinds []string
	for line := range strings.Lines(grep(h.Scrape(), `^revox_campaign_scan_requests\{`)) {
		_, rest, _ := strings.Cut(line, `kind="`)
		kind, n, _ := strings.Cut(rest, `"} `)
		kinds = append(kinds, kind+" "+strings.TrimSpace(n))
	}
	return strings.Join(kinds, ", ")
}

func (h *harness) wantRequests(want string) {
	h.TB.Helper()
	if got := h.requests(); got != want {
		h.TB.Errorf("requests: %s; want: %s", got, want)
	}
}

func TestALaterScanReadsWhatIsGoingOn(t *testing.T) {
	h := later(t, runningRows())
	h.wantRequests("active 0, full 11, moved 0, totals 0")
	h.Advance(time.Minute)
	h.wantRequests("active 2, full 0, moved 0, totals 6")
	h.wantCounts()

	// The call under way ends and is tried again later, the next one begins, and one that was tried again is done.
	rows := runningRows()
	rows[60] = callRow("r60", "scheduled", endedAttempt("IVR", 3))
	rows[61] = callRow("r61", "calling", `{"status": "ringing"}`)
	rows[33] = callRow("r33", "completed", endedAttempt("human", 9), endedAttempt("voicemail", 20))
	h.API.SetRows("c", "", rows)
	h.Advance(time.Minute)
	h.wantRequests("active 2, full 0, moved 3, totals 6")
	h.wantCounts()
	h.Want(h.Scrape(), `revox_campaign_call_attempt_results_total{campaign_id="c",result="human"} 58`,
		`revox_campaign_scans_filtered{campaign_id="c"} 1`)
}

// Reading what goes on would take more requests than reading all.
func TestACampaignThatIsMostlyUnderWayIsReadWhole(t *testing.T) {
	at := func(when time.Time) []json.RawMessage {
		rows := runningRows()
		for i := range 55 {
			rows[i] = json.RawMessage(fmt.Sprintf(`{"id": "r%d", "call": {"status": "scheduled", "scheduled_at": %q, "call_attempts": [%s]}}`,
				i, when.Format(time.RFC3339), endedAttempt("voicemail", 20)))
		}
		return rows
	}
	h := later(t, at(start))
	h.Advance(time.Minute)
	h.Advance(time.Minute)
	h.Want(h.Scrape(), `revox_campaign_scans_filtered{campaign_id="c"} 1`)
	h.Advance(time.Minute)
	h.wantRequests("active 0, full 11, moved 0, totals 0")
	h.wantCounts()
	h.Want(h.Scrape(), `revox_campaign_scans_filtered{campaign_id="c"} 0`)
	if got := h.Exporter.Status().EveryRow.Requests; got != 11 {
		t.Errorf("reading every row is said to take %d requests, want 11", got)
	}

	// Once most calls wait for a time to come, scans read little again.
	h.API.SetRows("c", "", at(start.Add(time.Hour)))
	for range 10 {
		h.Advance(time.Minute)
	}
	h.wantRequests("active 1, full 0, moved 0, totals 7")
	h.wantCounts()
	h.Want(h.Scrape(), `revox_campaign_scans_filtered{campaign_id="c"} 1`)

	// What every row takes does not include what a scan took before it turned out that every row must be read.
	h.API.SetRows("c", "", finishedRows(100))
	h.Advance(time.Minute)
	h.Want(h.Scrape(), `revox_campaign_scan_requests{campaign_id="c",kind="full"} 11`)
	if got := h.Exporter.Status().EveryRow.Requests; got != 11 {
		t.Errorf("reading every row is said to take %d requests, want 11", got)
	}
}

func TestWhatALaterScanMustNotMiss(t *testing.T) {
	for _, test := range []struct {
		name     string
		change   func(rows []json.RawMessage) []json.RawMessage
		requests string // "" if all rows must be read
	}{
		{"calls that began and ended since", func(rows []json.RawMessage) []json.RawMessage {
			for _, i := range []int{62, 63, 64} {
				rows[i] = callRow(fmt.Sprint("r", i), "completed", endedAttempt("human", 40))
			}
			return rows
		}, "active 2, full 0, moved 4, totals 6"},
		{"a call far from the others began and ended since", func(rows []json.RawMessage) []json.RawMessage {
			rows[98] = callRow("r98", "errored", endedAttempt("human", 40))
			return rows
		}, "active 2, full 0, moved 1, totals 6"},
		{"a row that was passed over is called after all", func(rows []json.RawMessage) []json.RawMessage {
			rows[65] = callRow("r65", "calling", `{"status": "ringing"}`)
			return rows
		}, "active 2, full 0, moved 0, totals 6"},
		{"finished calls are opened again", func(rows []json.RawMessage) []json.RawMessage {
			for i := range 20 {
				rows[i] = callRow(fmt.Sprint("r", i), "scheduled", endedAttempt("human", 40))
			}
			return rows
		}, ""},
		{"a finished call is queued again", func(rows []json.RawMessage) []json.RawMessage {
			rows[3] = callRow("r3", "queued_for_calling", endedAttempt("human", 40))
			return rows
		}, ""},
		{"a retry is queued", func(rows []json.RawMessage) []json.RawMessage {
			rows[33] = callRow("r33", "queued_for_calling", endedAttempt("voicemail", 20))
			return rows
		}, "active 2, full 0, moved 1, totals 6"},
		{"rows are added at the end", func(rows []json.RawMessage) []json.RawMessage {
			return append(rows, json.RawMessage(`{"id": "new-1"}`), callRow("new-2", "completed", endedAttempt("IVR", 1)))
		}, "active 2, full 0, moved 1, totals 6"},
		{"rows are added at the beginning", func(rows []json.RawMessage) []json.RawMessage {
			return slices.Concat([]json.RawMessage{callRow("new-1", "calling"), json.RawMessage(`{"id": "new-2"}`)}, rows)
		}, "active 2, full 0, moved 2, totals 6"},
		{"a row is added in between", func(rows []json.RawMessage) []json.RawMessage {
			return slices.Insert(rows, 20, callRow("new", "completed", endedAttempt("IVR", 1)))
		}, ""},
		{"a row is removed", func(rows []json.RawMessage) []json.RawMessage { return slices.Delete(rows, 5, 6) }, ""},
		{"a row is replaced", func(rows []json.RawMessage) []json.RawMessage {
			rows[5] = callRow("new", "queued_for_calling")
			return rows
		}, ""},
		{"a row is added at the beginning, and another removed", func(rows []json.RawMessage) []json.RawMessage {
			return slices.Insert(rows[:99], 0, callRow("new", "completed", endedAttempt("IVR", 1)))
		}, ""},
		{"the list is reversed", func(rows []json.RawMessage) []json.RawMessage { slices.Reverse(rows); return rows }, ""},
		{"the campaign is cancelled", func(rows []json.RawMessage) []json.RawMessage {
			for i := 61; i < 100; i++ {
				rows[i] = callRow(fmt.Sprint("r", i), "cancelled")
			}
			return rows
		}, "active 2, full 0, moved 7, totals 6"},
		{"an unknown status", func(rows []json.RawMessage) []json.RawMessage {
			rows[60] = callRow("r60", "pondering", `{"status": "ongoing"}`)
			return rows
		}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := later(t, runningRows(), revoxtest.WithETags())
			h.Advance(time.Minute)
			h.API.SetRows("c", "", test.change(runningRows()))
			h.Advance(time.Minute)
			if test.requests != "" {
				h.wantRequests(test.requests)
			} else if got := h.requests(); strings.Contains(got, "full 0") {
				t.Errorf("not all rows are read: %s", got)
			}
			h.wantCounts()
			h.Advance(time.Minute)
			h.wantCounts()
			if got := h.requests(); !strings.Contains(got, "full 0") {
				t.Errorf("the scan after that is full again: %s", got)
			}
		})
	}
}

// A row whose queued call has attempts is not read as long as its call seems to wait for the next one.
func TestAQueuedRowIsNotCountedAnyMoreWhenItHasLostItsCall(t *testing.T) {
	ago := func(d time.Duration) string { return start.Add(-d).Format(time.RFC3339) }
	ended := fmt.Sprintf(`{"status": "completed", "result": "voicemail", "started_at": %q, "ended_at": %q}`,
		ago(3*time.Hour), ago(3*time.Hour-time.Minute))
	lately := fmt.Sprintf(`{"status": "completed", "result": "voicemail", "started_at": %q, "ended_at": %q}`,
		ago(3*time.Minute), ago(2*time.Minute))
	// Calls are scheduled for two hours later and queued then.
	served := func() []json.RawMessage {
		rows := runningRows()
		rows[33] = callRow("r33", "queued_for_calling", ended)
		rows[51] = json.RawMessage(fmt.Sprintf(`{"id": "r51", "call": {"status": "scheduled", "scheduled_at": %q, "call_attempts": [%s]}}`,
			ago(-2*time.Hour), lately))
		return rows
	}
	for name, change := range map[string]func(rows []json.RawMessage){
		"lost":     func(rows []json.RawMessage) { rows[33] = json.RawMessage(`{"id": "r33"}`) },
		"replaced": func(rows []json.RawMessage) { rows[33] = json.RawMessage(`{"id": "new"}`) },
		"the only one": func(rows []json.RawMessage) {
			for i := range rows {
				if i == 33 || i > 60 {
					rows[i] = json.RawMessage(fmt.Sprintf(`{"id": "r%d"}`, i))
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := later(t, served())
			h.Advance(time.Minute)
			h.wantRequests("active 2, full 0, moved 0, totals 6")
			rows := served()
			change(rows)
			h.API.SetRows("c", "", rows)
			h.Advance(time.Minute)
			h.wantCounts()
		})
	}
}

// If nothing goes on, one request for each status and one for the last row are enough.
func TestFinishedCampaignCostsTwoSmallRequestsPerScan(t *testing.T) {
	for name, options := range map[string][]revoxtest.Option{
		"counts pages from 0":          nil,
		"counts pages from 1, strict":  {revoxtest.WithFirstPage(1)},
		"counts pages from 1, lenient": {revoxtest.WithFirstPage(1), revoxtest.WithLenientFirstPage()},
		"counts pages from 1, echoes":  {revoxtest.WithFirstPage(1), revoxtest.WithEchoedPage()},
		"caps the page":                {revoxtest.WithPageSizeCap(7)},
	} {
		for _, rows := range []int{35, 40} {
			t.Run(fmt.Sprintf("%s, %d rows", name, rows), func(t *testing.T) {
				h := later(t, finishedRows(rows), options...)
				h.Advance(time.Minute) // the client learns where pages start
				asked := h.API.RequestCount()
				h.Advance(3 * time.Minute)
				if n := h.API.RequestCount() - asked; n != 6 {
					t.Errorf("%d requests by 3 scans, want 6", n)
				}
				for _, r := range h.API.Requests()[asked:] {
					if r.Query.Get("page_size") != "1" {
						t.Errorf("a page of %s rows is requested", r.Query.Get("page_size"))
					}
				}
				h.wantCounts()
			})
		}
	}
}

// What only a full scan finds is counted: here, two rows exchange their statuses.
func TestChangesThatOnlyAFullScanFinds(t *testing.T) {
	rows := runningRows()
	rows[10] = callRow("r10", "errored", endedAttempt("human", 40))
	h := later(t, rows)
	rows = runningRows()
	rows[3] = callRow("r3", "errored", endedAttempt("human", 40))
	h.API.SetRows("c", "", rows)
	h.Advance(time.Minute)
	h.Want(h.Scrape(), `revox_campaign_unannounced_changes_total{campaign_id="c"} 0`)
	h.Clock.Advance(24 * time.Hour)
	h.Settle()
	h.Want(h.Scrape(), `revox_campaign_unannounced_changes_total{campaign_id="c"} 2`)
	if n := strings.Count(h.Logs.String(), "found rows changed"); n != 1 {
		t.Errorf("the log says it %d times, want once:\n%s", n, h.Logs)
	}
}

// A result that is computed some minutes after the call is seen.
func TestLateResults(t *testing.T) {
	rows := runningRows()
	now := start.Format(time.RFC3339)
	ended := `{"status": "completed", %s "started_at": "` + now + `", "ended_at": "` + now + `"}`
	rows[33] = callRow("r33", "completed", fmt.Sprintf(ended, ""))
	h := later(t, rows)
	rows = slices.Clone(rows)
	rows[33] = callRow("r33", "completed", fmt.Sprintf(ended, `"result": "IVR",`))
	h.API.SetRows("c", "", rows)
	h.Advance(time.Minute)
	h.Want(h.Scrape(), `revox_campaign_call_attempt_results_total{campaign_id="c",result="none"} 1`)
	h.Advance(time.Minute)
	h.Want(h.Scrape(), `revox_campaign_call_attempt_results_total{campaign_id="c",result="IVR"} 1`)
	h.wantRequests("active 2, full 0, moved 1, totals 6")
	h.Advance(time.Minute)
	h.wantRequests("active 2, full 0, moved 0, totals 6")
}

func TestFailedScanLosesNothing(t *testing.T) {
	h := later(t, runningRows())
	remove := h.API.AddFault(revoxtest.Fault{
		Page: revoxtest.Page(99), Behavior: revoxtest.Status(http.StatusInternalServerError, nil, "no"),
	})
	h.Advance(time.Minute)
	h.Want(h.Scrape(), `revox_campaign_up{campaign_id="c"} 0`)
	remove()
	h.Advance(time.Minute)
	h.wantRequests("active 2, full 0, moved 0, totals 6")
	h.wantCounts()

	// Most rows disappear for a moment.
	h.API.SetRows("c", "", runningRows()[:3])
	h.Advance(time.Minute)
	h.Want(h.Scrape(), `revox_campaign_scan_failures_total{campaign_id="c",reason="incomplete"} 1`)
	h.API.SetRows("c", "", runningRows())
	h.Advance(time.Minute)
	h.wantRequests("active 2, full 0, moved 0, totals 6")
	h.wantCounts()
}

// While a scan runs, calls go on: a row that was under way when the totals were asked for is found finished where it lies.
func TestCallsThatGoOnWhileAScanRuns(t *testing.T) {
	for _, after := range []int64{1, 4, 6, 7, 8} {
		h := later(t, runningRows())
		rows := runningRows()
		rows[60] = callRow("r60", "completed", endedAttempt("human", 5))
		rows[61] = callRow("r61", "calling", `{"status": "ringing"}`)
		var asked atomic.Int64 // requests are concurrent
		h.API.OnPage(func(string, int) {
			if asked.Add(1) == after {
				h.API.SetRows("c", "", rows)
			}
		})
		h.Advance(time.Minute)
		h.API.OnPage(nil)
		h.Want(h.Scrape(), `revox_campaign_up{campaign_id="c"} 1`, `revox_campaign_rows{campaign_id="c"} 100`)
		h.Advance(time.Minute)
		h.wantCounts()
	}
}

// If a server's total counts only the rows that it sends, it is the same for one full page as for many.
func TestRowsAddedAfterAFullPageIfTheTotalIsThatOfThePage(t *testing.T) {
	for _, pageSize := range []int{1, 2, 10} {
		for _, status := range []string{"completed", "calling"} {
			clock := revoxtest.NewClock(start)
			api := newAPI(t, clock)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.Header.Del("Accept-Encoding")
				answer := httptest.NewRecorder()
				api.Handler().ServeHTTP(answer, r)
				var page map[string]any
				if err := json.Unmarshal(answer.Body.Bytes(), &page); err != nil {
					t.Error(err)
				}
				page["total"] = len(page["rows"].([]any))
				_ = json.NewEncoder(w).Encode(page)
			}))
			t.Cleanup(server.Close)
			rows := finishedRows(3 * pageSize)
			rows[0] = callRow("r0", status, endedAttempt("human", 40))
			api.SetRows("c", "", rows[:(pageSize+1)/2])
			h := newHarness(t, api, clock, func(c *collector.Config) {
				c.CampaignIDs, c.Rows.PageSize, c.FullInterval = []string{"c"}, pageSize, 24*time.Hour
			}, revoxapi.WithBaseURL(server.URL+"/api"))
			h.Advance(3 * time.Minute)
			for _, n := range []int{pageSize, 3 * pageSize} {
				api.SetRows("c", "", rows[:n])
				h.Advance(3 * time.Minute)
				h.Want(h.Scrape(), fmt.Sprintf(`revox_campaign_rows{campaign_id="c"} %d`, n))
			}
		}
	}
}

func TestLaterScansOnScrapes(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("c", "", runningRows())
	h := newHarness(t, api, clock, func(c *collector.Config) { inPagesOfTen(c); c.ScanInterval = 0 })
	asked := api.RequestCount()
	h.Want(h.Scrape(), `revox_campaign_rows{campaign_id="c"} 100`)
	if n := api.RequestCount() - asked; n != 8 {
		t.Errorf("%d requests for a scrape, want 8", n)
	}
}

// After a restart, also after kill -9, scans go on from what is in the state.
func TestLaterScansAfterARestart(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	rows := runningRows()
	rows[5] = callRow("r5", "completed", endedAttempt("news", 40))
	api.SetRows("c", "", rows)
	folder := t.TempDir()
	state, _ := openTestState(t, folder, api.URL, clock)
	h := newHarness(t, api, clock, with(state, inPagesOfTen))
	rows = slices.Clone(rows)
	rows[60] = callRow("r60", "completed", endedAttempt("IVR", 3))
	api.SetRows("c", "", rows)
	h.Advance(time.Minute) // what is known of rows is not written again so soon
	before := h.Scrape()
	for range 2 {
		h, folder = h.restart(folder, inPagesOfTen)
		h.wantRequests("active 2, full 0, moved 4, totals 6")
		h.wantCounts()
		if got, want := counts(h.Scrape()), counts(before); got != want {
			t.Errorf("the counts differ from those before the restart:\n%s", diff(want, got))
		}
		h.Want(h.Scrape(), `revox_exporter_unknown_values_total{label="result"} 1`)
	}
}
