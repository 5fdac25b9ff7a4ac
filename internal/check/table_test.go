package check_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/internal/exportertest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

func TestTableForPeople(t *testing.T) {
	api := newAPI(t)
	counted(api)
	api.SetRows("c-2", "Empty", nil)
	// One after the other: what is learned from the first saves a request for the empty one.
	inOrder := func(c *collector.Config) { discovered(c); c.MaxScans = 1 }
	o := run{url: api.URL, format: "table", config: inOrder}.do(t)
	want := strings.TrimPrefix(regexp.MustCompile(`[\d.]+ k?B`).ReplaceAllString(`
CAMPAIGN               ROWS  DONE  ATTEMPTS   HUMAN  DIAL ERR  TALK    P95  TOOK
Solar 東京 and a lon…     6  50 %         8  42.9 %         3   40s  1m30s    0s
  c-1  Solar 東京 and a long name after it
  calls: calling 1 · completed 3 · pondering 1 · rows without a call 1
  most dial errors: no_answer (2, 66.7 % of them)
  ! status "pondering" is not known to this version; it is counted under that name.
Empty                     0     –         0       –         0     –      –    0s
  c-2
  calls: none

DONE: share of rows whose call is completed, cancelled or errored. HUMAN: share of finished attempts.
TALK, P95: how long humans talked, median and 95th percentile, each within 9 % (the width of a bucket).

2 of 2 campaigns read: 6 rows, 3 requests, 1 kB, 0s.
At --scan.interval=1m the exporter will make about 120 requests an hour and receive 0 B.
`, "0 B"), "\n")
	got := regexp.MustCompile(`[\d.]+ k?B`).ReplaceAllString(o.out, "0 B")
	if got != want {
		t.Errorf("the table is\n%s\nwant\n%s", got, want)
	}
	if !o.ok {
		t.Error("not ok")
	}
}

// What the API calls a campaign must not move the cursor, colour the terminal or forge lines.
func TestHostileNamesAreHarmless(t *testing.T) {
	hostile := "\x1b[2J\x1b]0;owned\x07\u009b31mred\r\nforged line\u202egnp.exe\u200b\ufeff" +
		strings.Repeat("a"+strings.Repeat("\u0301", 8), 30)
	api := newAPI(t)
	sim.New(api).AddCampaign(sim.Campaign{ID: "c", Name: hostile, Rows: 3})
	api.SetRows("d", "", []json.RawMessage{row("1", "call\x1b[31m\u009bing", undialled("\u202e\x1b[2Jbusy"))})
	ids := exportertest.Only("c", "d") // such an ID is refused: see CheckCampaignID
	for _, columns := range []int{80, 0} {
		for _, format := range []string{"table", "json"} {
			o := run{url: api.URL, format: format, columns: columns, config: ids}.do(t)
			progress := strings.ReplaceAll(o.progress, "\r\x1b[K", "")
			if i := strings.IndexFunc(strings.ReplaceAll(o.out+progress, "\n", ""), notPrintable); i >= 0 {
				t.Errorf("%s: there is %q in\n%q", format, (o.out + progress)[i:i+4], o.out+progress)
			}
			if strings.Contains(o.out, "\nforged") {
				t.Errorf("%s: a line is forged:\n%s", format, o.out)
			}
			if !strings.Contains(o.out, "owned") || !strings.Contains(o.out, "Some values of dial_error") {
				t.Errorf("%s: nothing was looked at:\n%s", format, o.out)
			}
		}
	}
	r := run{url: api.URL, config: ids}.result(t)
	if name := r.Campaigns[0].Name; !strings.Contains(name, "forged linegnp.exe") || strings.ContainsFunc(name, notPrintable) {
		t.Errorf("the name in JSON is %q", name)
	}
}

func notPrintable(r rune) bool {
	return r < ' ' || 0x7f <= r && r < 0xa0 || strings.ContainsRune("\u202e\u200b\ufeff", r)
}
