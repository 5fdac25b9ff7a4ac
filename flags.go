package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"
	webflag "github.com/prometheus/exporter-toolkit/web/kingpinflag"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/collector/campaigns"
	"github.com/revox-exporter/revox_exporter/internal/apikey"
	"github.com/revox-exporter/revox_exporter/internal/authorities"
	"github.com/revox-exporter/revox_exporter/internal/check"
	"github.com/revox-exporter/revox_exporter/internal/manpage"
	"github.com/revox-exporter/revox_exporter/internal/routes"
	"github.com/revox-exporter/revox_exporter/internal/usage"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// Names of the commands.
const (
	serveCommand       = "serve"
	checkCommand       = "check"
	healthcheckCommand = "healthcheck"
)

// flagValues are the values of the flags. kingpin sets them: they have the right type, but are not checked yet.
type flagValues struct {
	app *kingpin.Application

	baseURL, apiKeyFile             string
	pageSize, firstPage, maxRetries int
	concurrency                     int
	requestTimeout                  time.Duration
	maxRequestsPerSecond            float64

	campaignIDs, statuses          []string
	campaignFile                   string
	discover                       bool
	discoverInterval, completedFor time.Duration
	include, exclude               string

	scanInterval, scanTimeout, maxAge, fullInterval, timeoutOffset time.Duration

	shardIndex, shardCount int

	statePath                          string
	demo, pprof, lifecycle             bool
	telemetryPath, healthListenAddress string
	externalURL, routePrefix           string
	maxRequests                        int
	web                                *web.FlagConfig
	logLevel, logFormat                string

	format string // of the check command
}

// newApp declares the commands and flags. Parse it with usage.Parse.
func newApp() (*kingpin.Application, *flagValues) {
	if version.Version == "" {
		version.Version = buildVersion()
	}
	app := kingpin.New(name, "Prometheus exporter for Revox calling campaigns. Try it with --demo. Then give the API key in "+
		"the environment variable REVOX_API_KEY, never as a flag, and the campaigns with --campaign.id or "+
		"--campaign.discover.\n\n"+
		"Each flag --a.b-c can also be given as the environment variable REVOX_EXPORTER_A_B_C (repeatable ones: one value "+
		"per line). Durations are numbers with a unit, such as 500ms, 30s, 5m or 1h30m.")
	usage.Group(app, manpage.Funcs)
	app.UsageWriter(usage.Help(os.Stdout))
	kingpin.ManPageTemplate = manpage.Template
	app.Version(version.Print(name))
	app.HelpFlag.Short('h')
	// A variable such as REVOX_EXPORTER_VERSION is often set for other reasons.
	app.HelpFlag.NoEnvar()
	app.VersionFlag.NoEnvar()
	app.DefaultEnvars()
	app.Command(serveCommand, "Read campaigns and serve their metrics. This is the default.").Default()
	app.Command(healthcheckCommand, "Ask the exporter that listens on --web.health-listen-address, or else on "+
		"--web.listen-address, of this machine whether it serves. Exits with 0, or with 1 and the reason.")
	checking := app.Command(checkCommand, "Read each selected campaign once, and show what is there, what is odd, and what to do "+
		"if it cannot be read. Exits with 0; 1 if something could not be read; 2 on wrong usage.")

	f := &flagValues{app: app}
	checking.Flag("format",
		"Output format: table, for people, or json, for scripts.").
		Default("table").EnumVar(&f.format, "table", "json")

	app.Flag("revox.base-url", "URL of the API. REVOX_BASE_URL changes the default.").
		Default(cmp.Or(os.Getenv("REVOX_BASE_URL"), revoxapi.DefaultBaseURL)).StringVar(&f.baseURL)
	app.Flag("revox.api-key-file",
		"File with the API key, read again when it changes. Default: none; the key is the "+
			"environment variable REVOX_API_KEY.").
		PlaceHolder("FILE").StringVar(&f.apiKeyFile)
	app.Flag("revox.page-size", "Rows per page.").Default("100").IntVar(&f.pageSize)
	app.Flag("revox.first-page",
		"Number of the first page. Leave it at 0; both numbering schemes work.").
		Default("0").IntVar(&f.firstPage)
	app.Flag("revox.timeout",
		"Time limit of one request, from sending it to the last byte of the answer.").
		Default("60s").DurationVar(&f.requestTimeout)
	app.Flag("revox.max-retries",
		"How many times a request is sent again after a temporary failure.").
		Default("2").IntVar(&f.maxRetries)
	app.Flag("revox.concurrency",
		"Maximum number of requests in flight, over all campaigns.").
		Default("4").IntVar(&f.concurrency)
	app.Flag("revox.max-requests-per-second",
		"Maximum number of requests per second, over all campaigns. 0: no limit.").
		Default("0").Float64Var(&f.maxRequestsPerSecond)

	app.Flag("campaign.id",
		"ID of a campaign to read. Repeatable. Default: none.").
		PlaceHolder("ID").StringsVar(&f.campaignIDs)
	app.Flag("campaign.file",
		"YAML or JSON list of IDs of campaigns to read, or of objects {id, labels}, and of objects {match, labels}, which "+
			"give labels to campaigns by name but select none. It is read again within seconds when it changes, on "+
			"SIGHUP, and on POST /-/reload with --web.enable-lifecycle. Default: none.").
		StringVar(&f.campaignFile)
	app.Flag("campaign.discover",
		"Read all campaigns of the organization that --campaign.include, --campaign.exclude, --campaign.status "+
			"and --campaign.completed-for select.").
		BoolVar(&f.discover)
	app.Flag("campaign.discover-interval",
		"Time between two readings of the list of campaigns.").
		Default("5m").DurationVar(&f.discoverInterval)
	app.Flag("campaign.include",
		"Anchored regular expression. Only discovered campaigns whose name matches are read. Default: all.").
		PlaceHolder("REGEXP").StringVar(&f.include)
	app.Flag("campaign.exclude",
		"Anchored regular expression. Discovered campaigns whose name matches are not read. Default: none.").
		PlaceHolder("REGEXP").StringVar(&f.exclude)
	app.Flag("campaign.status",
		"Status of discovered campaigns that are read: draft, running, paused or completed. Unknown ones are always "+
			"read. Without paused, campaigns vanish when they are paused, and RevoxCampaignListEmpty pages if most are. Repeatable.").
		Default(defaultStatuses...).StringsVar(&f.statuses)
	app.Flag("campaign.completed-for",
		"How long after its last change a discovered campaign that is completed or cancelled is still read. "+
			"0: for ever.").
		Default("168h").DurationVar(&f.completedFor)

	app.Flag("scan.interval",
		"Time between the starts of a campaign's scans. 0: scan on each scrape.").
		Default("1m").DurationVar(&f.scanInterval)
	app.Flag("scan.timeout",
		"Time limit of one whole scan of a campaign. 0: no limit except those of its requests.").
		Default("0").DurationVar(&f.scanTimeout)
	app.Flag("scan.max-age",
		"Age at which published data disappears; at least 3 intervals, and 3 times as long as the campaign's last "+
			"scan of all its pages took.").
		Default("15m").DurationVar(&f.maxAge)
	app.Flag("scan.full-interval",
		"Time after which a scan reads every row of a campaign, not only what goes on; up to a quarter earlier. "+
			"0: by every scan.").
		Default("1h").DurationVar(&f.fullInterval)
	app.Flag("scan.timeout-offset",
		"How long before Prometheus's scrape timeout a scan on a scrape ends.").
		Default("0.5s").DurationVar(&f.timeoutOffset)

	app.Flag("shard.index",
		"Which share of the campaigns to read: from 0 to --shard.count minus 1.").
		Default("0").IntVar(&f.shardIndex)
	app.Flag("shard.count",
		"Number of shares that the campaigns are divided into, by their IDs. Each share needs a "+
			"process of its own.").
		Default("1").IntVar(&f.shardCount)

	app.Flag("state.path",
		"Directory for what survives a restart: the last data and what counters have shown. Default: none.").
		StringVar(&f.statePath)

	app.Flag("demo",
		"Read simulated campaigns from an API inside the process. Needs no key and no campaign.").
		BoolVar(&f.demo)
	app.Flag("web.telemetry-path", "Path under which to serve metrics.").Default("/metrics").StringVar(&f.telemetryPath)
	app.Flag("web.max-requests",
		"Maximum number of requests for metrics that are answered at once. Others get 503.").
		Default("40").IntVar(&f.maxRequests)
	app.Flag("web.external-url",
		"URL by which people open the pages, such as behind a reverse proxy. Its path is the default of --web.route-prefix. "+
			"Default: none.").
		PlaceHolder("URL").StringVar(&f.externalURL)
	app.Flag("web.route-prefix",
		"Prefix of all paths. The health endpoints are also served without it. Default: the path of --web.external-url.").
		PlaceHolder("PATH").StringVar(&f.routePrefix)
	app.Flag("web.enable-pprof", "Serve profiles under /debug/pprof.").BoolVar(&f.pprof)
	app.Flag("web.enable-lifecycle", "Allow POST /-/reload, which reads the campaign file again.").BoolVar(&f.lifecycle)
	app.Flag("web.health-listen-address",
		"Address, such as :10211, of a second listener for only /-/healthy and /-/ready, without TLS or "+
			"authentication. Default: none.").
		StringVar(&f.healthListenAddress)
	f.web = webflag.AddFlags(app, ":10210")
	app.Flag("log.level",
		"Least severe level to log: debug, info, warn or error.").
		Default("info").EnumVar(&f.logLevel, "debug", "info", "warn", "error")
	app.Flag("log.format",
		"Format of log lines: logfmt or json.").
		Default("logfmt").EnumVar(&f.logFormat, "logfmt", "json")
	return app, f
}

var defaultStatuses = []string{"running", "paused", "completed"}

// config is what the flags say, checked.
type config struct {
	flags *flagValues
	// collector still lacks its Client, Logger and State.
	collector collector.Config
	// client has the client's options, except for its base URL.
	client []revoxapi.Option
	// baseURL of the API, which a demo replaces.
	baseURL string
	routes  routes.Config
}

// config checks the flags. Its error is one of usage, and names the flag and its environment variable.
func (f *flagValues) config() (*config, error) {
	if len(f.campaignIDs) == 0 && f.campaignFile == "" && !f.discover && !f.demo {
		return nil, errors.New("nothing to read: give --campaign.id=ID, or --campaign.discover for all campaigns, " +
			"or --campaign.file=FILE for those of a list, or --demo for simulated ones; " +
			"each of them can be an environment variable, such as REVOX_EXPORTER_CAMPAIGN_ID")
	}
	if err := f.checkLimits(); err != nil {
		return nil, err
	}
	paths, err := routes.NewPaths(f.telemetryPath, f.externalURL, f.routePrefix, f.name)
	if err != nil {
		return nil, err
	}
	for _, id := range f.campaignIDs {
		if err := revoxapi.CheckCampaignID(id); err != nil {
			return nil, fmt.Errorf("%s: %w", f.name("campaign.id"), err)
		}
	}
	c := &config{flags: f, baseURL: f.baseURL, collector: collector.Config{
		Key:                 apikey.Source(f.apiKeyFile),
		CampaignIDs:         f.campaignIDs,
		CampaignFile:        f.campaignFile,
		Shard:               campaigns.Shard{Index: f.shardIndex, Count: f.shardCount},
		Rows:                revoxapi.RowsParams{Page: f.firstPage, PageSize: f.pageSize},
		ScanInterval:        f.scanInterval,
		MaxScans:            f.concurrency,
		ScanTimeout:         f.scanTimeout,
		MaxAge:              f.maxAge,
		FullInterval:        f.fullInterval,
		ScrapeTimeoutOffset: f.timeoutOffset,
	}, client: []revoxapi.Option{
		revoxapi.WithUserAgent(name + "/" + version.Version),
		revoxapi.WithTimeout(f.requestTimeout),
		revoxapi.WithMaxRetries(f.maxRetries),
		revoxapi.WithMaxInFlight(f.concurrency),
		revoxapi.WithMaxRequestsPerSecond(f.maxRequestsPerSecond),
	}, routes: routes.Config{
		Paths:       paths,
		Addresses:   *f.web.WebListenAddresses,
		MaxRequests: f.maxRequests,
		Lifecycle:   f.lifecycle,
		Profiles:    f.pprof,
	}}
	if f.demo {
		c.collector.Key = revoxapi.StaticKey(revoxtest.APIKey)
	}
	key, err := c.collector.Key.Key()
	if err != nil {
		return nil, apikey.Missing(err, f.name("revox.api-key-file"), f.apiKeyFile)
	}
	if err := authorities.Check(); err != nil {
		return nil, err
	}
	if f.discover || f.demo {
		discovery, err := f.discovery()
		if err != nil {
			return nil, err
		}
		c.collector.Discovery = discovery
	}
	if _, err := c.newClient(); err != nil { // of the base URL, since everything else was checked
		return nil, fmt.Errorf("%s: %w", f.name("revox.base-url"), err)
	}
	for _, secret := range apikey.Secrets(key) { // before anything can show it
		if flag := usage.FlagWith(f.app, secret); flag != "" {
			return nil, fmt.Errorf("%s has the API key in its value: remove it there, and have the key replaced, because others can see flags",
				flag)
		}
	}
	return c, nil
}

// checkLimits returns an error about the first number or duration that is out of range.
func (f *flagValues) checkLimits() error {
	for _, limit := range []struct {
		flag string
		ok   bool
		must string
	}{
		{"revox.page-size", f.pageSize >= 1, "1 or more"},
		{"revox.first-page", f.firstPage >= 0, "0 or more"},
		{"revox.timeout", f.requestTimeout > 0, "more than 0"},
		{"revox.max-retries", f.maxRetries >= 0, "0 or more"},
		{"revox.concurrency", f.concurrency >= 1, "1 or more"},
		{"revox.max-requests-per-second", f.maxRequestsPerSecond >= 0, "0 or more"},
		{"campaign.discover-interval", f.discoverInterval >= time.Second, "at least 1s"},
		{"campaign.completed-for", f.completedFor >= 0, "0 or more"},
		{"scan.interval", f.scanInterval == 0 || f.scanInterval >= time.Second, "0 or at least 1s"},
		{"scan.timeout", f.scanTimeout >= 0, "0 or more"},
		{"scan.max-age", f.maxAge >= time.Second, "at least 1s"},
		{"scan.full-interval", f.fullInterval >= 0, "0 or more"},
		{"scan.timeout-offset", f.timeoutOffset >= 0, "0 or more"},
		{"web.max-requests", f.maxRequests >= 1 && f.maxRequests <= 10_000, "from 1 to 10000"},
		{"shard.count", f.shardCount >= 1, "1 or more"},
		{"shard.index", f.shardIndex >= 0, "0 or more"},
		{"shard.index", f.shardIndex < f.shardCount, "less than " + f.name("shard.count")},
	} {
		if !limit.ok {
			return fmt.Errorf("%s must be %s, not %s", f.name(limit.flag), limit.must, f.app.GetFlag(limit.flag).Model())
		}
	}
	return nil
}

func (f *flagValues) discovery() (*campaigns.Discovery, error) {
	d := &campaigns.Discovery{Interval: f.discoverInterval, Statuses: f.statuses, CompletedFor: f.completedFor}
	for _, pattern := range []struct {
		flag, text string
		compiled   **regexp.Regexp
	}{{"campaign.include", f.include, &d.Include}, {"campaign.exclude", f.exclude, &d.Exclude}} {
		if pattern.text == "" {
			continue
		}
		re, err := campaigns.AnchoredRegexp(pattern.text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.name(pattern.flag), err)
		}
		*pattern.compiled = re
	}
	return d, nil
}

// statePath returns the folder of the state; "" for none.
func (c *config) statePath() string {
	if c.flags.demo {
		return ""
	}
	return c.flags.statePath
}

// newClient returns a new client of the API.
func (c *config) newClient(more ...revoxapi.Option) (*revoxapi.Client, error) {
	return revoxapi.NewClient(c.collector.Key,
		slices.Concat(c.client, more, []revoxapi.Option{revoxapi.WithBaseURL(c.baseURL)})...)
}

// endpoints returns the endpoints of the API that are used.
func (c *config) endpoints() []revoxapi.Endpoint {
	if c.collector.Discovery == nil {
		return []revoxapi.Endpoint{revoxapi.EndpointRows}
	}
	return []revoxapi.Endpoint{revoxapi.EndpointRows, revoxapi.EndpointCampaigns}
}

// newExporter returns the exporter, with a client that it leaves in c.collector. Close that client's idle connections at
// the end. An error is one of usage.
func (c *config) newExporter(logger *slog.Logger, more ...revoxapi.Option) (*collector.Exporter, error) {
	if c.flags.apiKeyFile != "" {
		c.collector.Key = apikey.LogChanges(c.collector.Key, c.flags.apiKeyFile, logger)
	}
	client, err := c.newClient(more...)
	if err != nil {
		return nil, err
	}
	c.collector.Client, c.collector.Logger = client, logger
	exporter, err := collector.New(c.collector)
	if err != nil { // of the campaign file, since everything else was checked
		return nil, fmt.Errorf("%s: %w", c.flags.name("campaign.file"), err)
	}
	return exporter, nil
}

// name returns what errors call a flag.
func (f *flagValues) name(flag string) string { return usage.Name(f.app.GetFlag(flag)) }

// warn logs what is allowed but probably not meant. It never logs the key or another variable's value.
func (c *config) warn(environ []string, logger *slog.Logger) {
	f := c.flags
	usage.WarnOfVariables(f.app, environ, logger, "REVOX_EXPORTER_VERSION")
	if !f.demo {
		apikey.Warn(c.collector.Key, f.apiKeyFile, logger)
	}
	if u, err := url.Parse(c.baseURL); err == nil {
		if problem := check.Unencrypted(u); problem != "" {
			logger.Warn(problem)
		}
	}
	for _, id := range f.campaignIDs {
		if strings.Contains(id, ",") {
			logger.Warn("a campaign ID has a comma and is read as one ID: repeat "+f.name("campaign.id")+" for each campaign",
				"campaign_id", id)
		}
	}
	for _, status := range f.statuses {
		// The API may have statuses that are newer than this program.
		if !slices.Contains(revoxapi.Values[revoxapi.CampaignStatus](), revoxapi.CampaignStatus(status)) {
			logger.Warn(f.name("campaign.status")+" has a status that is not known: the list gives draft, running, paused and "+
				"completed, also to cancelled campaigns", "status", status)
		}
	}
	for _, filter := range []struct {
		flag string
		set  bool
	}{
		{"campaign.include", f.include != ""},
		{"campaign.exclude", f.exclude != ""},
		{"campaign.status", !slices.Equal(f.statuses, defaultStatuses)},
	} {
		if filter.set && c.collector.Discovery == nil {
			logger.Warn(f.name(filter.flag) + " has no effect without " + f.name("campaign.discover"))
		}
	}
	if f.demo && f.statePath != "" {
		logger.Warn(f.name("state.path") + " has no effect with --demo: its campaigns start again with each process")
	}
}

// buildVersion returns the version that the go command recorded, for builds that set none.
func buildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "unknown"
}
