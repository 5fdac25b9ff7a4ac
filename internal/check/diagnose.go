package check

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/collector/campaigns"
	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/internal/proxyenv"
	"github.com/revox-exporter/revox_exporter/internal/quantity"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// problem returns why err happened and what to do. a is the last answer in which something was wrong. list reads the
// list of campaigns, and is called only if that explains more.
func (w *Watch) problem(err error, a *answer, firstPage int, list func() listed) *Problem {
	p := &Problem{Reason: string(revoxapi.KindOf(err)), Text: printable(err.Error())}
	if e, ok := errors.AsType[*revoxapi.Error](err); ok {
		p.StatusCode, p.Advice = e.StatusCode, w.advice(e, a, firstPage, list)
	}
	return p
}

func (w *Watch) advice(e *revoxapi.Error, a *answer, firstPage int, list func() listed) string {
	if e.Kind == revoxapi.KindCanceled {
		return "The check was interrupted: run it again."
	}
	if advice := w.proxyAdvice(a); advice != "" {
		return advice
	}
	if a.toHTTPS {
		return fmt.Sprintf("The base URL is http, and the API wants https: set --revox.base-url=https://%s%s.",
			w.base.Host, w.base.EscapedPath())
	}
	if a.err != nil && e.StatusCode == 0 {
		return w.connectionAdvice(e, a)
	}
	switch e.Kind {
	case revoxapi.KindAuth:
		return authAdvice(e)
	case revoxapi.KindNotFound:
		return w.notFoundAdvice(e, firstPage, list)
	case revoxapi.KindRateLimited:
		return "Send fewer requests: set --revox.concurrency=1, --revox.max-requests-per-second=2 or so, and a longer " +
			"--scan.interval."
	case revoxapi.KindServerError:
		return "The API, or a gateway in front of it, fails. Try again later. If it keeps failing, tell Revox when it " +
			"happened and for which campaign."
	case revoxapi.KindTimeout:
		return slowAdvice
	case revoxapi.KindIncomplete:
		if e.Endpoint == revoxapi.EndpointCampaigns {
			return "The API documents no pages of this list: give the campaigns that are missing with --campaign.id or " +
				"--campaign.file."
		}
		return "The campaign changes while it is read: try again when fewer rows are added, or with larger pages " +
			"(--revox.page-size=500)."
	}
	return w.badResponseAdvice(e, a, firstPage)
}

// proxyAdvice returns what to do if something other than the API has answered, and "" if it was the API.
func (w *Watch) proxyAdvice(a *answer) string {
	proxy := "a proxy that this machine's environment does not name"
	if w.proxy != "" {
		proxy = "the one that " + w.proxy + " names"
	}
	host, status := w.host(), a.status
	refusal, refused := errors.AsType[*proxyenv.Refusal](a.err)
	if refused {
		status = refusal.StatusCode
	}
	switch {
	case status == http.StatusProxyAuthRequired:
		return fmt.Sprintf("A proxy asks for a user and password (407): %s. Put them into that variable's URL, or add %s "+
			"to NO_PROXY to go without it.", proxy, host)
	case refused:
		return fmt.Sprintf("The proxy does not let requests through (%d): %s. Have it allow %s, or add that host to "+
			"NO_PROXY to go without it.", status, proxy, host)
	case a.html && (a.via || a.status == http.StatusForbidden || w.proxy != "" && a.status != http.StatusNotFound):
		by := ""
		if a.gateway != "" {
			by = fmt.Sprintf(" (its headers name %s)", a.gateway)
		}
		return fmt.Sprintf("A web page came instead of the API's answer%s: a proxy, firewall or login page is in the way.%s "+
			"Have it allow requests to %s, or add that host to NO_PROXY.", by, w.through(), host)
	case a.html && a.status < 500:
		return fmt.Sprintf("A web page came instead of the API's answer: check --revox.base-url (the API is at %s), and "+
			"whether a login page is in the way.", revoxapi.DefaultBaseURL)
	}
	return ""
}

// host returns the API's host, as the user gave it.
func (w *Watch) host() string {
	if w.base == nil {
		return "the API's host"
	}
	return w.base.Hostname()
}

// through returns a sentence about the proxy that the environment names, to be added to another; "" if it names none.
func (w *Watch) through() string {
	if w.proxy == "" {
		return ""
	}
	return fmt.Sprintf(" Requests go through the proxy that %s names.", w.proxy)
}

// slowAdvice is what to do if the API answers, but slowly.
const slowAdvice = "If the API is only slow, raise --revox.timeout (and --scan.timeout, if it is set), or use smaller " +
	"pages with --revox.page-size=25."

func (w *Watch) connectionAdvice(e *revoxapi.Error, a *answer) string {
	if op, ok := errors.AsType[*net.OpError](a.err); ok && op.Op == "proxyconnect" {
		return fmt.Sprintf("The proxy that %s names cannot be reached: check its scheme, host and port there, or add %s to NO_PROXY.",
			w.proxy, w.host())
	}
	through := w.through()
	if _, ok := errors.AsType[*net.DNSError](a.err); ok {
		return "The host's name cannot be looked up: check the spelling of --revox.base-url, and this machine's DNS." +
			through
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](a.err); ok {
		return "TLS fails: check --revox.base-url and this machine's clock. If a proxy opens TLS, set the environment " +
			"variable SSL_CERT_FILE to its CA." + through
	}
	_, notTLS := errors.AsType[tls.RecordHeaderError](a.err)
	if notTLS || w.base != nil && w.base.Scheme == "https" && errors.Is(a.err, http.ErrSchemeMismatch) {
		return "The server there does not speak TLS: check the scheme and the port in --revox.base-url." + through
	}
	if e.Kind == revoxapi.KindTimeout {
		return "No answer came in time: check that a firewall lets this machine reach the API, and whether it needs a " +
			"proxy (HTTPS_PROXY). " + slowAdvice + through
	}
	return "Nothing can be reached there: check the host and port in --revox.base-url, and that a firewall lets this " +
		"machine through." + through
}

func authAdvice(e *revoxapi.Error) string {
	switch e.StatusCode {
	case 0:
		return "The key could not be read: check the file that --revox.api-key-file names."
	case http.StatusForbidden:
		if e.Endpoint == revoxapi.EndpointCampaigns {
			return "The key is known, but may not read the list of campaigns: name them with --campaign.id, or use a key " +
				"that may."
		}
		return "The key is known, but may not read this campaign: use a key of the campaign's organization, or leave the " +
			"campaign out."
	}
	return "The key is wrong, revoked or another account's: copy it again into REVOX_API_KEY, or into the file that " +
		"--revox.api-key-file names."
}

func (w *Watch) notFoundAdvice(e *revoxapi.Error, firstPage int, list func() listed) string {
	wrongURL := fmt.Sprintf("Nothing was found at this base URL, so it is probably wrong: check --revox.base-url (the API "+
		"is at %s).", revoxapi.DefaultBaseURL)
	if e.Endpoint == revoxapi.EndpointCampaigns {
		return wrongURL
	}
	l := list()
	switch {
	case revoxapi.KindOf(l.err) == revoxapi.KindNotFound || l.answer.html:
		return wrongURL
	case l.err != nil:
		return "Check the campaign's ID and --revox.base-url. The list of campaigns would show which of them is wrong, but " +
			"this key cannot read it."
	case l.has(e.CampaignID) && firstPage > 0:
		return "The campaign exists, but the first page that was requested does not: leave out --revox.first-page."
	case l.has(e.CampaignID):
		return "The list of campaigns has this one, but its rows were not found: it may have been removed since, or " +
			"--revox.base-url is that of another version of the API."
	}
	if names := similar(e.CampaignID, l.campaigns); names != "" {
		return "No such campaign. Did you mean " + names + "?"
	}
	return fmt.Sprintf("No such campaign among the %s that this key can read: check the ID, and whether the key is another "+
		"organization's.", quantity.Grouped(len(l.campaigns)))
}

func (w *Watch) badResponseAdvice(e *revoxapi.Error, a *answer, firstPage int) string {
	refused := a.status == http.StatusBadRequest || a.status == http.StatusUnprocessableEntity
	switch {
	case a.status == http.StatusBadRequest && w.base != nil && w.base.Scheme == "http" &&
		e.Endpoint == revoxapi.EndpointCampaigns:
		return "The API refuses the request: check --revox.base-url, which begins with http; the API may want https."
	case refused && firstPage > 0:
		return "The API refuses the page number or the page size: leave out --revox.first-page and --revox.page-size."
	case refused:
		return "The API refuses the request: try --revox.page-size=100 or less, and check --revox.base-url (http instead of " +
			"https?)."
	case a.status == http.StatusNotModified:
		return "A cache in front of the API answers 304 (Not Modified) to a request that sets no condition." +
			w.through() + " Have it pass requests to " + w.host() + " on."
	case a.cached:
		return "A cache in front of the API answers with what it got earlier." + w.through() + " Have it pass requests to " +
			w.host() + " on."
	case isRedirect(a.status) && !a.elsewhere:
		return "The API redirects, but not to another place: check --revox.base-url. If that is right, a gateway in front of " +
			"the API is at fault: try again later, or tell Revox."
	case isRedirect(a.status):
		return "The API is elsewhere: set --revox.base-url to where it redirects, if you trust that host with the key."
	}
	return "The answer is not what the API documents: check --revox.base-url. If that is right, the API has changed: look " +
		"for a newer revox_exporter, or report it."
}

// listed is the list of campaigns, how it was answered, or why it could not be read.
type listed struct {
	campaigns []campaigns.Campaign
	answer    answer
	err       error
}

func (l *listed) has(id string) bool {
	return slices.ContainsFunc(l.campaigns, func(c campaigns.Campaign) bool { return c.ID == id })
}

func list(ctx context.Context, e *collector.Exporter) listed {
	var l listed
	l.campaigns, l.err = e.List(noting(ctx, &l.answer))
	return l
}

// maxSkew is how far this machine's clock may be from the API's before it is a finding.
const maxSkew = time.Minute

// findings returns those about no single campaign.
func (w *Watch) findings() []Finding {
	findings := []Finding{}
	w.mu.Lock()
	skew, via := w.skew, w.via
	w.mu.Unlock()
	if skew.Abs() > maxSkew {
		direction := "behind"
		if skew > 0 {
			direction = "ahead of"
		}
		findings = append(findings, Finding{kindClockSkew, fmt.Sprintf(
			"This machine's clock is %s %s the API's: ages and alerts are off by that much. Set it by NTP.",
			short(skew.Abs()), direction)})
	}
	if w.proxy != "" {
		findings = append(findings, Finding{kindProxy, fmt.Sprintf("Requests go through the proxy that %s names.", w.proxy)})
	} else if via {
		findings = append(findings, Finding{kindProxy,
			"Answers pass through a proxy that this machine's environment does not name (they have a Via header)."})
	}
	if problem := Unencrypted(w.base); problem != "" {
		findings = append(findings, Finding{kindUnencrypted, "T" + problem[1:] + "."})
	}
	return findings
}

// Unencrypted says who can read requests to a base URL on the way, "" if nobody can. The URL may be nil.
func Unencrypted(base *url.URL) string {
	if base == nil || base.Scheme != "http" || base.Hostname() == "localhost" || net.ParseIP(base.Hostname()).IsLoopback() {
		return ""
	}
	by := ""
	if variable := proxyenv.Of(base); variable != "" {
		by = ", and by the proxy that " + variable + " names"
	}
	return "the base URL is not https: the API key and the answers can be read on the way" + by
}

// campaignFindings returns what was odd about a campaign that could be read, from its pages and its report.
func campaignFindings(c *Campaign, seen paging, firstPage int) []Finding {
	findings := []Finding{}
	say := func(kind, format string, args ...any) {
		findings = append(findings, Finding{kind, fmt.Sprintf(format, args...)})
	}
	if c.RowsMissing > 0 {
		say(kindRowsMissing, "%s that the API's total promises could not be found on any page.",
			quantity.Counted(c.RowsMissing, "row", "rows"))
	}
	if first := seen.first; first != nil {
		second := seen.second
		switch {
		case seen.fromZero > 0:
			say(kindFirstPage, "--revox.first-page=%d skips %s on page 0: leave it out.", firstPage,
				quantity.Counted(seen.fromZero, "row", "rows"))
		case firstPage == 0 && first.Asked == 1:
			say(kindFirstPage, "The API counts pages from 1 and refuses page 0. The exporter handles this; nothing to do.")
		case first.Asked == 0 && first.Page != nil && *first.Page == 1,
			first.Asked == 0 && first.Rows > 0 && second != nil && second.Asked == 1 && second.Fresh == 0 &&
				second.Rows == first.Rows && second.Page != nil:
			say(kindFirstPage, "The API counts pages from 1 and answers page 0 with page 1. The exporter handles this; "+
				"nothing to do.")
		}
		switch {
		case first.Page == nil && first.PageSize == nil && first.Total == nil && first.Rows > first.AskedSize:
			say(kindNotPaged, "The API sends all rows in one answer, whatever page is requested.")
		case first.PageSize != nil && 0 < *first.PageSize && int(*first.PageSize) < first.AskedSize:
			say(kindPageSize, "The API gives %d rows a page, not the %d requested: set --revox.page-size=%[1]d, so that the log "+
				"shows the true cost.", *first.PageSize, first.AskedSize)
		case seen.total > seen.largest && seen.largest > 0 && seen.largest < first.AskedSize:
			say(kindPageSize, "The API gives at most %d rows a page, not the %d requested: set --revox.page-size=%[1]d, so that "+
				"the log shows the true cost.", seen.largest, first.AskedSize)
		case seen.total < 0:
			say(kindNoTotal, "The API gives no total: missing rows would go unnoticed.")
		}
	}
	for _, kind := range sortedKeys(c.Anomalies) {
		if n := c.Anomalies[kind]; n > 0 {
			say(kindAnomaly, "%s: %s.", quantity.Counted(n, "anomaly", "anomalies"), cmp.Or(anomalies[kind], kind))
		}
	}
	for _, u := range c.UnknownValues {
		if u.Value == labelvalue.Other {
			say(kindUnknownValue, "Some values of %s are not known to this version; they are counted as %q, because they "+
				"do not look like identifiers or there are too many.", u.Label, u.Value)
			continue
		}
		say(kindUnknownValue, "%s %q is not known to this version; it is counted under that name.", u.Label,
			printable(u.Value))
	}
	return findings
}

// anomalies explains the kinds of revox_campaign_anomalies.
var anomalies = map[string]string{
	"duplicate_row":        "duplicate_row, rows that came twice because rows moved while pages were read",
	"duplicate_attempt":    "duplicate_attempt, attempts whose id occurs twice in one call; counted once",
	"bad_timestamp":        "bad_timestamp, timestamps that are not a date and time; durations that need them are not observed",
	"negative_duration":    "negative_duration, durations that end before they begin; not observed",
	"implausible_duration": "implausible_duration, durations of more than ten years; not observed",
	"missing_status":       "missing_status, calls or attempts without a status; counted under no status",
}
