package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/tsdb"
)

// server is the part of Prometheus that the replay needs: storage, queries and rules, without a clock.
type server struct {
	db         *tsdb.DB
	engine     *promql.Engine
	rulesFile  string
	groups     []*rules.Group       // in the order of the file, in which they are evaluated
	unrestored map[*rules.Group]int // evaluations until the alerts of a group know since when they are active, after a restart
}

// startServer opens an empty database in dir and reads a file of rules. It keeps the samples of about one and a half
// blocks in memory: longer blocks are faster.
func startServer(ctx context.Context, dir, rulesFile string, block time.Duration) (*server, error) {
	quiet := slog.New(slog.DiscardHandler)
	options := tsdb.DefaultOptions()
	options.WALSegmentSize = -1 // nothing needs to survive the replay
	options.RetentionDuration = (60 * 24 * time.Hour).Milliseconds()
	options.MinBlockDuration = block.Milliseconds()
	options.MaxBlockDuration = max(options.MaxBlockDuration, options.MinBlockDuration)
	db, err := tsdb.Open(dir, quiet, nil, options, nil)
	if err != nil {
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	s := &server{
		db: db,
		engine: promql.NewEngine(promql.EngineOpts{
			Logger: quiet, MaxSamples: 50_000_000, Timeout: 2 * time.Minute, LookbackDelta: 5 * time.Minute,
			NoStepSubqueryIntervalFn: func(int64) int64 { return time.Minute.Milliseconds() },
			EnableAtModifier:         true, EnableNegativeOffset: true, Parser: parser.NewParser(parser.Options{}),
		}),
		rulesFile: rulesFile,
	}
	if err := s.load(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("reading %s: %w", rulesFile, err), s.close())
	}
	for _, group := range s.groups {
		for _, rule := range group.AlertingRules() {
			rule.SetRestored(true) // else there is no series ALERTS, which some rules read
		}
	}
	return s, nil
}

// load reads the file of rules. It knows of no alert.
func (s *server) load(ctx context.Context) error {
	quiet := slog.New(slog.DiscardHandler)
	promQL := parser.NewParser(parser.Options{})
	manager := rules.NewManager(&rules.ManagerOptions{
		Context: ctx, Logger: quiet, AppendableV2: s.db, Queryable: s.db, Parser: promQL,
		QueryFunc:       rules.EngineQueryFunc(s.engine, s.db),
		NotifyFunc:      func(context.Context, string, ...*rules.Alert) {}, // the replay asks the rules instead
		OutageTolerance: time.Hour, ForGracePeriod: 10 * time.Minute,       // Prometheus' defaults
	})
	groups, errs := manager.LoadGroups(scrapeInterval, noLabels, "", nil, false, s.rulesFile)
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	file, errs := rulefmt.ParseFile(s.rulesFile, false, model.UTF8Validation, promQL, quiet)
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	s.groups = nil
	for _, group := range file.Groups { // in the order of the file
		s.groups = append(s.groups, groups[rules.GroupKey(s.rulesFile, group.Name)])
	}
	return nil
}

// restart forgets what is not stored, as Prometheus does when it is started again: which alerts are kept firing, and, until the
// second evaluation of a group, which of them are active, and since when.
func (s *server) restart(ctx context.Context) error {
	if err := s.load(ctx); err != nil {
		return fmt.Errorf("reading %s again: %w", s.rulesFile, err)
	}
	s.unrestored = map[*rules.Group]int{}
	for _, group := range s.groups {
		s.unrestored[group] = 2
	}
	return nil
}

func (s *server) close() error {
	return errors.Join(s.engine.Close(), s.db.Close())
}

// evaluate evaluates the groups of rules that are due at a time, a second after each other: Prometheus spreads them too.
func (s *server) evaluate(ctx context.Context, at time.Time) error {
	for i, group := range s.groups {
		if every := group.Interval(); every > scrapeInterval && at.Truncate(scrapeInterval).UnixNano()%int64(every) != 0 {
			continue
		}
		if err := s.evaluateGroup(ctx, group, at.Add(time.Duration(i)*time.Second)); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (s *server) evaluateGroup(ctx context.Context, group *rules.Group, at time.Time) error {
	group.Eval(ctx, at)
	for _, rule := range group.Rules() {
		if err := rule.LastError(); err != nil {
			return fmt.Errorf("evaluating %s at %s: %w", rule.Name(), at.UTC().Format(time.DateTime), err)
		}
	}
	if n := s.unrestored[group]; n == 1 {
		group.RestoreForState(at)
		delete(s.unrestored, group)
	} else if n > 1 {
		s.unrestored[group]--
	}
	return nil
}

// query returns the values of an expression by campaign.
func (s *server) query(ctx context.Context, expr string, at time.Time) (map[string]float64, error) {
	q, err := s.engine.NewInstantQuery(ctx, s.db, nil, expr, at)
	if err != nil {
		return nil, fmt.Errorf("querying %s: %w", expr, err)
	}
	defer q.Close()
	vector, err := q.Exec(ctx).Vector()
	if err != nil {
		return nil, fmt.Errorf("querying %s: %w", expr, err)
	}
	values := make(map[string]float64, len(vector))
	for _, sample := range vector {
		values[sample.Metric.Get("campaign_id")] = sample.F
	}
	return values, nil
}
