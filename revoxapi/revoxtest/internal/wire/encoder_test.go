package wire_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/internal/wire"
)

func TestTimesAreWrittenAsTimeWritesThem(t *testing.T) {
	d := wire.Dice(1)
	for range 20_000 {
		ms := int64(d.Next()%(1<<43)) - 1<<41 // the years 1900 to 2178
		want := time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
		if got := string(wire.AppendMillis(nil, ms)); got != want {
			t.Fatalf("%d: %s, want %s", ms, got, want)
		}
	}
}

func TestTextsAreWrittenAsJSONWritesThem(t *testing.T) {
	for _, s := range []string{"", "plain", "\"\\/\n\t\r\x00\x1f", "é漢😀", "two\nlines `quoted` \"twice\""} {
		var got string
		if err := json.Unmarshal(wire.AppendText(nil, s), &got); err != nil || got != s {
			t.Errorf("%q became %q (%v)", s, got, err)
		}
	}
}
