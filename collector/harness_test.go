package collector_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/internal/exportertest"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// patience is how long a test waits for something that should happen at once, before it fails.
var patience = 2 * time.Minute

// harness is exportertest.Harness with methods for these tests.
type harness struct{ *exportertest.Harness }

// newHarness runs an exporter with the default configuration as modified by change, and waits for its first scans.
func newHarness(
	t testing.TB, api *revoxtest.Server, clock *revoxtest.Clock, change func(*collector.Config),
	options ...revoxapi.Option,
) *harness {
	t.Helper()
	h := prepareHarness(t, api, clock, change, options...)
	h.Run()
	h.Settle()
	return h
}

// prepareHarness is newHarness without running the exporter.
func prepareHarness(
	t testing.TB, api *revoxtest.Server, clock *revoxtest.Clock, change func(*collector.Config),
	options ...revoxapi.Option,
) *harness {
	t.Helper()
	h := exportertest.Prepare(t, api, clock, change, options...)
	h.Patience = patience
	return &harness{h}
}

var (
	start  = exportertest.Start
	newAPI = exportertest.NewAPI
	only   = exportertest.Only
	data   = exportertest.Data
	grep   = exportertest.Grep

	callRow       = exportertest.CallRow
	failedAttempt = exportertest.FailedAttempt
	endedAttempt  = exportertest.EndedAttempt
)

// campaign returns the status of a campaign; the zero value if it is not selected.
func (h *harness) campaign(id string) collector.CampaignStatus {
	for _, c := range h.Exporter.Status().Campaigns {
		if c.ID == id {
			return c
		}
	}
	return collector.CampaignStatus{}
}

// selected returns the IDs of the selected campaigns.
func (h *harness) selected() string {
	var ids []string
	for _, c := range h.Exporter.Status().Campaigns {
		ids = append(ids, c.ID)
	}
	return strings.Join(ids, " ")
}

// diff lists the lines that only one of two texts has.
func diff(want, got string) string {
	wantLines, gotLines := strings.Split(want, "\n"), strings.Split(got, "\n")
	var out strings.Builder
	for _, line := range wantLines {
		if !slices.Contains(gotLines, line) {
			fmt.Fprintf(&out, "- %s\n", line)
		}
	}
	for _, line := range gotLines {
		if !slices.Contains(wantLines, line) {
			fmt.Fprintf(&out, "+ %s\n", line)
		}
	}
	if out.Len() == 0 {
		return "the same lines, but in another order or number"
	}
	return out.String()
}
