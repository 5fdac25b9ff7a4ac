package main

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/tsdb"
)

func TestHistoryCanBeQueried(t *testing.T) {
	t.Chdir("..") // the rules are found from there
	dir := filepath.Join(t.TempDir(), "short")
	s := setting{"short", 4 * time.Minute, 30 * time.Second, []string{"a", "b"}, true, one}
	if err := s.write(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	db, err := tsdb.OpenDBReadOnly(dir, "", quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	engine := promql.NewEngine(promql.EngineOpts{
		Logger: quiet, MaxSamples: 1000, Timeout: time.Minute, Parser: parser.NewParser(parser.Options{}),
	})
	for expr, want := range map[string]float64{
		`count(revox_campaign_rows{job="revox"}) > 0`: 1, // the second exporter has stopped
		`sum(up)`:              1,
		`count(up)`:            2,
		`count(go_goroutines)`: 1,
		`count(campaign:revox_campaign_info:named)`:                      1,
		`count(histogram_count(revox_campaign_call_attempts_per_call))`:  1,
		`count(revox_campaign_call_attempts_per_call_bucket{le="+Inf"})`: 1,
		`sum(revox_campaign_calls{campaign_id=~".+"}) > 0`:               490,
	} {
		q, err := engine.NewInstantQuery(t.Context(), db, nil, expr, time.Now().Truncate(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		vector, err := q.Exec(t.Context()).Vector()
		if err != nil || len(vector) != 1 || vector[0].F < want || want < 100 && vector[0].F > want {
			t.Errorf("%s: %v, %v, want %g", expr, vector, err, want)
		}
		q.Close()
	}
}
