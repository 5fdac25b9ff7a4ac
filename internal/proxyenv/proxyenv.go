// Package proxyenv names the environment variable that sets a proxy, and what that proxy refuses. It shows neither the
// proxy's URL, which can hold a password, nor the proxy's words. It is for HTTP clients that use
// [http.ProxyFromEnvironment].
package proxyenv

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
)

// Variable returns the environment variable that sets the proxy for URLs of a scheme, if one does.
func Variable(scheme string) string {
	if name := strings.ToUpper(scheme) + "_PROXY"; os.Getenv(name) != "" {
		return name
	}
	return strings.ToLower(scheme) + "_proxy"
}

// Of returns the environment variable that sets the proxy for u, "" if requests to u go through none.
func Of(u *url.URL) string {
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: u})
	if err != nil || proxy == nil {
		return ""
	}
	return Variable(u.Scheme)
}

// Refusal is the error of a proxy that does not connect to the server.
type Refusal struct {
	// Variable is the environment variable that names the proxy.
	Variable string
	// StatusCode is that of the proxy's answer.
	StatusCode int
}

// Error names the variable and the status, and says what to do.
func (r *Refusal) Error() string {
	hint := "have it allow the host"
	switch {
	case r.StatusCode == http.StatusProxyAuthRequired:
		hint = "put a user and password into that variable's URL"
	case r.StatusCode >= 500:
		hint = "check whether it can reach the host"
	}
	status := strings.TrimSpace(fmt.Sprint(r.StatusCode, " ", http.StatusText(r.StatusCode)))
	return fmt.Sprintf("the proxy that %s names refused to connect, with %s: %s, or add the host to NO_PROXY", r.Variable, status, hint)
}

// Passing reports that the same request may succeed later.
func (r *Refusal) Passing() bool {
	return r.StatusCode >= 500 || r.StatusCode == http.StatusTooManyRequests
}

// OnConnect is for [http.Transport.OnProxyConnectResponse]. Its error is nil or a *Refusal.
func OnConnect(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	return &Refusal{Variable: Variable("https"), StatusCode: resp.StatusCode}
}
