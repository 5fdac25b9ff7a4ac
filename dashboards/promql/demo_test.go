package promql

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/scrape"
	"github.com/prometheus/prometheus/tsdb"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

// watched is how long the demo is scraped, once a second.
const watched = 75 * time.Second

// short shortens the windows of the queries so that they fit into watched.
var short = scale{rate: 20 * time.Second, span: 70 * time.Second, step: time.Second, window: shorten}

func shorten(d time.Duration) time.Duration {
	switch {
	case d >= 24*time.Hour:
		return 70 * time.Second
	case d >= time.Hour:
		return 60 * time.Second
	default:
		return min(d, 30*time.Second)
	}
}

// faster is how many times faster than real time the demo runs, so that enough happens while it is watched.
const faster = 60

// Reasons why a query may have no result.
const (
	noAlerts = "ALERTS exists only if Prometheus has loaded the rules and one of them fires"
	noRules  = "the panel says that no rules are loaded"
	noState  = "the demo has no --state.path: its campaigns start again with each process"
	noFile   = "the demo has no --campaign.file: its campaigns are discovered"
)

// emptyInDemo has the queries without a result in the demo, with or without rules, and why. TestWhatTheDemoLacks runs
// them with another exporter.
var emptyInDemo = map[string]string{
	"exporter: State kept? / A":                           noState,
	"exporter: How often could state not be written? / A": noState,
	"exporter: File good? / A":                            noFile,
}

// emptyWithoutRules has the further queries without a result while no rules are loaded, and why.
var emptyWithoutRules = map[string]string{
	"overview: Alerts? / A":                 noRules,
	"overview: What fires now? / A":         noAlerts,
	"overview: When alerts fired / A":       noAlerts,
	"overview: When alerts fired / B":       noAlerts,
	"overview: annotation Alerts that page": noAlerts,
	"overview: annotation Other alerts":     noAlerts,
	"campaign: Alerts? / A":                 noRules,
	"campaign: annotation Alerts that page": noAlerts,
	"campaign: annotation Other alerts":     noAlerts,
	"capacity: annotation Alerts that page": noAlerts,
	"capacity: annotation Other alerts":     noAlerts,
	"agent: Alerts? / A":                    noRules,
	"agent: annotation Alerts that page":    noAlerts,
	"agent: annotation Other alerts":        noAlerts,
	"exporter: annotation Alerts that page": noAlerts,
	"exporter: annotation Other alerts":     noAlerts,
}

// The exporter reads the simulated campaigns of the demo, Prometheus' own scraper scrapes it as two replicas, and each
// query is run on the result: first without the rules, then with them.
func TestDemoFillsEveryPanel(t *testing.T) {
	ctx := t.Context()
	port, api := startDemo(t)
	// Throttling makes an alert fire that pages; an unknown dial error makes one fire that does not. A model is swapped
	// shortly before the end.
	api.AddIncident(sim.Incident{Kind: sim.ModelSwapped, Start: api.Now().Add(faster * watched * 2 / 3)})
	api.AddIncident(sim.Incident{Kind: sim.DialErrorSurge, End: time.Now().Add(7 * 24 * time.Hour)})
	api.AddFault(revoxtest.Fault{Endpoint: "rows", Behavior: revoxtest.MangleRows(func(rows []json.RawMessage) []json.RawMessage {
		for i, row := range rows {
			rows[i] = bytes.ReplaceAll(row, []byte(`"number_non_attributed"`), []byte(`"lines_tangled"`))
		}
		return rows
	})})
	s := openStore(t)
	scrapeForAWhile(t, s.db, port)
	at := time.Now().Add(-2 * time.Second)

	t.Run("without rules", func(t *testing.T) { s.expectEmpty(t, at, short, emptyInDemo, emptyWithoutRules) })

	groups := s.loadRules(t)
	for back := time.Minute; back >= 0; back -= 5 * time.Second {
		for _, group := range groups {
			group.Eval(ctx, at.Add(-back))
		}
	}
	t.Run("with rules", func(t *testing.T) { s.expectEmpty(t, at, short, emptyInDemo) })
	recorded := short
	recorded.recorded = true
	t.Run("with recorded series", func(t *testing.T) { s.expectEmpty(t, at, recorded, emptyInDemo) })
}

// Queries without a result in the demo have one if the exporter has the flags that the demo lacks.
func TestWhatTheDemoLacks(t *testing.T) {
	s := openStore(t)
	end := fill(t, s, readDemo(t), 1, "one")
	for _, q := range readQueries(t) {
		if emptyInDemo[q.String()] != "" && len(ask(t, s, q, end)) != 1 {
			t.Errorf("%s does not have exactly one series:\n%s", q, q.Expr)
		}
	}
}

// expectEmpty runs each query. Exactly those in exceptions must have no result.
func (s *store) expectEmpty(t *testing.T, at time.Time, windows scale, exceptions ...map[string]string) {
	reasons := map[string]string{}
	for _, e := range exceptions {
		maps.Copy(reasons, e)
	}
	seen := map[string]bool{}
	for _, q := range readQueries(t) {
		seen[q.String()] = true
		expr, err := expand(q, windows)
		if err != nil {
			t.Errorf("%s: %v", q, err)
			continue
		}
		found, err := s.series(expr.String(), q.Instant, at.Add(-30*time.Second), at, 2*time.Second)
		if err != nil {
			t.Errorf("%s: %v\n%s", q, err, q.Expr)
			continue
		}
		switch reason := reasons[q.String()]; {
		case len(found) == 0 && reason == "":
			t.Errorf("%s has no result:\n%s", q, q.Expr)
		case len(found) > 0 && reason != "":
			t.Errorf("%s has %d series, and must have none: %s", q, len(found), reason)
		}
	}
	for name := range reasons {
		if !seen[name] {
			t.Errorf("the exception %q is the name of no query", name)
		}
	}
}

var (
	quiet  = slog.New(slog.DiscardHandler)
	promQL = parser.NewParser(parser.Options{})
)

// store is Prometheus' storage and engine.
type store struct {
	db     *tsdb.DB
	engine *promql.Engine
}

func openStore(t *testing.T) *store {
	t.Helper()
	options := tsdb.DefaultOptions()
	options.WALSegmentSize = -1
	options.OutOfOrderTimeWindow = (30 * 24 * time.Hour).Milliseconds() // rules may be evaluated later
	db, err := tsdb.Open(t.TempDir(), quiet, nil, options, nil)
	if err != nil {
		t.Fatal(err)
	}
	// A compaction in the background, while late samples are appended, makes Prometheus' database panic or wait for ever.
	db.DisableCompactions()
	t.Cleanup(func() { db.Close() })
	return &store{db, promql.NewEngine(promql.EngineOpts{
		Logger: quiet, MaxSamples: 50_000_000, Timeout: 2 * time.Minute, LookbackDelta: 5 * time.Minute,
		NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() },
		EnableAtModifier:         true, EnableNegativeOffset: true, Parser: promQL,
	})}
}

// series returns the last value of each series in a query's result. A value that is not a number is an error.
func (s *store) series(expr string, instant bool, from, to time.Time, step time.Duration) (map[string]float64, error) {
	ctx := context.Background()
	if instant {
		from = to
	}
	q, err := s.engine.NewRangeQuery(ctx, s.db, nil, expr, from, to, step)
	if err != nil {
		return nil, err
	}
	defer q.Close()
	result := q.Exec(ctx)
	matrix, err := result.Matrix()
	if err != nil {
		return nil, err
	}
	found := make(map[string]float64, len(matrix))
	for _, series := range matrix {
		name := series.Metric.String()
		for _, point := range series.Floats {
			if point.F != point.F {
				return nil, fmt.Errorf("%s is not a number at %d", name, point.T)
			}
			found[name] = point.F
		}
		for _, point := range series.Histograms {
			found[name] = point.H.Count
		}
	}
	return found, nil
}

// exporters asks exporters, and whatever else has got the port that one was told to listen on.
var exporters = http.Client{Timeout: 5 * time.Second}

// startDemo starts the demo's API with a fast clock, and an exporter that reads it, with further flags. It returns the
// exporter's port on the loopback interface. Both end with the test.
func startDemo(t *testing.T, flags ...string) (port string, api *sim.Simulation) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "revox_exporter")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Dir = "../.."
	build.Env = append(os.Environ(), "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the exporter: %v\n%s", err, out)
	}
	start := time.Now()
	simulated := func() time.Time { return start.Add(faster * time.Since(start)) }
	api = sim.NewDemo(revoxtest.WithNow(simulated))
	t.Cleanup(api.Close)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err = net.SplitHostPort(listener.Addr().String())
	listener.Close()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	demo := exec.Command(binary, append(flags, "--revox.base-url="+api.URL, "--campaign.discover",
		"--campaign.discover-interval=2s", "--scan.interval=1s", "--web.listen-address=127.0.0.1:"+port)...)
	demo.Env = append(os.Environ(), "REVOX_API_KEY="+revoxtest.APIKey)
	demo.Stdout, demo.Stderr = &log, &log
	if err := demo.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { demo.Process.Kill(); demo.Wait() })
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if response, err := exporters.Get("http://127.0.0.1:" + port + "/-/ready"); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return port, api
			}
		}
		if time.Now().After(end) {
			t.Fatal("the demo is not ready after 20 s")
		}
	}
}

// scrapeForAWhile scrapes one exporter under two addresses, which Prometheus takes for two replicas, with classic and
// native histograms.
func scrapeForAWhile(t *testing.T, db *tsdb.DB, port string) {
	t.Helper()
	cfg, err := config.Load(`
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: revox
    scrape_native_histograms: true
    always_scrape_classic_histograms: true
    static_configs: [{targets: ["127.0.0.1"]}]
`, quiet)
	if err != nil {
		t.Fatal(err)
	}
	options := &scrape.Options{DiscoveryReloadInterval: model.Duration(100 * time.Millisecond)}
	manager, err := scrape.NewManager(options, quiet, nil, nil, db, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	if err := manager.ApplyConfig(cfg); err != nil {
		t.Fatal(err)
	}
	targets := make(chan map[string][]*targetgroup.Group, 1)
	targets <- map[string][]*targetgroup.Group{"revox": {{Source: "replicas", Targets: []model.LabelSet{
		{"__address__": model.LabelValue("127.0.0.1:" + port)},
		{"__address__": model.LabelValue("localhost:" + port)},
	}}}}
	done := make(chan error, 1)
	go func() { done <- manager.Run(targets) }()
	select {
	case err := <-done:
		t.Fatal(err)
	case <-time.After(watched):
	}
	manager.Stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
