// Command revox_exporter shows the state, outcomes and durations of Revox calling campaigns to Prometheus.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/url"
	"os"
	"os/signal"
	"path"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"
	webflag "github.com/prometheus/exporter-toolkit/web/kingpinflag"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/internal/check"
	"github.com/revox-exporter/revox_exporter/internal/healthcheck"
	"github.com/revox-exporter/revox_exporter/internal/httpserver"
	"github.com/revox-exporter/revox_exporter/internal/logging"
	"github.com/revox-exporter/revox_exporter/internal/manpage"
	"github.com/revox-exporter/revox_exporter/internal/pages"
	"github.com/revox-exporter/revox_exporter/internal/usage"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

const (
	name         = "revox_exporter"
	checkCommand = "check"
)

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1 // of starting or serving
	exitUsage   = 2 // a flag, or nothing to read, or no key
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr *os.File) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	app, flags := newApp()
	command, err := app.Parse(args)
	if err != nil {
		return usageError(stderr, err)
	}
	if command == healthcheckCommand {
		return flags.healthcheck(ctx, stderr)
	}
	logger := logging.New(stderr, *flags.logLevel, *flags.logFormat)
	// From the start, and whether there is anything to read anew or not: unheard, SIGHUP would end the process.
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)

	key, baseURL := flags.keySource(), *flags.baseURL
	if *flags.demo {
		api := revoxtest.NewDemo()
		defer api.Close()
		key, baseURL = revoxapi.StaticKey(revoxtest.APIKey), api.URL
	}
	cfg, err := flags.collectorConfig(key, logger)
	if err != nil {
		return usageError(stderr, err)
	}
	if command == checkCommand {
		return flags.check(ctx, cfg, key, baseURL, stdout, stderr)
	}
	endpoints := []revoxapi.Endpoint{revoxapi.EndpointRows}
	if cfg.Discovery != nil {
		endpoints = append(endpoints, revoxapi.EndpointCampaigns)
	}
	api := collector.NewAPIMetrics(endpoints...)
	cfg.Client, err = flags.client(key, baseURL, revoxapi.WithTrace(api.Trace()))
	if err != nil {
		return usageError(stderr, err)
	}
	defer cfg.Client.CloseIdleConnections()
	registry := prometheus.NewRegistry()
	if cfg.State, err = flags.openState(baseURL, logger); err != nil {
		logger.Error("cannot start", "err", err)
		return exitFailure
	}
	if cfg.State != nil {
		defer cfg.State.Close()
		registry.MustRegister(cfg.State)
	}
	exporter, err := collector.New(cfg)
	if err != nil {
		return usageError(stderr, err)
	}
	var reloads sync.WaitGroup
	reloads.Go(func() {
		for range hangups {
			_ = exporter.Reload() // which logs its error
		}
	})
	defer func() { // before the state is closed, which a reload writes
		signal.Stop(hangups)
		close(hangups)
		reloads.Wait()
	}()
	registry.MustRegister(api, versioncollector.NewCollector(name), collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	metrics, err := exporter.MetricsHandler(registry)
	if err != nil {
		logger.Error("cannot serve", "err", err)
		return exitFailure
	}

	logger.Info("starting", "version", version.Version, "revision", version.GetRevision(), "api", baseURL,
		"campaigns", len(cfg.CampaignIDs), "discover", cfg.Discovery != nil, "scan_interval", cfg.ScanInterval, "plan", exporter.Plan())
	if u, err := url.Parse(baseURL); err == nil && u.Scheme == "http" && !isLoopback(u.Hostname()) {
		logger.Warn("the base URL is not https: the API key and the answers can be read on the way")
	}
	if *flags.demo {
		logger.Info("demo: simulated campaigns; look at " + browserURL(*flags.web.WebListenAddresses))
	}
	if address := *flags.healthListenAddress; address != "" {
		at, stop, err := httpserver.Start(address, handleHealth(http.NewServeMux(), exporter), logger)
		if err != nil {
			logger.Error("cannot serve at --web.health-listen-address", "err", err)
			return exitFailure
		}
		logger.Info("the health endpoints are served here too, without TLS and authentication", "address", at)
		defer stop() // they answer until the end
	}
	server := httpserver.New(flags.handler(exporter, metrics, logger), logger)
	listen := func() error { return web.ListenAndServe(server, flags.web, logger) }
	if err := httpserver.Run(ctx, server, listen, exporter.Run, logger); err != nil {
		logger.Error("cannot serve", "err", err)
		return exitFailure
	}
	logger.Info("stopped")
	return exitOK
}

// check reads the chosen campaigns once and shows what it found.
func (f *flagValues) check(ctx context.Context, cfg collector.Config, key revoxapi.KeySource, baseURL string, stdout, stderr *os.File) int {
	watch := check.NewWatch(baseURL, nil)
	var err error
	if cfg.Client, err = f.client(key, baseURL, watch.ClientOptions()...); err != nil {
		return usageError(stderr, err)
	}
	defer cfg.Client.CloseIdleConnections()
	cfg.Logger = slog.New(slog.DiscardHandler) // everything that it would say is shown
	exporter, err := collector.New(cfg)
	if err != nil {
		return usageError(stderr, err)
	}
	ok, err := check.Run(ctx, exporter, watch, check.Options{Format: *f.format, Out: stdout, Progress: stderr,
		Terminal: check.IsTerminal(stderr), Version: version.Version, Interval: cfg.ScanInterval})
	if err != nil {
		fmt.Fprintf(stderr, "%s: error: showing what was found: %v\n", name, err)
	}
	if !ok || err != nil {
		return exitFailure
	}
	return exitOK
}

// handler serves the endpoints.
func (f *flagValues) handler(exporter *collector.Exporter, metrics http.Handler, logger *slog.Logger) http.Handler {
	mux := handleHealth(http.NewServeMux(), exporter)
	reload := pages.Reload(exporter.Reload)
	mux.Handle("/", httpserver.LimitAnswer(pages.Landing(exporter.Status, version.Info(), *f.telemetryPath, logger)))
	mux.Handle(*f.telemetryPath, exporter.ScanOnScrape(httpserver.LimitAnswer(metrics)))
	mux.HandleFunc("/-/reload", func(w http.ResponseWriter, r *http.Request) {
		if !*f.lifecycle {
			http.Error(w, "Reloading by request is off: start "+name+" with --web.enable-lifecycle.", http.StatusForbidden)
			return
		}
		reload.ServeHTTP(w, r)
	})
	if *f.pprof {
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	}
	return mux
}

func handleHealth(mux *http.ServeMux, exporter *collector.Exporter) *http.ServeMux {
	mux.HandleFunc("/-/healthy", pages.Healthy)
	mux.Handle("/-/ready", pages.Ready(exporter.Status))
	return mux
}

var telemetryPath = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`)

// flagValues are the values of the flags.
type flagValues struct {
	baseURL, apiKeyFile             *string
	pageSize, firstPage, maxRetries *int
	concurrency                     *int
	requestTimeout                  *time.Duration
	maxRequestsPerSecond            *float64

	campaignIDs, statuses          *[]string
	campaignFile                   *string
	discover                       *bool
	discoverInterval, completedFor *time.Duration
	include, exclude               *string

	scanInterval, scanTimeout, maxAge, fullInterval, timeoutOffset *time.Duration

	shardIndex, shardCount *int

	statePath                          *string
	demo, pprof, lifecycle             *bool
	telemetryPath, healthListenAddress *string
	web                                *web.FlagConfig
	logLevel, logFormat                *string

	format *string // of check
}

func newApp() (*kingpin.Application, *flagValues) {
	if version.Version == "" {
		version.Version = buildVersion()
	}
	app := kingpin.New(name, "Prometheus exporter for Revox calling campaigns. Try it with --demo; then give the API key in the environment "+
		"variable REVOX_API_KEY, never as a flag, and the campaigns with --campaign.id or --campaign.discover.\n\n"+
		"Each flag --a.b-c can also be given as the environment variable REVOX_EXPORTER_A_B_C (repeatable ones: a line for each). "+
		"Durations are numbers with a unit, such as 500ms, 30s, 5m or 1h30m.")
	usage.Group(app, manpage.Funcs)
	app.UsageWriter(os.Stdout)
	kingpin.ManPageTemplate = manpage.Template
	app.Version(version.Print(name))
	app.HelpFlag.Short('h')
	// A variable such as REVOX_EXPORTER_VERSION is often there for other reasons.
	app.HelpFlag.NoEnvar()
	app.VersionFlag.NoEnvar()
	app.DefaultEnvars()
	app.Command("serve", "Read campaigns and serve their metrics; the default.").Default()
	app.Command(healthcheckCommand, "Ask the exporter that listens on --web.health-listen-address, or else on --web.listen-address, of this machine whether it serves: exit code 0, or 1 and why not.")
	checking := app.Command(checkCommand, "Read each chosen campaign once, and say what is there, what is odd and what to do where it cannot be read. "+
		"Exits with 0; 1 where something could not be read; 2 on wrong usage.")

	f := &flagValues{
		format: checking.Flag("format", "How to show what was found: table, for people, or json, for scripts.").Default("table").Enum("table", "json"),

		baseURL: app.Flag("revox.base-url", "URL of the API; the default is REVOX_BASE_URL where that is set.").
			Default(cmp.Or(os.Getenv("REVOX_BASE_URL"), revoxapi.DefaultBaseURL)).String(),
		apiKeyFile: app.Flag("revox.api-key-file", "File with the API key, read anew when it changes. Without it the key is the environment variable REVOX_API_KEY.").PlaceHolder("FILE").String(),
		pageSize:   app.Flag("revox.page-size", "Rows asked for a page.").Default("100").Int(),
		firstPage:  app.Flag("revox.first-page", "Number of the first page. 0 is right for servers that count from 0 and from 1.").Default("0").Int(),
		requestTimeout: app.Flag("revox.timeout", "How long one request may take, from sending it to the last byte of the answer.").
			Default("60s").Duration(),
		maxRetries:           app.Flag("revox.max-retries", "How many times a request is sent again after a failure that may pass.").Default("2").Int(),
		concurrency:          app.Flag("revox.concurrency", "Requests in flight at most, over all campaigns.").Default("4").Int(),
		maxRequestsPerSecond: app.Flag("revox.max-requests-per-second", "Requests a second at most, over all campaigns; 0: no limit.").Default("0").Float64(),

		campaignIDs:      app.Flag("campaign.id", "ID of a campaign to read; repeatable.").PlaceHolder("ID").Strings(),
		campaignFile:     app.Flag("campaign.file", "YAML or JSON list of IDs of campaigns to read; read anew within seconds when it changes, on SIGHUP, and on POST /-/reload with --web.enable-lifecycle.").String(),
		discover:         app.Flag("campaign.discover", "Read all campaigns of the organization that --campaign.include, --campaign.exclude, --campaign.status and --campaign.completed-for select.").Bool(),
		discoverInterval: app.Flag("campaign.discover-interval", "Pause between two readings of the list of campaigns.").Default("5m").Duration(),
		include:          app.Flag("campaign.include", "Anchored regular expression: discovered campaigns whose name it matches are read; empty: all.").PlaceHolder("REGEXP").String(),
		exclude:          app.Flag("campaign.exclude", "Anchored regular expression: discovered campaigns whose name it matches are not read; empty: none excluded.").PlaceHolder("REGEXP").String(),
		statuses: app.Flag("campaign.status", "Status of discovered campaigns that are read: draft, running, paused or completed; repeatable.").
			Default("running", "paused", "completed").Strings(),
		completedFor: app.Flag("campaign.completed-for", "How long after its last change a discovered campaign that is completed or cancelled is still read; 0: for ever.").Default("168h").Duration(),

		scanInterval:  app.Flag("scan.interval", "Pause between the starts of a campaign's scans; 0: scan on each scrape.").Default("1m").Duration(),
		scanTimeout:   app.Flag("scan.timeout", "How long one whole scan of a campaign may take; 0: no limit but that of its requests.").Default("0").Duration(),
		maxAge:        app.Flag("scan.max-age", "How old published data may be before it disappears; at least 3 intervals, and twice as long as the campaign's newest scan of all its pages took.").Default("15m").Duration(),
		fullInterval:  app.Flag("scan.full-interval", "How often settled pages, whose calls have all finished and come to rest, are read again all the same, at most a quarter early; 0: by every scan.").Default("1h").Duration(),
		timeoutOffset: app.Flag("scan.timeout-offset", "How long before Prometheus would give up a scan on a scrape ends.").Default("0.5s").Duration(),

		shardIndex: app.Flag("shard.index", "Which share of the campaigns to read: from 0 to --shard.count less 1.").Default("0").Int(),
		shardCount: app.Flag("shard.count", "Into how many shares the campaigns are divided, by their IDs; each share needs a process of its own.").Default("1").Int(),

		statePath: app.Flag("state.path", "Folder for what outlives a restart: the newest data and what counters have shown; empty: none.").String(),

		demo:                app.Flag("demo", "Read simulated campaigns of an API inside the process; needs no key and no campaign.").Bool(),
		telemetryPath:       app.Flag("web.telemetry-path", "Path under which to serve metrics.").Default("/metrics").String(),
		pprof:               app.Flag("web.enable-pprof", "Serve profiles under /debug/pprof.").Bool(),
		lifecycle:           app.Flag("web.enable-lifecycle", "Let POST /-/reload read the campaign file anew.").Bool(),
		healthListenAddress: app.Flag("web.health-listen-address", "Address, such as :10211, of a second listener for /-/healthy and /-/ready alone, without TLS or authentication; empty: none.").String(),
		web:                 webflag.AddFlags(app, ":10210"),
		logLevel:            app.Flag("log.level", "Least severe level that is logged: debug, info, warn or error.").Default("info").Enum("debug", "info", "warn", "error"),
		logFormat:           app.Flag("log.format", "Format of log lines: logfmt or json.").Default("logfmt").Enum("logfmt", "json"),
	}
	return app, f
}

const healthcheckCommand = "healthcheck"

// healthcheckTimeout is less than the time that containers' health checks are usually given.
const healthcheckTimeout = 4 * time.Second

// healthcheck asks a process that was started with the same flags, or rather the same environment, for its health.
func (f *flagValues) healthcheck(ctx context.Context, stderr io.Writer) int {
	ctx, cancel := context.WithTimeout(ctx, healthcheckTimeout)
	defer cancel()
	if err := healthcheck.Check(ctx, cmp.Or(*f.healthListenAddress, (*f.web.WebListenAddresses)[0])); err != nil {
		fmt.Fprintf(stderr, "%s: unhealthy: %v\n", name, err)
		return exitFailure
	}
	return exitOK
}

// keySource returns where the API key comes from.
func (f *flagValues) keySource() revoxapi.KeySource {
	if *f.apiKeyFile != "" {
		return revoxapi.NewKeyFile(*f.apiKeyFile)
	}
	return revoxapi.StaticKey(os.Getenv("REVOX_API_KEY"))
}

// client returns the client that the flags describe.
func (f *flagValues) client(key revoxapi.KeySource, baseURL string, more ...revoxapi.Option) (*revoxapi.Client, error) {
	return revoxapi.NewClient(key, append(more,
		revoxapi.WithBaseURL(baseURL),
		revoxapi.WithUserAgent(name+"/"+version.Version),
		revoxapi.WithTimeout(*f.requestTimeout),
		revoxapi.WithMaxRetries(*f.maxRetries),
		revoxapi.WithMaxInFlight(*f.concurrency),
		revoxapi.WithMaxRequestsPerSecond(*f.maxRequestsPerSecond),
	)...)
}

// collectorConfig checks the flags and returns what they say, without a client.
func (f *flagValues) collectorConfig(key revoxapi.KeySource, logger *slog.Logger) (collector.Config, error) {
	cfg := collector.Config{
		Key:                 key,
		Logger:              logger,
		CampaignIDs:         *f.campaignIDs,
		CampaignFile:        *f.campaignFile,
		Shard:               collector.Shard{Index: *f.shardIndex, Count: *f.shardCount},
		Rows:                revoxapi.RowsParams{Page: *f.firstPage, PageSize: *f.pageSize},
		ScanInterval:        *f.scanInterval,
		MaxScans:            *f.concurrency,
		ScanTimeout:         *f.scanTimeout,
		MaxAge:              *f.maxAge,
		FullInterval:        *f.fullInterval,
		ScrapeTimeoutOffset: *f.timeoutOffset,
	}
	if len(cfg.CampaignIDs) == 0 && cfg.CampaignFile == "" && !*f.discover && !*f.demo {
		return cfg, errors.New("nothing to read: give --campaign.id=ID, or --campaign.discover for all campaigns, or --campaign.file=FILE for those of a list, or --demo for simulated ones")
	}
	if _, err := key.Key(); err != nil {
		return cfg, fmt.Errorf("no API key: %w; set the environment variable REVOX_API_KEY, or give --revox.api-key-file=FILE", err)
	}
	for _, least := range []struct {
		flag  string
		value float64
		least float64
	}{
		{"--revox.page-size", float64(*f.pageSize), 1},
		{"--revox.first-page", float64(*f.firstPage), 0},
		{"--scan.interval", cfg.ScanInterval.Seconds(), 0},
		{"--scan.timeout", cfg.ScanTimeout.Seconds(), 0},
		{"--scan.max-age (in seconds)", cfg.MaxAge.Seconds(), 1},
		{"--scan.full-interval", cfg.FullInterval.Seconds(), 0},
		{"--scan.timeout-offset", cfg.ScrapeTimeoutOffset.Seconds(), 0},
		{"--campaign.discover-interval (in seconds)", f.discoverInterval.Seconds(), 1},
		{"--campaign.completed-for", f.completedFor.Seconds(), 0},
		{"--shard.count", float64(*f.shardCount), 1},
		{"--shard.index", float64(*f.shardIndex), 0},
	} {
		if least.value < least.least {
			return cfg, fmt.Errorf("%s must be %v or more", least.flag, least.least)
		}
	}
	if cfg.ScanInterval > 0 && cfg.ScanInterval < time.Second {
		return cfg, errors.New("--scan.interval must be 0 or at least 1s")
	}
	if *f.shardIndex >= *f.shardCount {
		return cfg, fmt.Errorf("--shard.index must be less than --shard.count: there is no share %d of %d counted from 0", *f.shardIndex, *f.shardCount)
	}
	if p := *f.telemetryPath; !telemetryPath.MatchString(p) || p != path.Clean(p) || strings.HasPrefix(p, "/-/") || strings.HasPrefix(p, "/debug/pprof") {
		return cfg, fmt.Errorf("--web.telemetry-path must be a path of its own such as /metrics, not %q", p)
	}
	if *f.discover || *f.demo {
		discovery, err := f.discovery(logger)
		if err != nil {
			return cfg, err
		}
		cfg.Discovery = discovery
	}
	return cfg, nil
}

// openState returns what outlives a restart, nil where nothing is to. An error means that another process has it.
func (f *flagValues) openState(baseURL string, logger *slog.Logger) (*collector.State, error) {
	if *f.statePath == "" {
		return nil, nil
	}
	if *f.demo {
		logger.Warn("--state.path is not heeded with --demo: its campaigns begin anew with each process")
		return nil, nil
	}
	return collector.OpenState(*f.statePath, baseURL, revoxapi.SystemClock{}, logger)
}

func (f *flagValues) discovery(logger *slog.Logger) (*collector.Discovery, error) {
	d := &collector.Discovery{Interval: *f.discoverInterval, Statuses: *f.statuses, CompletedFor: *f.completedFor}
	for _, status := range d.Statuses {
		// The API may have statuses that are newer than this program, so what looks wrong is only said.
		if !slices.Contains(revoxapi.CampaignStatuses(), revoxapi.CampaignStatus(status)) {
			logger.Warn("--campaign.status has a status that is not known", "status", status)
		}
	}
	for _, name := range []struct {
		flag, pattern string
		compiled      **regexp.Regexp
	}{{"--campaign.include", *f.include, &d.Include}, {"--campaign.exclude", *f.exclude, &d.Exclude}} {
		if name.pattern == "" {
			continue
		}
		re, err := collector.AnchoredRegexp(name.pattern)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name.flag, err)
		}
		*name.compiled = re
	}
	return d, nil
}

func usageError(stderr io.Writer, err error) int {
	fmt.Fprintf(stderr, "%s: error: %v (try --help)\n", name, err)
	return exitUsage
}

// buildVersion returns the version that the Go command has stamped, for builds without a version of their own.
func buildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "unknown"
}

// browserURL returns an address of the server as a person would type it.
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

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}
