// Package routes says which paths are served, by which methods and under which host names. What is served there is up to
// the handlers of internal/pages, and to the caller's of the metrics.
package routes

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/url"
	"path"
	"regexp"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/version"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/internal/httpserver"
	"github.com/revox-exporter/revox_exporter/internal/pages"
)

// maxLandingRequests is more than people make, and bounds what the page's rows need.
const maxLandingRequests = 10

// Config is what is served, and where.
type Config struct {
	Paths Paths
	// Addresses are those of the listeners, by which people may open the pages too.
	Addresses []string
	// MaxRequests is how many requests for metrics are answered at once.
	MaxRequests int
	// Lifecycle allows to reload by request, and Profiles serves those of Go.
	Lifecycle, Profiles bool
}

// New returns the handler of all paths. metrics is that of the metrics; registry gets the metric of refused requests.
func New(c Config, exporter *collector.Exporter, metrics http.Handler, registry *prometheus.Registry, logger *slog.Logger) http.Handler {
	hosts := pages.NewHosts(append(c.Addresses, c.Paths.host)...)
	busy := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "too many requests at once", http.StatusServiceUnavailable)
	})
	reads := func(h http.Handler) http.Handler { return httpserver.OnlyMethods(h, http.MethodGet, http.MethodHead) }

	mux := Health(exporter)
	landing := httpserver.LimitAnswer(pages.Landing(exporter.Status, version.Info(), "."+c.Paths.metrics, logger))
	mux.Handle("/", reads(hosts.Only(httpserver.LimitRequests(landing, busy, maxLandingRequests))))
	refuse := promhttp.InstrumentMetricHandler(registry, busy) // in the same metric as the others
	scrape := exporter.ScanOnScrape(httpserver.LimitAnswer(metrics))
	mux.Handle(c.Paths.metrics, reads(hosts.OnlyForBrowsers(httpserver.LimitRequests(scrape, refuse, c.MaxRequests))))
	if c.Lifecycle {
		mux.Handle("/-/reload", hosts.Only(pages.Reload(exporter.Reload)))
	} else {
		off := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "Reloading by request is off: start revox_exporter with --web.enable-lifecycle.", http.StatusForbidden)
		})
		mux.Handle("/-/reload", httpserver.OnlyMethods(off, http.MethodGet, http.MethodHead, http.MethodPost))
	}
	if c.Profiles {
		for path, profile := range map[string]http.HandlerFunc{
			"": pprof.Index, "cmdline": pprof.Cmdline, "profile": pprof.Profile, "trace": pprof.Trace,
		} {
			mux.Handle("/debug/pprof/"+path, reads(hosts.Only(profile)))
		}
		mux.Handle("/debug/pprof", reads(hosts.Only(redirect("./pprof/"))))
		symbol := hosts.Only(http.HandlerFunc(pprof.Symbol))
		mux.Handle("/debug/pprof/symbol", httpserver.OnlyMethods(symbol, http.MethodGet, http.MethodHead, http.MethodPost))
	}
	if c.Paths.prefix == "" {
		return mux
	}
	root := Health(exporter) // also without the prefix, for probes
	root.Handle(c.Paths.prefix+"/", http.StripPrefix(c.Paths.prefix, mux))
	root.Handle(c.Paths.prefix, redirect("./"+path.Base(c.Paths.prefix)+"/"))
	root.Handle("/{$}", redirect("."+c.Paths.prefix+"/"))
	return root
}

// redirect returns a handler that redirects to a relative URL, which is right whatever a reverse proxy puts before the
// path or takes away. Those of net/http are absolute.
func redirect(to string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		target := url.URL{Path: to, RawQuery: r.URL.RawQuery}
		w.Header().Set("Location", target.String())
		w.WriteHeader(http.StatusFound)
	})
}

// Health returns a handler of the health endpoints alone.
func Health(exporter *collector.Exporter) *http.ServeMux {
	mux := http.NewServeMux()
	for path, handler := range map[string]http.Handler{
		"/-/healthy": http.HandlerFunc(pages.Healthy), "/-/ready": pages.Ready(exporter.Status),
	} {
		mux.Handle(path, httpserver.OnlyMethods(handler, http.MethodGet, http.MethodHead))
	}
	return mux
}

// Paths are where the exporter is served, and by which URL people open it. Make them with NewPaths.
type Paths struct {
	metrics string // below prefix
	// host is that of the URL by which people open the pages; "" for none. All paths begin with prefix, which is "" or has
	// no slash at its end.
	host, prefix string
}

// NewPaths checks the values of --web.telemetry-path, --web.external-url and --web.route-prefix; the last two are "" for
// none. name returns what its error calls a flag.
func NewPaths(metrics, externalURL, prefix string, name func(flag string) string) (Paths, error) {
	p := Paths{metrics: metrics}
	if !plain.MatchString(metrics) || metrics != path.Clean(metrics) ||
		strings.HasPrefix(metrics, "/-/") || strings.HasPrefix(metrics, "/debug/pprof") {
		return p, fmt.Errorf("%s must be a path of its own such as /metrics, not %q", name("web.telemetry-path"), metrics)
	}
	if externalURL != "" {
		u, err := url.Parse(externalURL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery+u.Fragment != "" {
			return p, errors.New(name("web.external-url") + " must be a URL such as https://monitoring.example.com/revox")
		}
		p.host = u.Host
		if p.prefix, err = asPrefix(u.Path); err != nil {
			return p, fmt.Errorf("the path of %s %w", name("web.external-url"), err)
		}
	}
	if prefix != "" {
		var err error
		if p.prefix, err = asPrefix(prefix); err != nil {
			return p, fmt.Errorf("%s %w", name("web.route-prefix"), err)
		}
	}
	return p, nil
}

// plain matches paths that need no escaping.
var plain = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`)

// asPrefix returns a path without a slash at its end; "" for /.
func asPrefix(path string) (string, error) {
	prefix := strings.TrimSuffix(path, "/")
	if prefix != "" && (!plain.MatchString(prefix) || strings.Contains(prefix, "/.")) {
		return "", errors.New("must be a path such as /revox")
	}
	return prefix, nil
}

// BrowserURL returns the URL of a listener's address as a person would type it; "" if it has none.
func (c Config) BrowserURL(at net.Addr, encrypted bool) string {
	host, port, err := net.SplitHostPort(at.String())
	if _, tcp := at.(*net.TCPAddr); !tcp || err != nil {
		return ""
	}
	if net.ParseIP(host).IsUnspecified() {
		host = "localhost"
	}
	scheme := "http"
	if encrypted {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, port) + c.Paths.prefix + "/"
}
