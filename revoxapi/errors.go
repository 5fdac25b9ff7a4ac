package revoxapi

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/revox-exporter/revox_exporter/internal/proxyenv"
	"github.com/revox-exporter/revox_exporter/internal/quantity"
)

// ErrorKind is the kind of a failure, in a few words.
type ErrorKind string

// The kinds of failure.
const (
	// KindAuth: the API answered 401, or 403 without an HTML page, or no key could be read.
	KindAuth ErrorKind = "auth"
	// KindNotFound: the API answered 404 or 410, or the campaign ID cannot be one.
	KindNotFound ErrorKind = "not_found"
	// KindRateLimited: the API answered 429.
	KindRateLimited ErrorKind = "rate_limited"
	// KindServerError: the API answered 5xx, 409 or 425.
	KindServerError ErrorKind = "server_error"
	// KindTimeout: the request took longer than WithTimeout or the context's deadline allow, or the API answered 408.
	KindTimeout ErrorKind = "timeout"
	// KindConnection: name look-up, connecting or TLS failed, a proxy refused to connect, or the connection broke.
	KindConnection ErrorKind = "connection"
	// KindBadResponse: the answer is not what it should be: not JSON, cut off, of other types, too large, redirected to
	// another host, or a refusal (4xx) that is none of the other kinds, such as a firewall's page with 403.
	KindBadResponse ErrorKind = "bad_response"
	// KindIncomplete: the pages were read but do not add up to a whole campaign.
	KindIncomplete ErrorKind = "incomplete"
	// KindCanceled: the caller's context was cancelled, which says nothing about the API.
	KindCanceled ErrorKind = "canceled"
)

// Errors for [errors.Is], one for each kind: errors.Is(err, ErrNotFound) reports whether err is, or wraps, an [*Error] of
// KindNotFound.
var (
	ErrAuth        error = kindError(KindAuth)
	ErrNotFound    error = kindError(KindNotFound)
	ErrRateLimited error = kindError(KindRateLimited)
	ErrServer      error = kindError(KindServerError)
	ErrTimeout     error = kindError(KindTimeout)
	ErrConnection  error = kindError(KindConnection)
	ErrBadResponse error = kindError(KindBadResponse)
	ErrIncomplete  error = kindError(KindIncomplete)
	ErrCanceled    error = kindError(KindCanceled)
)

// kindError is what an Error of a kind is for errors.Is.
type kindError ErrorKind

func (k kindError) Error() string { return "revoxapi: " + strings.ReplaceAll(string(k), "_", " ") }

// ErrorKinds returns the kinds that are failures: all but KindCanceled.
func ErrorKinds() []ErrorKind {
	return []ErrorKind{
		KindAuth, KindNotFound, KindRateLimited, KindServerError, KindTimeout, KindConnection, KindBadResponse, KindIncomplete,
	}
}

// KindOf returns the kind of the *Error in err's chain, "" if there is none.
func KindOf(err error) ErrorKind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return ""
}

// StatusOf returns the HTTP status of the answer behind the *Error in err's chain, 0 where there is none.
func StatusOf(err error) int {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.StatusCode
	}
	return 0
}

// Error is the error of every request. Find it with [errors.As], or compare its kind with [errors.Is] and [ErrNotFound] and
// so on. Its text names the campaign and the page and says what can be done. Neither the text nor what the error wraps
// holds the key, a query, or text of an answer, a certificate or a proxy.
type Error struct {
	// Kind is what went wrong.
	Kind ErrorKind
	// Endpoint is the one that was asked.
	Endpoint Endpoint
	// CampaignID is the campaign whose rows were asked for, "" for the list of campaigns.
	CampaignID string
	// Page is the page that was asked for, -1 if the error is not about a single page. PageSize is the number of rows that
	// were asked for, 0 if it is not known.
	Page, PageSize int
	// StatusCode is that of the answer, 0 if none came.
	StatusCode int
	// RetryAfter is how long the server asked to wait, 0 if it did not say.
	RetryAfter time.Duration
	// Err says what happened; never nil.
	Err error

	// passing reports that the same request may succeed later.
	passing bool
}

// Error says what was being done, to what, and what happened.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("reading ")
	switch {
	case e.Endpoint == EndpointCampaigns:
		b.WriteString("the list of campaigns")
	case e.Page >= 0 && e.PageSize == 1: // its number is that of a row
		fmt.Fprintf(&b, "page %d (page_size=1) of campaign %q", e.Page, e.CampaignID)
	case e.Page >= 0:
		fmt.Fprintf(&b, "page %d of campaign %q", e.Page, e.CampaignID)
	default:
		fmt.Fprintf(&b, "campaign %q", e.CampaignID)
	}
	fmt.Fprintf(&b, ": %v", e.Err)
	if e.RetryAfter > 0 {
		fmt.Fprintf(&b, " (the server asks to wait %s)", e.RetryAfter)
	}
	return b.String()
}

// Unwrap returns Err: the cause of a cancelled context, for example.
func (e *Error) Unwrap() error { return e.Err }

// Is reports whether target is the error of e's kind, such as [ErrNotFound].
func (e *Error) Is(target error) bool { return target == error(kindError(e.Kind)) }

// statusError returns the error for a status that is not that of a page, of an answer about an endpoint.
func statusError(resp *http.Response, endpoint Endpoint) *Error {
	code := resp.StatusCode
	e := &Error{Kind: KindBadResponse, StatusCode: code}
	say := func(hint string) {
		e.Err = fmt.Errorf("the API answered %s%s", statusLine(code), hint)
	}
	fronted := ""
	if isHTML(resp.Header) {
		fronted = " with an HTML page, which a firewall or proxy in front of the API sends"
	}
	switch {
	case code == http.StatusForbidden && fronted != "":
		say(fronted + ": have it allow this machine")
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		e.Kind = KindAuth
		say(": check the API key and what it may read")
	case code == http.StatusNotFound || code == http.StatusGone:
		e.Kind = KindNotFound
		if endpoint == EndpointCampaigns {
			say(": check the base URL")
		} else {
			say(": check the campaign ID and the base URL")
		}
	case code == http.StatusTooManyRequests:
		e.Kind, e.passing = KindRateLimited, true
		say(": fewer requests at once or a second would help")
	case code == http.StatusRequestTimeout:
		e.Kind, e.passing = KindTimeout, true
		say("")
	case code == http.StatusProxyAuthRequired:
		e.Err = fmt.Errorf("a proxy on the way answered %s: put a user and password into the URL of the variable that names it "+
			"(HTTP_PROXY), or add the API's host to NO_PROXY", statusLine(code))
	case code == http.StatusConflict || code == http.StatusTooEarly || code >= 500 && code < 600:
		e.Kind, e.passing = KindServerError, true
		say(fronted)
	case code == http.StatusNotModified:
		say(" to a request that sets no condition: have the cache in front of the API pass requests on")
	case isRedirect(code):
		say(redirectHint(resp))
	default:
		say(fronted)
	}
	return e
}

func isHTML(h http.Header) bool {
	kind, _, _ := mime.ParseMediaType(h.Get("Content-Type")) // if it cannot be parsed, it is not HTML
	return kind == "text/html" || kind == "application/xhtml+xml"
}

func statusLine(code int) string {
	return strings.TrimSpace(fmt.Sprint(code, " ", http.StatusText(code)))
}

// isRedirect reports whether a status says that the answer is elsewhere, and Go's client follows it.
func isRedirect(code int) bool {
	return slices.Contains([]int{http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect}, code)
}

// redirectHint says what a redirect that was not followed differs in. Where it leads is text of the server's.
func redirectHint(resp *http.Response) string {
	target, err := resp.Location()
	from := resp.Request.URL
	switch {
	case err != nil || target.Scheme != "http" && target.Scheme != "https" || target.Hostname() == "":
		return " without a usable location: check the base URL"
	case origin(target) == origin(from) && !asksFor(target, from.Query()):
		return " to an address without the page and the filters that were asked for: check the base URL, and what redirects"
	case origin(target) == origin(from):
		return " again and again: check the base URL"
	case !strings.EqualFold(target.Hostname(), from.Hostname()):
		return " to another host, where the API key is not sent: set the base URL to where the API is"
	case target.Scheme != from.Scheme:
		return fmt.Sprintf(" to %s on the same host, where the API key is not sent: check the base URL", target.Scheme)
	}
	return " to another port of the same host, where the API key is not sent: check the base URL"
}

// tooSlow is why an answer was not whole in time of which some bytes came; length is its length, -1 if it is not known.
func tooSlow(timeout time.Duration, bytes, length int64) error {
	speed := func(bytes int64) string {
		return fmt.Sprintf("%s a second", quantity.Bytes(int64(float64(bytes)/timeout.Seconds())))
	}
	if length > bytes {
		return fmt.Errorf("no whole answer within %s: %s of %s came, which is %s; it needs %s, or a longer timeout",
			timeout, quantity.Bytes(bytes), quantity.Bytes(length), speed(bytes), speed(length))
	}
	return fmt.Errorf("no whole answer within %s: %s came, which is %s; it needs more, or a longer timeout",
		timeout, quantity.Bytes(bytes), speed(bytes))
}

// transportError returns the error for an answer of which nothing, or not all, arrived. parent is the caller's context;
// timeout is what the request alone was allowed.
//
// Texts of libraries quote what came: status lines, headers, certificates, the reason why a connection ends. So the error
// wraps none of them, and its text is one of those here.
func transportError(parent context.Context, err error, timeout time.Duration) *Error {
	if parent.Err() != nil {
		return contextError(parent)
	}
	e := &Error{Kind: KindConnection, passing: true}
	if errors.Is(err, context.DeadlineExceeded) {
		e.Kind, e.Err = KindTimeout, fmt.Errorf("no whole answer within %s", timeout)
		return e
	}
	if refusal, ok := errors.AsType[*proxyenv.Refusal](err); ok {
		e.Err, e.passing = refusal, refusal.Passing()
		return e
	}
	what, asked := "the connection", &url.URL{}
	if e, ok := errors.AsType[*url.Error](err); ok {
		if u, err := url.Parse(e.URL); err == nil {
			asked = u
		}
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "proxyconnect" {
		what = fmt.Sprintf("the connection to the proxy that %s names", proxyenv.Variable(asked.Scheme))
	}
	if netErr, ok := errors.AsType[net.Error](err); ok && netErr.Timeout() {
		e.Kind, e.Err = KindTimeout, errors.New(what+" timed out")
		return e
	}
	e.Err = fmt.Errorf("%s failed: %w", what, publicCause(err, asked.Hostname()))
	// A certificate that is not trusted now will not be trusted a second later.
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		e.passing = false
	}
	return e
}

// contextError returns the error for a caller's context that ended. A deadline may have a cause of its own and pass it on
// to contexts that are cancelled with it.
func contextError(ctx context.Context) *Error {
	cause := context.Cause(ctx)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) || errors.Is(cause, context.DeadlineExceeded) {
		return &Error{Kind: KindTimeout, Err: fmt.Errorf("not done within the time it had: %w", cause)}
	}
	return &Error{Kind: KindCanceled, Err: cause}
}

// publicCause says why a request to host failed.
func publicCause(err error, host string) error {
	// The error of a proxy's certificate is within an OpError.
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return publicCertificateCause(e)
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		name := "the host's name"
		if strings.TrimSuffix(e.Name, ".") == strings.TrimSuffix(host, ".") { // of the base URL, not a proxy's
			name = fmt.Sprintf("the host name %q", host)
		}
		if e.IsNotFound {
			return errors.New(name + " does not exist: check its spelling, and this machine's DNS")
		}
		return errors.New("looking up " + name + " failed: check this machine's DNS")
	}
	op, _ := errors.AsType[*net.OpError](err)
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		if op != nil && op.Op == "dial" && op.Addr != nil {
			return fmt.Errorf("connecting to %s: %w", op.Addr, errno)
		}
		return errno
	}
	if op != nil && op.Op == "remote error" {
		return errors.New("the server refused TLS: check the base URL, and whether the server asks for a certificate")
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, http.ErrSchemeMismatch) {
		return errors.New("the server does not speak TLS there: check whether the base URL is https or http")
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the server closed it before its answer was whole")
	}
	return errors.New("it was broken off, or what came is not HTTP or TLS as it should be")
}

// publicCertificateCause says what is wrong with a certificate. Names in it are text of the server's and are left out.
func publicCertificateCause(err error) error {
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired {
		return errors.New("the server's certificate has expired or is not valid yet: check it, and this machine's clock")
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return errors.New("the server's certificate is for another host name: check the base URL")
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return errors.New("the server's certificate is signed by an authority that is not trusted here: check for a proxy in the way, or add its CA (SSL_CERT_FILE)")
	}
	return errors.New("the server's certificate is not valid")
}

// badResponse returns the error for an answer that arrived but is not what it should be.
func badResponse(format string, args ...any) *Error {
	return &Error{Kind: KindBadResponse, Err: fmt.Errorf(format, args...)}
}
