package scan_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newServer starts a simulated API that ends with the test.
func newServer(t *testing.T, opts ...revoxtest.Option) *revoxtest.Server {
	t.Helper()
	s := revoxtest.NewServer(opts...)
	t.Cleanup(s.Close)
	return s
}

// newClient makes a client of the API at url that waits only briefly before a retry.
func newClient(t *testing.T, url string, opts ...revoxapi.Option) *revoxapi.Client {
	t.Helper()
	all := []revoxapi.Option{revoxapi.WithBaseURL(url), revoxapi.WithRandom(func() float64 { return 3.99 })}
	client, err := revoxapi.NewClient(revoxapi.StaticKey(revoxtest.APIKey), append(all, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	return client
}
