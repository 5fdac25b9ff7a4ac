package collector_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func dialError(value string) json.RawMessage {
	text, _ := json.Marshal(value)
	return fmt.Appendf(nil, `{"id": %s, "call": {"status": "errored", "call_attempts":
		[{"status": "error", "dial_error": %s}]}}`, text, text)
}

func TestUnknownValuesAreLimited(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	var rows []json.RawMessage
	for i := range 25 {
		rows = append(rows, dialError(fmt.Sprintf("news_%02d", i)))
	}
	rows = append(rows, dialError("busy"))
	api.SetRows("c", "", rows)
	h := newHarness(t, api, clock, only("c"))
	h.Advance(time.Minute)
	scrape := h.Scrape()
	h.Want(scrape,
		`revox_campaign_call_attempt_dial_errors_total{campaign_id="c",dial_error="news_00"} 1`,
		`revox_campaign_call_attempt_dial_errors_total{campaign_id="c",dial_error="news_19"} 1`,
		`revox_campaign_call_attempt_dial_errors_total{campaign_id="c",dial_error="other"} 5`,
		`revox_campaign_call_attempt_dial_errors_total{campaign_id="c",dial_error="busy"} 1`,
		`revox_exporter_unknown_values_total{label="dial_error"} 42`, // 20 values and other, in each of two scans
		`revox_exporter_unknown_values_total{label="result"} 0`)
	h.WantNone(scrape, `news_20`)
	if n := strings.Count(h.Logs.String(), "news_07"); n != 1 {
		t.Errorf("the log names a new value %d times, want once:\n%s", n, h.Logs)
	}
}

func TestHostileValuesBecomeHarmlessLabels(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	long := strings.Repeat("é", 1000)
	api.SetRows("c", "Na\x00me \"of\"\n{}", []json.RawMessage{
		dialError("not-seen.Before_2"),
		dialError("other"),
		dialError("sheAskedForHerMoneyBack"),
		dialError("a\u202ecb"),
		dialError("quote\"back\\slash\nnewline\x00nul"),
		dialError(long),
		dialError(long + "more"),
		dialError("dial +33 6 12-34.56 78"),
		dialError("06\u00a012\u00a034\u00a056\u00a078"),
		dialError("06_12_34_56_78"),
		dialError(strings.Repeat("x", 60) + "0612345678"),
		dialError("Jane asked to be called back"),
		dialError("jane@example.org"),
		json.RawMessage(`{"id": "name", "call": {"status": "errored", "call_attempts": [],
			"campaign": {"name": "` + strings.Repeat("N", 1000) + `"}}}`),
		json.RawMessage(`{"id": "bytes", "call": {"status": "err` + "\xff" + `ored", "call_attempts": [],
			"campaign": {"name": "\u202eNa` + "\xc3" + `me\u2066"}}}`),
	})
	h := newHarness(t, api, clock, only("c"))
	scrape := h.Scrape()
	h.Want(scrape,
		`revox_campaign_up{campaign_id="c"} 1`,
		`revox_campaign_call_attempt_dial_errors_total{campaign_id="c",dial_error="not-seen.Before_2"} 1`,
		`revox_campaign_call_attempt_dial_errors_total{campaign_id="c",dial_error="other"} 12`,
		`revox_campaign_calls{campaign_id="c",status="other"} 1`,
		`revox_exporter_unknown_values_total{label="dial_error"} 2`,
		`revox_exporter_unknown_values_total{label="status"} 1`,
		`revox_campaign_info{campaign_id="c",campaign_name="Na�me"} 1`)
	for _, text := range []string{scrape, h.Logs.String()} {
		if !utf8.ValidString(text) || regexp.MustCompile(`12.34|0612|quote|é|\x{202e}|(?i)jane|money|N{257}`).MatchString(text) {
			t.Errorf("it shows invalid, personal or too long text:\n%s", text)
		}
	}
}
