package revoxapi_test

import (
	stdjson "encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/revox-exporter/revox_exporter/internal/answertest"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// outlineRow has outlines alone.
type outlineRow struct {
	ID   string `json:"id"`
	Call struct {
		Attempts []struct {
			Transcript revoxapi.TranscriptOutline `json:"transcript"`
		} `json:"call_attempts"`
	} `json:"call"`
}

func (r outlineRow) RowID() string { return r.ID }

func TestOutlineOfATranscript(t *testing.T) {
	type outline = revoxapi.TranscriptOutline
	tool := func(uses ...revoxapi.ToolUse) outline { return outline{Given: true, Tools: uses} }
	long := strings.Repeat("long", 100)
	for transcript, want := range map[string]outline{
		`null`: {}, `{}`: {}, `[]`: {Given: true}, `[ ]`: {Given: true}, `"[]"`: {Wrong: 1}, `7`: {Wrong: 1}, `{"role":"user"}`: {Wrong: 1},
		`[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"content":"c","role":"user"}]`: {Given: true, User: 2, Assistant: 1},
		"[ {\"role\" :\t\"user\"} ,\n{ } ]":                                                  {Given: true, User: 1},
		`[{"role":"user","role":"assistant"}]`:                                               {Given: true, Assistant: 1},
		`[{"r\u006fle":"us\u0065r"},{"content":{"role":"user"},"tool_arguments":["user"]}]`:  {Given: true, User: 1},
		`[{"role":"system"},{"role":null},{"content":"user"},{"role":"User"},{"role":""}]`:   {Given: true},
		`[{"role":7},{"role":["user"]},null,3,["user"],"user"]`:                              {Given: true, Wrong: 6},
		`[{"role":"assistant","tool_name":"find","tool_is_error":true}]`:                     {Given: true, Assistant: 1},
		`[{"role":"tool","content":"x","tool_name":"find","tool_is_error":false}]`:           tool(revoxapi.ToolUse{Name: "find"}),
		`[{"tool_is_error":true,"tool_arguments":{"a":1},"tool_name":"find","role":"tool"}]`: tool(revoxapi.ToolUse{Name: "find", IsError: true}),
		`[{"role":"tool"},{"role":"tool","tool_name":null,"tool_is_error":null}]`:            tool(revoxapi.ToolUse{}, revoxapi.ToolUse{}),
		`[{"role":"tool","tool_name":"` + long + `"}]`:                                       tool(revoxapi.ToolUse{Name: long[:100]}),
		`[{"role":"tool","tool_name":{"a":1},"tool_is_error":"true"}]`:                       {Given: true, Tools: []revoxapi.ToolUse{{}}, Wrong: 2},
	} {
		var std, v2 outline
		if err := stdjson.Unmarshal([]byte(transcript), &std); err != nil {
			t.Errorf("%s: %v", transcript, err)
		}
		if err := json.Unmarshal([]byte(transcript), &v2, jsontext.AllowDuplicateNames(true)); err != nil {
			t.Errorf("%s: %v", transcript, err)
		}
		body := fmt.Sprintf(`{"rows":[{"id":"r","call":{"call_attempts":[{"transcript":%s}]}}]}`, transcript)
		for r, err := range revoxapi.Rows[outlineRow](t.Context(), answertest.Client(t, []byte(body)), "c", revoxapi.RowsParams{}) {
			if err != nil {
				t.Fatalf("%s: %v", transcript, err)
			}
			read := r.Call.Attempts[0].Transcript
			if !reflect.DeepEqual(read, want) || !reflect.DeepEqual(std, want) || !reflect.DeepEqual(v2, want) {
				t.Errorf("%s is read as\n%+v, by the libraries as\n%+v\n%+v, want\n%+v", transcript, read, std, v2, want)
			}
		}
	}
}

func TestTooManyTranscriptEntriesAreRefused(t *testing.T) {
	body := `{"rows":[{"id":"r","call":{"call_attempts":[{"transcript":[` + strings.Repeat(`{"role":"user"},`, 20_000) + `{}]}]}}]}`
	for _, err := range revoxapi.Rows[outlineRow](t.Context(), answertest.Client(t, []byte(body)), "c", revoxapi.RowsParams{}) {
		if err == nil || !strings.Contains(err.Error(), "more than 20000 call attempts, transcript entries and so on") {
			t.Errorf("error: %v", err)
		}
	}
}
