package httpserver

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/revox-exporter/revox_exporter/internal/exportertest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits before it fails.
const patience = 30 * time.Second

// metricsOf returns /metrics of an exporter that has read some campaigns, c0 and so on, from a simulated API.
func metricsOf(t *testing.T, campaigns int) http.Handler {
	t.Helper()
	clock := revoxtest.NewClock(exportertest.Start)
	api := exportertest.NewAPI(t, clock)
	var ids []string
	for i := range campaigns {
		ids = append(ids, fmt.Sprint("c", i))
		api.SetRows(ids[i], "", nil)
	}
	return exportertest.New(t, api, clock, exportertest.Only(ids...)).Metrics
}

// A client that stops reading is disconnected, and delays no other client.
func TestClientThatDoesNotReadIsDisconnected(t *testing.T) {
	limited := limitAnswer(metricsOf(t, 50), 2*time.Second)
	ended := make(chan string, 10)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		limited.ServeHTTP(w, r)
		ended <- r.Header.Get("X-Client")
	}))
	server.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		if err := c.(*net.TCPConn).SetWriteBuffer(4096); err != nil {
			t.Error(err)
		}
		return ctx
	}
	server.Start()
	t.Cleanup(server.Close)
	slow, err := net.DialTCP("tcp", nil, server.Listener.Addr().(*net.TCPAddr))
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	if err := slow.SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(slow, "GET /metrics HTTP/1.1\r\nHost: x\r\nX-Client: slow\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := server.Client().Get(server.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || !strings.Contains(string(body), `revox_campaign_up{campaign_id="c49"} 1`) {
		t.Errorf("another client had no answer meanwhile: %s, error %v", resp.Status, err)
	}
	for _, client := range []string{"", "slow"} {
		select {
		case got := <-ended:
			if got != client {
				t.Errorf("client %q was served, want %q", got, client)
			}
		case <-time.After(patience):
			t.Fatalf("client %q is still served", client)
		}
	}
}

// dial connects to a server and sends it a request. The server may have closed the connection.
func dial(t *testing.T, server *httptest.Server, request string) net.Conn {
	t.Helper()
	client, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	if err := client.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(client, request)
	return client
}

// A client that announces a body and does not send it is disconnected; one without a body has all the time.
func TestClientThatSendsNoBodyIsDisconnected(t *testing.T) {
	const limit = 100 * time.Millisecond
	goOn := make(chan struct{})
	server := httptest.NewServer(limitBody(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			<-goOn
		}
		if err := r.Context().Err(); err != nil {
			t.Errorf("the request was ended: %v", err)
		}
		_, _ = io.WriteString(w, "answered")
	}), limit))
	t.Cleanup(server.Close)
	patient := dial(t, server, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	stuck := dial(t, server, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
	if _, err := io.ReadAll(stuck); err != nil {
		t.Errorf("the connection is not closed: %v", err)
	}
	close(goOn) // the limit has passed
	resp, err := http.ReadResponse(bufio.NewReader(patient), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK || string(body) != "answered" {
		t.Errorf("%s %q, error %v", resp.Status, body, err)
	}
}

// Connections above the limit are closed at once; when others have ended, new ones are served.
func TestConnectionsAreLimited(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	limit := limitConnections(2)
	closed := make(chan struct{}, 10)
	server.Config.ConnState = func(c net.Conn, state http.ConnState) {
		limit(c, state)
		if state == http.StateClosed {
			closed <- struct{}{}
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	// ask returns whether a new connection is served.
	ask := func() (net.Conn, bool) {
		client := dial(t, server, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		_, err := http.ReadResponse(bufio.NewReader(client), nil)
		return client, err == nil
	}
	first, ok := ask()
	if _, second := ask(); !ok || !second {
		t.Fatal("the first connections are not served")
	}
	for range 3 {
		if _, ok := ask(); ok {
			t.Error("a third connection is served")
		}
		<-closed
	}
	first.Close()
	<-closed
	if _, ok := ask(); !ok {
		t.Error("after one has ended, no new one is served")
	}
}

func TestRequestsAreLimited(t *testing.T) {
	begun, goOn := make(chan struct{}), make(chan struct{})
	h := LimitRequests(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { begun <- struct{}{}; <-goOn }),
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }), 2)
	ask := func() int {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		return w.Code
	}
	var clients sync.WaitGroup
	for range 2 {
		clients.Go(func() {
			if code := ask(); code != http.StatusOK {
				t.Errorf("answered %d", code)
			}
		})
		<-begun
	}
	for range 3 {
		if code := ask(); code != http.StatusServiceUnavailable {
			t.Errorf("one too many is answered %d", code)
		}
	}
	close(goOn)
	clients.Wait()
	clients.Go(func() { <-begun })
	if code := ask(); code != http.StatusOK {
		t.Errorf("after the others it is answered %d", code)
	}
	clients.Wait()
}
