// Command api serves a simulated Revox API with the campaigns of the exporter's --demo, to try keys, faults and state
// before production:
//
//	go run ./examples/api
//	go run ./examples/api -key=another     # refuses the key that it had before
//	go run ./examples/api -fail=429        # answers each request so, if the key is right
//
// Started again on the same day, it has the same campaigns, so that the exporter's state stays valid.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

func main() {
	address := flag.String("address", "127.0.0.1:10212", "`host:port` to listen on")
	key := flag.String("key", revoxtest.APIKey, "API `key` to accept")
	fail := flag.Int("fail", 0, "HTTP `status`, such as 429 or 503, to answer each request with; 0 for none")
	flag.Parse()
	if err := serve(*address, *key, *fail); err != nil {
		fmt.Fprintln(os.Stderr, "api:", err)
		os.Exit(1)
	}
}

// serve serves the API until the process is interrupted.
func serve(address, key string, fail int) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if fail != 0 && http.StatusText(fail) == "" {
		return fmt.Errorf("-fail=%d is no HTTP status", fail)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("%w; -address=HOST:PORT gives another address", err)
	}
	defer listener.Close()
	api := sim.NewDemo(revoxtest.WithAPIKey(key))
	defer api.Close()
	if fail != 0 {
		api.AddFault(revoxtest.Fault{Behavior: revoxtest.Status(fail, nil, `{"error":{"message":"simulated"}}`)})
	}
	fmt.Printf("The simulated API is at http://%s/api until it is interrupted, with the key %s. To read it:\n\n"+
		"  REVOX_API_KEY=%[2]s \\\n    go run . check --campaign.discover --revox.base-url=http://%[1]s/api\n", listener.Addr(), key)
	server := &http.Server{Handler: api.Handler(), ReadHeaderTimeout: time.Minute}
	context.AfterFunc(ctx, func() { server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
