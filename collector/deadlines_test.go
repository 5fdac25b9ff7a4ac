package collector

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// A client that reads no more holds nothing for ever, and nobody up.
func TestClientThatDoesNotReadIsGivenUp(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	var ids []string
	for i := range 50 {
		ids = append(ids, fmt.Sprint("c", i))
		api.SetRows(ids[i], "", []json.RawMessage{callRow("r1", "completed", endedAttempt("human", 40))})
	}
	h := newHarness(t, api, clock, only(ids...))
	x := h.newExposition(t)
	limited := limitAnswer(x, 2*time.Second)
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
	if got := ask(t, http.MethodGet, server.URL, "", "gzip"); !strings.Contains(got.body, `revox_campaign_up{campaign_id="c49"} 1`) {
		t.Errorf("another client has no answer meanwhile: %d", got.status)
	}
	for _, client := range []string{"", "slow"} {
		select {
		case got := <-ended:
			if got != client {
				t.Errorf("client %q was done with, want %q", got, client)
			}
		case <-time.After(patience):
			t.Fatalf("client %q is still served", client)
		}
	}
}

// A client that announces a body and does not send it holds no connection for ever; one without a body is not hurried.
func TestBodyThatDoesNotComeIsGivenUp(t *testing.T) {
	const limit = 100 * time.Millisecond
	goOn := make(chan struct{})
	server := httptest.NewServer(limitBody(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			<-goOn
		}
		if err := r.Context().Err(); err != nil {
			t.Errorf("the request was ended: %v", err)
		}
		Healthy(w, r)
	}), limit))
	t.Cleanup(server.Close)
	dial := func(request string) net.Conn {
		client, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { client.Close() })
		if err := client.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(client, request); err != nil {
			t.Fatal(err)
		}
		return client
	}
	patient := dial("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	stuck := dial("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
	if _, err := io.ReadAll(stuck); err != nil {
		t.Errorf("the connection is not closed: %v", err)
	}
	close(goOn) // the limit has passed
	resp, err := http.ReadResponse(bufio.NewReader(patient), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(body), "healthy") {
		t.Errorf("%s %q, error %v", resp.Status, body, err)
	}
}
