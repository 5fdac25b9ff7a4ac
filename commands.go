package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/common/version"

	"github.com/revox-exporter/revox_exporter/internal/check"
	"github.com/revox-exporter/revox_exporter/internal/healthcheck"
)

// runCheck reads the selected campaigns once. It shows what it found on stdout, and how far it is on stderr.
func runCheck(ctx context.Context, cfg *config, stdout, stderr *os.File) int {
	watch := check.NewWatch(cfg.baseURL, nil)
	client, err := cfg.newClient(watch.ClientOptions()...)
	if err != nil {
		return usageError(stderr, err)
	}
	defer client.CloseIdleConnections()
	cfg.collector.Client = client
	cfg.collector.Logger = slog.New(slog.DiscardHandler) // the result has everything that would be logged
	exporter, err := cfg.newExporter()
	if err != nil {
		return usageError(stderr, err)
	}
	ok, err := check.Run(ctx, exporter, watch, check.Options{Format: cfg.flags.format, Out: stdout, Progress: stderr,
		Terminal: check.IsTerminal(stderr), Version: version.Version, Interval: cfg.flags.scanInterval,
		FullInterval: cfg.flags.fullInterval})
	if err != nil {
		fmt.Fprintf(stderr, "%s: error: showing what was found: %v\n", name, err)
	}
	if !ok || err != nil {
		return exitFailure
	}
	return exitOK
}

// healthcheckTimeout is less than endPatience, which is less than the usual timeout of containers' health checks.
const healthcheckTimeout = 4 * time.Second

// runHealthcheck checks the health of the process that was started with the same flags or environment. The process ends
// endPatience later at the latest, whatever it waits for.
func runHealthcheck(ctx context.Context, flags *flagValues, stderr io.Writer) int {
	defer time.AfterFunc(endPatience, func() { os.Exit(exitFailure) }).Stop()
	ctx, cancel := context.WithTimeout(ctx, healthcheckTimeout)
	defer cancel()
	if err := healthcheck.Check(ctx, cmp.Or(flags.healthListenAddress, (*flags.web.WebListenAddresses)[0])); err != nil {
		fmt.Fprintf(stderr, "%s: unhealthy: %v\n", name, err)
		return exitFailure
	}
	return exitOK
}

// endPatience is less than the 5 s within which the process ends after a signal.
const endPatience = 4500 * time.Millisecond

// endByForce ends the process with a code when it has not ended by itself soon after ctx: something waits for ever, such
// as a write to a pipe that nobody reads. What must outlive the process was written when it was published. stop calls it
// off.
func endByForce(ctx context.Context, code *atomic.Int32) (stop func() bool) {
	return context.AfterFunc(ctx, func() { time.AfterFunc(endPatience, func() { os.Exit(int(code.Load())) }) })
}

// usageError prints an error on one line and returns the exit code.
func usageError(stderr io.Writer, err error) int {
	text := strings.Join(strings.Fields(err.Error()), " ")
	fmt.Fprintf(stderr, "%s: error: %s (try --help)\n", name, withoutKey(text))
	return exitUsage
}
