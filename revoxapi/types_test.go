package revoxapi_test

import (
	"bytes"
	stdjson "encoding/json"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// jsonLibraries are the two that the types promise to work with.
var jsonLibraries = []struct {
	name   string
	decode func([]byte, any) error
	encode func(any) ([]byte, error)
}{
	{"encoding/json", stdjson.Unmarshal, stdjson.Marshal},
	{
		"go-json-experiment",
		func(data []byte, into any) error {
			return json.Unmarshal(data, into, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
		},
		func(value any) ([]byte, error) { return json.Marshal(value) },
	},
}

// campaignsPage is what GET /campaigns answers.
type campaignsPage struct {
	Campaigns []revoxapi.Campaign `json:"campaigns"`
}

var samples = []struct {
	file string
	into func() any
}{
	{"testdata/rows.json", func() any { return new(revoxapi.RowsPage[revoxapi.Row]) }},
	{"testdata/campaigns.json", func() any { return new(campaignsPage) }},
}

// optionalNames are the fields that the API can leave out or send as null.
// "id" is one in faq_items only, so it has a test of its own below.
var optionalNames = strings.Fields(`page page_size total
	call call_retry_config last_call_attempt campaign metadata assistant outcome
	created_at scheduled_at updated_at started_at answered_at ended_at
	result dial_error ended_by end_reason recording_url structured_output transcript
	tool_arguments tool_is_error tool_name handled_by_ai handled_by_human
	background_sound calendly end_of_call_sentence first_sentence structured_output_config
	description enum_options transfer_phone_number voice speed voicemail_message webhook_url
	faq_items needs_human_answer source pending_faq_count
	timezone allowed_days call_twice_in_a_row
	max_concurrent_calls`)

func TestRoundTripLosesNothing(t *testing.T) {
	for _, sample := range samples {
		data := readSample(t, sample.file)
		var values []any
		for _, library := range jsonLibraries {
			value := sample.into()
			if err := library.decode(data, value); err != nil {
				t.Fatalf("%s: %s: %v", sample.file, library.name, err)
			}
			values = append(values, value)
			for _, writer := range jsonLibraries {
				encoded, err := writer.encode(value)
				if err != nil {
					t.Fatalf("%s: %s, %s: %v", sample.file, library.name, writer.name, err)
				}
				if got, want := anyTree(t, encoded), anyTree(t, data); !reflect.DeepEqual(got, want) {
					t.Errorf("%s: %s, %s:\n got %v\nwant %v", sample.file, library.name, writer.name, got, want)
				}
			}
		}
		if !reflect.DeepEqual(values[0], values[1]) {
			t.Errorf("%s: the libraries decode to different values", sample.file)
		}
	}
}

// Without this a field could be missing in the sample, and so be untested.
func TestSamplesHoldEveryField(t *testing.T) {
	for _, sample := range samples {
		present := map[string]bool{}
		collectNames("", anyTree(t, readSample(t, sample.file)), present)
		for _, name := range typeNames("", reflect.TypeOf(sample.into())) {
			if !present[name] {
				t.Errorf("%s has no %s", sample.file, name)
			}
		}
	}
}

func TestOptionalFieldsAbsentOrNullReadAlike(t *testing.T) {
	for _, sample := range samples {
		data := readSample(t, sample.file)
		seen := map[string]bool{}
		for n := 0; ; n++ {
			nulled := anyTree(t, data)
			object, name := nthOptional(nulled, new(n))
			if object == nil {
				break
			}
			seen[name] = true
			object[name] = nil
			withNull, err := stdjson.Marshal(nulled)
			if err != nil {
				t.Fatal(err)
			}
			delete(object, name)
			without, err := stdjson.Marshal(nulled)
			if err != nil {
				t.Fatal(err)
			}
			checkAbsentOrNull(t, sample.file+": "+name, sample.into, withNull, without)
		}
		for _, path := range typeNames("", reflect.TypeOf(sample.into())) {
			name := path[strings.LastIndex(path, ".")+1:]
			if slices.Contains(optionalNames, name) && !seen[name] {
				t.Errorf("%s: no %s was left out", sample.file, name)
			}
		}
	}
	checkAbsentOrNull(t, "id of a FaqItem", func() any { return new(revoxapi.FaqItem) },
		[]byte(`{"answer":"a","question":"q","id":null}`), []byte(`{"answer":"a","question":"q"}`))
}

func checkAbsentOrNull(t *testing.T, what string, into func() any, withNull, without []byte) {
	t.Helper()
	for _, library := range jsonLibraries {
		a, b := into(), into()
		if err := library.decode(withNull, a); err != nil {
			t.Errorf("%s null: %s: %v", what, library.name, err)
		}
		if err := library.decode(without, b); err != nil {
			t.Errorf("%s absent: %s: %v", what, library.name, err)
		}
		if !reflect.DeepEqual(a, b) {
			t.Errorf("%s: %s: null and absent read differently", what, library.name)
		}
		encoded, err := library.encode(a)
		if err != nil {
			t.Fatalf("%s: %s: %v", what, library.name, err)
		}
		if !reflect.DeepEqual(anyTree(t, encoded), anyTree(t, without)) {
			t.Errorf("%s: %s: written as\n%s\nnot as\n%s", what, library.name, encoded, without)
		}
	}
}

func TestSampleReadsAsDocumented(t *testing.T) {
	for _, library := range jsonLibraries {
		var page revoxapi.RowsPage[revoxapi.Row]
		if err := library.decode(readSample(t, "testdata/rows.json"), &page); err != nil {
			t.Fatal(err)
		}
		row := page.Rows[0]
		attempt, early := row.Call.CallAttempts[0], row.Call.CallAttempts[1]
		assistant := row.Call.Assistant
		for what, ok := range map[string]bool{
			"page":             *page.Page == 1 && *page.PageSize == 3 && *page.Total == 3,
			"row":              row.RowID() == "r0000000-0000-4000-8000-000000000001" && row.RowIndex == 0,
			"no call":          page.Rows[1].Call == nil,
			"empty input data": page.Rows[1].InputData != nil && len(page.Rows[1].InputData) == 0,
			"status":           row.Call.Status == revoxapi.CallCompleted && attempt.Status == revoxapi.AttemptCompleted,
			"result":           attempt.Result == revoxapi.ResultHuman && early.Result == "",
			"dial error":       early.DialError == revoxapi.DialErrorBusy,
			"end":              attempt.EndedBy == revoxapi.EndedByAgent && attempt.EndReason == revoxapi.EndReasonToolEndCall,
			"outcome":          row.Call.Outcome == revoxapi.OutcomeInterested,
			"copy of last":     reflect.DeepEqual(*row.Call.LastCallAttempt, attempt),
			"answered":         attempt.AnsweredAt.Time.Equal(time.Date(2024, 1, 2, 10, 0, 7, 123456789, time.UTC)),
			"unreadable times": early.StartedAt.Unreadable() && early.AnsweredAt.Unreadable() && early.EndedAt.Unreadable(),
			"zero speed":       assistant.Voice.Speed != nil && *assistant.Voice.Speed == 0,
			"zero FAQ":         assistant.PendingFaqCount != nil && *assistant.PendingFaqCount == 0,
			"false answer":     assistant.FaqItems[0].NeedsHumanAnswer != nil && !*assistant.FaqItems[0].NeedsHumanAnswer,
			"no answer":        assistant.FaqItems[1].NeedsHumanAnswer == nil,
			"dedicated model":  row.Call.LlmModel == revoxapi.LlmModel{Type: revoxapi.LlmDedicatedInstance, Name: revoxapi.LlmGPT41},
			"routed model": assistant.LlmModel == revoxapi.LlmModel{
				Type: revoxapi.LlmOpenrouter, OpenrouterModelID: "openai/gpt-4.1", OpenrouterProvider: "openai"},
		} {
			if !ok {
				t.Errorf("%s: %s is not as in the sample", library.name, what)
			}
		}
	}
}

func TestUnpagedAnswer(t *testing.T) {
	for _, library := range jsonLibraries {
		var page revoxapi.RowsPage[revoxapi.Row]
		if err := library.decode([]byte(`{"rows":[]}`), &page); err != nil {
			t.Fatal(err)
		}
		if page.Page != nil || page.PageSize != nil || page.Total != nil || page.Rows == nil {
			t.Errorf("%s: %+v", library.name, page)
		}
		if encoded, err := library.encode(page); err != nil || string(encoded) != `{"rows":[]}` {
			t.Errorf("%s: %s, %v", library.name, encoded, err)
		}
	}
}

// An answer without rows must not turn into one with no rows when passed on.
func TestMissingRowsStayMissing(t *testing.T) {
	for _, library := range jsonLibraries {
		for _, in := range []string{`{}`, `{"rows":null}`} {
			var page revoxapi.RowsPage[revoxapi.Row]
			if err := library.decode([]byte(in), &page); err != nil || page.Rows != nil {
				t.Errorf("%s: %s reads as %v, %v", library.name, in, page.Rows, err)
			}
			if encoded, err := library.encode(page); err != nil || string(encoded) != `{}` {
				t.Errorf("%s: %s is written as %s, %v", library.name, in, encoded, err)
			}
		}
	}
}

func TestUnknownFieldsAndValuesDecode(t *testing.T) {
	const row = `{"id":"1","new":{"a":[]},"call":{"status":"paused_by_user","llm_model":{"type":"azure","deployment":"d"},
		"call_attempts":[{"status":"parked","result":"robot","dial_error":"alien","end_reason":"bored"}]}}`
	for _, library := range jsonLibraries {
		var got revoxapi.Row
		if err := library.decode([]byte(row), &got); err != nil {
			t.Fatal(err)
		}
		attempt := got.Call.CallAttempts[0]
		if got.Call.Status != "paused_by_user" || got.Call.LlmModel.Type != "azure" || attempt.EndReason != "bored" {
			t.Errorf("%s: %+v", library.name, got.Call)
		}
		if revoxapi.Known(got.Call.Status) || revoxapi.Known(attempt.Status) || revoxapi.Known(attempt.Result) || revoxapi.Known(attempt.DialError) || revoxapi.Known(attempt.EndReason) {
			t.Errorf("%s: an unknown value is Known", library.name)
		}
	}
}

func TestNumbersInEverySpelling(t *testing.T) {
	for _, spelling := range []string{"3", "3.0", "3e0"} {
		data := []byte(strings.ReplaceAll(`{"page":N,"page_size":N,"total":N,"rows":[{"row_index":N,"call":{"calls_count":N,
			"first_sentence_delay_ms":N,"call_retry_config":{"max_retry_attempts":N,"calling_windows":[{"retry_delay_seconds":N}]},
			"assistant":{"max_call_duration_secs":N,"pending_faq_count":N,"voice":{"speed":N}}}}]}`, "N", spelling))
		for _, library := range jsonLibraries {
			var page revoxapi.RowsPage[revoxapi.Row]
			if err := library.decode(data, &page); err != nil {
				t.Errorf("%s: %s: %v", library.name, spelling, err)
				continue
			}
			call := page.Rows[0].Call
			if *page.Page != 3 || *page.Total != 3 || call.CallsCount != 3 || call.Assistant.MaxCallDurationSecs != 3 ||
				*call.Assistant.PendingFaqCount != 3 || call.CallRetryConfig.CallingWindows[0].RetryDelaySeconds != 3 {
				t.Errorf("%s: %s reads as %+v", library.name, spelling, call)
			}
		}
	}
}

func TestToolArgumentsOfEveryKind(t *testing.T) {
	text := func(s string) revoxapi.ToolArguments { return revoxapi.ToolArguments{Text: &s} }
	for _, test := range []struct {
		in   string
		want revoxapi.ToolArguments
		out  string // in, if empty
	}{
		{in: `null`},
		{in: `{}`, want: revoxapi.ToolArguments{Object: map[string]any{}}},
		{in: `{"a":1,"b":[null]}`, want: revoxapi.ToolArguments{Object: map[string]any{"a": 1.0, "b": []any{nil}}}},
		{in: `""`, want: text("")},
		{in: `"{\"a\":1}"`, want: text(`{"a":1}`)},
		{in: `0`, want: revoxapi.ToolArguments{Other: []byte(`0`)}},
		{in: `false`, want: revoxapi.ToolArguments{Other: []byte(`false`)}},
		{in: `[1,"x"]`, want: revoxapi.ToolArguments{Other: []byte(`[1,"x"]`)}},
		{in: `{"a":1e999}`, want: revoxapi.ToolArguments{Other: []byte(`{"a":1e999}`)}},
		{in: "\"\xff\"", want: text("\ufffd"), out: "\"\ufffd\""},
		{in: "[\"\xff\"]", want: revoxapi.ToolArguments{Other: []byte("[\"\ufffd\"]")}, out: "[\"\ufffd\"]"},
		{in: `[{"a":1,"a":2}]`, want: revoxapi.ToolArguments{Other: []byte(`[{"a":2}]`)}, out: `[{"a":2}]`},
	} {
		for _, library := range jsonLibraries {
			got := text("stale")
			if err := library.decode([]byte(test.in), &got); err != nil {
				t.Errorf("%s: %s: %v", library.name, test.in, err)
				continue
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("%s: %s reads as %+v, want %+v", library.name, test.in, got, test.want)
			}
			if got.IsZero() != (test.in == "null") {
				t.Errorf("%s: %s: IsZero is %v", library.name, test.in, got.IsZero())
			}
			want := test.out
			if want == "" {
				want = test.in
			}
			if encoded, err := library.encode(got); err != nil || string(encoded) != want {
				t.Errorf("%s: %s is written as %s, %v", library.name, test.in, encoded, err)
			}
		}
	}
}

func readSample(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// anyTree decodes JSON with each time in UTC, as only the instant must survive.
func anyTree(t *testing.T, data []byte) any {
	t.Helper()
	decoder := stdjson.NewDecoder(bytes.NewReader(data))
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		t.Fatal(err)
	}
	return inUTC(tree)
}

func inUTC(tree any) any {
	switch node := tree.(type) {
	case map[string]any:
		for name, value := range node {
			node[name] = inUTC(value)
		}
	case []any:
		for i, value := range node {
			node[i] = inUTC(value)
		}
	case string:
		if instant, err := time.Parse(time.RFC3339Nano, node); err == nil {
			return instant.UTC().Format(time.RFC3339Nano)
		}
	}
	return tree
}

// collectNames adds the path of each object member of tree.
func collectNames(path string, tree any, names map[string]bool) {
	switch node := tree.(type) {
	case map[string]any:
		for name, value := range node {
			names[path+"."+name] = true
			collectNames(path+"."+name, value, names)
		}
	case []any:
		for _, value := range node {
			collectNames(path, value, names)
		}
	}
}

// typeNames lists the paths of a type's JSON members.
func typeNames(path string, typ reflect.Type) (names []string) {
	switch typ.Kind() {
	case reflect.Pointer, reflect.Slice:
		return typeNames(path, typ.Elem())
	case reflect.Struct:
		for i := range typ.NumField() {
			name, _, tagged := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			if name != "-" && (tagged || name != "") {
				names = append(names, path+"."+name)
				names = append(names, typeNames(path+"."+name, typ.Field(i).Type)...)
			}
		}
	}
	return names
}

// nthOptional finds the object that holds the n-th optional field of tree.
func nthOptional(tree any, n *int) (object map[string]any, name string) {
	switch node := tree.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(node)) {
			if slices.Contains(optionalNames, name) {
				if *n == 0 {
					return node, name
				}
				*n--
			}
			if object, found := nthOptional(node[name], n); object != nil {
				return object, found
			}
		}
	case []any:
		for _, value := range node {
			if object, name := nthOptional(value, n); object != nil {
				return object, name
			}
		}
	}
	return nil, ""
}
