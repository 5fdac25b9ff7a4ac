package exportertest

import (
	"testing"

	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// NewServer starts a simulated API that ends with the test.
func NewServer(t testing.TB, opts ...revoxtest.Option) *revoxtest.Server {
	t.Helper()
	s := revoxtest.NewServer(opts...)
	t.Cleanup(s.Close)
	return s
}

// NewClient makes a client of the API at url that waits only briefly before a retry.
func NewClient(t testing.TB, url string, opts ...revoxapi.Option) *revoxapi.Client {
	t.Helper()
	all := []revoxapi.Option{revoxapi.WithBaseURL(url), revoxapi.WithRandom(func() float64 { return 3.99 })}
	client, err := revoxapi.NewClient(revoxapi.StaticKey(revoxtest.APIKey), append(all, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	return client
}
