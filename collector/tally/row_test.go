package tally_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"

	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/internal/exportertest"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Of texts that are too long to be shown, rows keep the beginning: some rows stay in memory until they are looked at again.
func TestRowsKeepLittleOfLongTexts(t *testing.T) {
	const n, size = 50, 60_000
	api := exportertest.NewServer(t)
	rows := make([]json.RawMessage, n)
	for i := range rows {
		long := fmt.Sprint(i) + strings.Repeat("é", size/2)
		rows[i] = json.RawMessage(fmt.Sprintf(`{"id": "r%d", "call": {"status": "queued_for_calling", "campaign": {"name": %q}, "call_attempts": [
			{"status": "completed", "result": %[2]q, "dial_error": %[2]q, "ended_by": %[2]q, "end_reason": %[2]q},
			{"status": %[2]q, "transcript": [{"role": "tool", "tool_name": %[2]q}]}]}}`, i, long))
	}
	api.SetRows("c", "", rows)
	client := exportertest.NewClient(t, api.URL)
	counted := tally.New(labelvalue.New(slog.New(slog.DiscardHandler)))
	var kept []tally.Row
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for r, err := range revoxapi.Rows[tally.Row](t.Context(), client, "c", revoxapi.RowsParams{}) {
		if err != nil {
			t.Fatal(err)
		}
		counted.CountRow(r)
		if _, ok := r.Pack(); !ok {
			t.Fatal("a row cannot rest because of its texts")
		}
		kept = append(kept, r)
	}
	client.CloseIdleConnections()
	for range 2 { // pools are emptied by the second
		runtime.GC()
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > n*size {
		t.Errorf("%d rows take %d bytes", len(kept), grown)
	}
	for _, f := range []*tally.Family{tally.AttemptResults, tally.AttemptDialErrors, tally.AttemptEndedBy, tally.AttemptEndReasons} {
		if got := counted.Values.Counts[f.Index].Of(labelvalue.Other); got != n {
			t.Errorf("%s counts %d of %d as other", f.Name, got, n)
		}
	}
	if name := counted.Name; !strings.HasSuffix(name, "éé") || len([]rune(name)) != labelvalue.MaxNameRunes {
		t.Errorf("the campaign is called %q", name)
	}
	runtime.KeepAlive(kept)
}
