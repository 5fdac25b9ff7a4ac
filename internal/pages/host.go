package pages

import (
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
)

// Hosts are the names by which people open the pages. A site on the web can make a browser connect to the exporter under
// a name of the site's own (DNS rebinding), and could then read the pages as its own.
type Hosts struct{ names []string }

// NewHosts returns the names by which nobody else can be reached, and those given, which may have a port: the name of the
// machine exactly as the system gives it, IP addresses, names without a dot, and names in zones that the public DNS does
// not have. The machine's name in another domain may be anyone's.
func NewHosts(names ...string) *Hosts {
	machine, _ := os.Hostname() // without it the machine has no name to be opened by
	h := &Hosts{}
	for _, name := range append(names, machine) {
		if name = hostname(name); name != "" {
			h.names = append(h.names, name)
		}
	}
	return h
}

// privateZones are reserved, or used by Kubernetes: nobody can register a name in them.
var privateZones = []string{".localhost", ".local", ".internal", ".home.arpa", ".svc"}

// has reports whether a Host header is one of h. It may be empty, because browsers always send one.
func (h *Hosts) has(header string) bool {
	name := hostname(header)
	_, notIP := netip.ParseAddr(name)
	return notIP == nil || !strings.ContainsAny(name, ".:") || slices.Contains(h.names, name) ||
		slices.ContainsFunc(privateZones, func(zone string) bool { return strings.HasSuffix(name, zone) })
}

// hostname returns the name in a Host header or an address in lower case, without a port, brackets or last dot.
func hostname(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		address = host
	}
	address = strings.TrimSuffix(strings.TrimPrefix(address, "["), "]")
	return strings.TrimSuffix(strings.ToLower(address), ".")
}

// Only returns a handler that answers requests with a Host that h does not have with 403. With TLS it lets all through,
// because the browser has checked the name.
func (h *Hosts) Only(next http.Handler) http.Handler {
	return h.only(next, func(*http.Request) bool { return true })
}

// browserHeaders are sent by browsers, each by some or with some requests, and not by Prometheus or curl. Over plain HTTP
// to a name Sec-Fetch-* are left out, and a page can prevent Origin and Referer.
var browserHeaders = []string{"Sec-Fetch-Site", "Sec-Fetch-Mode", "Origin", "Referer", "Accept-Language"}

// OnlyForBrowsers is Only for a page that programs read by any name, such as Prometheus: it concerns only requests with
// one of browserHeaders, whatever its value.
func (h *Hosts) OnlyForBrowsers(next http.Handler) http.Handler {
	return h.only(next, func(r *http.Request) bool {
		return slices.ContainsFunc(browserHeaders, func(name string) bool { return r.Header[name] != nil })
	})
}

func (h *Hosts) only(next http.Handler, concerns func(*http.Request) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil && !h.has(r.Host) && concerns(r) {
			plain(w, http.StatusForbidden, "revox_exporter does not know the host name in the address of this page, so it may be "+
				"another site's. If it is yours, start revox_exporter with --web.external-url=URL, the URL by which you open it, or "+
				"open it by the IP address.")
			return
		}
		next.ServeHTTP(w, r)
	})
}
