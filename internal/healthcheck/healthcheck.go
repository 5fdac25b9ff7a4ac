// Package healthcheck asks a running exporter whether it serves, for images that have neither a shell nor curl.
// It is for a process of its own, and knows no exporter but by its address.
package healthcheck

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

// maxHeaderBytes is far more than the exporter's answer has.
const maxHeaderBytes = 64 << 10

// timeout is less than the usual timeout of containers' health checks.
const timeout = 4 * time.Second

// Check requests /-/healthy of the exporter that listens on an address, in the form of --web.listen-address. It returns
// nil if the answer is 200, or if it is 400 or 401: listeners with TLS or authentication answer so to a plain request
// without credentials. Only the status code matters: no body is read, and errors have no text of an answer. It ends when
// ctx ends, and after 4 s.
func Check(ctx context.Context, listenAddress string) error {
	host, port, err := net.SplitHostPort(listenAddress)
	if err != nil || strings.Contains(listenAddress, "://") {
		return badAddress(listenAddress)
	}
	if host == "" || net.ParseIP(host).IsUnspecified() {
		host = "127.0.0.1" // not localhost, which some images cannot resolve
	}
	address := net.JoinHostPort(host, port)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	// Use no proxy and follow no redirect, so that the answer is the listener's own.
	transport := &http.Transport{DisableKeepAlives: true, MaxResponseHeaderBytes: maxHeaderBytes}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/-/healthy", nil)
	if err != nil {
		return badAddress(listenAddress)
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return fmt.Errorf("asking the exporter at %s for its health: %w", address, publicCause(ctx, err))
	}
	// Reading the body could last longer than ctx: after 101 it is the connection itself.
	_ = response.Body.Close() // its error would add nothing
	switch response.StatusCode {
	case http.StatusOK, http.StatusBadRequest, http.StatusUnauthorized:
		return nil
	}
	return fmt.Errorf("asking the exporter at %s for its health: the answer is %d, not 200: check that the exporter, and no "+
		"other program, listens there", address, response.StatusCode)
}

func badAddress(listenAddress string) error {
	return fmt.Errorf("cannot ask a listener on %q for its health: "+
		"give the address of one on a port, such as --web.health-listen-address=:10211", listenAddress)
}

// publicCause says why no answer came. Texts of net/http quote what came, so it wraps none of them.
func publicCause(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return errors.New("interrupted")
	}
	if netErr, ok := errors.AsType[net.Error](err); ctx.Err() != nil || ok && netErr.Timeout() {
		return errors.New("no answer in time")
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return errors.New("the host name cannot be looked up")
	}
	return errors.New("the connection was broken off, or what came is not HTTP: check that the exporter, and no other program, listens there")
}
