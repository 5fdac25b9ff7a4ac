// Package httpserver runs HTTP servers that start and end with the process.
package httpserver

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// New returns a server with limits for clients that are slow or say nothing.
func New(handler http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           limitBody(handler, bodyTimeout),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
}

// shutdownTimeout leaves time to close the state within the 5 s in which the process is to end.
const shutdownTimeout = 2500 * time.Millisecond

// Run runs the server, by listen, and work beside it until ctx ends or listen fails, and returns when both have ended:
// with nil where ctx has ended, else with what listen failed with. work does not begin before the server has its port.
func Run(ctx context.Context, server *http.Server, listen func() error, work func(context.Context), logger *slog.Logger) error {
	var background sync.WaitGroup
	defer background.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Nothing is asked of the API before the port is there: a process that cannot start must not send the key each time.
	listening := make(chan struct{})
	var once sync.Once
	server.BaseContext = func(net.Listener) context.Context {
		once.Do(func() { close(listening) })
		return context.Background()
	}
	background.Go(func() {
		select {
		case <-listening:
			work(ctx)
		case <-ctx.Done():
		}
	})
	background.Go(func() {
		<-ctx.Done()
		deadline, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
		defer cancel()
		if err := server.Shutdown(deadline); err != nil {
			logger.Warn("requests in flight did not end in time", "err", err)
			_ = server.Close() // what it could say was said
		}
	})
	if err := listen(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Start serves at a TCP address, without TLS or authentication, until stop is called, which ends it at once. The error is
// that the address cannot be listened at.
func Start(address string, handler http.Handler, logger *slog.Logger) (at net.Addr, stop func(), err error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, nil, err
	}
	server := New(handler, logger)
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			logger.Error("not served any more", "address", listener.Addr(), "err", err)
		}
	})
	return listener.Addr(), func() { _ = server.Close(); serving.Wait() }, nil
}
