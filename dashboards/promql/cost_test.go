package promql

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/tsdb"
)

var (
	historyDir = flag.String("history", "", "database made by ./history, for BenchmarkDashboards")
	costWhere  = flag.Bool("history.queries", false, "also print the cost of each query")
)

// ranges are those of BenchmarkDashboards. The first of each dashboard is that with which it opens.
var ranges = []struct {
	dashboard string
	span      time.Duration
	recorded  bool // The rules have recorded all of the time.
}{
	{"overview", 6 * time.Hour, false},
	{"campaign", 24 * time.Hour, false},
	{"capacity", 30 * 24 * time.Hour, true},
	{"capacity", 30 * 24 * time.Hour, false},
	{"exporter", 6 * time.Hour, false},
	{"agent", 6 * time.Hour, false},
}

var costEngine = promql.NewEngine(promql.EngineOpts{
	Logger: quiet, MaxSamples: 50_000_000, Timeout: 5 * time.Minute, LookbackDelta: 5 * time.Minute, Parser: promQL,
	NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() }, EnableAtModifier: true,
	EnableNegativeOffset: true,
})

func openHistory(b *testing.B, dir string) *tsdb.DB {
	b.Helper()
	options := tsdb.DefaultOptions()
	options.RetentionDuration = 0
	db, err := tsdb.Open(dir, quiet, nil, options, nil)
	if err != nil {
		b.Fatal(err)
	}
	return db
}

// BenchmarkDashboards opens each dashboard once over each of its ranges, with all campaigns, on the database of many,
// whose hours are repeated to fill the range:
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
	history := openHistory(b, *historyDir)
	defer history.Close()
	end := lastSample(history)
	queries := readQueries(b)
	for _, r := range ranges {
		name := fmt.Sprintf("%s/%gh", r.dashboard, r.span.Hours())
		var recording []rulefmt.Rule
		if r.recorded {
			name += "/recorded"
			recording = readGroup(b, "revox-dashboards")
		}
		b.Run(name, func(b *testing.B) {
			var mine []query
			var exprs []parser.Expr
			for _, q := range queries {
				if q.dashboard == r.dashboard {
					mine = append(mine, q)
					exprs = append(exprs, expanded(b, q, r.span, r.recorded))
				}
			}
			dir := b.TempDir()
			stretch(b, history, dir, end.Add(-r.span), end, exprs, recording)
			db := openHistory(b, dir)
			defer db.Close()
			runtime.GC()
			b.ResetTimer()
			var samples int64
			cpu := cpuTime()
			for b.Loop() {
				for i, q := range mine {
					before, read := cpuTime(), samples
					samples += run(b, db, q, exprs[i], r.span, end)
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
func run(b *testing.B, db *tsdb.DB, q query, expr parser.Expr, span time.Duration, end time.Time) int64 {
	b.Helper()
	ctx := context.Background()
	var question promql.Query
	var err error
	if q.Instant {
		question, err = costEngine.NewInstantQuery(ctx, db, nil, expr.String(), end)
	} else {
		step := q.step(span)
		end = end.Truncate(step)
		question, err = costEngine.NewRangeQuery(ctx, db, nil, expr.String(), end.Add(-span).Truncate(step), end, step)
	}
	if err != nil {
		b.Fatalf("%s: %v", q, err)
	}
	defer question.Close()
	if result := question.Exec(ctx); result.Err != nil {
		b.Errorf("%s: %v", q, result.Err)
	}
	return question.Stats().Samples.TotalSamples
}

// expanded returns a query with values for its variables, as Grafana sends it.
func expanded(b *testing.B, q query, span time.Duration, recorded bool) parser.Expr {
	b.Helper()
	step := q.step(span)
	expr, err := expand(q, scale{rate: max(4*time.Minute, step+time.Minute), span: span, step: step, recorded: recorded})
	if err != nil {
		b.Fatal(err)
	}
	return expr
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
