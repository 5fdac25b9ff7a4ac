package promql

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
)

// recordedDays is how long the campaigns of fillDays are read.
const recordedDays = 3

// fillDays writes days of some campaigns, a sample each minute: one that runs all of the time, one that is read for 20
// minutes only, and one whose counters start again slightly lower. For two hours nothing is scraped.
func fillDays(t *testing.T, s *store, native bool, instances ...string) (start, end time.Time) {
	t.Helper()
	start = time.Unix(1_800_000_000, 0).Truncate(24 * time.Hour)
	type life struct{ from, until, restart int }
	campaigns := map[string]life{
		"long": {0, recordedDays * 1440, 0}, "short": {2005, 2025, 0}, "restarted": {0, recordedDays * 1440, 1807},
	}
	for minute := 0; minute <= recordedDays*1440; minute++ {
		if minute > 1000 && minute < 1120 {
			continue
		}
		app := s.db.AppenderV2(context.Background())
		at := start.Add(time.Duration(minute) * time.Minute).UnixMilli()
		for _, instance := range instances {
			add := func(v float64, h *histogram.Histogram, name string, pairs ...string) {
				ls := labels.FromStrings(append(pairs, "__name__", name, "job", "revox", "instance", instance)...)
				if _, err := app.Append(0, ls, 0, at, v, h, nil, storage.AOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			add(1, nil, "up")
			add(1, nil, "revox_exporter_build_info")
			for id, c := range campaigns {
				if minute < c.from || minute > c.until {
					continue
				}
				counted := float64(minute - c.from)
				if c.restart > 0 && minute >= c.restart {
					counted -= 3
				}
				write := func(v float64, name string, pairs ...string) {
					add(v, nil, name, append(pairs, "campaign_id", id)...)
				}
				sum := func(name string, sum float64, pairs ...string) {
					pairs = append(pairs, "campaign_id", id)
					if !native {
						add(sum, nil, name+"_sum", pairs...)
						add(counted, nil, name+"_count", pairs...)
						return
					}
					add(0, &histogram.Histogram{Count: uint64(counted), ZeroCount: uint64(counted), ZeroThreshold: 1e-9, Sum: sum},
						name, pairs...)
				}
				write(1, "revox_campaign_up")
				write(1, "revox_campaign_info", "campaign_name", "The "+id+" one")
				write(1, "revox_campaign_status", "status", "running")
				write(2*counted, "revox_campaign_call_attempts_finished_total", "status", "completed")
				write(counted, "revox_campaign_call_attempts_finished_total", "status", "error")
				write(counted/10, "revox_campaign_call_attempt_dial_errors_total", "dial_error", "too_many_calls")
				write(float64(minute%7), "revox_campaign_calls", "status", "calling")
				write(counted, "revox_campaign_calls", "status", "completed")
				write(5000-counted/2, "revox_campaign_calls", "status", "scheduled")
				write(10, "revox_campaign_rows_without_call")
				write(8, "revox_campaign_max_concurrent_calls")
				sum("revox_campaign_call_attempt_talk_duration_seconds", 90*counted, "result", "human")
				sum("revox_campaign_call_attempt_talk_duration_seconds", 9*counted, "result", "voicemail")
				sum("revox_campaign_call_attempts_per_call", 3*counted)
			}
		}
		if err := app.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	return start, start.Add(recordedDays * 24 * time.Hour)
}

// record evaluates the rule group for dashboards, and the names that it reads.
func record(t *testing.T, s *store, start, end time.Time) {
	t.Helper()
	ctx := context.Background()
	rules := readGroup(t, "revox-dashboards")
	for _, r := range readGroup(t, "revox-usual") {
		if r.Record == "campaign:revox_campaign_info:named" {
			rules = slices.Insert(rules, 0, r)
		}
	}
	for at := start; !at.After(end); at = at.Add(15 * time.Minute) {
		if minute := at.Sub(start).Minutes(); minute > 1000 && minute < 1120 {
			continue // Prometheus is down
		}
		for _, r := range rules {
			q, err := s.engine.NewInstantQuery(ctx, s.db, nil, r.Expr, at)
			if err != nil {
				t.Fatal(err)
			}
			found, err := q.Exec(ctx).Vector()
			if err != nil {
				t.Fatalf("%s: %v", r.Record, err)
			}
			app := s.db.AppenderV2(ctx)
			for _, sample := range found {
				b := labels.NewBuilder(sample.Metric)
				b.Set("__name__", r.Record)
				if _, err := app.Append(0, b.Labels(), 0, at.UnixMilli(), sample.F, nil, nil, storage.AOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			q.Close()
			if err := app.Commit(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// What dashboards show of days is the same, whether they read the exporters' own series or recorded ones: of one exporter and
// of two, of classic histograms and of native ones, with a restart, a gap, and a campaign that was there for some minutes.
func TestRecordedSeriesShowTheSame(t *testing.T) {
	own := openStore(t)
	fillDays(t, own, false, "a")
	for _, native := range []bool{false, true} {
		for _, instances := range [][]string{{"a"}, {"a", "b"}} {
			t.Run(fmt.Sprintf("native=%t/%d", native, len(instances)), func(t *testing.T) {
				s := openStore(t)
				start, end := fillDays(t, s, native, instances...)
				record(t, s, start, end)
				seen := 0
				for _, q := range readQueries(t) {
					if !strings.Contains(q.Expr, "$raw") || strings.HasPrefix(q.Where, "variable") {
						continue
					}
					want, got := askDays(t, own, q, end, false), askDays(t, s, q, end, true)
					if len(got) != len(want) || len(want) == 0 {
						t.Errorf("%s: %v, want %v", q, got, want)
					}
					for series, want := range want {
						// Steps of half an hour omit one of the 48 of a day.
						if got, ok := got[series]; !ok || math.Abs(got-want) > 0.025*math.Abs(want) {
							t.Errorf("%s: %s is %g, want %g\n%s", q, series, got, want, q.Expr)
						}
					}
					seen++
				}
				if seen < 15 {
					t.Errorf("only %d queries read recorded series", seen)
				}
			})
		}
	}
}

// askDays returns the last value of each series.
func askDays(t *testing.T, s *store, q query, end time.Time, recorded bool) map[string]float64 {
	t.Helper()
	expr, err := expand(q, scale{rate: 16 * time.Minute, span: recordedDays * 24 * time.Hour, step: 15 * time.Minute, recorded: recorded})
	if err != nil {
		t.Fatal(err)
	}
	found, err := s.series(expr.String(), q.Instant, end.Add(-24*time.Hour), end, time.Hour)
	if err != nil {
		t.Fatalf("%s: %v", q, err)
	}
	return found
}

// The variable raw chooses recorded series only if there are such for all of the time, and it is more than two days.
func TestWhenRecordedSeriesAreRead(t *testing.T) {
	s := openStore(t)
	start, end := fillDays(t, s, false, "a", "b")
	choice := func(span time.Duration) string {
		t.Helper()
		for _, q := range readQueries(t) {
			if q.Where != "variable raw" {
				continue
			}
			expr, err := expand(q, scale{rate: time.Minute, span: span})
			if err != nil {
				t.Fatal(err)
			}
			found, err := s.engine.NewInstantQuery(t.Context(), s.db, nil, expr.String(), end)
			if err != nil {
				t.Fatal(err)
			}
			defer found.Close()
			vector, err := found.Exec(t.Context()).Vector()
			if err != nil || len(vector) != 1 {
				t.Fatalf("%v, %v", vector, err)
			}
			return vector[0].Metric.Get("raw")
		}
		t.Fatal("no variable raw")
		return ""
	}
	if got := choice(recordedDays * 24 * time.Hour); got != ".+" {
		t.Errorf("without rules it is %q", got)
	}
	record(t, s, start.Add(36*time.Hour), end)
	if got := choice(recordedDays * 24 * time.Hour); got != ".+" {
		t.Errorf("with rules for half of the time it is %q", got)
	}
	s = openStore(t)
	start, end = fillDays(t, s, false, "a", "b")
	record(t, s, start, end)
	if got := choice(recordedDays * 24 * time.Hour); got != "-" {
		t.Errorf("with rules it is %q", got)
	}
	if got := choice(24 * time.Hour); got != ".+" {
		t.Errorf("for a day it is %q", got)
	}
}
