package collector_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/collector/campaigns"
	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func TestScanOnceReportsTheSameAsMetrics(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("c", "Spring offer", append([]json.RawMessage{
		callRow("1", "completed", endedAttempt("human", 40), endedAttempt("human", 40)),
		callRow("2", "errored", `{"status": "error", "dial_error": "busy"}`),
		json.RawMessage(`{"id": "3"}`),
	}, callRow("4", "pondering", `{"status": "completed", "started_at": "soon"}`)))
	h := newHarness(t, api, clock, only("c"))
	r, err := h.Exporter.ScanOnce(t.Context(), "c")
	if err != nil {
		t.Fatal(err)
	}
	if r.Rows != 4 || r.RowsWithoutCall != 1 || r.RowsMissing != 0 ||
		r.Calls["completed"] != 1 || r.Calls["pondering"] != 1 || r.Attempts["error"] != 1 ||
		r.Results["human"] != 2 || r.Results["none"] != 2 ||
		r.DialErrors["busy"] != 1 || r.Anomalies["bad_timestamp"] != 1 ||
		!slices.Equal(r.UnknownValues, []labelvalue.Unknown{{Label: "status", Value: "pondering"}}) ||
		r.HumanTalk.Count() != 2 || r.HumanTalk.Quantile(0.5) != 40*time.Second {
		t.Errorf("the report is %+v", r)
	}
	if n, known := r.Calls["calling"]; n != 0 || !known {
		t.Error("the report lacks a known status that no call has")
	}
	if _, err = h.Exporter.ScanOnce(t.Context(), "gone"); revoxapi.KindOf(err) != revoxapi.KindNotFound {
		t.Errorf("a campaign that does not exist: error %v", err)
	}
}

func TestSelectAndList(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("c-1", "Spring\x1boffer", nil)
	api.SetRows("c-2", "Dentists", nil)
	h := newHarness(t, api, clock, func(c *collector.Config) {
		c.CampaignIDs = []string{"given"}
		c.Discovery = &campaigns.Discovery{Interval: time.Hour, Statuses: []string{"running"}}
	})
	api.SetRows("c-3", "Draft", nil)
	api.Pause("c-3")
	s, err := h.Exporter.Select(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []campaigns.Campaign{
		{ID: "given"}, {ID: "c-1", Name: "Spring\ufffdoffer"}, {ID: "c-2", Name: "Dentists"},
	}
	if !slices.Equal(s.Campaigns, want) || s.Listed != 3 {
		t.Errorf("selected %+v, want %+v", s, want)
	}
	all, err := h.Exporter.List(t.Context())
	if err != nil || len(all) != 3 || all[2].Name != "Draft" || strings.ContainsRune(all[0].Name, '\x1b') {
		t.Errorf("listed %+v, %v", all, err)
	}
	api.AddFault(revoxtest.Fault{Endpoint: "campaigns", Behavior: revoxtest.Status(403, nil, "")})
	s, err = h.Exporter.Select(t.Context())
	if revoxapi.KindOf(err) != revoxapi.KindAuth || !slices.Equal(s.Campaigns, want[:1]) {
		t.Errorf("while the list is refused, selected %+v, %v", s, err)
	}
}
