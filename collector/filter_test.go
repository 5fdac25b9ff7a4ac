package collector_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func TestFilterThatIsWrong(t *testing.T) {
	for name, filter := range map[string]revoxtest.StatusFilter{
		"ignored": revoxtest.FilterIgnored, "by attempt": revoxtest.FilterAttemptStatus, "counts all": revoxtest.FilterCountsAll,
	} {
		t.Run(name, func(t *testing.T) {
			h := later(t, runningRows(), revoxtest.WithStatusFilter(filter))
			h.Advance(3 * time.Minute)
			h.wantRequests("active 0, full 11, moved 0, totals 0")
			h.Want(h.Scrape(), `revox_campaign_scans_filtered{campaign_id="c"} 0`)
			h.wantCounts()
			if n := strings.Count(h.Logs.String(), "filter by status"); n != 1 {
				t.Errorf("the log says it %d times, want once:\n%s", n, h.Logs)
			}
		})
	}
}

// Before any call has ended, the totals of a filter by the status of attempts look right, and it finds no call under way.
func TestFilterByAttemptWhileTheFirstCallsAreMade(t *testing.T) {
	for _, test := range []struct {
		name         string
		rows, queued int // queued with the first calls
		full         int // requests of a full scan before
	}{
		{"the others are queued then", 60, 57, 7},
		{"the others have no call", 60, 0, 7},
		{"some are queued, in a large campaign", 1200, 700, 0},
	} {
		const calling = 3
		t.Run(test.name, func(t *testing.T) {
			rows := make([]json.RawMessage, test.rows)
			for i := range rows {
				rows[i] = json.RawMessage(fmt.Sprintf(`{"id": "r%d"}`, i))
			}
			h := later(t, rows, revoxtest.WithStatusFilter(revoxtest.FilterAttemptStatus))
			h.Advance(time.Minute)
			h.wantCounts()
			h.Want(h.Scrape(), fmt.Sprintf(`revox_campaign_scan_requests{campaign_id="c",kind="full"} %d`, test.full))
			for i := range rows {
				switch {
				case i < calling:
					rows[i] = callRow(fmt.Sprint("r", i), "calling", `{"status": "ongoing"}`)
				case i < calling+test.queued:
					rows[i] = callRow(fmt.Sprint("r", i), "queued_for_calling")
				}
			}
			h.API.SetRows("c", "", rows)
			h.Advance(time.Minute)
			h.wantCounts()
		})
	}
}

// A filter that does not know a status finds no row that has it. Calls that get this status then are not seen.
func TestFilterThatDoesNotKnowAStatus(t *testing.T) {
	served := func() []json.RawMessage {
		rows := runningRows()
		for i := range 5 {
			rows[10+i] = callRow(fmt.Sprint("r", 10+i), "scheduled", endedAttempt("voicemail", 20))
			rows[20+i] = callRow(fmt.Sprint("r", 20+i), "calling", `{"status": "ongoing"}`)
			rows[70+i] = callRow(fmt.Sprint("r", 70+i), "initializing")
		}
		return rows
	}
	for _, status := range []string{"initializing", "queued_for_calling", "calling", "scheduled", "completed"} {
		t.Run(status, func(t *testing.T) {
			h := later(t, served(), revoxtest.WithStatusUnknownToFilter(status))
			h.Advance(time.Minute)
			h.wantCounts()
			rows := served()
			rows[65] = callRow("r65", status, endedAttempt("IVR", 3))
			h.API.SetRows("c", "", rows)
			h.Advance(time.Minute)
			h.wantCounts()
			h.Want(h.Scrape(), `revox_campaign_scans_filtered{campaign_id="c"} 0`)
		})
	}
}

// failing answers some requests with an error in the place of the API.
type failing struct {
	when   func(*http.Request) bool
	header http.Header
	code   atomic.Int64 // 0: none
}

func (f *failing) RoundTrip(r *http.Request) (*http.Response, error) {
	if code := int(f.code.Load()); code != 0 && f.when(r) {
		return &http.Response{StatusCode: code, Header: f.header, Body: http.NoBody, Request: r}, nil
	}
	return http.DefaultTransport.RoundTrip(r)
}

// A server may fail only where scans read less than everything, and for ever.
func TestRequestsOfLaterScansThatFail(t *testing.T) {
	filtered := func(r *http.Request) bool { return r.URL.Query().Has("statuses") }
	small := func(r *http.Request) bool { return r.URL.Query().Get("page_size") == "1" }
	all := func(*http.Request) bool { return true }
	for _, test := range []struct {
		name     string
		when     func(*http.Request) bool
		code     int
		wait     string // Retry-After
		readsAll bool   // after a while
	}{
		{"500 with a filter", filtered, 500, "", true},
		{"504 with a filter", filtered, 504, "", true},
		{"408 with a filter", filtered, 408, "", true},
		{"403 with a filter", filtered, 403, "", true},
		{"502 for small pages", small, 502, "", true},
		{"503 and a wait with a filter", filtered, 503, "90", false},
		{"429 with a filter", filtered, 429, "", false},
		{"401 with a filter", filtered, 401, "", false},
		{"500", all, 500, "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			clock := revoxtest.NewClock(start)
			api := newAPI(t, clock)
			api.SetRows("c", "", runningRows())
			server := &failing{when: test.when, header: http.Header{"Retry-After": {test.wait}}}
			h := newHarness(t, api, clock, inPagesOfTen, revoxapi.WithTransport(server))
			h.Advance(time.Minute)
			server.code.Store(int64(test.code))
			h.Advance(3 * time.Minute)
			h.Want(h.Scrape(), `revox_campaign_up{campaign_id="c"} 0`, `revox_campaign_scans_filtered{campaign_id="c"} 1`)

			rows := runningRows()
			rows[60] = callRow("r60", "completed", endedAttempt("IVR", 3))
			api.SetRows("c", "", rows)
			h.Advance(7 * time.Minute) // what refuses the key is left alone for 5 minutes
			if test.readsAll {
				h.Want(h.Scrape(), `revox_campaign_up{campaign_id="c"} 1`, `revox_campaign_scans_filtered{campaign_id="c"} 0`)
				h.wantCounts()
				return
			}
			h.Want(h.Scrape(), `revox_campaign_up{campaign_id="c"} 0`)
			server.code.Store(0)
			h.Advance(10 * time.Minute)
			h.Want(h.Scrape(), `revox_campaign_up{campaign_id="c"} 1`, `revox_campaign_scans_filtered{campaign_id="c"} 1`)
			h.wantCounts()
		})
	}
}

// An outage that ends in the middle of a scan does not look as if only some requests failed.
func TestFilterIsUsedAgainAfterAnOutage(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("c", "", runningRows())
	server := &failing{}
	server.when = func(r *http.Request) bool {
		if q := r.URL.Query(); !q.Has("statuses") && q.Get("page_size") != "1" {
			server.code.Store(0) // the first page of a full scan finds the API again
			return false
		}
		return true
	}
	h := newHarness(t, api, clock, inPagesOfTen, revoxapi.WithTransport(server))
	h.Advance(time.Minute)
	server.code.Store(500)
	h.Advance(4 * time.Minute)
	h.Want(h.Scrape(), `revox_campaign_up{campaign_id="c"} 0`)
	h.Advance(8 * time.Minute)
	h.Want(h.Scrape(), `revox_campaign_up{campaign_id="c"} 1`, `revox_campaign_scans_filtered{campaign_id="c"} 1`)
	h.wantCounts()
}
