// Package healthcheck asks a running exporter whether it serves, for images that have neither a shell nor curl.
package healthcheck

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// Check requests /-/healthy of the exporter that listens on an address, in the form of --web.listen-address. It returns
// nil if the answer is 200, or if it is 400 or 401: listeners with TLS or authentication answer so to a plain request
// without credentials. It ends when ctx ends.
func Check(ctx context.Context, listenAddress string) error {
	host, port, err := net.SplitHostPort(listenAddress)
	if err != nil || strings.Contains(listenAddress, "://") {
		return fmt.Errorf("cannot ask a listener on %q for its health: "+
			"give the address of one on a port, such as --web.health-listen-address=:10211", listenAddress)
	}
	if host == "" || net.ParseIP(host).IsUnspecified() {
		host = "127.0.0.1" // not localhost, which some images cannot resolve
	}
	// Use no proxy and follow no redirect, so that the answer is the listener's own.
	transport := &http.Transport{DisableKeepAlives: true}
	client := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/-/healthy", nil)
	if err != nil {
		return fmt.Errorf("asking the exporter for its health: %w", err)
	}
	response, err := client.Do(request)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("no answer from the exporter at %s in time", request.URL.Host)
		}
		return fmt.Errorf("asking the exporter for its health: %w", err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 4096)) // only the status matters
	switch response.StatusCode {
	case http.StatusOK, http.StatusBadRequest, http.StatusUnauthorized:
		return nil
	}
	return fmt.Errorf("the exporter at %s answers %s", request.URL.Host, response.Status)
}
