// Command revox_exporter exports the state, outcomes and durations of Revox calling campaigns to Prometheus.
package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/common/version"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/collector/store"
	"github.com/revox-exporter/revox_exporter/internal/apikey"
	"github.com/revox-exporter/revox_exporter/internal/check"
	"github.com/revox-exporter/revox_exporter/internal/forcedexit"
	"github.com/revox-exporter/revox_exporter/internal/healthcheck"
	"github.com/revox-exporter/revox_exporter/internal/httpserver"
	"github.com/revox-exporter/revox_exporter/internal/logging"
	"github.com/revox-exporter/revox_exporter/internal/routes"
	"github.com/revox-exporter/revox_exporter/internal/usage"
	"github.com/revox-exporter/revox_exporter/internal/webconfig"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

const name = "revox_exporter"

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1 // to start, to serve, or to do what was requested
	exitUsage   = 2 // a wrong flag, nothing to read, or no key
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run runs the command that args name until it ends, or until SIGINT or SIGTERM, and returns the exit code.
func run(args []string, stdout, stderr *os.File) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// Before anything is written: every write can wait for ever.
	var forced atomic.Int32
	forced.Store(exitFailure)
	defer forcedexit.After(ctx, &forced)()
	// A write to a closed stderr must not end the process.
	signal.Ignore(syscall.SIGPIPE)
	// net/http writes there, and quotes what servers send.
	log.SetOutput(io.Discard)
	app, flags := newApp()
	command, err := usage.Parse(app, args)
	if err != nil {
		return usageError(stderr, err)
	}
	if command == healthcheckCommand {
		defer forcedexit.Start(&forced).Stop()
		if err := healthcheck.Check(ctx, cmp.Or(flags.healthListenAddress, (*flags.web.WebListenAddresses)[0])); err != nil {
			fmt.Fprintf(stderr, "%s: unhealthy: %v\n", name, err)
			return exitFailure
		}
		return exitOK
	}
	// Register first: an unhandled SIGHUP terminates the process.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)

	cfg, err := flags.config()
	if err != nil {
		return usageError(stderr, err)
	}
	sink := logging.NewSink(stderr)
	defer sink.Close()
	logger := logging.New(sink, flags.logLevel, flags.logFormat)
	if flags.demo {
		api := sim.NewDemo()
		defer api.Close()
		cfg.baseURL = api.URL
	}
	cfg.warn(os.Environ(), logger)
	if command == checkCommand {
		return runCheck(ctx, cfg, stdout, stderr)
	}
	forced.Store(exitOK)
	return runServe(ctx, cfg, hangups, stderr, sink, logger)
}

// runServe scans campaigns and serves their metrics until ctx ends, and reloads on each hangup.
func runServe(ctx context.Context, cfg *config, hangups <-chan os.Signal, stderr io.Writer, sink *logging.Sink, logger *slog.Logger) int {
	fail := func(msg string, err error) int {
		logger.Error(msg, "err", err)
		return exitFailure
	}
	flags := cfg.flags
	webConfig := webconfig.Config{Flags: flags.web, Flag: flags.name("web.config.file")}
	if err := webConfig.Check(); err != nil {
		return fail("cannot serve", err)
	}
	api := collector.NewAPIMetrics(cfg.endpoints()...)
	registry := prometheus.NewRegistry()
	registry.MustRegister(api, sink.Dropped(), versioncollector.NewCollector(name), collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if path := cfg.statePath(); path != "" {
		state, err := store.OpenState(path, cfg.baseURL, revoxapi.SystemClock{}, logger)
		if err != nil {
			return fail("cannot start", err)
		}
		defer state.Close()
		cfg.collector.State = state
	}
	exporter, err := cfg.newExporter(logger, revoxapi.WithTrace(api.Trace()))
	if err != nil {
		return usageError(stderr, err)
	}
	defer cfg.collector.Client.CloseIdleConnections()
	metrics, err := exporter.MetricsHandler(registry)
	if err != nil {
		return fail("cannot serve", err)
	}
	logger.Info("starting", "version", version.Version, "revision", version.GetRevision(), "api", cfg.baseURL,
		"scan_interval", flags.scanInterval, "plan", exporter.Plan())
	if flags.healthListenAddress != "" {
		at, stop, err := httpserver.Start(flags.healthListenAddress, routes.Health(exporter), logger)
		if err != nil {
			return fail("cannot serve at --web.health-listen-address", err)
		}
		defer stop() // last, so that probes are answered until the server and the scans have ended
		logger.Info("the health endpoints are also served here, without TLS or authentication", "address", at)
	}
	server := httpserver.New(routes.New(cfg.routes, exporter, metrics, registry, logger), logger)
	listen := func() error { return webConfig.ListenAndServe(server, logger) }
	work := func(ctx context.Context, at net.Addr) {
		if url := cfg.routes.BrowserURL(at, webConfig.Encrypts()); flags.demo && url != "" {
			logger.Info("demo: simulated campaigns; look at " + url)
		}
		var reloading sync.WaitGroup
		reloading.Go(func() { reloadOn(ctx, hangups, exporter) })
		exporter.Run(ctx)
		reloading.Wait()
	}
	if err := httpserver.Run(ctx, server, listen, work, logger); err != nil {
		return fail("cannot serve", err)
	}
	logger.Info("stopped")
	return exitOK
}

// reloadOn reloads on each hangup until ctx ends.
func reloadOn(ctx context.Context, hangups <-chan os.Signal, exporter *collector.Exporter) {
	for {
		select {
		case <-hangups:
			_ = exporter.Reload() // it logs its error
		case <-ctx.Done():
			return
		}
	}
}

// runCheck reads the selected campaigns once. It shows what it found on stdout, and how far it is on stderr.
func runCheck(ctx context.Context, cfg *config, stdout, stderr *os.File) int {
	watch := check.NewWatch(cfg.baseURL, nil)
	// The result has everything that would be logged.
	exporter, err := cfg.newExporter(slog.New(slog.DiscardHandler), watch.ClientOptions()...)
	if err != nil {
		return usageError(stderr, err)
	}
	defer cfg.collector.Client.CloseIdleConnections()
	ok, err := check.Run(ctx, exporter, watch, check.Options{Format: cfg.flags.format, Out: stdout, Progress: stderr,
		Version: version.Version, Interval: cfg.flags.scanInterval, FullInterval: cfg.flags.fullInterval,
		Columns: check.Terminal(stdout), Colour: check.Colours(), ProgressColumns: check.Progress(stderr),
		StatePath: cfg.statePath(), TryState: func() error { return store.TryState(cfg.statePath(), cfg.baseURL) }})
	if err != nil {
		fmt.Fprintf(stderr, "%s: error: showing what was found: %v\n", name, err)
	}
	if !ok || err != nil {
		return exitFailure
	}
	return exitOK
}

// usageError prints an error on one line and returns the exit code.
func usageError(stderr io.Writer, err error) int {
	text := strings.Join(strings.Fields(err.Error()), " ")
	fmt.Fprintf(stderr, "%s: error: %s (try --help)\n", name, apikey.Hide(text))
	return exitUsage
}
