package revoxapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"

	"github.com/revox-exporter/revox_exporter/internal/apitransport"
	"github.com/revox-exporter/revox_exporter/internal/proxyenv"
)

// DefaultBaseURL is where the API is unless WithBaseURL is given.
const DefaultBaseURL = "https://www.getrevox.com/api"

// Endpoint names one of the API's endpoints.
type Endpoint string

// The endpoints that a Client uses.
const (
	EndpointRows      Endpoint = "rows"      // GET /campaigns/{id}/rows
	EndpointCampaigns Endpoint = "campaigns" // GET /campaigns
)

// Client reads from the Revox API. Make one with [NewClient]. It is safe for concurrent use; all who use it share its
// limits.
type Client struct {
	base             *url.URL
	key              KeySource
	http             *http.Client
	userAgent        string
	timeout          time.Duration
	maxRetries       int
	maxResponseBytes int64
	maxRows          int
	maxInFlight      int
	inFlight         *semaphore.Weighted
	lowPriority      *semaphore.Weighted // acquired before inFlight, with one less; nil if only one may be in flight
	perSecond        *rate.Limiter
	clock            Clock
	random           func() float64
	trace            Trace

	// numbering is learned from answers.
	numbering atomic.Int32
}

// NewClient returns a client that uses key. An error means that an option has an invalid value. Nothing is sent yet.
func NewClient(key KeySource, opts ...Option) (*Client, error) {
	o := options{
		baseURL:          DefaultBaseURL,
		userAgent:        "revoxapi-go",
		timeout:          time.Minute,
		maxRetries:       2,
		maxResponseBytes: 4 << 30,
		maxRows:          10_000_000,
		maxInFlight:      4,
		clock:            SystemClock{},
		random:           rand.Float64,
	}
	for _, opt := range opts {
		opt(&o)
	}
	base, err := parseBaseURL(o.baseURL)
	if err != nil {
		return nil, err
	}
	switch {
	case key == nil:
		return nil, errors.New("there is no source of an API key")
	case o.timeout <= 0:
		return nil, fmt.Errorf("the timeout of a request must be more than 0, not %s", o.timeout)
	case o.maxRetries < 0:
		return nil, fmt.Errorf("the number of retries must be 0 or more, not %d", o.maxRetries)
	case o.maxInFlight < 1:
		return nil, fmt.Errorf("the limit of requests in flight must be 1 or more, not %d", o.maxInFlight)
	case o.maxResponseBytes < 1:
		return nil, fmt.Errorf("the limit of a response must be 1 byte or more, not %d", o.maxResponseBytes)
	case o.maxRows < 1:
		return nil, fmt.Errorf("the limit of a campaign's rows must be 1 or more, not %d", o.maxRows)
	case !(o.maxRequestsPerSecond >= 0):
		return nil, fmt.Errorf("the limit of requests a second must be 0 or more, not %v", o.maxRequestsPerSecond)
	}
	if o.transport == nil {
		o.transport = newTransport(o.maxInFlight)
	}
	perSecond := rate.Inf
	if o.maxRequestsPerSecond > 0 {
		perSecond = rate.Limit(o.maxRequestsPerSecond)
	}
	c := &Client{
		base:             base,
		key:              key,
		userAgent:        o.userAgent,
		timeout:          o.timeout,
		maxRetries:       o.maxRetries,
		maxResponseBytes: o.maxResponseBytes,
		maxRows:          o.maxRows,
		maxInFlight:      o.maxInFlight,
		inFlight:         semaphore.NewWeighted(int64(o.maxInFlight)),
		lowPriority:      newLowPriority(o.maxInFlight),
		perSecond:        rate.NewLimiter(perSecond, 1),
		clock:            o.clock,
		random:           o.random,
		trace:            o.trace,
	}
	transport := apitransport.New(o.transport)
	if o.trace.Answer != nil {
		transport = answerTracer{transport, o.trace.Answer}
	}
	c.http = &http.Client{Transport: transport, CheckRedirect: c.checkRedirect}
	return c, nil
}

// MaxInFlight returns how many requests may be in flight at once; see [WithMaxInFlight]. It is a good bound for how many
// calls of [Page] are worth making at once.
func (c *Client) MaxInFlight() int { return c.maxInFlight }

// CloseIdleConnections closes connections that are kept for later requests.
func (c *Client) CloseIdleConnections() { c.http.CloseIdleConnections() }

func parseBaseURL(s string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil {
		// The parser's error quotes the URL, which may hold a password.
		return nil, errors.New("the base URL cannot be parsed: it should look like " + DefaultBaseURL)
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Hostname() == "":
		return nil, errors.New("the base URL must start with http:// or https:// and name a host, like " + DefaultBaseURL)
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("the base URL must have no user, query or fragment: it should look like " + DefaultBaseURL)
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, errors.New("the base URL has a port that is not one from 1 to 65535")
		}
	}
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	return u, nil
}

func newTransport(maxInFlight int) *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	// The client decompresses itself, to count bytes as they come over the wire.
	t.DisableCompression = true
	t.OnProxyConnectResponse = proxyenv.OnConnect
	t.MaxIdleConnsPerHost = maxInFlight
	// Headers are read before any other limit applies.
	t.MaxResponseHeaderBytes = 64 << 10
	return t
}

// maxRedirects is as many as a server needs to normalize a path.
const maxRedirects = 5

// checkRedirect follows a redirect only to the scheme, host and port of the base URL: the key must go nowhere else. The
// target must ask for the same page: an answer to another question would be taken for this one's.
func (c *Client) checkRedirect(req *http.Request, via []*http.Request) error {
	if origin(req.URL) != origin(c.base) || !asksFor(req.URL, via[0].URL.Query()) || len(via) > maxRedirects {
		return http.ErrUseLastResponse
	}
	return nil
}

// asksFor reports whether u has all of these parameters, with the same values.
func asksFor(u *url.URL, parameters url.Values) bool {
	query := u.Query()
	for name, values := range parameters {
		if !slices.Equal(query[name], values) {
			return false
		}
	}
	return true
}

// origin is scheme, host and port of u in one spelling.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// request is one request to the API. Page 0 is a page; -1 means none.
type request struct {
	endpoint   Endpoint
	path       []string
	query      url.Values
	campaignID string
	page       int
	pageSize   int
	// lowPriority is as in apirequest.Options.
	lowPriority func() bool
	// onRequest is as in apirequest.Options.
	onRequest func(bytes int64, date time.Time)
}

// get sends a request and passes the answer's body, decompressed, to read. After a failure that may pass it waits and
// sends the request again, so read may be called several times. errStopped from read ends it at once and is returned as it
// is; other errors are an *Error.
func (c *Client) get(ctx context.Context, r request, read func(io.Reader, *sizeLimit) error) error {
	for try := 0; ; try++ {
		err := c.once(ctx, r, read)
		if err == nil || err == errStopped {
			return err
		}
		e := err.(*Error)
		e.Endpoint, e.CampaignID, e.Page, e.PageSize = r.endpoint, r.campaignID, r.page, r.pageSize
		if !e.passing || try >= c.maxRetries || e.RetryAfter > maxRetryWait {
			return e
		}
		wait := e.RetryAfter
		if wait == 0 {
			wait = c.backoff(try)
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
			return e // says more than "no time left" would
		}
		if c.trace.Retry != nil {
			c.trace.Retry(RetryTrace{Endpoint: r.endpoint, Reason: e.Kind, Wait: wait})
		}
		if c.clock.Sleep(ctx, wait) != nil {
			return e
		}
	}
}

// maxRetryWait is the longest wait before a retry that a server may ask for. After a longer one, the caller decides.
const maxRetryWait = time.Minute

// backoff returns the wait before the retry after the given try, counted from 0. It doubles from 0.5s to 8s and is up to a
// quarter shorter at random, so that many clients do not return together.
func (c *Client) backoff(try int) time.Duration {
	wait := min(500*time.Millisecond<<min(try, 10), 8*time.Second)
	return time.Duration(float64(wait) * (1 - 0.25*c.random()))
}

// once sends the request a single time, within the limits. Its error is an *Error or errStopped.
func (c *Client) once(ctx context.Context, r request, read func(io.Reader, *sizeLimit) error) error {
	release, err := c.acquire(ctx, r.lowPriority)
	if err != nil {
		return contextError(ctx)
	}
	defer release()
	now := c.clock.Now()
	reservation := c.perSecond.ReserveN(now, 1)
	if err := c.clock.Sleep(ctx, reservation.DelayFrom(now)); err != nil {
		reservation.CancelAt(c.clock.Now()) // others need not wait for a request that is not sent
		return contextError(ctx)
	}
	key, err := c.key.Key()
	if err != nil {
		return &Error{Kind: KindAuth, Err: err}
	}

	timed, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(timed, http.MethodGet, c.url(r), nil)
	if err != nil {
		return badResponse("the request could not be made: check the campaign ID and the base URL")
	}
	req.Header.Set("Authorization", "Bearer "+key.Reveal())
	req.Header.Set("User-Agent", c.userAgent)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Accept-Encoding", acceptedCodings)
	req.Header.Set("Cache-Control", "no-cache")

	trace := RequestTrace{Endpoint: r.endpoint, CampaignID: r.campaignID}
	start := c.clock.Now()
	var date time.Time
	defer func() {
		gaveUp := trace.StatusCode == 0 && ctx.Err() != nil && contextError(ctx).Kind == KindCanceled
		if c.trace.Request != nil && !gaveUp {
			trace.Duration = c.clock.Now().Sub(start)
			c.trace.Request(trace)
		}
		if r.onRequest != nil {
			r.onRequest(trace.BodyBytes, date)
		}
	}()
	resp, err := c.http.Do(req)
	if err != nil {
		return transportError(ctx, err, c.timeout)
	}
	defer resp.Body.Close()
	trace.StatusCode = resp.StatusCode
	if resp.Header.Get("Age") == "" { // else it is when a cache got the answer
		date, _ = http.ParseTime(resp.Header.Get("Date"))
	}
	wire := &wireReader{r: resp.Body}
	defer func() { trace.BodyBytes = wire.bytes }()

	// A proxy that changes the answer, its encoding for example, makes 203 of 200.
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNonAuthoritativeInfo {
		// A short body is read to its end, so that the connection can be used again. What it says is ignored.
		_, _ = io.CopyN(io.Discard, wire, 64<<10)
		e := statusError(resp, r.endpoint)
		e.passing = e.passing || resp.StatusCode == http.StatusMisdirectedRequest // the next try has another connection
		e.RetryAfter = retryAfter(resp, c.clock.Now())
		return e
	}
	if cachedFor(resp.Header) > maxCachedFor {
		e := badResponse("a cache in front of the API answered with what it got more than %d minutes ago: have it pass requests on",
			maxCachedFor/time.Minute)
		e.StatusCode, e.passing = resp.StatusCode, true // a cache may answer first, and ask the API for the next time
		return e
	}
	err = c.readBody(ctx, resp.Header.Values("Content-Encoding"), wire, read)
	if e, ok := err.(*Error); ok {
		e.StatusCode = resp.StatusCode
		switch _, notJSON := errors.AsType[syntaxError](e.Err); {
		case e.Kind == KindTimeout && ctx.Err() == nil && wire.bytes > 0:
			e.Err = tooSlow(c.timeout, wire.bytes, resp.ContentLength)
		case notJSON && isHTML(resp.Header):
			e.Err = fmt.Errorf("the API answered %s with an HTML page, as a login page or a firewall on the way does: "+
				"check the base URL, and have that allow this machine", statusLine(resp.StatusCode))
		}
	}
	return err
}

// maxCachedFor is how old a cache's answer may be. Caches are asked to pass requests on, but not all do. Older answers would
// be published as the present.
const maxCachedFor = 5 * time.Minute

// cachedFor returns how long ago a cache got an answer; 0 if none says so. RFC 9111 has a limit of 2^31 seconds.
func cachedFor(h http.Header) time.Duration {
	seconds, err := strconv.ParseUint(h.Get("Age"), 10, 31)
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

func (c *Client) url(r request) string {
	u := *c.base
	u = *u.JoinPath(r.path...)
	u.RawQuery = r.query.Encode()
	return u.String()
}
