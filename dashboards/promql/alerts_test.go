package promql

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
)

// The table of what fires has a team where an alert has one, how long its condition holds, and -1 where Prometheus does
// not say; alerts that only wait are not in it.
func TestWhatFiresNow(t *testing.T) {
	s := openStore(t)
	end := time.Unix(1_800_000_000, 0)
	app := s.db.AppenderV2(context.Background())
	add := func(v float64, pairs ...string) {
		t.Helper()
		if _, err := app.Append(0, labels.FromStrings(pairs...), 0, end.UnixMilli(), v, nil, nil, storage.AOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	about := []string{"alertname", "RevoxThrottled", "severity", "page", "campaign_id", "1", "team", "sales"}
	add(1, append(about, "__name__", "ALERTS", "alertstate", "firing")...)
	add(1_799_999_000, append(about, "__name__", "ALERTS_FOR_STATE")...)
	add(1, "__name__", "ALERTS", "alertstate", "firing", "alertname", "RevoxExporterDown", "severity", "page")
	add(1, "__name__", "ALERTS", "alertstate", "pending", "alertname", "RevoxBadList", "severity", "ticket", "campaign_id", "1")
	add(1_799_999_000, "__name__", "ALERTS_FOR_STATE", "alertname", "RevoxBadList", "severity", "ticket", "campaign_id", "1")
	add(1, "__name__", "campaign:revox_campaign_info:named", "campaign_id", "1", "campaign_name", "Spring")
	// Its name is not known any more.
	add(1, "__name__", "ALERTS", "alertstate", "firing", "alertname", "RevoxBadList", "severity", "ticket", "campaign_id", "2")
	if err := app.Commit(); err != nil {
		t.Fatal(err)
	}
	queries := readQueries(t)
	i := slices.IndexFunc(queries, func(q query) bool { return q.Where == "What fires now? / A" })
	got := ask(t, s, queries[i], end)
	want := map[string]float64{
		`{alertname="RevoxThrottled", campaign_id="1", campaign_name="Spring", order="page Spring RevoxThrottled", ` +
			`runbook="RevoxThrottled", severity="page", team="sales"}`: 1000,
		`{alertname="RevoxExporterDown", campaign_id="All", campaign_name="(all)", order="page (all) RevoxExporterDown", ` +
			`runbook="RevoxExporterDown", severity="page"}`: -1,
		`{alertname="RevoxBadList", campaign_id="2", campaign_name="2", order="ticket 2 RevoxBadList", ` +
			`runbook="RevoxBadList", severity="ticket"}`: -1,
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
