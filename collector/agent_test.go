package collector_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/collector/statefile"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// talk returns an attempt with a transcript, as JSON: assistant and user entries, and uses of tools, of which those that
// begin with "!" failed. What was said and the arguments of tools have the canary in them.
func talk(assistant, user int, tools ...string) string {
	var entries []string
	for range assistant {
		entries = append(entries, `{"content": "`+canary+`", "role": "assistant"}`)
	}
	for range user {
		entries = append(entries, `{"role": "user", "content": "`+canary+`"}`)
	}
	for i, tool := range tools {
		name, failed := strings.CutPrefix(tool, "!")
		arguments := [...]string{`"` + canary + `"`, `{"` + canary + `": "` + canary + `", "role": "user", "tool_name": "` + canary + `"}`, "null"}[i%3]
		entries = append(entries, fmt.Sprintf(`{"role": "tool", "tool_arguments": %s, "tool_name": %q, "content": %q, "tool_is_error": %v}`,
			arguments, name, canary, failed))
	}
	return strings.TrimSuffix(endedAttempt("human", 40), "}") + `, "transcript": [` + strings.Join(entries, ", ") + "]}"
}

const canary = "canary-of-what-was-said"

// agentCounts returns what a scrape says of tools and turns, in sums.
func agentCounts(scrape string) string {
	return grep(scrape, `^revox_campaign_(tool_\w+|call_attempt_turns_(sum|count))\{`)
}

func TestToolsAndTurns(t *testing.T) {
	h := later(t, []json.RawMessage{
		callRow("r1", "completed", talk(3, 2, "find_slot", "!find_slot", "book"), talk(1, 0)),
		callRow("r2", "completed", talk(0, 4, "book")),
		callRow("r3", "calling", strings.Replace(talk(5, 5, "too_early"), "completed", "ongoing", 1)),
	})
	want := []string{
		`revox_campaign_tool_calls_total{campaign_id="c",tool_name="book"} 2`,
		`revox_campaign_tool_calls_total{campaign_id="c",tool_name="find_slot"} 2`,
		`revox_campaign_tool_errors_total{campaign_id="c",tool_name="book"} 0`,
		`revox_campaign_tool_errors_total{campaign_id="c",tool_name="find_slot"} 1`,
		`revox_campaign_call_attempt_turns_sum{campaign_id="c",role="assistant"} 4`,
		`revox_campaign_call_attempt_turns_count{campaign_id="c",role="assistant"} 3`,
		`revox_campaign_call_attempt_turns_bucket{campaign_id="c",role="assistant",le="0"} 1`,
		`revox_campaign_call_attempt_turns_bucket{campaign_id="c",role="assistant",le="1"} 2`,
		`revox_campaign_call_attempt_turns_sum{campaign_id="c",role="user"} 6`,
		`revox_exporter_unknown_values_total{label="tool_name"} 0`,
	}
	h.Want(h.Scrape(), want...)
	h.WantNone(h.Scrape(), "too_early")
	before := agentCounts(h.Scrape())
	h.Advance(time.Minute)
	if got := agentCounts(h.Scrape()); got != before {
		t.Errorf("a later scan counts again:\n%s", diff(before, got))
	}
}

// Without transcripts there is nothing to say of turns, not even 0.
func TestNoTurnsWithoutTranscripts(t *testing.T) {
	h := later(t, []json.RawMessage{
		callRow("r1", "completed", endedAttempt("human", 40)),
		callRow("r2", "completed", strings.TrimSuffix(endedAttempt("human", 40), "}")+`, "transcript": null}`),
	})
	h.WantNone(h.Scrape(), "revox_campaign_(tool|call_attempt_turns|assistant)")
}

// Nothing of a transcript but roles and the names of tools is in answers, logs and the state, whatever goes wrong.
func TestWhatWasSaidStaysUnseen(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	folder := t.TempDir()
	state, logs := openTestState(t, folder, api.URL, clock)
	assistant := `{"id": "a-1", "name": "Léa", "prompt": "` + canary + `", "first_sentence": "` + canary + `", "faq_items": [{"question": "` + canary + `"}]}`
	rows := []json.RawMessage{
		json.RawMessage(strings.Replace(string(callRow("r1", "completed", talk(3, 2, "find_slot", canary+" "+canary, "!"+canary+".1234"))),
			`"status"`, `"assistant": `+assistant+`, "status"`, 1)),
		callRow("r2", "scheduled", talk(1, 1, "book", "!find_slot")),
		callRow("r3", "queued_for_calling", talk(1, 1, strings.Repeat(canary, 10))),
		callRow("r4", "calling", talk(1, 1), `{"status": "ongoing"}`),
	}
	api.SetRows("c", "", rows)
	h := newHarness(t, api, clock, with(state, inPagesOfTen))
	h.Want(h.Scrape(), `revox_campaign_tool_calls_total{campaign_id="c",tool_name="other"} 3`,
		`revox_campaign_assistant_info{assistant_id="a-1",assistant_name="Léa",campaign_id="c",llm_model="",llm_provider="",voice_provider=""} 1`)
	h.Advance(time.Minute)
	for i, broken := range []string{`{"role": 7, "content": "` + canary + `"}`, `"` + canary + `"`, `{"role": {"` + canary + `": 1}}`, `{"role": "` + canary + `"}`,
		`{"role": "tool", "tool_name": ["` + canary + `"], "tool_is_error": "` + canary + `"}`} {
		attempt := strings.Replace(talk(1, 1), `"transcript": [`, `"transcript": [`+broken+`, `, 1)
		rows = append(rows, callRow(fmt.Sprint("odd", i), "completed", attempt))
	}
	rows = append(rows, callRow("whole", "completed", strings.TrimSuffix(endedAttempt("human", 40), "}")+`, "transcript": "`+canary+`"}`))
	api.SetRows("c", "", rows)
	h.Advance(2 * time.Hour)
	h.Want(h.Scrape(), `revox_campaign_anomalies{campaign_id="c",kind="wrong_type"} 6`)
	remove := api.AddFault(revoxtest.Fault{Behavior: revoxtest.CutBody()})
	h.Advance(2 * time.Hour)
	remove()
	state.Close()
	file, err := os.ReadFile(folder + "/" + statefile.Name)
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{
		"/metrics": h.Scrape(), "the log": h.Logs.String(), "the log of the state": logs.String(), "the state": string(file), "errors": fmt.Sprint(h.campaign("c")),
	} {
		if at := strings.Index(text, "canary"); at >= 0 {
			t.Errorf("%s has what was said: %.200q", what, text[max(0, at-50):])
		}
	}
}

// There are at most 20 tools in a process; all others are one.
func TestToolsAreBounded(t *testing.T) {
	var tools []string
	for i := range 100 {
		tools = append(tools, fmt.Sprintf("tool_%c%c", 'a'+i/10, 'a'+i%10))
	}
	h := later(t, []json.RawMessage{callRow("r1", "completed", talk(1, 1, tools...)), callRow("r2", "completed", talk(1, 1, tools...))})
	scrape := h.Scrape()
	if n := strings.Count(scrape, "revox_campaign_tool_calls_total{"); n != 21 {
		t.Errorf("%d series, want 21", n)
	}
	h.Want(scrape, `revox_campaign_tool_calls_total{campaign_id="c",tool_name="other"} 160`, `revox_exporter_unknown_values_total{label="tool_name"} 1`)
	if n := strings.Count(h.Logs.String(), "too many unknown values"); n != 1 {
		t.Errorf("the log says it %d times, want once:\n%s", n, h.Logs)
	}
}

// Rows that vanish, come back, or lose their transcripts neither lower counters of tools nor count again.
func TestToolsOfRowsThatVanish(t *testing.T) {
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	folder := t.TempDir()
	state, _ := openTestState(t, folder, api.URL, clock)
	row := func(i int, tools ...string) json.RawMessage {
		return callRow(fmt.Sprint("r", i), "completed", talk(2, 1, tools...))
	}
	rows := []json.RawMessage{row(0, "book", "!book"), row(1, "book"), row(2, "find", "find", "!find"), row(3)}
	api.SetRows("c", "", rows)
	h := newHarness(t, api, clock, with(state, only("c")))
	want := func(h *harness, book, bookErrors, find int) {
		t.Helper()
		h.Want(h.Scrape(), fmt.Sprintf(`revox_campaign_tool_calls_total{campaign_id="c",tool_name="book"} %d`, book),
			fmt.Sprintf(`revox_campaign_tool_errors_total{campaign_id="c",tool_name="book"} %d`, bookErrors),
			fmt.Sprintf(`revox_campaign_tool_calls_total{campaign_id="c",tool_name="find"} %d`, find))
	}
	scan := func(rows ...json.RawMessage) {
		api.SetRows("c", "", rows)
		h.Advance(2 * time.Hour) // a full scan
	}
	want(h, 3, 1, 3)
	scan(rows[1], rows[2], rows[3]) // r0 vanishes
	want(h, 3, 1, 3)
	scan(rows[1], rows[2], rows[3], row(4, "!book")) // an increase is seen at once
	want(h, 4, 2, 3)
	h, folder = h.restart(folder, only("c"))
	want(h, 4, 2, 3)
	scan(rows[0], rows[1], rows[2], rows[3], row(4, "!book")) // r0 comes back
	want(h, 4, 2, 3)
	scan(rows[0], rows[1], row(2), rows[3], row(4, "!book")) // a transcript is cut
	want(h, 4, 2, 3)
	scan(rows[0], rows[1], rows[3], row(4, "!book")) // then its row vanishes
	want(h, 4, 2, 3)
	scan(rows[0], rows[1], rows[3], row(4, "!book"), row(5, "find", "book"))
	want(h, 5, 2, 4)
	h, _ = h.restart(folder, only("c"))
	want(h, 5, 2, 4)
}

// A row that waits for its next attempt is not read, and its tools and turns stay counted.
func TestToolsOfRowsThatRest(t *testing.T) {
	rows := runningRows()
	for _, i := range []int{7, 33, 51} {
		rows[i] = callRow(fmt.Sprint("r", i), "scheduled", talk(2, 1, "book", "!find_slot"))
	}
	h := later(t, rows)
	want := []string{
		`revox_campaign_tool_calls_total{campaign_id="c",tool_name="book"} 3`,
		`revox_campaign_tool_errors_total{campaign_id="c",tool_name="find_slot"} 3`,
		`revox_campaign_call_attempt_turns_sum{campaign_id="c",role="assistant"} 6`,
		`revox_campaign_decreases_total{campaign_id="c"} 0`,
	}
	for range 3 {
		h.Want(h.Scrape(), want...)
		h.Advance(time.Minute)
	}
}

// A transcript that comes some minutes after the call is seen, also if it has no entries before.
func TestLateTranscripts(t *testing.T) {
	for _, before := range []string{"", `, "transcript": null`, `, "transcript": []`, `, "transcript": {}`} {
		rows := runningRows()
		now := start.Format(time.RFC3339)
		ended := `{"status": "completed", "result": "human", "started_at": "` + now + `", "answered_at": "` + now + `", "ended_at": "` + now + `"%s}`
		for i := range 60 {
			if !slices.Contains([]int{7, 33, 51}, i) {
				rows[i] = callRow(fmt.Sprint("r", i), "completed", talk(1, 1))
			}
		}
		rows[33] = callRow("r33", "completed", fmt.Sprintf(ended, before))
		h := later(t, rows)
		rows = slices.Clone(rows)
		rows[33] = callRow("r33", "completed", fmt.Sprintf(ended, `, "transcript": [{"role": "tool", "tool_name": "book"}]`))
		h.API.SetRows("c", "", rows)
		h.Advance(time.Minute)
		h.WantNone(h.Scrape(), "revox_campaign_tool")
		h.Advance(time.Minute)
		h.Want(h.Scrape(), `revox_campaign_tool_calls_total{campaign_id="c",tool_name="book"} 1`)
		h.wantRequests("active 2, full 0, moved 1, totals 6")
	}
}

// withAssistant adds an assistant to the call of a row.
func withAssistant(row json.RawMessage, created, assistant string) json.RawMessage {
	text := strings.Replace(string(row), `"created_at": "2024-05-01T08:00:00Z"`, `"created_at": "`+created+`"`, 1)
	return json.RawMessage(strings.Replace(text, `"call_attempts"`, `"assistant": `+assistant+`, "call_attempts"`, 1))
}

// assistants returns the series of revox_campaign_assistant_info, without the metric's name.
func (h *harness) assistants() string {
	return strings.TrimSpace(strings.ReplaceAll(grep(h.Scrape(), "^revox_campaign_assistant_info"), "revox_campaign_assistant_info", ""))
}

func (h *harness) wantAssistant(id, name, model, provider, voice string) {
	h.TB.Helper()
	want := fmt.Sprintf(`{assistant_id=%q,assistant_name=%q,campaign_id="c",llm_model=%q,llm_provider=%q,voice_provider=%q} 1`, id, name, model, provider, voice)
	if got := h.assistants(); got != want {
		h.TB.Errorf("the assistant is\n%s\nwant\n%s", got, want)
	}
}

const (
	lea = `{"id": "a-1", "name": "Léa", "updated_at": "2024-04-01T00:00:00Z", "llm_model": {"type": "dedicated-instance", "name": "gpt-4.1"},
		"voice": {"id": "v", "provider": "cartesia"}}`
	leaChanged = `{"id": "a-1", "name": "Léa", "updated_at": "2024-05-01T08:59:00Z", "llm_model": {"type": "openrouter",
		"openrouter_model_id": "anthropic/claude-3.5-sonnet-20241022:beta", "openrouter_provider": "anthropic"}, "voice": {"provider": "elevenlabs"}}`
	max2 = `{"id": "a-2", "name": "Max", "llm_model": {"type": "dedicated-instance", "name": "ministral-3-8b-instruct"}}`
)

func TestAssistantOfTheCallThatWasCreatedLast(t *testing.T) {
	rows := runningRows()
	for i := range rows {
		rows[i] = withAssistant(rows[i], "2024-05-01T08:00:00Z", lea)
	}
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	folder := t.TempDir()
	state, _ := openTestState(t, folder, api.URL, clock)
	api.SetRows("c", "", rows)
	h := newHarness(t, api, clock, with(state, inPagesOfTen))
	h.wantAssistant("a-1", "Léa", "gpt-4.1", "dedicated-instance", "cartesia")

	// The assistant gets another model, and the API shows that with all its calls.
	for i := range rows {
		rows[i] = json.RawMessage(strings.Replace(string(rows[i]), lea, leaChanged, 1))
	}
	api.SetRows("c", "", rows)
	h.Advance(time.Minute)
	h.wantRequests("active 2, full 0, moved 0, totals 6")
	h.wantAssistant("a-1", "Léa", "anthropic/claude-3.5-sonnet-20241022:beta", "anthropic", "elevenlabs")

	// A call of another assistant is created later. It waits, and later scans do not read it.
	rows = append(rows, withAssistant(callRow("r100", "queued_for_calling"), "2024-05-01T08:30:00Z", max2))
	api.SetRows("c", "", rows)
	for range 3 {
		h.Advance(time.Minute)
		h.wantAssistant("a-2", "Max", "ministral-3-8b-instruct", "dedicated-instance", "")
	}
	h, _ = h.restart(folder, inPagesOfTen)
	h.wantAssistant("a-2", "Max", "ministral-3-8b-instruct", "dedicated-instance", "")
	h.Advance(2 * time.Hour)
	h.wantAssistant("a-2", "Max", "ministral-3-8b-instruct", "dedicated-instance", "")
}

func TestAssistantsOfOddKinds(t *testing.T) {
	long := strings.Repeat("x", 100)
	for assistant, want := range map[string][5]string{
		`null`: {}, `[]`: {}, `"a"`: {}, `7`: {},
		`{}`: {"", "", "", "", ""},
		`{"id": 7, "name": {"x": 1}, "llm_model": "gpt", "voice": ["x"]}`:                                                              {"", "", "", "", ""},
		`{"id": "+33 612 345 678", "name": "a\nb\u202e", "llm_model": {"name": "call 0612345678"}, "voice": {"provider": "Jane Doe"}}`: {"other", "a\\ufffdb", "other", "", "other"},
		`{"id": "` + long + `", "llm_model": {"name": "m0612345678", "type": "x"}, "voice": {"provider": "azure"}}`:                    {"other", "", "other", "", "azure"},
		`{"id": "x", "llm_model": {"name": 7, "openrouter_model_id": "a/b", "openrouter_provider": "Google AI"}}`:                      {"x", "", "a/b", "other", ""},
	} {
		h := later(t, []json.RawMessage{withAssistant(callRow("r", "completed", talk(1, 1)), "2024-05-01T08:00:00Z", assistant)})
		h.Want(h.Scrape(), `revox_campaign_up{campaign_id="c"} 1`)
		if assistant[0] != '{' {
			h.WantNone(h.Scrape(), "revox_campaign_assistant_info")
			continue
		}
		name := strings.ReplaceAll(want[1], `\ufffd`, "\ufffd")
		if got := h.assistants(); got != fmt.Sprintf(`{assistant_id="%s",assistant_name="%s",campaign_id="c",llm_model="%s",llm_provider="%s",voice_provider="%s"} 1`,
			want[0], name, want[2], want[3], want[4]) {
			t.Errorf("%s is shown as %s", assistant, got)
		}
	}
	// A call without an assistant has a model of its own.
	row := strings.Replace(string(callRow("r", "completed")), `"status"`, `"llm_model": {"type": "dedicated-instance", "name": "gpt-4.1"}, "status"`, 1)
	later(t, []json.RawMessage{json.RawMessage(row)}).wantAssistant("", "", "gpt-4.1", "dedicated-instance", "")
}

// countedKey counts how often the key is asked for, which reads a key file.
type countedKey struct {
	revoxapi.KeySource
	asked atomic.Int64
}

func (k *countedKey) Key() (revoxapi.Secret, error) {
	k.asked.Add(1)
	return k.KeySource.Key()
}

// The key is not asked for with each row, whatever rows are called and however many assistants they have.
func TestKeyIsNotAskedForWithEachRow(t *testing.T) {
	const n = 200
	rows := make([]json.RawMessage, n)
	for i := range rows {
		row := callRow(fmt.Sprint("r", i), "completed", endedAttempt("human", 40))
		row = json.RawMessage(strings.Replace(string(row), `"status"`, `"campaign": {"name": "Family \u200d 1"}, "status"`, 1))
		rows[i] = withAssistant(row, "2024-05-01T08:00:00Z", []string{lea, max2}[i%2])
	}
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	api.SetRows("c", "", rows)
	key := &countedKey{}
	h := newHarness(t, api, clock, func(c *collector.Config) {
		only("c")(c)
		key.KeySource, c.Key = c.Key, key
	})
	h.Want(h.Scrape(), `revox_campaign_info{campaign_id="c",campaign_name="Family  1"} 1`, fmt.Sprintf(`revox_campaign_rows{campaign_id="c"} %d`, n))
	h.wantAssistant("a-2", "Max", "ministral-3-8b-instruct", "dedicated-instance", "")
	if asked := key.asked.Load(); asked > n/4 {
		t.Errorf("the key was asked for %d times for %d rows", asked, n)
	}
}
