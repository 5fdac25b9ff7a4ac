package healthcheck_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

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
