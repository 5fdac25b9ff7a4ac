package check

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/revox-exporter/revox_exporter/internal/proxyenv"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Watch observes a client's requests and answers during a check, to find out what is wrong. It keeps status codes,
// counts and which of a few known words a header has, but no text of an answer. Make one with NewWatch.
type Watch struct {
	base  *url.URL // nil if it cannot be parsed
	clock revoxapi.Clock
	proxy string // the environment variable that sets a proxy for the API, "" for none

	mu       sync.Mutex
	requests int
	bytes    int64
	paging   map[string]*paging
	skew     time.Duration // of this machine's clock, by the last answer with a date; positive: it is ahead
	via      bool          // an answer's header says that it came through a proxy

	progress *progress // nil before Run
}

// paging is what the pages of one campaign showed.
type paging struct {
	requests int
	bytes    int64 // of answers
	rows     int   // distinct
	total    int   // -1 if none was given
	first    *revoxapi.PageTrace
	second   *revoxapi.PageTrace
	fromZero int // new rows on page 0, if --revox.first-page is after it
	largest  int // rows on one page
}

// NewWatch returns a Watch of a client of the API at baseURL; a nil clock is the machine's own.
func NewWatch(baseURL string, clock revoxapi.Clock) *Watch {
	if clock == nil {
		clock = revoxapi.SystemClock{}
	}
	w := &Watch{clock: clock, paging: map[string]*paging{}}
	if u, err := url.Parse(strings.TrimSpace(baseURL)); err == nil {
		w.base = u
		w.proxy = proxyenv.Of(u)
	}
	return w
}

// ClientOptions returns what the client must be made with so that w observes it.
func (w *Watch) ClientOptions() []revoxapi.Option {
	return []revoxapi.Option{
		revoxapi.WithTrace(revoxapi.Trace{Request: w.request, Retry: w.retry, Page: w.page, Answer: w.answer}),
	}
}

func (w *Watch) request(r revoxapi.RequestTrace) {
	w.mu.Lock()
	w.requests++
	w.bytes += r.BodyBytes
	if r.CampaignID != "" {
		seen := w.pagingOf(r.CampaignID)
		seen.requests++
		seen.bytes += r.BodyBytes
	}
	w.mu.Unlock()
	if w.progress != nil {
		w.progress.answered()
	}
}

func (w *Watch) retry(r revoxapi.RetryTrace) {
	if w.progress != nil {
		w.progress.waiting(r.Reason, r.Wait)
	}
}

func (w *Watch) page(p revoxapi.PageTrace) {
	w.mu.Lock()
	seen := w.pagingOf(p.CampaignID)
	switch {
	case seen.first == nil:
		seen.first = &p
	case seen.second == nil:
		seen.second = &p
	}
	if p.Asked == 0 && seen.first.Asked > 0 {
		seen.fromZero += p.Fresh
	}
	if p.Total != nil {
		seen.total = int(*p.Total)
	}
	seen.rows += p.Fresh
	seen.largest = max(seen.largest, p.Rows)
	w.mu.Unlock()
	if w.progress != nil {
		w.progress.page(p)
	}
}

// pagingOf returns what is kept of a campaign's pages. w.mu is held.
func (w *Watch) pagingOf(id string) *paging {
	if w.paging[id] == nil {
		w.paging[id] = &paging{total: -1}
	}
	return w.paging[id]
}

// pagesOf returns a copy of what the pages of a campaign have shown so far.
func (w *Watch) pagesOf(id string) paging {
	w.mu.Lock()
	defer w.mu.Unlock()
	return *w.pagingOf(id)
}

// answer is what is kept of an answer, or of why there is none. While pages are read several requests are in flight; of
// their answers, the last in which something was wrong is kept.
type answer struct {
	status  int
	html    bool
	via     bool
	cached  bool // by a cache that says so
	gateway string
	// elsewhere reports that it redirects to another scheme, host or port, toHTTPS that it does from http to https on the
	// same host.
	elsewhere, toHTTPS bool
	err                error
}

// isWrong reports whether something is wrong with an answer, which may be why reading failed.
func (a *answer) isWrong() bool {
	if a.err != nil {
		return !errors.Is(a.err, context.Canceled)
	}
	return a.status != 0 && (a.status != http.StatusOK || a.html || a.cached)
}

type answerKey struct{}

// noting returns a context whose requests note their answers in a.
func noting(ctx context.Context, a *answer) context.Context {
	return context.WithValue(ctx, answerKey{}, a)
}

// gateways are well-known proxies and gateways that name themselves in a header.
var gateways = []string{
	"Akamai", "Cloudflare", "Envoy", "Forti", "McAfee", "Netskope", "nginx", "Sophos", "Squid", "Varnish", "Zscaler",
}

// answer notes an answer's status and some of its headers.
func (w *Watch) answer(req *http.Request, resp *http.Response, err error) {
	a := answer{err: err}
	if err == nil {
		a = look(req, resp)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if kept, _ := req.Context().Value(answerKey{}).(*answer); kept != nil && (a.isWrong() || !kept.isWrong()) {
		*kept = a
	}
	if err != nil {
		return
	}
	w.via = w.via || a.via
	// A cached answer has the date at which it was made.
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil && resp.Header.Get("Age") == "" {
		w.skew = w.clock.Now().Sub(date)
	}
}

// isRedirect reports whether a status says that the answer is elsewhere.
func isRedirect(status int) bool {
	return slices.Contains([]int{http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect}, status)
}

func look(req *http.Request, resp *http.Response) answer {
	a := answer{status: resp.StatusCode}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")) // if it cannot be parsed, it is not HTML
	a.html = kind == "text/html" || kind == "application/xhtml+xml"
	a.via = resp.Header.Get("Via") != "" || resp.Header.Get("Proxy-Authenticate") != ""
	age := resp.Header.Get("Age")
	a.cached = age != "" && age != "0"
	said := strings.ToLower(resp.Header.Get("Via") + " " + resp.Header.Get("Server"))
	for _, name := range gateways {
		if strings.Contains(said, strings.ToLower(name)) {
			a.gateway = name
		}
	}
	if to, err := resp.Location(); err == nil && isRedirect(a.status) {
		a.elsewhere = to.Scheme != req.URL.Scheme || to.Host != req.URL.Host
		a.toHTTPS = req.URL.Scheme == "http" && to.Scheme == "https" && to.Hostname() == req.URL.Hostname()
	}
	return a
}
