package apitransport_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/http2"

	"github.com/revox-exporter/revox_exporter/internal/apitransport"
	"github.com/revox-exporter/revox_exporter/internal/badserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m, badserver.Stuck()) }

// brief is the time of a request that must not be answered; ample is that of one that must be.
const (
	brief = 200 * time.Millisecond
	ample = time.Minute
)

type client struct{ *http.Client }

// newClient makes a client that trusts the certificate of a server.
func newClient(t *testing.T, server *httptest.Server) client {
	c := client{&http.Client{Transport: apitransport.New(server.Client().Transport)}}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// ask returns an answer's status, and its body or the error of reading it.
func (c client) ask(t *testing.T, url string, within time.Duration) (status int, body string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

var hello = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })

func TestConnectionThatWentBadIsReplaced(t *testing.T) {
	for _, overHTTP2 := range []bool{false, true} {
		for _, status := range []int{0, 408, 421, 500, 502, 503} {
			t.Run(fmt.Sprintf("HTTP/2 %v, status %d", overHTTP2, status), func(t *testing.T) {
				t.Parallel()
				server := badserver.NewKept(t, hello, overHTTP2, status)
				c := newClient(t, server.Server)
				good := func() {
					t.Helper()
					if got, body, err := c.ask(t, server.URL, ample); got != 200 || body != "hello" || err != nil {
						t.Fatalf("%d, %q, %v", got, body, err)
					}
				}
				good()
				server.Spoil()
				within := ample
				if status == 0 {
					within = brief
				}
				if got, _, err := c.ask(t, server.URL, within); got != status || (err != nil) != (status == 0) {
					t.Fatalf("on the bad connection: %d, %v", got, err)
				}
				good()
				good()
				if n := server.Connections(); n != 2 {
					t.Errorf("%d connections, want 2", n)
				}
			})
		}
	}
}

// With the usual time for a request, one on a connection that is silent fails early enough to be sent again.
func TestSilentHTTP2ConnectionIsClosedInTime(t *testing.T) {
	t.Parallel()
	server := badserver.NewKept(t, hello, true, 0)
	c := newClient(t, server.Server)
	server.Spoil()
	if status, _, err := c.ask(t, server.URL, ample); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("on the silent connection: %d, %v", status, err)
	}
	if status, body, err := c.ask(t, server.URL, ample); status != 200 || body != "hello" || err != nil {
		t.Errorf("on the next: %d, %q, %v", status, body, err)
	}
}

func TestConnectionIsKept(t *testing.T) {
	for _, overHTTP2 := range []bool{false, true} {
		for _, status := range []int{200, 304, 400, 401, 403, 404, 429} {
			answer := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
			server := badserver.NewKept(t, answer, overHTTP2, 0)
			c := newClient(t, server.Server)
			for range 3 {
				if got, _, err := c.ask(t, server.URL, ample); got != status || err != nil {
					t.Fatalf("%d, %v", got, err)
				}
			}
			if n := server.Connections(); n != 1 {
				t.Errorf("%d connections for answers of status %d", n, status)
			}
		}
	}
}

// A server that refuses everything is not asked for a new connection by every request.
func TestRefusalsReplaceFewConnections(t *testing.T) {
	server := badserver.NewKept(t, http.NotFoundHandler(), true, 503)
	server.Spoil() // the first
	c := newClient(t, server.Server)
	begin := time.Now()
	for range 100 {
		server.Spoil()
		_, _, _ = c.ask(t, server.URL, ample)
	}
	if n, most := server.Connections(), 2+int64(time.Since(begin)/time.Second); n > most {
		t.Errorf("%d connections in %s", n, time.Since(begin))
	}
}

// Requests that are under way on a connection may end when it is replaced, and then it is closed.
func TestRequestsUnderWayGoOn(t *testing.T) {
	answer, closed := make(chan struct{}), make(chan struct{}, 10)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/fails" {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		_ = http.NewResponseController(w).Flush()
		<-answer
		_, _ = io.WriteString(w, "hello")
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			closed <- struct{}{}
		}
	}
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	c := newClient(t, server)
	slow, err := c.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	if status, _, err := c.ask(t, server.URL+"/fails", ample); status != http.StatusInternalServerError {
		t.Fatalf("%d, %v", status, err)
	}
	close(answer)
	if text, err := io.ReadAll(slow.Body); string(text) != "hello" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	slow.Body.Close()
	<-closed
}

func TestAnswer101(t *testing.T) {
	url := badserver.Switching(t)
	c := client{&http.Client{Transport: apitransport.New(&http.Transport{})}}
	defer c.CloseIdleConnections()
	if status, body, err := c.ask(t, url, ample); status != http.StatusSwitchingProtocols || body != "" || err != nil {
		t.Errorf("%d, %q, %v", status, body, err)
	}
}

// Go's client never returns. Later requests are answered by a server that is well again.
func TestRequestThatIsStuckIsGivenUp(t *testing.T) {
	server := badserver.NewOverflow(t, hello)
	c := newClient(t, server.Server)
	server.Bad.Store(true)
	var asking sync.WaitGroup
	for range 4 {
		asking.Go(func() {
			if status, _, err := c.ask(t, server.URL, brief); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%d, %v", status, err)
			}
		})
	}
	asking.Wait()
	server.Bad.Store(false)
	for range 3 {
		if status, body, err := c.ask(t, server.URL, ample); status != 200 || body != "hello" || err != nil {
			t.Errorf("%d, %q, %v", status, body, err)
		}
	}
}

// A server that is bad for good does not make the memory grow for good.
func TestHTTP1IsUsedAfterManyStuckRequests(t *testing.T) {
	server := badserver.NewOverflow(t, hello)
	server.Bad.Store(true)
	c := newClient(t, server.Server)
	for range 30 {
		var asking sync.WaitGroup
		var answered atomic.Bool
		for range 4 {
			asking.Go(func() {
				if _, _, err := c.ask(t, server.URL, brief); err == nil {
					answered.Store(true)
				}
			})
		}
		asking.Wait()
		if answered.Load() {
			return
		}
	}
	t.Error("HTTP/2 is still used")
}

// Whatever a server refuses, and however often it asks for it, a request is sent once.
func TestRequestIsSentOnce(t *testing.T) {
	for name, refusal := range map[string]func(*http2.Framer, *http2.MetaHeadersFrame) error{
		"refused stream": badserver.Reset(http2.ErrCodeRefusedStream), "protocol error": badserver.Reset(http2.ErrCodeProtocol),
		"internal error": badserver.Reset(http2.ErrCodeInternal), "go away": badserver.GoAway,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := badserver.NewOverflow(t, hello)
			c := newClient(t, server.Server)
			for i := range int64(3) {
				server.Refusal.Store(&refusal)
				before := server.Asked.Load()
				status, _, err := c.ask(t, server.URL, ample)
				if n := server.Asked.Load() - before; err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || n != 1 {
					t.Errorf("request %d was sent %d times: %d, %v", i, n, status, err)
				}
				server.Refusal.Store(nil)
				if status, body, err := c.ask(t, server.URL, ample); status != 200 || body != "hello" || err != nil {
					t.Fatalf("the next: %d, %q, %v", status, body, err)
				}
			}
		})
	}
	t.Run("kept connections", func(t *testing.T) {
		t.Parallel()
		const kept = 4
		var closes atomic.Bool
		var asked atomic.Int64
		var together sync.WaitGroup
		together.Add(kept)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			if closes.Load() {
				panic(http.ErrAbortHandler)
			}
			together.Done()
			together.Wait()
		}))
		t.Cleanup(server.Close)
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.MaxIdleConnsPerHost = kept
		c := client{&http.Client{Transport: apitransport.New(transport)}}
		t.Cleanup(c.CloseIdleConnections)
		var asking sync.WaitGroup
		for range kept {
			asking.Go(func() { _, _, _ = c.ask(t, server.URL, ample) }) // makes a connection
		}
		asking.Wait()
		closes.Store(true)
		if status, _, err := c.ask(t, server.URL, ample); err == nil || asked.Load() != kept+1 {
			t.Errorf("it was sent %d times: %d, %v", asked.Load()-kept, status, err)
		}
	})
}

// blocked is a transport that ignores the context.
type blocked struct {
	in      string // what blocks
	release chan struct{}
	closed  chan struct{}
}

func (b *blocked) RoundTrip(*http.Request) (*http.Response, error) {
	if b.in == "RoundTrip" {
		<-b.release
	}
	return &http.Response{StatusCode: 200, Body: b}, nil
}

func (b *blocked) Read(p []byte) (int, error) {
	if b.in == "Read" {
		<-b.release
	}
	return copy(p, "hello"), io.EOF
}

func (b *blocked) Close() error {
	if b.in == "Close" {
		<-b.release
	}
	close(b.closed)
	return nil
}

func TestAnyTransportIsGivenUp(t *testing.T) {
	for _, in := range []string{"RoundTrip", "Read", "Close"} {
		b := &blocked{in, make(chan struct{}), make(chan struct{})}
		c := client{&http.Client{Transport: apitransport.New(b)}}
		_, body, err := c.ask(t, "http://blocked.invalid", brief)
		if in == "Close" && body != "hello" || in != "Close" && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %q, %v", in, body, err)
		}
		close(b.release)
		<-b.closed // what comes late is closed
	}
}
