package operations

import (
	"fmt"
	"html"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// A site that makes a browser connect to the exporter under the site's own name gets no page and no metrics, and cannot
// make it reload. Programs scrape by any name.
func TestForeignSitesGetNothing(t *testing.T) {
	t.Parallel()
	list := file(t, "campaigns.yml", "- a\n")
	p := run(t, newAPI(t), "--campaign.file="+list, "--web.enable-lifecycle", "--web.enable-pprof",
		"--web.external-url=https://monitoring.example.com")
	p.reads("a")
	with := func(headers ...string) func(*http.Request) {
		return func(r *http.Request) {
			for i := 0; i < len(headers); i += 2 {
				r.Header.Set(headers[i], headers[i+1])
			}
			r.Host = r.Header.Get("Host")
			r.Header.Del("Host")
		}
	}
	const foreign, browser = "rebound.example.com:10210", "Accept-Language"
	pages := []string{"/", "/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/cmdline", "/debug/pprof/symbol"}
	for _, path := range pages {
		code, body := p.ask(http.MethodGet, p.URL+path, with("Host", foreign))
		if code != http.StatusForbidden || !strings.Contains(body, "--web.external-url") || strings.Contains(body, "rebound") {
			t.Errorf("%s as a page of another site: %d %s", path, code, body)
		}
	}
	for _, host := range []string{
		p.Address, "localhost:10210", "LOCALHOST", "exporter.localhost", "[::1]:10210", "[::1]", "192.0.2.1", "exporter",
		"exporter.monitoring.svc:10210", "exporter.monitoring.svc.cluster.local", "host.internal", "host.internal.",
		"monitoring.example.com", "Monitoring.Example.com:443",
	} {
		if code, body := p.ask(http.MethodGet, p.URL+"/", with("Host", host)); code != http.StatusOK {
			t.Errorf("the landing page of %s: %d %s", host, code, body)
		}
	}
	machine, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	if code, body := p.ask(http.MethodGet, p.URL+"/", with("Host", machine)); code != http.StatusOK {
		t.Errorf("the landing page of the machine: %d %s", code, body)
	}
	label, _, _ := strings.Cut(machine, ".")
	for _, host := range []string{
		"example.com", "monitoring.example.com.evil.example", "127.0.0.1.evil.example", "local.evil.example",
		machine + ".evil.example", label + ".evil.example", "127.0.0.1%.evil.example", "exporter%.evil.example",
	} {
		if code, _ := p.ask(http.MethodGet, p.URL+"/", with("Host", host)); code != http.StatusForbidden {
			t.Errorf("the landing page of %s: %d", host, code)
		}
	}
	for _, test := range []struct {
		method, path string
		headers      []string
		code         int
	}{
		{http.MethodGet, "/metrics", []string{"Host", foreign}, http.StatusOK},
		{http.MethodGet, "/-/healthy", []string{"Host", foreign}, http.StatusOK},
		{http.MethodGet, "/-/ready", []string{"Host", foreign}, http.StatusOK},
		{http.MethodGet, "/metrics", []string{"Host", foreign, browser, "de"}, http.StatusForbidden},
		{http.MethodGet, "/metrics", []string{"Host", foreign, browser, ""}, http.StatusForbidden},
		{http.MethodGet, "/metrics", []string{"Host", foreign, "Sec-Fetch-Site", "same-origin"}, http.StatusForbidden},
		{http.MethodGet, "/metrics", []string{"Host", foreign, "Sec-Fetch-Mode", "cors"}, http.StatusForbidden},
		{http.MethodGet, "/metrics", []string{"Host", foreign, "Origin", "null"}, http.StatusForbidden},
		{http.MethodGet, "/metrics", []string{"Host", foreign, "Referer", "http://" + foreign + "/"}, http.StatusForbidden},
		{http.MethodGet, "/metrics", []string{"Host", foreign, "User-Agent", "Prometheus/3.5.0", "Accept-Encoding", "gzip",
			"X-Prometheus-Scrape-Timeout-Seconds", "10"}, http.StatusOK},
		{http.MethodGet, "/metrics", []string{"Host", label + ".evil.example", browser, "de"}, http.StatusForbidden},
		{http.MethodGet, "/metrics", []string{"Host", p.Address, browser, "de"}, http.StatusOK},
		{http.MethodPost, "/-/reload", []string{"Host", foreign, "Origin", "http://" + foreign}, http.StatusForbidden},
		{http.MethodPost, "/-/reload", []string{"Host", p.Address, "Origin", "http://rebound.example.com"}, http.StatusForbidden},
		{http.MethodPost, "/-/reload", []string{"Host", p.Address, "Origin", "null"}, http.StatusForbidden},
		{http.MethodPost, "/-/reload", []string{"Host", p.Address, "Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		{http.MethodPost, "/-/reload", []string{"Host", p.Address, "Sec-Fetch-Site", "same-site"}, http.StatusForbidden},
		{http.MethodPost, "/-/reload", []string{"Host", p.Address, "Sec-Fetch-Site", "same-origin"}, http.StatusOK},
		{http.MethodPost, "/-/reload", []string{"Host", p.Address, "Origin", p.URL}, http.StatusOK},
		{http.MethodPost, "/-/reload", []string{"Host", p.Address}, http.StatusOK},
	} {
		if code, body := p.ask(test.method, p.URL+test.path, with(test.headers...)); code != test.code {
			t.Errorf("%s %s with %q: %d, want %d: %.200s", test.method, test.path, test.headers, code, test.code, body)
		}
	}
}

func TestOtherMethodsAreRefused(t *testing.T) {
	t.Parallel()
	p := run(t, newAPI(t), "--campaign.id=a", "--web.enable-lifecycle", "--web.enable-pprof", "--web.health-listen-address=127.0.0.1:0")
	for _, method := range []string{http.MethodTrace, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions, "INVENTED"} {
		for _, path := range []string{"/", "/metrics", "/-/healthy", "/-/ready", "/-/reload", "/debug/pprof/", "/debug/pprof/cmdline"} {
			for _, address := range []string{p.Address, p.health()} {
				if method == http.MethodPost && path == "/-/reload" || address == p.health() && !strings.Contains(path, "y") {
					continue
				}
				req, err := http.NewRequest(method, "http://"+address+path, strings.NewReader(""))
				if err != nil {
					t.Fatal(err)
				}
				resp, err := p.client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") == "" {
					t.Errorf("%s %s: %s, Allow %q", method, path, resp.Status, resp.Header.Get("Allow"))
				}
			}
		}
	}
	for _, path := range []string{"/", "/metrics", "/-/healthy", "/-/ready", "/none", "/debug/pprof/", "/debug/pprof/heap"} {
		resp, err := p.client.Get(p.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := resp.Header.Get("X-Content-Type-Options"); got != "nosniff" {
			t.Errorf("%s: X-Content-Type-Options is %q", path, got)
		}
	}
}

// Thousands of requests to reload cost no more than a few.
func TestFloodOfReloads(t *testing.T) {
	t.Parallel()
	list := file(t, "campaigns.yml", "- a\n")
	p := run(t, newAPI(t), "--campaign.file="+list, "--web.enable-lifecycle")
	p.reads("a")
	begin := time.Now()
	var clients sync.WaitGroup
	for range 1000 {
		clients.Go(func() {
			resp, err := p.client.Post(p.URL+"/-/reload", "", nil)
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Error(resp.Status)
			}
		})
	}
	clients.Wait()
	file(t, list, "- b\n")
	if code, body := p.ask(http.MethodPost, p.URL+"/-/reload", nil); code != http.StatusOK {
		t.Errorf("%d %s", code, body)
	}
	p.reads("b") // also after so many
	most := 6 + int(time.Since(begin).Seconds())
	if n := strings.Count(p.Log(), "the campaign file was read again"); n < 2 || n > most {
		t.Errorf("the file was read %d times, want at most %d", n, most)
	}
}

// Too many requests for metrics are refused at once, and counted.
func TestTooManyScrapes(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	defer api.AddFault(revoxtest.Fault{Behavior: revoxtest.Hang()})()
	p := run(t, api, "--campaign.id=a", "--scan.interval=0", "--web.max-requests=1")
	scrape := func(timeout string) (int, string) {
		return p.Get("/metrics", "X-Prometheus-Scrape-Timeout-Seconds", timeout)
	}
	waiting := make(chan struct{})
	go func() {
		defer close(waiting)
		for code := 0; code != http.StatusOK; {
			code, _ = scrape("3") // it waits for a scan unless the one below is faster
		}
	}()
	p.Await("a scrape is refused", func() bool { code, _ := scrape("0.01"); return code == http.StatusServiceUnavailable })
	<-waiting
	if _, metrics := scrape("0.01"); !strings.Contains(metrics, "\npromhttp_metric_handler_requests_total{code=\"503\"} ") ||
		strings.Contains(metrics, "\npromhttp_metric_handler_requests_total{code=\"503\"} 0\n") {
		t.Error("no refused scrape is counted")
	}
}

// A request that is larger than any that is meant is refused before it is understood.
func TestHugeRequestsAreRefused(t *testing.T) {
	t.Parallel()
	p := run(t, newAPI(t), "--campaign.id=a")
	if code, _ := p.Get("/metrics?" + strings.Repeat("name[]=a&", 10_000)); code != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a query of 90 KB is answered with %d", code)
	}
	if code, _ := p.Get("/metrics?" + strings.Repeat("name[]=a&", 1000)); code != http.StatusOK {
		t.Errorf("a query of 9 KB is answered with %d", code)
	}
}

// All paths are under the prefix; probes work without it too.
func TestServedUnderAPrefix(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args   []string
		prefix string
	}{
		{[]string{"--web.external-url=https://monitoring.example.com/revox/"}, "/revox"},
		{[]string{"--web.route-prefix=/a/b"}, "/a/b"},
		{[]string{"--web.external-url=https://monitoring.example.com/revox", "--web.route-prefix=/"}, ""},
	} {
		p := run(t, newAPI(t), append(test.args, "--campaign.id=a")...)
		p.Ready()
		for path, want := range map[string]string{
			test.prefix + "/": `href="./metrics"`, test.prefix + "/metrics": `revox_campaign_up{campaign_id="a"} 1`,
			test.prefix + "/-/ready": "is ready", "/-/ready": "is ready", "/": `href="./metrics"`,
		} {
			if code, body := p.Get(path); code != http.StatusOK || !strings.Contains(body, want) {
				t.Errorf("%v: %s: %d, want %s in\n%.500s", test.args, path, code, want, body)
			}
		}
		if code, _ := p.Get("/metrics"); (code == http.StatusOK) != (test.prefix == "") {
			t.Errorf("%v: /metrics: %d", test.args, code)
		}
	}
}

// Behind a reverse proxy, whether it keeps a path before the exporter's, removes it or removes a part, each link and each
// redirect leads to what it should.
func TestLinksBehindAReverseProxy(t *testing.T) {
	t.Parallel()
	api := revoxtest.NewServer()
	t.Cleanup(api.Close)
	for i := range 105 { // more than a page
		api.SetRows(fmt.Sprint("campaign-", i), fmt.Sprint("Offer ", i), nil)
	}
	api.AddFault(revoxtest.Fault{Campaign: "campaign-7", Behavior: revoxtest.Status(http.StatusNotFound, nil, "")})
	for _, test := range []struct {
		name    string
		args    []string
		removed string // by the proxy
		path    string // by which people open the page
	}{
		{"keeps it", []string{"--web.external-url=https://monitoring.example.com/revox"}, "", "/revox"},
		{"removes it", []string{"--web.external-url=https://monitoring.example.com/revox", "--web.route-prefix=/"}, "/revox", "/revox"},
		{"removes it, and the exporter does not know", nil, "/revox", "/revox"},
		{"removes a part", []string{"--web.route-prefix=/revox/eu"}, "/monitoring", "/monitoring/revox/eu"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := run(t, api, append(test.args, "--campaign.discover", "--web.enable-pprof", "--scan.interval=1h")...)
			p.Await("it is ready", func() bool { code, _ := p.Get("/-/ready"); return code == http.StatusOK })
			to, err := url.Parse(p.URL)
			if err != nil {
				t.Fatal(err)
			}
			proxy := httptest.NewServer(http.StripPrefix(test.removed, &httputil.ReverseProxy{
				Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }, ErrorLog: log.New(io.Discard, "", 0),
			}))
			t.Cleanup(proxy.Close)
			pages := map[string]string{
				"/metrics": "revox_campaign_up", "/-/healthy": "is healthy", "/-/ready": "is ready", "/debug/pprof": "Types of profiles",
			}
			seen := map[string]bool{}
			next := []string{proxy.URL + test.path + "/"}
			if test.removed != test.path { // else the exporter is asked for / and cannot tell
				next = append(next, proxy.URL+test.path, proxy.URL+test.removed+"/")
			}
			next = append(next, proxy.URL+test.path+"/debug/pprof")
			for len(next) > 0 {
				at := next[0]
				next = next[1:]
				if seen[at] {
					continue
				}
				seen[at] = true
				req, err := http.NewRequest(http.MethodGet, at, nil)
				if err != nil {
					t.Fatal(err)
				}
				resp, err := proxy.Client().Do(req)
				if err != nil {
					t.Fatal(err)
				}
				text, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil {
					t.Fatal(err)
				}
				want := "<h1>revox_exporter</h1>"
				for path, says := range pages {
					if strings.TrimPrefix(strings.TrimPrefix(at, proxy.URL), test.path) == path {
						want = says
					}
				}
				if resp.StatusCode != http.StatusOK || !strings.Contains(string(text), want) {
					t.Errorf("%s: %d, want %q in\n%.300s", at, resp.StatusCode, want, text)
				}
				if !strings.Contains(string(text), "<h1>revox_exporter</h1>") {
					continue
				}
				for _, link := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(string(text), -1) {
					to, err := resp.Request.URL.Parse(html.UnescapeString(link[1]))
					if err != nil {
						t.Fatal(err)
					}
					next = append(next, to.String())
				}
			}
			for _, link := range []string{"/metrics", "/-/ready", "/?scan=failing", "/?page=2", "/?status=running", "/?"} {
				if !seen[proxy.URL+test.path+link] {
					t.Errorf("nothing links to %s: %v", link, slices.Sorted(maps.Keys(seen)))
				}
			}
		})
	}
}
