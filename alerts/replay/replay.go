package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/revox-exporter/revox_exporter/internal/exportertest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

// options are the values of the flags.
type options struct {
	days    int
	seed    uint64
	small   bool
	rules   string
	verbose io.Writer // nil: print only the result

	alertmanager string // the configuration's file
}

// replay is an API with its campaigns, exporters that read it, and a Prometheus that scrapes them, in simulated time.
type replay struct {
	options
	rng        *rand.Rand
	start, end time.Time
	clock      *revoxtest.Clock
	api        *sim.Simulation
	key        *exportertest.Key
	fleet      *fleet
	plan       *plan
	traps      *traps
	prometheus *server
	alerts     *alertLog
	inhibit    inhibitions
	replicas   []*replica
	down       bool // no replica answers
	todo       []task
	loads      loads
	printing   sync.Mutex // rules are evaluated concurrently
}

// replica is a scrape target and its process, which is nil while the replica is down.
type replica struct {
	target  *target
	process *process
}

// task is something to be done at a time.
type task struct {
	at time.Time
	do func() error
}

// loads is how much data the replay processed.
type loads struct {
	minutes, samples, campaignMinutes int
	wall                              time.Duration
}

// The phases of a minute: events happen just before it, scans at its beginning, then the scrape and the rules.
const (
	changesBefore = 5 * time.Second
	scrapeAfter   = 40 * time.Second
	rulesAfter    = 50 * time.Second
)

// run runs a replay and returns its verdict.
func run(ctx context.Context, o options) (_ *replay, _ *verdict, err error) {
	began := time.Now()
	dir, err := os.MkdirTemp("", "replay")
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	r := &replay{
		options: o, rng: rand.New(rand.NewPCG(o.seed, 1)), alerts: &alertLog{firing: map[string]*episode{}},
		key: exportertest.NewKey(revoxtest.APIKey),
	}
	if r.inhibit, err = readInhibitions(o.alertmanager); err != nil {
		return nil, nil, err
	}
	// A Monday in 2026; which one decides whether and where clocks change.
	r.start = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC).AddDate(0, 0, 7*r.rng.IntN(50))
	r.end = r.start.AddDate(0, 0, o.days)
	r.clock = revoxtest.NewClock(r.start.Add(-2 * time.Minute))
	r.api = sim.New(revoxtest.NewServer(revoxtest.WithNow(r.clock.Now), revoxtest.WithSeed(o.seed),
		revoxtest.WithoutGzip(), revoxtest.WithRequestLog(0)))
	defer r.api.Close()
	r.fleet = &fleet{
		api: r.api, rng: rand.New(rand.NewPCG(o.seed, 2)), small: o.small, members: map[string]*member{},
	}
	times, calm := max(1, o.days*2/14), 2*time.Hour
	if o.small {
		calm = 40 * time.Minute
	}
	r.plan = newPlan(rand.New(rand.NewPCG(o.seed, 3)), r.start, r.end, times, calm)
	r.traps = newTraps(rand.New(rand.NewPCG(o.seed, 4)), r.start, r.end, o.small)

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if r.prometheus, err = startServer(ctx, dir, o.rules, 2*time.Hour); err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, r.prometheus.close()) }()
	defer r.stop()
	if err := r.play(ctx); err != nil {
		return nil, nil, err
	}
	r.loads.wall = time.Since(began)
	v, err := r.judge(ctx)
	return r, v, err
}

// play runs each minute of the replay.
func (r *replay) play(ctx context.Context) error {
	r.fleet.day(0, r.start)
	if err := r.startReplica(ctx, "exporter-a:10210"); err != nil {
		return err
	}
	var evaluating sync.WaitGroup
	defer evaluating.Wait()
	evaluated := make(chan error, 1) // the result of evaluating the rules of the minute before
	evaluated <- nil
	day := 0
	for minute := r.start; minute.Before(r.end); minute = minute.Add(time.Minute) {
		if err := r.moveTo(ctx, minute.Add(-changesBefore)); err != nil {
			return err
		}
		if !minute.Before(r.start.AddDate(0, 0, day+1)) {
			day++
			r.fleet.day(day, minute)
		}
		if err := r.changes(ctx, minute); err != nil {
			return err
		}
		if err := r.moveTo(ctx, minute); err != nil {
			return err
		}
		if err := r.moveTo(ctx, minute.Add(scrapeAfter)); err != nil {
			return err
		}
		// The rules of a minute are evaluated during the scans of the next: neither changes what the other reads.
		if err := <-evaluated; err != nil {
			return err
		}
		r.alerts.look()
		if err := r.scrape(ctx, minute.Add(scrapeAfter)); err != nil {
			return err
		}
		evaluating.Go(func() { evaluated <- r.evaluate(ctx, minute.Add(rulesAfter)) })
	}
	return <-evaluated
}

// moveTo moves the clocks, and returns when everything that was due by then is done.
func (r *replay) moveTo(ctx context.Context, to time.Time) error {
	r.clock.Set(to)
	for _, replica := range r.replicas {
		if replica.process != nil {
			replica.process.Clock.Set(to)
		}
	}
	for _, replica := range r.replicas {
		if replica.process != nil {
			if err := replica.process.settle(ctx); err != nil {
				return fmt.Errorf("at %s: %w", stamp(to), err)
			}
		}
	}
	return nil
}

// changes makes the events of the beginning of a minute happen.
func (r *replay) changes(ctx context.Context, minute time.Time) error {
	r.fleet.deleteDue(minute)
	todo := r.todo
	r.todo = nil
	for _, t := range todo {
		if t.at.After(minute) {
			r.todo = append(r.todo, t)
			continue
		}
		if err := t.do(); err != nil {
			return err
		}
	}
	wasDown := r.down
	if err := r.plan.move(ctx, r, minute); err != nil {
		return err
	}
	if r.down != wasDown {
		for _, replica := range r.replicas {
			if err := r.switchProcess(ctx, replica, !r.down); err != nil {
				return err
			}
		}
	}
	return r.traps.move(ctx, r, minute)
}

// later schedules do for a time.
func (r *replay) later(at time.Time, do func() error) { r.todo = append(r.todo, task{at, do}) }

// scrape scrapes all replicas.
func (r *replay) scrape(ctx context.Context, at time.Time) error {
	r.loads.minutes++
	for _, replica := range r.replicas {
		if err := replica.target.append(ctx, r.prometheus.db, replica.process, at); err != nil {
			return err
		}
		if p := replica.process; p != nil {
			r.loads.campaignMinutes += p.selected()
		}
		r.loads.samples += len(replica.target.series)
	}
	return nil
}

func (r *replay) evaluate(ctx context.Context, at time.Time) error {
	if err := r.prometheus.evaluate(ctx, at); err != nil {
		return err
	}
	for _, e := range r.alerts.note(r.prometheus.groups, at) {
		r.say("%s  %s %s: %s", stamp(at), e.severity, e.alert, e.summary)
	}
	return nil
}

// startReplica starts an exporter that is scraped from now on.
func (r *replay) startReplica(ctx context.Context, instance string) error {
	replica := &replica{target: newTarget(instance)}
	r.replicas = append(r.replicas, replica)
	return r.switchProcess(ctx, replica, !r.down)
}

// removeReplica stops the last replica, which is no longer scraped.
func (r *replay) removeReplica(ctx context.Context, at time.Time) error {
	last := r.replicas[len(r.replicas)-1]
	r.replicas = r.replicas[:len(r.replicas)-1]
	if err := r.switchProcess(ctx, last, false); err != nil {
		return err
	}
	return last.target.remove(ctx, r.prometheus.db, at)
}

// restart replaces the first replica's process. One scrape in between finds it down.
func (r *replay) restart(ctx context.Context) error {
	replica := r.replicas[0]
	if err := r.switchProcess(ctx, replica, false); err != nil {
		return err
	}
	r.later(r.clock.Now().Add(time.Minute), func() error { return r.switchProcess(ctx, replica, !r.down) })
	return nil
}

// switchProcess starts or stops a replica's process.
func (r *replay) switchProcess(ctx context.Context, replica *replica, on bool) (err error) {
	if (replica.process != nil) == on {
		return nil
	}
	if !on {
		replica.process.Stop()
		replica.process = nil
		return nil
	}
	if replica.process, err = startProcess(r.api.Handler(), r.clock.Now(), r.key); err != nil {
		return err
	}
	return replica.process.settle(ctx)
}

// stop stops all processes.
func (r *replay) stop() {
	for _, replica := range r.replicas {
		if replica.process != nil {
			replica.process.Stop()
		}
	}
}

// say prints what happens, if -v is set.
func (r *replay) say(format string, args ...any) {
	if r.verbose != nil {
		r.printing.Lock()
		defer r.printing.Unlock()
		fmt.Fprintf(r.verbose, format+"\n", args...)
	}
}

func stamp(t time.Time) string { return t.UTC().Format("Mon 02 Jan 15:04") }
