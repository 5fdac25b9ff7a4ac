package collector

import (
	"context"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Whatever the list of campaigns holds, reading it ends well or with an error of its kind, selects only IDs that can be
// asked for, and says of a campaign what the whole, typed campaign says.
func FuzzCampaignList(f *testing.F) {
	for _, body := range []string{
		`{"campaigns": []}`, `{"campaigns": null}`, `[]`, `{"campaigns": [null]}`, `{"campaigns": [{}]}`, `{"campaigns": [{"id": ".."}, {"id": "a/b"}]}`,
		`{"campaigns": [{"id": "a", "name": "A", "status": "running", "is_cancelled": false, "updated_at": "2024-05-01T08:00:00Z", "max_concurrent_calls": 3}]}`,
		`{"campaigns": [{"id": 7, "name": ["A"], "status": {}, "is_cancelled": "no", "updated_at": 7, "max_concurrent_calls": "many"}, {"id": "b", "status": "completed"}]}`,
		`{"campaigns": [{"id": "a", "status": "archived", "assistant": {"prompt": "x"}}, {"id": "a", "status": "draft"}, {"id": "c", "is_cancelled": true}]}`,
		"{\"campaigns\": [{\"id\": \"\xff\"}, {\"id\": \"d\", \"name\": \"\\ud800\\u0000\xff\", \"status\": \"running\"}]}",
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		client := clientOfOneAnswer(t, body)
		c := &campaigns{
			given: []string{"given"}, client: client, clock: fixedClock{}, logger: slog.New(slog.DiscardHandler), labels: newLabelValues(slog.New(slog.DiscardHandler)),
			discovery: &Discovery{Statuses: []string{"running", "completed"}, CompletedFor: time.Hour},
		}
		if err := c.refresh(context.Background()); err != nil {
			if revoxapi.KindOf(err) != revoxapi.KindBadResponse {
				t.Errorf("%T: %v", err, err)
			}
			return
		}
		ids, listed := c.selected()
		for i, id := range ids {
			if revoxapi.CheckCampaignID(id) != nil || slices.Contains(ids[:i], id) || id != "given" && listed[id] == nil {
				t.Errorf("selected %q of %q", id, ids)
			}
		}
		for id, campaign := range listed {
			if !utf8.ValidString(campaign.Name.value) || utf8.RuneCountInString(campaign.Name.value) > maxNameRunes || !utf8.ValidString(campaign.statusLabel) {
				t.Errorf("campaign %q is called %q and has the status %q", id, campaign.Name.value, campaign.statusLabel)
			}
		}
		whole, err := client.ListCampaigns(context.Background())
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, w := range whole {
			got := listed[w.ID]
			if got == nil || seen[w.ID] {
				continue
			}
			seen[w.ID] = true
			if got.Status.value != string(w.Status) || got.IsCancelled.value != w.IsCancelled || ofTime(got.UpdatedAt) != ofTime(w.UpdatedAt) ||
				got.Name.value != cleanLabel(w.Name, maxNameRunes) {
				t.Errorf("campaign %q is read as %+v, and is %+v", w.ID, got, w)
			}
		}
	})
}

// Whatever a scraper's header says, a scan gets a time that is more than nothing and less than that, or none.
func FuzzScrapeTimeout(f *testing.F) {
	for _, header := range []string{"", "10", "0.4", "1e9", "-1", "NaN", "Inf", "0x1p-2", "1e-300", "10s"} {
		f.Add(header, int64(500*time.Millisecond))
	}
	f.Fuzz(func(t *testing.T, header string, offset int64) {
		e := &Exporter{Config: Config{Logger: slog.New(slog.DiscardHandler), ScrapeTimeoutOffset: time.Duration(offset & math.MaxInt64)}}
		limit, ok := e.scrapeTimeout(header)
		seconds, err := strconv.ParseFloat(header, 64)
		if ok && (err != nil || limit < 0 || limit.Seconds() > seconds) || !ok && limit != 0 {
			t.Errorf("%q with an offset of %s: %s, %t", header, time.Duration(offset), limit, ok)
		}
	})
}
