// Command revox_exporter exports the state, outcomes and durations of Revox calling campaigns to Prometheus.
package main

import (
	"context"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/common/version"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/collector/store"
	"github.com/revox-exporter/revox_exporter/internal/httpserver"
	"github.com/revox-exporter/revox_exporter/internal/logging"
	"github.com/revox-exporter/revox_exporter/internal/usage"
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
	defer endByForce(ctx, &forced)()
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
		return runHealthcheck(ctx, flags, stderr)
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
	if err := flags.checkWebConfig(); err != nil {
		return fail("cannot serve", err)
	}
	api := collector.NewAPIMetrics(cfg.endpoints()...)
	registry := prometheus.NewRegistry()
	registry.MustRegister(api, sink.Dropped(), versioncollector.NewCollector(name), collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	client, err := cfg.newClient(revoxapi.WithTrace(api.Trace()))
	if err != nil {
		return usageError(stderr, err)
	}
	defer client.CloseIdleConnections()
	cfg.collector.Client, cfg.collector.Logger = client, logger
	if flags.statePath != "" && !flags.demo {
		state, err := store.OpenState(flags.statePath, cfg.baseURL, revoxapi.SystemClock{}, logger)
		if err != nil {
			return fail("cannot start", err)
		}
		defer state.Close()
		cfg.collector.State = state
	}
	exporter, err := cfg.newExporter()
	if err != nil {
		return usageError(stderr, err)
	}
	metrics, err := exporter.MetricsHandler(registry)
	if err != nil {
		return fail("cannot serve", err)
	}
	logger.Info("starting", "version", version.Version, "revision", version.GetRevision(), "api", cfg.baseURL,
		"campaigns", len(flags.campaignIDs), "discover", cfg.collector.Discovery != nil, "scan_interval", flags.scanInterval,
		"plan", exporter.Plan())
	if flags.demo {
		logger.Info("demo: simulated campaigns; look at " + browserURL(*flags.web.WebListenAddresses))
	}
	if flags.healthListenAddress != "" {
		at, stop, err := httpserver.Start(flags.healthListenAddress, handleHealth(http.NewServeMux(), exporter), logger)
		if err != nil {
			return fail("cannot serve at --web.health-listen-address", err)
		}
		defer stop() // last, so that probes are answered until the server and the scans have ended
		logger.Info("the health endpoints are also served here, without TLS or authentication", "address", at)
	}
	server := httpserver.New(handler(cfg, exporter, metrics, registry, logger), logger)
	listen := func() error { return flags.listenAndServe(server, logger) }
	work := func(ctx context.Context) {
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

// browserURL returns the server's address as a person would type it.
func browserURL(listenAddresses []string) string {
	host, port, err := net.SplitHostPort(slices.Concat(listenAddresses, []string{""})[0])
	if err != nil {
		return "the address below"
	}
	if host == "" || net.ParseIP(host).IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port) + "/"
}
