package revoxapi

import (
	"net/http"
	"time"
)

// Option is a setting of a Client; see [NewClient].
type Option func(*options)

type options struct {
	baseURL              string
	transport            http.RoundTripper
	userAgent            string
	timeout              time.Duration
	maxRetries           int
	maxResponseBytes     int64
	maxRows              int
	maxInFlight          int
	maxRequestsPerSecond float64
	clock                Clock
	random               func() float64
	trace                Trace
}

// WithBaseURL sets where the API is; the default is DefaultBaseURL. The URL must be http or https, without query or user.
func WithBaseURL(u string) Option { return func(o *options) { o.baseURL = u } }

// WithTransport sets what sends requests; the default is like http.DefaultTransport. It must not decompress. Of an
// *http.Transport the client uses the settings, for connections of its own, which it replaces after failures. Requests
// of any transport are given up at their deadline, even if the transport never returns.
func WithTransport(t http.RoundTripper) Option { return func(o *options) { o.transport = t } }

// WithUserAgent sets the User-Agent header; the default is "revoxapi-go".
func WithUserAgent(s string) Option { return func(o *options) { o.userAgent = s } }

// WithTimeout limits how long one request may take, from sending it to the last byte of the answer; the default is 60s.
func WithTimeout(d time.Duration) Option { return func(o *options) { o.timeout = d } }

// WithMaxRetries sets how many times a request is sent again after a failure that may pass (no answer or half of one, 408,
// 409, 425, 429, 5xx); the default is 2. If the server asks to wait for more than 60s before that, the request fails instead,
// with an error whose RetryAfter says so.
func WithMaxRetries(n int) Option { return func(o *options) { o.maxRetries = n } }

// WithMaxResponseBytes limits the size of an answer, decompressed; the default is 4 GiB. An answer is read as a stream, so
// this bounds time rather than memory. A single row or campaign may have 1/64 of it, and 8 MiB at most.
func WithMaxResponseBytes(n int64) Option { return func(o *options) { o.maxResponseBytes = n } }

// WithMaxRows limits how many distinct rows [Rows] reads of a campaign, at 16 bytes each; the default is 10,000,000. If
// there are more, the reading fails with an error of KindIncomplete, so it always ends.
func WithMaxRows(n int) Option { return func(o *options) { o.maxRows = n } }

// WithMaxInFlight limits how many requests may be in flight at once; the default is 4. With 1, the pages of a campaign are
// read one after another.
func WithMaxInFlight(n int) Option { return func(o *options) { o.maxInFlight = n } }

// WithMaxRequestsPerSecond limits the rate of requests by spacing them; the default, 0, is no limit.
func WithMaxRequestsPerSecond(n float64) Option {
	return func(o *options) { o.maxRequestsPerSecond = n }
}

// WithClock sets the clock for waits before retries and for HTTP dates; the default is SystemClock. Time-outs always use
// the system's clock.
func WithClock(c Clock) Option { return func(o *options) { o.clock = c } }

// WithRandom sets the source of the jitter of retries: numbers from 0 to less than 1. It must be safe for concurrent use.
func WithRandom(f func() float64) Option { return func(o *options) { o.random = f } }

// WithTrace sets functions that are called while the client works.
func WithTrace(t Trace) Option { return func(o *options) { o.trace = t } }
