package revoxtest

import "time"

// APIKey is the key that a server accepts unless it is told another one with [WithAPIKey].
const APIKey = "revoxtest-key-2b7e151628aed2a6abf7158809cf4f3c"

// Option changes what a server is like from its start.
type Option func(*config)

type config struct {
	now         func() time.Time
	seed        uint64
	key         string
	firstPage   int
	lenient     bool
	echo        bool
	sizeCap     int
	rowsOnly    bool
	noTotal     bool
	latency     time.Duration
	noGzip      bool
	zstd        bool
	etags       bool
	tls         bool
	keepRequest int
	filter      StatusFilter
	notFiltered string
	style       Style
}

// WithNow gives the clock that the simulation goes by. The default is [time.Now]. Latency and what faults do on the
// wire are always in real time.
func WithNow(now func() time.Time) Option { return func(c *config) { c.now = now } }

// WithSeed sets the seed of everything random. The default is 1.
func WithSeed(seed uint64) Option { return func(c *config) { c.seed = seed } }

// WithAPIKey sets the key that the server accepts. Other keys, and none, are answered with 401.
func WithAPIKey(key string) Option { return func(c *config) { c.key = key } }

// WithFirstPage sets the number of the first page, 0 (the default) or 1. A page below it is answered with 400.
func WithFirstPage(n int) Option { return func(c *config) { c.firstPage = n } }

// WithLenientFirstPage makes a page below the first be answered with the first page; `page` in the answer says the
// number of the page that it really is.
func WithLenientFirstPage() Option { return func(c *config) { c.lenient = true } }

// WithEchoedPage makes a page below the first be answered with the first page; `page` in the answer repeats what was
// asked for.
func WithEchoedPage() Option { return func(c *config) { c.lenient, c.echo = true, true } }

// WithPageSizeCap makes the server use a page size of at most n; `page_size` in the answer says what it used.
func WithPageSizeCap(n int) Option { return func(c *config) { c.sizeCap = n } }

// WithRowsOnly makes the server one of the newer kind without paging: it needs and heeds no parameters and answers with
// `rows` alone, all of them.
func WithRowsOnly() Option { return func(c *config) { c.rowsOnly = true } }

// WithoutTotal leaves `total` out of the pages.
func WithoutTotal() Option { return func(c *config) { c.noTotal = true } }

// WithLatency delays every answer. The delay ends early where the request is cancelled or the server closed.
func WithLatency(d time.Duration) Option { return func(c *config) { c.latency = d } }

// WithoutGzip makes the server answer uncompressed whatever the client accepts. By default it compresses for clients
// that accept gzip.
func WithoutGzip() Option { return func(c *config) { c.noGzip = true } }

// WithZstd makes the server compress with zstd for clients that accept it, and with gzip for the others.
func WithZstd() Option { return func(c *config) { c.zstd = true } }

// WithETags gives every answer that is right a strong ETag of its body, and answers a request whose If-None-Match has
// it with 304.
func WithETags() Option { return func(c *config) { c.etags = true } }

// WithNumberStyle sets how numbers are written in living campaigns and around rows. The default is PlainNumbers.
func WithNumberStyle(n NumberStyle) Option { return func(c *config) { c.style.Numbers = n } }

// WithTimeStyle sets how time stamps are written in living campaigns and in the campaign list. The default is
// MillisUTC.
func WithTimeStyle(t TimeStyle) Option { return func(c *config) { c.style.Times = t } }

// WithNewerFields makes every campaign carry the fields that only some versions of the API have. [Campaign.NewerFields]
// does it for one campaign.
func WithNewerFields() Option { return func(c *config) { c.style.NewerFields = true } }

// WithTLS makes the server speak HTTPS with a certificate that it signed itself: [Server.Client] trusts it, and
// [Server.CertPool] holds it.
func WithTLS() Option { return func(c *config) { c.tls = true } }

// WithRequestLog sets how many of the newest requests [Server.Requests] keeps. The default is 10,000.
func WithRequestLog(n int) Option { return func(c *config) { c.keepRequest = n } }

func newConfig(opts []Option) config {
	c := config{now: time.Now, seed: 1, key: APIKey, keepRequest: 10_000}
	for _, o := range opts {
		o(&c)
	}
	return c
}

// StatusFilter is what the filter `statuses` does.
type StatusFilter int

// The kinds of StatusFilter. Only the first does what the API documents.
const (
	// FilterCallStatus lets rows through whose call has the status.
	FilterCallStatus StatusFilter = iota
	// FilterIgnored lets all rows through.
	FilterIgnored
	// FilterAttemptStatus lets rows through whose newest attempt has the status.
	FilterAttemptStatus
	// FilterCountsAll lets rows through whose call has the status, but counts all rows in `total`.
	FilterCountsAll
)

// WithStatusFilter sets what the filter `statuses` does. The default is FilterCallStatus.
func WithStatusFilter(f StatusFilter) Option { return func(c *config) { c.filter = f } }

// WithStatusUnknownToFilter makes the filter `statuses` find no row with this status.
func WithStatusUnknownToFilter(status string) Option {
	return func(c *config) { c.notFiltered = status }
}
