package paging_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"go.uber.org/goleak"

	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const campaignID = "0c7c1d8e-campaign"

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

type row struct {
	ID string `json:"id"`
}

func (r row) RowID() string { return r.ID }

func idOf(i int) string { return fmt.Sprintf("row-%05d", i) }

// makeRows returns the rows numbered from (included) to to (excluded).
func makeRows(from, to int) []json.RawMessage {
	rows := []json.RawMessage{}
	for i := from; i < to; i++ {
		rows = append(rows, fmt.Appendf(nil, `{"id":%q}`, idOf(i)))
	}
	return rows
}

// asError fails the test unless err is a *revoxapi.Error of the given kind.
func asError(t *testing.T, err error, kind revoxapi.ErrorKind) *revoxapi.Error {
	t.Helper()
	e, ok := errors.AsType[*revoxapi.Error](err)
	if !ok || e.Kind != kind {
		t.Fatalf("%v (%T) is not an error of kind %q", err, err, kind)
	}
	return e
}
