package promql

import (
	"context"
	"flag"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/tsdb"
)

var (
	historyDir = flag.String("history", "", "database made by ./history, for BenchmarkDashboards")
	costWhere  = flag.Bool("history.queries", false, "also print the cost of each query")
)

// defaultSpan is how much time each dashboard shows when it is opened.
var defaultSpan = map[string]time.Duration{
	"overview": 6 * time.Hour, "campaign": 24 * time.Hour, "capacity": 30 * 24 * time.Hour, "exporter": 6 * time.Hour,
}

// BenchmarkDashboards opens each dashboard once over its default range, with all campaigns, on a database of many:
//
//	go run ./history -out /tmp/revox-history -only many
//	go test -run - -bench Dashboards -benchtime 1x -history /tmp/revox-history/many
//
// It reports the CPU time of all queries, and how many samples they read.
func BenchmarkDashboards(b *testing.B) {
	if *historyDir == "" {
		b.Skip("no -history")
	}
	if _, err := os.Stat(*historyDir); err != nil {
		b.Fatal(err)
	}
	options := tsdb.DefaultOptions()
	options.RetentionDuration = 0
	db, err := tsdb.Open(*historyDir, quiet, nil, options, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	end := lastSample(db)
	engine := promql.NewEngine(promql.EngineOpts{
		Logger: quiet, MaxSamples: 50_000_000, Timeout: 5 * time.Minute, LookbackDelta: 5 * time.Minute, Parser: promQL,
		NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() }, EnableAtModifier: true,
		EnableNegativeOffset: true,
	})
	queries := readQueries(b)
	for _, dashboard := range []string{"overview", "campaign", "capacity", "exporter"} {
		b.Run(dashboard, func(b *testing.B) {
			var samples int64
			cpu := cpuTime()
			for b.Loop() {
				for _, q := range queries {
					if q.dashboard != dashboard {
						continue
					}
					before, read := cpuTime(), samples
					samples += run(b, engine, db, q, end)
					if *costWhere {
						fmt.Fprintf(os.Stderr, "%6.2f s %9d samples: %s\n", (cpuTime() - before).Seconds(), samples-read, q)
					}
				}
			}
			b.ReportMetric((cpuTime()-cpu).Seconds()/float64(b.N), "cpu-s/op")
			b.ReportMetric(float64(samples)/float64(b.N), "samples/op")
		})
	}
}

// run asks as Grafana does, and returns how many samples were read.
func run(b *testing.B, engine *promql.Engine, db *tsdb.DB, q query, end time.Time) int64 {
	b.Helper()
	span := defaultSpan[q.dashboard]
	step := q.step(span)
	expr, err := expand(q, scale{rate: max(4*time.Minute, step+time.Minute), span: span, step: step})
	if err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	var asked promql.Query
	if q.Instant {
		asked, err = engine.NewInstantQuery(ctx, db, nil, expr.String(), end)
	} else {
		end = end.Truncate(step)
		asked, err = engine.NewRangeQuery(ctx, db, nil, expr.String(), end.Add(-span).Truncate(step), end, step)
	}
	if err != nil {
		b.Fatalf("%s: %v", q, err)
	}
	defer asked.Close()
	if result := asked.Exec(ctx); result.Err != nil {
		b.Errorf("%s: %v", q, result.Err)
	}
	return asked.Stats().Samples.TotalSamples
}

// step is that of a query on a screen of 1920 pixels, scraped once a minute.
func (q query) step(span time.Duration) time.Duration {
	step := time.Minute
	points := 1600
	if q.Panel != nil {
		if q.Panel.GridPos.W > 0 {
			points = 1600 * q.Panel.GridPos.W / 24
		}
		if q.Panel.MaxDataPoints > 0 {
			points = q.Panel.MaxDataPoints
		}
		if d, err := time.ParseDuration(q.Interval); err == nil {
			step = max(step, d)
		}
	}
	wanted := span / time.Duration(points)
	for _, round := range []time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute,
		20 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour} {
		if round >= max(step, wanted) {
			return round
		}
	}
	return 6 * time.Hour
}

func lastSample(db *tsdb.DB) time.Time {
	last := db.Head().MaxTime()
	for _, block := range db.Blocks() {
		last = max(last, block.MaxTime()-1)
	}
	return time.UnixMilli(last)
}

func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
