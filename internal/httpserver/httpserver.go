// Package httpserver runs HTTP servers that start and end with the process, and limits how long their clients may take.
// What is served is up to the caller: see packages routes and pages.
package httpserver

import (
	"context"
	"errors"
	"log"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// New returns a server of handler that limits connections, the size of a request and how long clients may take to send it.
// How long they may take to receive an answer is up to handler: see LimitAnswer.
func New(handler http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           noSniff(limitBody(handler, bodyTimeout)),
		ReadHeaderTimeout: 10 * time.Second,
		MaxHeaderBytes:    64 << 10, // a query is a part of it
		IdleTimeout:       2 * time.Minute,
		ConnState:         limitConnections(maxConnections),
		ErrorLog:          log.New(errorLog{logger}, "", 0),
	}
}

// shutdownTimeout leaves time to close the state within the 5 s in which the process is to end.
const shutdownTimeout = 2500 * time.Millisecond

// Run serves with listen, which must start server, and runs work at the same time. It returns when both have ended:
// nil if ctx has ended, or the error of listen. work starts once the server has its port, with the address of the first
// listener and a context that ends when either ends.
func Run(ctx context.Context, server *http.Server, listen func() error, work func(ctx context.Context, at net.Addr),
	logger *slog.Logger) error {
	var background sync.WaitGroup
	defer background.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Send the API no request before the server listens: a process that restarts again and again because it cannot listen
	// must not send the key each time.
	listening := make(chan net.Addr, 1)
	var once sync.Once
	server.BaseContext = func(listener net.Listener) context.Context {
		once.Do(func() { listening <- listener.Addr() })
		return context.Background()
	}
	background.Go(func() {
		select {
		case at := <-listening:
			work(ctx, at)
		case <-ctx.Done():
		}
	})
	background.Go(func() {
		<-ctx.Done()
		deadline, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
		defer cancel()
		if err := server.Shutdown(deadline); err != nil {
			logger.Warn("requests in flight did not end in time", "err", err)
			_ = server.Close() // its error would add nothing
		}
	})
	if err := listen(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Start serves on a TCP address, without TLS or authentication, until stop is called, which ends it at once. It
// returns the address that it listens on, or an error if it cannot.
func Start(address string, handler http.Handler, logger *slog.Logger) (at net.Addr, stop func(), err error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, nil, err
	}
	server := New(handler, logger)
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			logger.Error("serving at a second address has failed", "address", listener.Addr(), "err", err)
		}
	})
	return listener.Addr(), func() { _ = server.Close(); serving.Wait() }, nil
}
