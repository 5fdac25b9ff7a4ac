package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"net/url"
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

// handler returns what is served at --web.listen-address.
func handler(cfg *config, exporter *collector.Exporter, metrics http.Handler, registry *prometheus.Registry,
	logger *slog.Logger) http.Handler {
	flags := cfg.flags
	hosts := pages.NewHosts(append(*flags.web.WebListenAddresses, cfg.externalHost)...)
	busy := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "too many requests at once", http.StatusServiceUnavailable)
	})
	reads := func(h http.Handler) http.Handler { return httpserver.OnlyMethods(h, http.MethodGet, http.MethodHead) }

	mux := handleHealth(http.NewServeMux(), exporter)
	landing := httpserver.LimitAnswer(pages.Landing(exporter.Status, version.Info(), cfg.externalPath+flags.telemetryPath, logger))
	mux.Handle("/", reads(hosts.Only(httpserver.LimitRequests(landing, busy, maxLandingRequests))))
	refuse := promhttp.InstrumentMetricHandler(registry, busy) // in the same metric as the others
	scrape := exporter.ScanOnScrape(httpserver.LimitAnswer(metrics))
	mux.Handle(flags.telemetryPath, reads(hosts.OnlyForBrowsers(httpserver.LimitRequests(scrape, refuse, flags.maxRequests))))
	if flags.lifecycle {
		mux.Handle("/-/reload", hosts.Only(pages.Reload(exporter.Reload)))
	} else {
		off := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "Reloading by request is off: start "+name+" with --web.enable-lifecycle.", http.StatusForbidden)
		})
		mux.Handle("/-/reload", httpserver.OnlyMethods(off, http.MethodGet, http.MethodHead, http.MethodPost))
	}
	if flags.pprof {
		for path, profile := range map[string]http.HandlerFunc{
			"": pprof.Index, "cmdline": pprof.Cmdline, "profile": pprof.Profile, "trace": pprof.Trace,
		} {
			mux.Handle("/debug/pprof/"+path, reads(hosts.Only(profile)))
		}
		symbol := hosts.Only(http.HandlerFunc(pprof.Symbol))
		mux.Handle("/debug/pprof/symbol", httpserver.OnlyMethods(symbol, http.MethodGet, http.MethodHead, http.MethodPost))
	}
	return under(cfg.routePrefix, mux, handleHealth(http.NewServeMux(), exporter))
}

// handleHealth adds the health endpoints to mux.
func handleHealth(mux *http.ServeMux, exporter *collector.Exporter) *http.ServeMux {
	for path, handler := range map[string]http.Handler{
		"/-/healthy": http.HandlerFunc(pages.Healthy), "/-/ready": pages.Ready(exporter.Status),
	} {
		mux.Handle(path, httpserver.OnlyMethods(handler, http.MethodGet, http.MethodHead))
	}
	return mux
}

// under returns a handler that serves all under prefix, a path without a slash at its end, and leads from / to it. root
// serves the health endpoints without the prefix too, for probes.
func under(prefix string, all http.Handler, root *http.ServeMux) http.Handler {
	if prefix == "" {
		return all
	}
	root.Handle(prefix+"/", http.StripPrefix(prefix, all))
	root.Handle("/{$}", http.RedirectHandler(prefix+"/", http.StatusFound))
	return root
}

// setExternal sets by which host and path people open the pages, and the prefix of all paths.
func (c *config) setExternal() error {
	f := c.flags
	if f.externalURL != "" {
		u, err := url.Parse(f.externalURL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery+u.Fragment != "" {
			return errors.New(f.name("web.external-url") + " must be a URL such as https://monitoring.example.com/revox")
		}
		c.externalHost = u.Host
		if c.externalPath, err = asPrefix(u.Path); err != nil {
			return fmt.Errorf("the path of %s %w", f.name("web.external-url"), err)
		}
	}
	c.routePrefix = c.externalPath
	if f.routePrefix != "" {
		var err error
		if c.routePrefix, err = asPrefix(f.routePrefix); err != nil {
			return fmt.Errorf("%s %w", f.name("web.route-prefix"), err)
		}
	}
	if f.externalURL == "" {
		c.externalPath = c.routePrefix
	}
	return nil
}

// asPrefix returns a path without a slash at its end; "" for /.
func asPrefix(path string) (string, error) {
	prefix := strings.TrimSuffix(path, "/")
	if prefix != "" && (!telemetryPath.MatchString(prefix) || strings.Contains(prefix, "/.")) {
		return "", errors.New("must be a path such as /revox")
	}
	return prefix, nil
}
