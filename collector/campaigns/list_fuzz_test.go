package campaigns

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/internal/answertest"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Reading any list of campaigns succeeds or fails with KindBadResponse. It selects valid IDs only, and agrees with
// revoxapi.Campaign on the fields of each campaign.
func FuzzCampaignList(f *testing.F) {
	for _, body := range []string{
		`{"campaigns": []}`, `{"campaigns": null}`, `[]`, `{"campaigns": [null]}`, `{"campaigns": [{}]}`,
		`{"campaigns": [{"id": ".."}, {"id": "a/b"}]}`,
		`{"campaigns": [{"id": "a", "name": "A", "status": "running", "is_cancelled": false,
			"updated_at": "2024-05-01T08:00:00Z", "max_concurrent_calls": 3}]}`,
		`{"campaigns": [{"id": 7, "name": ["A"], "status": {}, "is_cancelled": "no", "updated_at": 7,
			"max_concurrent_calls": "many"}, {"id": "b", "status": "completed"}]}`,
		`{"campaigns": [{"id": "a", "status": "archived", "assistant": {"prompt": "x"}}, {"id": "a", "status": "draft"},
			{"id": "c", "is_cancelled": true}]}`,
		"{\"campaigns\": [{\"id\": \"\xff\"}, {\"id\": \"d\", \"name\": \"\\ud800\\u0000\xff\", \"status\": \"running\"}]}",
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		client := answertest.Client(t, body)
		c, err := New(Config{
			Given: []string{"given"}, Client: client, Clock: revoxapi.SystemClock{},
			Logger: slog.New(slog.DiscardHandler), Labels: labelvalue.New(slog.New(slog.DiscardHandler)),
			Discovery: &Discovery{Statuses: []string{"running", "completed"}, CompletedFor: time.Hour},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Refresh(context.Background()); err != nil {
			if revoxapi.KindOf(err) != revoxapi.KindBadResponse {
				t.Errorf("%T: %v", err, err)
			}
			return
		}
		ids, listed := c.Selected()
		for i, id := range ids {
			if revoxapi.CheckCampaignID(id) != nil || slices.Contains(ids[:i], id) || id != "given" && listed[id] == nil {
				t.Errorf("selected %q, in %q", id, ids)
			}
		}
		for id, campaign := range listed {
			name, status := campaign.Name, campaign.StatusLabel
			if !utf8.ValidString(name) || utf8.RuneCountInString(name) > labelvalue.MaxNameRunes || !utf8.ValidString(status) {
				t.Errorf("campaign %q has the name %q and the status %q", id, name, status)
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
			if got.Status != string(w.Status) && (got.Status != "" || revoxapi.Known(w.Status)) || got.IsCancelled != w.IsCancelled ||
				got.UpdatedAt.String() != w.UpdatedAt.String() ||
				got.Name != labelvalue.CleanText(w.Name, labelvalue.MaxNameRunes) {
				t.Errorf("campaign %q is read as %+v, want %+v", w.ID, got, w)
			}
		}
	})
}

// Entries without a usable ID are skipped. A number is a usable one.
func TestOddListIsReadOn(t *testing.T) {
	var log bytes.Buffer
	body := `{"campaigns": [null, {"id": 7, "status": "running"}, {"id": {}}, "x", {"id": "b", "status": "running", "name": 5}]}`
	c, err := New(Config{
		Client: answertest.Client(t, []byte(body)), Clock: revoxapi.SystemClock{}, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Labels: labelvalue.New(slog.New(slog.DiscardHandler)), Discovery: &Discovery{Statuses: []string{"running"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if ids, _ := c.Selected(); !slices.Equal(ids, []string{"7", "b"}) {
		t.Errorf("selected %q", ids)
	}
	if !bytes.Contains(log.Bytes(), []byte("campaigns=3")) {
		t.Errorf("logged %s", log.String())
	}
}
