package tally

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/revox-exporter/revox_exporter/internal/answertest"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Row and revoxapi.Row agree on the counted fields of any page that both can read.
func FuzzLeanAndWholeRows(f *testing.F) {
	for _, text := range answertest.Rows(f, "../testdata/hand_counted.json") {
		f.Add([]byte(`{"rows": [` + string(text) + `]}`))
	}
	for _, body := range []string{
		`{"id": "r", "call": {"status": "calling", "outcome": null, "campaign": null, "created_at": {},
			"call_attempts": [null, {}]}}`,
		`{"id": "r", "call": {"call_attempts": [{"status": "a", "result": null}], "call_attempts": [{"end_reason": "b"}]},
			"call": {"status": "c"}}`,
		`{"id": "r", "id": "s", "call": {"campaign": {"name": "a"}, "campaign": {"name": null}}}, {"id": "s", "call": null}`,
		`{"id": "\u0072", "call": {"st\u0061tus": "\ud800\u0000", "outcome": "interested",
			"campaign": {"name": "é\ud83d\ude00"}, "Status": "no"}}`,
		`{"id": "` + "\xff" + `", "call": {"status": "` + "\xc3(" + `", "created_at": "2024-05-01T08:00:00+02:00", "scheduled_at": 7}}`,
		`{"id": "r", "call": {"last_call_attempt": {"status": "completed"},
			"call_attempts": [{"started_at": 1714554000, "ended_at": [], "answered_at": ""}]}}`,
		`{"id": 7, "call": []}, {"id": "7"}, {"id": 8.0, "call": {"status": "c", "call_attempts": { }, "campaign": [], "metadata": []}}`,
		`{"id": "r", "call": {"status": "c", "campaign": {"n\u0061me": "a\u0062", "name": null, "x": {"name": "c"}, "name": "d"},
			"campaign": {"id": "i"}, "call_attempts": [{"id": "a", "status": "x"}, {"id": "a", "status": "y"}, [], {"id": 7}]}}`,
		`{"id": "r", "call": {"llm_model": {"type": "openrouter", "openrouter_model_id": "a/b", "openrouter_provider": "a"},
			"assistant": {"id": "a", "name": "é\u00e9", "prompt": "p", "updated_at": "2024-05-01T08:00:00Z", "llm_model": {"type": "dedicated-instance", "name": "m"},
			"voice": {"id": "v", "provider": "cartesia"}}, "call_attempts": [{"transcript": [{"role": "user", "content": "x"},
			{"role": "assistant", "content": "y"}, {"role": "tool", "content": "z", "tool_name": "find\u005f", "tool_is_error": true, "tool_arguments": {"role": "user"}},
			{"role": "tool", "content": "z", "tool_name": null, "tool_arguments": null}]}, {"transcript": null}, {"transcript": []}]}}`,
		`{"id": "r", "call": {"status": "` + strings.Repeat("é", 200) + `", "outcome": "` + strings.Repeat("x", 101) + `",
			"campaign": {"name": "` + strings.Repeat("😀", 2000) + `"}}}`,
		`{"id": "r", "call": {"assistant": {"id": "a", "voice": null}, "assistant": {"name": "b"}, "llm_model": {"type": "x"}, "llm_model": {"name": "y"}}}`,
	} {
		f.Add([]byte(`{"rows": [` + body + `]}`))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		client := answertest.Client(t, body)
		whole, err := client.Page(context.Background(), "c", revoxapi.RowsParams{})
		if err != nil {
			return
		}
		var lean []Row
		for r, err := range revoxapi.Rows[Row](context.Background(), client, "c", revoxapi.RowsParams{}) {
			if err != nil {
				return // the total is wrong
			}
			lean = append(lean, r)
		}
		seen := map[string]bool{}
		for i := range whole.Rows {
			w := &whole.Rows[i]
			if seen[w.ID] {
				continue
			}
			if seen[w.ID] = true; len(lean) == 0 {
				t.Fatalf("Row misses row %d", i)
			}
			if got, want := ofLean(&lean[0]), ofWhole(w); got != want {
				t.Errorf("row %d is read as\n%s\nwant\n%s", i, got, want)
			}
			lean = lean[1:]
		}
		if len(lean) > 0 {
			t.Errorf("Row has %d rows too many", len(lean))
		}
	})
}

func ofLean(r *Row) string {
	if r.Call == nil {
		return fmt.Sprintf("%q", r.ID)
	}
	c := r.Call
	text := fmt.Sprintf("%q %q %q %q %s", r.ID, c.Status, c.Outcome.text, c.Campaign.Name, ofTime(c.CreatedAt))
	for _, a := range c.Attempts {
		text += fmt.Sprintf("\n%q %q %q %q %q %s %s %s", a.Status, a.Result.text, a.DialError.text, a.EndedBy.text, a.EndReason.text,
			ofTime(a.StartedAt), ofTime(a.AnsweredAt), ofTime(a.EndedAt))
		o := a.Transcript
		text += fmt.Sprintf(" %v %d %d %+q", o.Given, o.Assistant, o.User, fmt.Sprint(o.Tools))
	}
	return text
}

func ofWhole(r *revoxapi.Row) string {
	if r.Call == nil {
		return fmt.Sprintf("%q", r.ID)
	}
	c, name := r.Call, ""
	if c.Campaign != nil {
		name = cut(c.Campaign.Name, maxName)
	}
	text := fmt.Sprintf("%q %q %q %q %s", r.ID, cut(c.Status, maxText), cut(c.Outcome, maxText), name, ofTime(c.CreatedAt))
	for _, a := range c.CallAttempts {
		text += fmt.Sprintf("\n%q %q %q %q %q %s %s %s", cut(a.Status, maxText), cut(a.Result, maxText), cut(a.DialError, maxText),
			cut(a.EndedBy, maxText), cut(a.EndReason, maxText),
			ofTime(a.StartedAt), ofTime(a.AnsweredAt), ofTime(a.EndedAt))
		o := revoxapi.TranscriptOutline{Given: a.Transcript != nil}
		for _, e := range a.Transcript {
			switch e.Role {
			case revoxapi.RoleAssistant:
				o.Assistant++
			case revoxapi.RoleUser:
				o.User++
			case revoxapi.RoleTool:
				o.Tools = append(o.Tools, revoxapi.ToolUse{Name: cut(e.ToolName, 100), IsError: e.ToolIsError != nil && *e.ToolIsError})
			}
		}
		text += fmt.Sprintf(" %v %d %d %+q", o.Given, o.Assistant, o.User, fmt.Sprint(o.Tools))
	}
	return text
}

func cut[S ~string](text S, most int) S { return text[:min(len(text), most)] }

func ofTime(at revoxapi.Timestamp) string {
	switch {
	case at.Valid():
		return at.Time.UTC().String()
	case at.Unreadable():
		return "unreadable"
	}
	return "absent"
}
