package paging_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"go.uber.org/goleak"

	"github.com/revox-exporter/revox_exporter/internal/exportertest"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const campaignID = "0c7c1d8e-campaign"

var (
	newServer = exportertest.NewServer
	newClient = exportertest.NewClient
)

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
