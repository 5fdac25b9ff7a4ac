// Command history writes databases of Prometheus to look at the dashboards with: a simulated API's campaigns, read by the
// real exporter and scraped through its handler while a simulated clock runs up to now. See ../../README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/collector/campaigns"
	"github.com/revox-exporter/revox_exporter/internal/exportertest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

// setting is one database: what the API has, and how long and how often Prometheus has scraped.
type setting struct {
	name        string
	span, every time.Duration
	instances   []string // all but the first stop half an hour before the end
	native      bool     // native histograms are stored too
	api         func(end time.Time, options ...revoxtest.Option) *sim.Simulation
}

var settings = []setting{
	{"live", 20 * time.Minute, 15 * time.Second, []string{"exporter-a:10210"}, false, demo},
	{"days", 12 * 24 * time.Hour, 2 * time.Minute, []string{"exporter-a:10210"}, false, troubledDemo},
	{"many", 8 * time.Hour, time.Minute, []string{"exporter-a:10210"}, false, many},
	{"one", 3 * 24 * time.Hour, time.Minute, []string{"exporter-a:10210", "exporter-b:10210"}, true, one},
}

func demo(_ time.Time, options ...revoxtest.Option) *sim.Simulation { return sim.NewDemo(options...) }

// troubledDemo is the demo with incidents, the last of which goes on at the end.
func troubledDemo(end time.Time, options ...revoxtest.Option) *sim.Simulation {
	api := sim.NewDemo(options...)
	incident := func(kind sim.IncidentKind, before, length time.Duration) {
		api.AddIncident(sim.Incident{Kind: kind, Start: end.Add(-before), End: end.Add(length - before)})
	}
	incident(sim.VoiceSilent, 98*time.Hour, time.Hour)
	incident(sim.AgentBreaks, 75*time.Hour, 2*time.Hour)
	incident(sim.DialErrorSurge, 50*time.Hour, time.Hour)
	incident(sim.AnswersDrop, 26*time.Hour, 4*time.Hour)
	api.AddIncident(sim.Incident{Kind: sim.ModelSwapped, Provider: "elevenlabs", Model: "gpt-4.1-mini", Start: end.Add(-4 * time.Hour)})
	incident(sim.ToolFails, 2*time.Hour, time.Hour)
	incident(sim.DialErrorSurge, 25*time.Minute, time.Hour)
	return api
}

// many is 300 campaigns in several states. At the end the carrier throttles all of them.
func many(end time.Time, options ...revoxtest.Option) *sim.Simulation {
	api := sim.New(revoxtest.NewServer(append(options, revoxtest.WithRequestLog(0))...))
	zones := []string{"Europe/Paris", "America/New_York", "Asia/Tokyo", "America/Los_Angeles", "Australia/Sydney"}
	for n := range 300 {
		api.AddCampaign(sim.Campaign{
			Name: fmt.Sprintf("Renewals of contracts that end in spring, list %d", n+1), Weight: sim.Light,
			Start: end.Add(-time.Duration(3+n%40) * time.Hour), Rows: 40 + n%7*15, MaxConcurrentCalls: n % 4,
			AddRowsPerHour: float64(n % 3), Timezone: zones[n%len(zones)], Paused: n%25 == 24,
			Windows: []sim.Window{{Start: "07:00", End: "22:00"}}, Outcomes: n%2 == 0,
			Agent: n%10 != 0,
		})
	}
	api.AddIncident(sim.Incident{Start: end.Add(-12 * time.Minute), Share: 0.7})
	return api
}

// one is a single campaign, to which people are added.
func one(end time.Time, options ...revoxtest.Option) *sim.Simulation {
	api := sim.New(revoxtest.NewServer(append(options, revoxtest.WithRequestLog(0))...))
	api.AddCampaign(sim.Campaign{
		Name: "Spring offer", Start: end.Add(-60 * time.Hour), Rows: 500, AddRowsPerHour: 15, MaxConcurrentCalls: 2,
		NewerFields: true, Windows: []sim.Window{{Start: "07:00", End: "06:00"}},
	})
	return api
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	out := flag.String("out", filepath.Join(os.TempDir(), "revox-history"), "folder to write the databases to, one for each setting")
	only := flag.String("only", "", "the one setting to make: live, days, many or one; default: all")
	flag.Parse()
	for _, s := range settings {
		if *only != "" && *only != s.name {
			continue
		}
		if err := s.write(ctx, filepath.Join(*out, s.name)); err != nil {
			fmt.Fprintf(os.Stderr, "history: making %s: %v\n", s.name, err)
			os.Exit(1)
		}
	}
}

// history is a database that is being written.
type history struct {
	setting
	db      *tsdb.DB
	series  map[string]*series // by instance and text
	scrapes int
	groups  map[string]*rules.Group
}

type series struct {
	labels labels.Labels
	ref    storage.SeriesRef
	seen   int // the scrape that had it last
}

// write makes the setting's database in dir, which must not have one, and prints how to look at it.
func (s setting) write(ctx context.Context, dir string) (err error) {
	quiet := slog.New(slog.DiscardHandler)
	end := time.Now().Truncate(time.Minute)
	clock := revoxtest.NewClock(end.Add(-s.span))
	api := s.api(end, revoxtest.WithNow(clock.Now), revoxtest.WithoutGzip())
	defer api.Close()
	exporter, err := exportertest.Make(api.URL, clock, func(c *collector.Config) {
		c.Logger, c.ScanInterval, c.FullInterval = quiet, s.every, time.Hour
		c.Discovery = &campaigns.Discovery{
			Interval: 5 * time.Minute, Statuses: []string{"running", "paused", "completed"}, CompletedFor: 24 * time.Hour,
		}
	})
	if err != nil {
		return err
	}
	exporter.Run()
	defer exporter.Stop()
	own := prometheus.NewRegistry()
	own.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		versioncollector.NewCollector("revox_exporter"))

	if _, err := os.Stat(dir); err == nil {
		return fmt.Errorf("%s exists already", dir)
	}
	options := tsdb.DefaultOptions()
	options.WALSegmentSize = -1
	options.RetentionDuration = 0
	h := &history{setting: s, series: map[string]*series{}}
	if h.db, err = tsdb.Open(dir, quiet, nil, options, nil); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.db.Close()) }()
	promQL := parser.NewParser(parser.Options{})
	engine := promql.NewEngine(promql.EngineOpts{Logger: quiet, MaxSamples: 50_000_000, Timeout: 2 * time.Minute, Parser: promQL})
	var errs []error
	h.groups, errs = rules.NewManager(&rules.ManagerOptions{
		Context: ctx, Logger: quiet, AppendableV2: h.db, Queryable: h.db, Parser: promQL,
		QueryFunc:  rules.EngineQueryFunc(engine, h.db),
		NotifyFunc: func(context.Context, string, ...*rules.Alert) {},
	}).LoadGroups(time.Minute, labels.EmptyLabels(), "", nil, false, "../../alerts/revox.rules.yml")
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	for _, group := range h.groups {
		for _, rule := range group.AlertingRules() {
			rule.SetRestored(true) // there is no earlier state to look for
		}
	}

	for at := end.Add(-s.span); !at.After(end); at = at.Add(s.every) {
		clock.Set(at)
		if err := exporter.Settle(ctx); err != nil {
			return err
		}
		for i, instance := range s.instances {
			handlers := []http.Handler{exporter.Metrics, promhttp.HandlerFor(own, promhttp.HandlerOpts{})}
			if i > 0 && end.Sub(at) < 30*time.Minute {
				handlers = nil
			}
			if err := h.scrape(ctx, instance, at, handlers); err != nil {
				return err
			}
		}
		for _, group := range h.groups {
			if at.Sub(at.Truncate(max(group.Interval(), time.Minute))) < s.every && at.Equal(at.Truncate(time.Minute)) {
				group.Eval(ctx, at)
			}
		}
		if at.Equal(at.Truncate(2 * time.Hour)) {
			if err := h.db.Compact(ctx); err != nil {
				return err
			}
			fmt.Fprintf(os.Stderr, "%s: %s left\n", s.name, end.Sub(at))
		}
	}
	head := h.db.Head()
	if err := h.db.CompactHead(tsdb.NewRangeHead(head, head.MinTime(), head.MaxTime())); err != nil {
		return err
	}
	fmt.Printf("prometheus --config.file=/dev/null --storage.tsdb.path=%s --storage.tsdb.retention.time=10y "+
		"--web.listen-address=127.0.0.1:9090\n\tand in Grafana from=%d&to=%d\n",
		dir, end.Add(-min(s.span, 6*time.Hour)).UnixMilli(), end.UnixMilli())
	return nil
}

// scrape stores a scrape of an exporter, which does not answer if it has no handlers. Series that it lacks become stale.
func (h *history) scrape(ctx context.Context, instance string, at time.Time, handlers []http.Handler) (err error) {
	app := h.db.AppenderV2(ctx)
	defer func() {
		if err != nil {
			err = errors.Join(err, app.Rollback())
			return
		}
		err = app.Commit()
	}()
	h.scrapes++
	up := 0
	for _, handler := range handlers {
		response := httptest.NewRecorder()
		request := httptest.NewRequestWithContext(ctx, http.MethodGet, "/metrics", nil)
		if h.native {
			request.Header.Set("Accept", string(expfmt.NewFormat(expfmt.TypeProtoDelim)))
		}
		handler.ServeHTTP(response, request)
		if response.Code != http.StatusOK {
			return fmt.Errorf("the scrape was answered with %d", response.Code)
		}
		if err := h.store(app, instance, at, response.Body.Bytes(), response.Header().Get("Content-Type")); err != nil {
			return err
		}
		up = 1
	}
	if err := h.store(app, instance, at, fmt.Appendf(nil, "up %d\n", up), "text/plain"); err != nil {
		return err
	}
	for text, s := range h.series {
		if s.labels.Get("instance") != instance || s.seen == h.scrapes {
			continue
		}
		if _, err := app.Append(s.ref, s.labels, 0, at.UnixMilli(), math.Float64frombits(value.StaleNaN), nil, nil,
			storage.AOptions{}); err != nil {
			return err
		}
		delete(h.series, text)
	}
	return nil
}

// store stores an exposition.
func (h *history) store(app storage.AppenderV2, instance string, at time.Time, body []byte, contentType string) error {
	p, err := textparse.New(body, contentType, labels.NewSymbolTable(),
		textparse.ParserOptions{KeepClassicOnClassicAndNativeHistograms: true})
	if err != nil {
		return err
	}
	for {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var text []byte
		var v float64
		var native *histogram.Histogram
		switch entry {
		case textparse.EntrySeries:
			text, _, v = p.Series()
		case textparse.EntryHistogram:
			text, _, native, _ = p.Histogram()
		default:
			continue
		}
		s := h.series[instance+string(text)]
		if s == nil {
			var scraped labels.Labels
			p.Labels(&scraped)
			b := labels.NewBuilder(scraped)
			b.Set("job", "revox")
			b.Set("instance", instance)
			s = &series{labels: b.Labels()}
			h.series[instance+string(text)] = s
		}
		s.seen = h.scrapes
		if s.ref, err = app.Append(s.ref, s.labels, 0, at.UnixMilli(), v, native, nil, storage.AOptions{}); err != nil {
			return fmt.Errorf("%s: %w", s.labels, err)
		}
	}
}
