package healthcheck_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/revox-exporter/revox_exporter/internal/badserver"
	"github.com/revox-exporter/revox_exporter/internal/healthcheck"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// answering returns the port of a server that answers /-/healthy with a code, and everything else with 404.
func answering(t *testing.T, code int, start func(*httptest.Server)) string {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/-/healthy" {
			code = http.StatusNotFound
		}
		if code == http.StatusFound {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(code)
	}))
	start(server)
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func TestListenersThatAnswerAreHealthy(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	for _, test := range []struct {
		name  string
		code  int
		start func(*httptest.Server)
		ok    bool
	}{
		{"200", http.StatusOK, (*httptest.Server).Start, true},
		{"a listener with authentication", http.StatusUnauthorized, (*httptest.Server).Start, true},
		{"a listener with TLS", http.StatusOK, (*httptest.Server).StartTLS, true},
		{"500", http.StatusInternalServerError, (*httptest.Server).Start, false},
		{"another program", http.StatusNotFound, (*httptest.Server).Start, false},
		{"a redirect", http.StatusFound, (*httptest.Server).Start, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			port := answering(t, test.code, test.start)
			for _, address := range []string{"127.0.0.1:" + port, ":" + port, "0.0.0.0:" + port} {
				if err := healthcheck.Check(t.Context(), address); (err == nil) != test.ok {
					t.Errorf("%s: %v", address, err)
				}
			}
		})
	}
}

// Whatever a listener sends, the check ends, and its error has none of it.
func TestNoTextOfAnAnswerIsShown(t *testing.T) {
	for _, test := range []struct {
		name, sent, endlessly string
		says                  string // "" if it is healthy
	}{
		{"status line", "HTTP/1.1 500 canary\r\nX: canary\r\n\r\ncanary", "", "the answer is 500, not 200"},
		{"unknown status", "HTTP/1.1 799 canary\r\n\r\n", "", "the answer is 799, not 200"},
		{"101", "HTTP/1.1 101 canary\r\nUpgrade: canary\r\nConnection: Upgrade\r\n\r\n", "", "the answer is 101, not 200"},
		{"101 and more", "HTTP/1.1 101 canary\r\nUpgrade: canary\r\nConnection: Upgrade\r\n\r\n", "canary", "the answer is 101, not 200"},
		{"redirect", "HTTP/1.1 302 Found\r\nLocation: http://canary/\r\n\r\n", "", "the answer is 302, not 200"},
		{"body that does not come", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", "", ""},
		{"endless body", "HTTP/1.1 200 OK\r\n\r\n", "canary", ""},
		{"not HTTP", "SSH-2.0-canary\r\n", "", "not HTTP"},
		{"status that is no number", "HTTP/1.1 canary\r\n\r\n", "", "not HTTP"},
		{"version", "HTTP/canary 200 OK\r\n\r\n", "", "not HTTP"},
		{"broken header", "HTTP/1.1 200 OK\r\ncanary\r\n\r\n", "", "not HTTP"},
		{"broken length", "HTTP/1.1 200 OK\r\nContent-Length: canary\r\n\r\n", "", "not HTTP"},
		{"broken coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: canary\r\n\r\n", "", "not HTTP"},
		{"endless header", "HTTP/1.1 200 OK\r\n", "X: canary\r\n", "not HTTP"},
		{"endless line", "HTTP/1.1 200 ", "canary", "not HTTP"},
		{"endless informational answers", "", "HTTP/1.1 103 canary\r\nX: canary\r\n\r\n", "not HTTP"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := healthcheck.Check(t.Context(), badserver.Raw(t, func(conn net.Conn) {
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
					return
				}
				_, err := io.WriteString(conn, test.sent)
				for err == nil && test.endlessly != "" {
					_, err = io.WriteString(conn, test.endlessly)
				}
				_, _ = io.Copy(io.Discard, conn) // until the client goes
			}))
			if test.says == "" && err != nil || test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)) {
				t.Errorf("%v, want %q", err, test.says)
			}
			if err != nil && strings.Contains(err.Error(), "canary") {
				t.Errorf("the answer is shown: %v", err)
			}
		})
	}
}

func TestListenersThatDoNotAnswerAreNotHealthy(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := silent.Addr().String()
	ctx, cancel := context.WithTimeout(t.Context(), 1)
	defer cancel()
	if err := healthcheck.Check(ctx, address); err == nil || !strings.Contains(err.Error(), "in time") {
		t.Errorf("a silent listener: %v", err)
	}
	silent.Close()
	if err := healthcheck.Check(t.Context(), address); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("a closed listener: %v", err)
	}
	for _, address := range []string{"", "vsock://:9100", "10210"} {
		err := healthcheck.Check(t.Context(), address)
		if err == nil || !strings.Contains(err.Error(), "--web.health-listen-address") {
			t.Errorf("%q: %v", address, err)
		}
	}
}
