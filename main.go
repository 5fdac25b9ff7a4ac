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

	stdlog "log"

	"github.com/alecthomas/kingpin/v2"
	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"
	webflag "github.com/prometheus/exporter-toolkit/web/kingpinflag"
	sloggokit "github.com/tjhop/slog-gokit"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

const name = "revox_exporter"

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1 // of starting or serving
	exitUsage   = 2 // a flag, or nothing to read, or no key
)

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

func run(args []string, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	app, flags := newApp()
	if _, err := app.Parse(args); err != nil {
		return usageError(stderr, err)
	}
	plainLogger := newLogger(stderr, *flags.logLevel, *flags.logFormat)
	logger := log.With(plainLogger, "ts", log.DefaultTimestampUTC)

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
	endpoints := []revoxapi.Endpoint{revoxapi.EndpointRows}
	if cfg.Discovery != nil {
		endpoints = append(endpoints, revoxapi.EndpointCampaigns)
	}
	api := collector.NewAPIMetrics(endpoints...)
	cfg.Client, err = flags.client(key, baseURL, api.Trace())
	if err != nil {
		return usageError(stderr, err)
	}
	defer cfg.Client.CloseIdleConnections()
	exporter, err := collector.New(cfg)
	if err != nil {
		return usageError(stderr, err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(exporter, api, versioncollector.NewCollector(name), collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	level.Info(logger).Log("msg", "starting", "version", version.Version, "revision", version.GetRevision(), "api", baseURL,
		"campaigns", len(cfg.CampaignIDs), "discover", cfg.Discovery != nil, "scan_interval", cfg.ScanInterval)
	if u, err := url.Parse(baseURL); err == nil && u.Scheme == "http" && !isLoopback(u.Hostname()) {
		level.Warn(logger).Log("msg", "the base URL is not https: the API key and the answers can be read on the way")
	}
	if *flags.demo {
		level.Info(logger).Log("msg", "demo: simulated campaigns; look at "+browserURL(*flags.web.WebListenAddresses))
	}
	server := &http.Server{
		Handler:           flags.handler(exporter, registry, logger),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          stdlog.New(log.NewStdlibAdapter(level.Warn(logger)), "", 0),
	}
	listen := func() error {
		// The toolkit logs through slog; its bridge adds a time stamp of its own.
		return web.ListenAndServe(server, flags.web, slog.New(sloggokit.NewGoKitHandler(plainLogger, slog.LevelDebug)))
	}
	return serve(ctx, exporter, server, listen, logger)
}

// serve runs the exporter and the HTTP server until ctx ends or listen fails, and returns when both have ended.
func serve(ctx context.Context, exporter *collector.Exporter, server *http.Server, listen func() error, logger log.Logger) int {
	var background sync.WaitGroup
	defer background.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Nothing is asked of the API before the port is there: a process that cannot start must not send the key each time.
	listening := make(chan struct{})
	var once sync.Once
	server.BaseContext = func(net.Listener) context.Context {
		once.Do(func() { close(listening) })
		return context.Background()
	}
	background.Go(func() {
		select {
		case <-listening:
			exporter.Run(ctx)
		case <-ctx.Done():
		}
	})
	background.Go(func() {
		<-ctx.Done()
		deadline, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
		defer cancel()
		if err := server.Shutdown(deadline); err != nil {
			level.Warn(logger).Log("msg", "requests in flight did not end in time", "err", err)
			_ = server.Close() // what it could say was said
		}
	})
	err := listen()
	if errors.Is(err, http.ErrServerClosed) {
		level.Info(logger).Log("msg", "stopped")
		return exitOK
	}
	level.Error(logger).Log("msg", "cannot serve", "err", err)
	return exitFailure
}

// shutdownTimeout is less than the 5 s within which the process is to end.
const shutdownTimeout = 4 * time.Second

// handler serves the endpoints.
func (f *flagValues) handler(exporter *collector.Exporter, registry *prometheus.Registry, logger log.Logger) http.Handler {
	metrics := promhttp.InstrumentMetricHandler(registry, promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		// One broken family must not take the others along; the error is counted in promhttp_metric_handler_errors_total.
		ErrorHandling: promhttp.ContinueOnError,
		ErrorLog:      stdlog.New(log.NewStdlibAdapter(level.Error(logger)), "", 0),
		Registry:      registry,
		// The text format says le="1" and OpenMetrics le="1.0": a change between them would cut every histogram's series.
		EnableOpenMetrics: false,
	}))
	mux := http.NewServeMux()
	mux.Handle("/", exporter.LandingPage(version.Info(), *f.telemetryPath))
	mux.Handle(*f.telemetryPath, exporter.ScanOnScrape(metrics))
	mux.HandleFunc("/-/healthy", collector.Healthy)
	mux.HandleFunc("/-/ready", exporter.ServeReady)
	if *f.pprof {
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	}
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
	discover                       *bool
	discoverInterval, completedFor *time.Duration
	include, exclude               *string

	scanInterval, scanTimeout, maxAge, timeoutOffset *time.Duration

	demo, pprof         *bool
	telemetryPath       *string
	web                 *web.FlagConfig
	logLevel, logFormat *string
}

func newApp() (*kingpin.Application, *flagValues) {
	if version.Version == "" {
		version.Version = buildVersion()
	}
	app := kingpin.New(name, "Prometheus exporter for Revox calling campaigns. Each flag --a.b-c can also be given as the "+
		"environment variable REVOX_EXPORTER_A_B_C (repeatable ones: a line for each); the API key is never a flag: see --revox.api-key-file.")
	app.UsageWriter(os.Stdout)
	app.Version(version.Print(name))
	app.HelpFlag.Short('h')
	// A variable such as REVOX_EXPORTER_VERSION is often there for other reasons.
	app.HelpFlag.NoEnvar()
	app.VersionFlag.NoEnvar()
	app.DefaultEnvars()
	app.Command("serve", "Read campaigns and serve their metrics; the default.").Default()

	f := &flagValues{
		baseURL: app.Flag("revox.base-url", "URL of the API; the default is REVOX_BASE_URL where that is set.").
			Default(cmp.Or(os.Getenv("REVOX_BASE_URL"), revoxapi.DefaultBaseURL)).String(),
		apiKeyFile: app.Flag("revox.api-key-file", "File with the API key, read anew when it changes. Without it the key is the environment variable REVOX_API_KEY.").String(),
		pageSize:   app.Flag("revox.page-size", "Rows asked for a page.").Default("100").Int(),
		firstPage:  app.Flag("revox.first-page", "Number of the first page. 0 is right for servers that count from 0 and from 1.").Default("0").Int(),
		requestTimeout: app.Flag("revox.timeout", "How long one request may take, from sending it to the last byte of the answer.").
			Default("60s").Duration(),
		maxRetries:           app.Flag("revox.max-retries", "How many times a request is sent again after a failure that may pass.").Default("2").Int(),
		concurrency:          app.Flag("revox.concurrency", "Requests in flight at most, over all campaigns.").Default("4").Int(),
		maxRequestsPerSecond: app.Flag("revox.max-requests-per-second", "Requests a second at most, over all campaigns; 0: no limit.").Default("0").Float64(),

		campaignIDs:      app.Flag("campaign.id", "ID of a campaign to read; repeatable.").Strings(),
		discover:         app.Flag("campaign.discover", "Read all campaigns of the organization that --campaign.include, --campaign.exclude, --campaign.status and --campaign.completed-for select.").Bool(),
		discoverInterval: app.Flag("campaign.discover-interval", "Pause between two readings of the list of campaigns.").Default("5m").Duration(),
		include:          app.Flag("campaign.include", "Anchored regular expression: discovered campaigns whose name it matches are read; empty: all.").String(),
		exclude:          app.Flag("campaign.exclude", "Anchored regular expression: discovered campaigns whose name it matches are not read; empty: none excluded.").String(),
		statuses: app.Flag("campaign.status", "Status of discovered campaigns that are read: draft, running, paused or completed; repeatable.").
			Default("running", "paused", "completed").Strings(),
		completedFor: app.Flag("campaign.completed-for", "How long after its last change a discovered campaign that is completed or cancelled is still read; 0: for ever.").Default("168h").Duration(),

		scanInterval:  app.Flag("scan.interval", "Pause between the starts of a campaign's scans; 0: scan on each scrape.").Default("1m").Duration(),
		scanTimeout:   app.Flag("scan.timeout", "How long one whole scan of a campaign may take; 0: no limit but that of its requests.").Default("0").Duration(),
		maxAge:        app.Flag("scan.max-age", "How old published data may be before it disappears; at least 3 intervals, and twice as long as the campaign's newest complete scan took.").Default("15m").Duration(),
		timeoutOffset: app.Flag("scan.timeout-offset", "How long before Prometheus would give up a scan on a scrape ends.").Default("0.5s").Duration(),

		demo:          app.Flag("demo", "Read simulated campaigns of an API inside the process; needs no key and no campaign.").Bool(),
		telemetryPath: app.Flag("web.telemetry-path", "Path under which to serve metrics.").Default("/metrics").String(),
		pprof:         app.Flag("web.enable-pprof", "Serve profiles under /debug/pprof.").Bool(),
		web:           webflag.AddFlags(app, ":10210"),
		logLevel:      app.Flag("log.level", "Least severe level that is logged: debug, info, warn or error.").Default("info").Enum("debug", "info", "warn", "error"),
		logFormat:     app.Flag("log.format", "Format of log lines: logfmt or json.").Default("logfmt").Enum("logfmt", "json"),
	}
	return app, f
}

// keySource returns where the API key comes from.
func (f *flagValues) keySource() revoxapi.KeySource {
	if *f.apiKeyFile != "" {
		return revoxapi.NewKeyFile(*f.apiKeyFile)
	}
	return revoxapi.StaticKey(os.Getenv("REVOX_API_KEY"))
}

// client returns the client that the flags describe.
func (f *flagValues) client(key revoxapi.KeySource, baseURL string, trace revoxapi.Trace) (*revoxapi.Client, error) {
	return revoxapi.NewClient(key,
		revoxapi.WithBaseURL(baseURL),
		revoxapi.WithUserAgent(name+"/"+version.Version),
		revoxapi.WithTimeout(*f.requestTimeout),
		revoxapi.WithMaxRetries(*f.maxRetries),
		revoxapi.WithMaxInFlight(*f.concurrency),
		revoxapi.WithMaxRequestsPerSecond(*f.maxRequestsPerSecond),
		revoxapi.WithTrace(trace),
	)
}

// collectorConfig checks the flags and returns what they say, without a client.
func (f *flagValues) collectorConfig(key revoxapi.KeySource, logger log.Logger) (collector.Config, error) {
	cfg := collector.Config{
		Key:                 key,
		Logger:              logger,
		CampaignIDs:         *f.campaignIDs,
		Rows:                revoxapi.RowsParams{Page: *f.firstPage, PageSize: *f.pageSize},
		ScanInterval:        *f.scanInterval,
		MaxScans:            *f.concurrency,
		ScanTimeout:         *f.scanTimeout,
		MaxAge:              *f.maxAge,
		ScrapeTimeoutOffset: *f.timeoutOffset,
	}
	if len(cfg.CampaignIDs) == 0 && !*f.discover && !*f.demo {
		return cfg, errors.New("nothing to read: give --campaign.id=ID, or --campaign.discover for all campaigns, or --demo for simulated ones")
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
		{"--scan.timeout-offset", cfg.ScrapeTimeoutOffset.Seconds(), 0},
		{"--campaign.discover-interval (in seconds)", f.discoverInterval.Seconds(), 1},
		{"--campaign.completed-for", f.completedFor.Seconds(), 0},
	} {
		if least.value < least.least {
			return cfg, fmt.Errorf("%s must be %v or more", least.flag, least.least)
		}
	}
	if cfg.ScanInterval > 0 && cfg.ScanInterval < time.Second {
		return cfg, errors.New("--scan.interval must be 0 or at least 1s")
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

func (f *flagValues) discovery(logger log.Logger) (*collector.Discovery, error) {
	d := &collector.Discovery{Interval: *f.discoverInterval, Statuses: *f.statuses, CompletedFor: *f.completedFor}
	for _, status := range d.Statuses {
		// The API may have statuses that are newer than this program, so what looks wrong is only said.
		if !slices.Contains(revoxapi.CampaignStatuses(), revoxapi.CampaignStatus(status)) {
			level.Warn(logger).Log("msg", "--campaign.status has a status that is not known", "status", status)
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

func newLogger(w io.Writer, least, format string) log.Logger {
	logger := log.NewLogfmtLogger(log.NewSyncWriter(w))
	if format == "json" {
		logger = log.NewJSONLogger(log.NewSyncWriter(w))
	}
	return level.NewFilter(logger, level.Allow(level.ParseDefault(least, level.InfoValue())))
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
