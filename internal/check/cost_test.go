package check_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/internal/exportertest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// What check reckons that scans will take is what the exporter's scans take.
func TestHourlyCostIsThatOfTheExporter(t *testing.T) {
	for name, calls := range map[string]map[string]int{
		"under way":      {"queued_for_calling": 30, "calling": 3, "scheduled": 23, "completed": 140, "errored": 4},
		"finished":       {"completed": 115, "cancelled": 10},
		"one page":       {"completed": 9},
		"no rows":        {},
		"all scheduled":  {"scheduled": 40, "completed": 12},
		"unknown status": {"pondering": 15, "completed": 45},
	} {
		t.Run(name, func(t *testing.T) {
			clock := revoxtest.NewClock(exportertest.Start)
			api := exportertest.NewAPI(t, clock)
			var rows []json.RawMessage
			for _, status := range slices.Sorted(maps.Keys(calls)) {
				var attempts []string
				if status != "queued_for_calling" {
					attempts = []string{exportertest.EndedAttempt("human", 40)}
				}
				for range calls[status] {
					rows = append(rows, exportertest.CallRow(fmt.Sprint("row ", len(rows)), status, attempts...))
				}
			}
			api.SetRows("c", "", rows)
			config := func(c *collector.Config) {
				c.CampaignIDs, c.Rows.PageSize = []string{"c"}, 10
				c.ScanInterval, c.FullInterval = time.Minute, time.Hour
			}
			hourly := run{url: api.URL, config: config}.result(t).Hourly
			h := exportertest.New(t, api, clock, config)
			h.Advance(time.Minute)
			h.Advance(time.Minute)
			got := h.Exporter.Status().Hour
			if hourly == nil || math.Abs(float64(hourly.Requests)/float64(got.Requests)-1) > 0.02 {
				t.Errorf("check reckons with %+v, the exporter's scans take %+v", hourly, got)
			} else if share := float64(hourly.ResponseBytes) / float64(got.Bytes); share < 0.3 || share > 3 {
				t.Errorf("check reckons with %d bytes, the exporter's scans take %d", hourly.ResponseBytes, got.Bytes)
			}
		})
	}
}
