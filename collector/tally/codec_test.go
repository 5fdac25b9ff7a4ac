package tally

import (
	"log/slog"
	"testing"

	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
)

// A state that an earlier version wrote may have values that must not be shown.
func TestRestoredTextIsChecked(t *testing.T) {
	labels := labelvalue.New(slog.New(slog.DiscardHandler))
	was := New(labels)
	was.Name = "a\u202eb"
	for _, value := range []string{"busy", "novel", "Jane is ill", labelvalue.Other} {
		was.Add(AttemptDialErrors, value, 1)
	}
	is, err := was.Store().Restore(labels)
	if err != nil {
		t.Fatal(err)
	}
	dialErrors := is.Values.Counts[AttemptDialErrors.Index]
	if is.Name != "ab" || dialErrors.Of("busy") != 1 || dialErrors.Of("novel") != 1 || dialErrors.Of(labelvalue.Other) != 1 ||
		dialErrors.Of("Jane is ill") != 0 {
		t.Errorf("restored %q with %v", is.Name, dialErrors)
	}
}
