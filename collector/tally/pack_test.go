package tally_test

import (
	"log/slog"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/collector/tally"
)

func FuzzPackedRowCountsTheSame(f *testing.F) {
	for _, call := range []string{
		`{"status": "scheduled"}`,
		`{"status": "queued_for_calling", "call_attempts": [{"id": "b", "status": "error", "dial_error": "busy",
			"started_at": "2024-05-01T10:00:00.123456789Z", "ended_at": "2024-05-01T12:00:07+02:00"},
			{"id": "a", "status": "completed", "result": "voicemail", "ended_by": "agent", "end_reason": "a new reason",
			"started_at": "2024-05-01T08:00:00Z", "answered_at": "2024-05-01T08:00:05Z", "ended_at": "2024-05-01T08:01:00Z"}]}`,
		`{"status": "scheduled", "call_attempts": [{"status": 3, "result": [], "started_at": "today"}, {}]}`,
		`{"status": "scheduled", "call_attempts": [{"id": 1}, {"id": 1}]}`,
		`{"status": "scheduled", "llm_model": {"name": "m"}, "call_attempts": [{"status": "completed", "answered_at": "2024-05-01T08:00:05Z",
			"transcript": [{"role": "user"}, {"role": "tool", "tool_name": "find", "tool_is_error": true}, {"role": "tool", "tool_name": "ask Jane"},
			{"role": "tool"}, {"role": "assistant"}]}, {"status": "completed", "transcript": []}, {"status": "error", "transcript": null}]}`,
		`{"status": "scheduled", "call_attempts": [{"status": "completed", "transcript": [7]}]}`,
		`{"status": "scheduled", "call_attempts": [{"status": "completed", "started_at": "0001-01-01T00:00:00Z"}]}`,
	} {
		f.Add(`{"id": "r", "call": ` + call + `}`)
	}
	labels := labelvalue.New(slog.New(slog.DiscardHandler))
	f.Fuzz(func(t *testing.T, text string) {
		var r tally.Row
		if json.Unmarshal([]byte(text), &r) != nil {
			return
		}
		packed, ok := r.Pack()
		if !ok {
			return
		}
		want, got := tally.New(labels), tally.New(labels)
		want.CountRow(r)
		got.CountRow(tally.Unpack(packed))
		want.Name, want.Assistant = "", tally.Assistant{}
		clear(want.Fields)
		clear(got.Fields)
		if !got.Equal(want) {
			t.Errorf("%s counts %+v, want %+v", text, got, want)
		}
	})
}
