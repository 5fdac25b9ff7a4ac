package collector

import (
	"context"
	"encoding/json"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// What tests of package collector need, which cannot import exportertest. Tests that use the exported API alone are in
// package collector_test, and have a harness.

func TestMain(m *testing.M) {
	if growthMain() {
		return
	}
	goleak.VerifyTestMain(m)
}

// patience is how long a test waits for what should come at once, before it fails.
const patience = 30 * time.Second

// start is a Wednesday morning.
var start = time.Date(2024, 5, 1, 9, 0, 0, 0, time.UTC)

// impatient is a clock that does not wait: for a client's retries, whose waits are tested where they are made.
type impatient struct{ *revoxtest.Clock }

func (impatient) Sleep(ctx context.Context, _ time.Duration) error { return context.Cause(ctx) }

// readRows returns the rows of a file in testdata.
func readRows(t testing.TB, path string) []json.RawMessage {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var rows []json.RawMessage
	if err := json.Unmarshal(text, &rows); err != nil {
		t.Fatal(err)
	}
	return rows
}
