package promql

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/collector/campaigns"
	statestore "github.com/revox-exporter/revox_exporter/collector/store"
	"github.com/revox-exporter/revox_exporter/internal/exportertest"
	"github.com/revox-exporter/revox_exporter/internal/logging"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

// histograms are the kinds of histograms that a Prometheus can be configured to store, with its parser's options.
var histograms = map[string]textparse.ParserOptions{
	"classic": {IgnoreNativeHistograms: true},
	"native":  {},
	"both":    {KeepClassicOnClassicAndNativeHistograms: true},
}

// setting is how many replicas a Prometheus scrapes, and which kind of histograms it stores.
type setting struct {
	replicas   int
	histograms string
}

// shard is what the replicas of a fleet read. The other shard is missing.
var shard = campaigns.Shard{Index: 0, Count: 2}

// campaignOf returns the ID of a fleet's campaign, which belongs to the shard that is read.
func campaignOf(name string) string {
	for n := 0; ; n++ {
		if id := fmt.Sprintf("%s-%d", name, n); shard.Has(id) {
			return id
		}
	}
}

// fleet is a Prometheus for each setting. They have scraped the same two exporters for 26 hours, in the last two of them
// every minute, and have evaluated the rules in the last 40 minutes, and at this time the day before.
type fleet struct {
	stores map[setting]*store
	end    time.Time
}

// newFleet simulates a fleet. Of its campaigns one goes well but has odd data, one fails, one has ended and one cannot be
// read. At the end the list of campaigns cannot be read either.
func newFleet(t *testing.T) *fleet {
	t.Helper()
	ctx := t.Context()
	start := exportertest.Start
	f := &fleet{map[setting]*store{}, start.Add(26 * time.Hour)}
	clock := revoxtest.NewClock(start)
	api := sim.New(revoxtest.NewServer(revoxtest.WithNow(clock.Now), revoxtest.WithoutGzip(), revoxtest.WithRequestLog(0)))
	t.Cleanup(api.Close)
	add := func(name string, c sim.Campaign) {
		c.ID, c.Name, c.Weight, c.Agent, c.NewerFields = campaignOf(name), name, sim.Light, true, true
		c.Windows = []sim.Window{{Start: "00:00", End: "24:00"}}
		api.AddCampaign(c)
	}
	begun := start.Add(-3 * time.Hour)
	add("well", sim.Campaign{Start: begun, Rows: 300, AddRowsPerHour: 60, MaxConcurrentCalls: 6, ReclassifiedShare: 0.1})
	add("throttled", sim.Campaign{Start: begun, Rows: 300, AddRowsPerHour: 60, MaxConcurrentCalls: 6, ErroredShare: 0.05})
	add("ended", sim.Campaign{Start: begun, Rows: 30, MaxConcurrentCalls: 6, MaxRetryAttempts: -1})
	add("unreadable", sim.Campaign{Start: begun, Rows: 100, AddRowsPerHour: 20, MaxConcurrentCalls: 2})
	for kind, share := range map[sim.IncidentKind]float64{sim.DialErrorSurge: 0.3, sim.AgentBreaks: 0.6, sim.ErroredSurge: 0.3} {
		api.AddIncident(sim.Incident{Kind: kind, Campaign: campaignOf("throttled"), Start: f.end.Add(-14 * time.Minute), Share: share})
	}

	var exporters []*exporter
	for _, instance := range []string{"a:10210", "b:10210"} {
		exporters = append(exporters, startExporter(t, instance, api.URL, start))
	}
	var groups []*rules.Group
	for kind := range histograms {
		for replicas := range 2 {
			s := openStore(t)
			f.stores[setting{replicas + 1, kind}] = s
			groups = append(groups, s.loadRules(t)...)
		}
	}
	for at := start; !at.After(f.end); {
		switch left := f.end.Sub(at); left {
		case 25 * time.Minute:
			api.AddFault(revoxtest.Fault{Campaign: campaignOf("unreadable"), Endpoint: "rows"})
			api.AddFault(revoxtest.Fault{Campaign: campaignOf("well"), Endpoint: "rows", Behavior: revoxtest.MangleRows(tangle)})
		case 12 * time.Minute:
			api.AddFault(revoxtest.Fault{Endpoint: "campaigns"})
		}
		for i, e := range exporters {
			e.Clock.Set(at)
			if err := e.Settle(ctx); err != nil {
				t.Fatal(err)
			}
			for _, handler := range e.handlers {
				body, contentType := scrapeProtobuf(t, handler)
				for to, s := range f.stores {
					if i < to.replicas {
						s.append(t, e.instance, at, body, contentType, histograms[to.histograms])
					}
				}
			}
			for to, s := range f.stores {
				if i < to.replicas {
					s.append(t, e.instance, at, []byte("up 1\nscrape_duration_seconds 0.1\n"), "text/plain", textparse.ParserOptions{})
				}
			}
		}
		if left := f.end.Sub(at); left <= 40*time.Minute || (left-time.Hour).Abs() < 5*time.Minute || (left-24*time.Hour).Abs() < 10*time.Minute {
			for _, group := range groups {
				group.Eval(ctx, at)
			}
		}
		step := time.Minute
		if left := f.end.Sub(at); left > 22*time.Hour {
			step = 4 * time.Minute
		} else if left > 2*time.Hour {
			step = 20 * time.Minute
		}
		at = at.Add(step)
		clock.Set(at)
	}
	return f
}

// tangle replaces a dial error by one that the exporter does not know, and makes timestamps of one row invalid.
func tangle(rows []json.RawMessage) []json.RawMessage {
	for i, row := range rows {
		rows[i] = bytes.ReplaceAll(row, []byte(`"no_answer"`), []byte(`"lines_tangled"`))
	}
	if len(rows) > 0 {
		rows[0] = bytes.ReplaceAll(rows[0], []byte(`"ended_at":"`), []byte(`"ended_at":"no time: `))
	}
	return rows
}

// exporter is a replica with everything that the program has.
type exporter struct {
	*exportertest.Instance
	instance string
	handlers []http.Handler // of what the exporter has, and of the process
}

func startExporter(t *testing.T, instance, url string, now time.Time) *exporter {
	t.Helper()
	file := filepath.Join(t.TempDir(), "campaigns.yml")
	if err := os.WriteFile(file, []byte(`[{"match": ".*", "labels": {"team": "sales", "tier": "1"}}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	clock := revoxtest.NewClock(now)
	state, err := statestore.OpenState(t.TempDir(), url, clock, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(state.Close)
	in, err := exportertest.Make(url, clock, func(c *collector.Config) {
		c.Logger, c.FullInterval, c.Shard, c.State, c.CampaignFile = quiet, time.Hour, shard, state, file
		c.Discovery = &campaigns.Discovery{
			Interval: 5 * time.Minute, Statuses: []string{"running", "paused", "completed"}, CompletedFor: 48 * time.Hour,
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	in.Run()
	t.Cleanup(in.Stop)
	sink := logging.NewSink(io.Discard)
	t.Cleanup(func() { sink.Close() })
	own := prometheus.NewRegistry()
	own.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		versioncollector.NewCollector("revox_exporter"), sink.Dropped())
	return &exporter{in, instance, []http.Handler{in.Metrics, promhttp.HandlerFor(own, promhttp.HandlerOpts{})}}
}

func scrapeProtobuf(t *testing.T, handler http.Handler) (body []byte, contentType string) {
	t.Helper()
	request, response := httptest.NewRequest(http.MethodGet, "/metrics", nil), httptest.NewRecorder()
	request.Header.Set("Accept", string(expfmt.NewFormat(expfmt.TypeProtoDelim)))
	handler.ServeHTTP(response, request)
	if response.Code != http.StatusOK {
		t.Fatalf("a scrape was answered with %d", response.Code)
	}
	return response.Body.Bytes(), response.Header().Get("Content-Type")
}

// append stores a scrape of the job revox.
func (s *store) append(t *testing.T, instance string, at time.Time, body []byte, contentType string, o textparse.ParserOptions) {
	t.Helper()
	p, err := textparse.New(body, contentType, labels.NewSymbolTable(), o)
	if err != nil {
		t.Fatal(err)
	}
	app := s.db.AppenderV2(context.Background())
	for {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if entry != textparse.EntrySeries && entry != textparse.EntryHistogram {
			continue
		}
		var scraped labels.Labels
		p.Labels(&scraped)
		b := labels.NewBuilder(scraped)
		b.Set("job", "revox")
		b.Set("instance", instance)
		if entry == textparse.EntryHistogram {
			_, _, h, fh := p.Histogram()
			_, err = app.Append(0, b.Labels(), 0, at.UnixMilli(), 0, h, fh, storage.AOptions{})
		} else {
			_, _, v := p.Series()
			_, err = app.Append(0, b.Labels(), 0, at.UnixMilli(), v, nil, nil, storage.AOptions{})
		}
		if err != nil {
			t.Fatalf("%s: %v", scraped, err)
		}
	}
	if err := app.Commit(); err != nil {
		t.Fatal(err)
	}
}

// loadRules returns the groups of the repository's rules, which read from s and write to it.
func (s *store) loadRules(t *testing.T) (groups []*rules.Group) {
	t.Helper()
	manager := rules.NewManager(&rules.ManagerOptions{
		Context: t.Context(), Logger: quiet, AppendableV2: s.db, Queryable: s.db, Parser: promQL,
		QueryFunc:  rules.EngineQueryFunc(s.engine, s.db),
		NotifyFunc: func(context.Context, string, ...*rules.Alert) {},
	})
	loaded, errs := manager.LoadGroups(time.Minute, labels.EmptyLabels(), "", nil, false, rulesFile)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	for _, name := range slices.Sorted(maps.Keys(loaded)) {
		for _, rule := range loaded[name].AlertingRules() {
			rule.SetRestored(true) // otherwise it would first look for an earlier state, which does not exist
		}
		groups = append(groups, loaded[name])
	}
	return groups
}
