package sim_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

// The API's documentation once more, as checks: nothing here is shared with what writes the answers.

type check func(path string, v any) []string

func wrong(path, format string, a ...any) []string {
	return []string{path + ": " + fmt.Sprintf(format, a...)}
}

func isString(path string, v any) []string {
	if _, ok := v.(string); !ok {
		return wrong(path, "%T, not a string", v)
	}
	return nil
}

func isBool(path string, v any) []string {
	if _, ok := v.(bool); !ok {
		return wrong(path, "%T, not a boolean", v)
	}
	return nil
}

func isNumber(path string, v any) []string {
	n, ok := v.(json.Number)
	if !ok {
		return wrong(path, "%T, not a number", v)
	}
	if _, err := n.Float64(); err != nil {
		return wrong(path, "%v", err)
	}
	return nil
}

func isInteger(path string, v any) []string {
	n, ok := v.(json.Number)
	if !ok || strings.ContainsAny(n.String(), ".eE") {
		return wrong(path, "%v, not an integer", v)
	}
	return nil
}

func matching(pattern string) check {
	re := regexp.MustCompile("^(" + pattern + ")$")
	return func(path string, v any) []string {
		s, ok := v.(string)
		if !ok || !re.MatchString(s) {
			return wrong(path, "%v does not match %s", v, pattern)
		}
		return nil
	}
}

func isTime(path string, v any) []string {
	if v == nil {
		return nil
	}
	s, _ := v.(string)
	if _, err := time.Parse(time.RFC3339Nano, s); err != nil {
		return wrong(path, "%v: %v", v, err)
	}
	return nil
}

func oneOf(values ...string) check {
	return func(path string, v any) []string {
		if s, ok := v.(string); !ok || !slices.Contains(values, s) {
			return wrong(path, "%v is none of %v", v, values)
		}
		return nil
	}
}

func arrayOf(c check) check {
	return func(path string, v any) (bad []string) {
		a, ok := v.([]any)
		if !ok {
			return wrong(path, "%T, not an array", v)
		}
		for i, v := range a {
			bad = append(bad, c(fmt.Sprintf("%s[%d]", path, i), v)...)
		}
		return bad
	}
}

func mapOf(c check) check {
	return func(path string, v any) (bad []string) {
		m, ok := v.(map[string]any)
		if !ok {
			return wrong(path, "%T, not an object", v)
		}
		for k, v := range m {
			bad = append(bad, c(path+"."+k, v)...)
		}
		return bad
	}
}

func anything(string, any) []string { return nil }

// object checks documented names: a "?" at the end marks one that may be absent or null.
func object(fields map[string]check) check {
	return func(path string, v any) (bad []string) {
		m, ok := v.(map[string]any)
		if !ok {
			return wrong(path, "%T, not an object", v)
		}
		for name, c := range fields {
			name, optional := strings.CutSuffix(name, "?")
			v, there := m[name]
			switch {
			case optional && v == nil:
			case !there:
				bad = append(bad, path+": no "+name)
			default:
				bad = append(bad, c(path+"."+name, v)...)
			}
		}
		for name := range m {
			if fields[name] == nil && fields[name+"?"] == nil {
				bad = append(bad, path+": undocumented "+name)
			}
		}
		return bad
	}
}

var (
	isPhone    = matching(`\+[1-9][0-9]{7,14}`)
	timeOfDay  = matching(`[0-2][0-9]:[0-5][0-9]|1?[0-9](:[0-5][0-9])?[ap]m`)
	stringMap  = mapOf(isString)
	isLlmModel = func(path string, v any) []string {
		m, _ := v.(map[string]any)
		if m["type"] == "openrouter" {
			return object(map[string]check{"type": isString, "openrouter_model_id": isString, "openrouter_provider": isString})(path, v)
		}
		return object(map[string]check{"type": oneOf("dedicated-instance"), "name": oneOf("gpt-4.1", "ministral-3-8b-instruct")})(path, v)
	}
	isArguments = func(path string, v any) []string {
		switch v.(type) {
		case nil, string, map[string]any:
			return nil
		}
		return wrong(path, "%T as tool arguments", v)
	}
)

func retryConfig(newer bool) check {
	f := map[string]check{
		"calling_windows": arrayOf(object(map[string]check{
			"calling_window_start_time": timeOfDay, "calling_window_end_time": timeOfDay, "retry_delay_seconds": isInteger,
		})),
		"max_retry_attempts": isInteger,
		"timezone?":          isString,
	}
	if newer {
		f["allowed_days"] = arrayOf(oneOf("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"))
		f["call_twice_in_a_row"] = isBool
	}
	return object(f)
}

func attemptSchema(newer bool) check {
	f := map[string]check{
		"id": isString, "status": oneOf("queued", "ringing", "ongoing", "completed", "error"),
		"result?": oneOf("IVR", "voicemail", "human", "unknown", "ios-screening-filter"),
		"dial_error?": oneOf("number_non_attributed", "too_many_calls", "busy", "temporarily_unavailable",
			"no_answer", "no_international_permission", "precondition_failed", "non_classified_error"),
		"ended_by?": oneOf("agent", "user", "system"), "end_reason?": isString,
		"started_at?": isTime, "answered_at?": isTime, "ended_at?": isTime,
		"phone_number": isPhone, "recording_url?": isString, "structured_output?": mapOf(anything),
		"transcript?": arrayOf(object(map[string]check{
			"content": isString, "role": oneOf("user", "assistant", "tool"),
			"tool_arguments?": isArguments, "tool_is_error?": isBool, "tool_name?": isString,
		})),
	}
	if newer {
		f["handled_by_ai"], f["handled_by_human"] = isBool, isBool
	}
	return object(f)
}

func assistantSchema(newer bool) check {
	return object(map[string]check{
		"id": isString, "name": isString, "organization_id": isString, "prompt": isString, "created_at?": isTime, "updated_at?": isTime,
		"background_sound?": oneOf("audio/office.ogg"), "calendly?": object(map[string]check{"connection_id": isString, "event_type_id": isString}),
		"call_retry_config?": retryConfig(newer), "end_of_call_sentence?": isString, "first_sentence?": isString, "first_sentence_delay_ms": isInteger,
		"first_sentence_mode": oneOf("generated", "static", "none"), "ivr_navigation_enabled": isBool, "llm_model": isLlmModel,
		"max_call_duration_secs": isNumber,
		"structured_output_config?": arrayOf(object(map[string]check{
			"name": isString, "required": isBool, "type": oneOf("string", "number", "boolean", "enum", "date", "datetime"),
			"description?": isString, "enum_options?": arrayOf(isString),
		})),
		"transfer_phone_number?": isPhone,
		"voice?":                 object(map[string]check{"id": isString, "provider": oneOf("cartesia", "elevenlabs"), "speed?": isNumber}),
		"voicemail_message?":     isString, "webhook_url?": isString,
		"faq_items?": arrayOf(object(map[string]check{
			"answer": isString, "question": isString, "id?": isString, "needs_human_answer?": isBool, "source?": oneOf("human", "ai"),
		})),
		"pending_faq_count?": isNumber,
	})
}

func rowSchema(newer, outcome bool) check {
	call := map[string]check{
		"id": isString, "status": oneOf("initializing", "queued_for_calling", "calling", "scheduled", "completed", "cancelled", "errored"),
		"call_attempts": arrayOf(attemptSchema(newer)), "last_call_attempt?": attemptSchema(newer), "calls_count": isNumber,
		"created_at?": isTime, "scheduled_at?": isTime, "direction": oneOf("inbound", "outbound"),
		"campaign?": object(map[string]check{"id": isString, "name": isString}), "organization_id": isString,
		"from_phone_number": isPhone, "to_phone_number": isPhone, "first_sentence_delay_ms": isInteger,
		"is_cancelled": isBool, "is_completed": isBool, "metadata?": stringMap, "call_retry_config?": retryConfig(newer),
		"llm_model": isLlmModel, "assistant?": assistantSchema(newer),
	}
	if outcome {
		call["outcome?"] = oneOf("not_interested", "interested", "completed", "requested_callback_later")
	}
	return object(map[string]check{
		"id": isString, "input_data": stringMap, "phone_number": isPhone, "row_index": isNumber, "call?": object(call),
	})
}

func campaignSchema(newer bool) check {
	f := map[string]check{
		"id": isString, "name": isString, "status": oneOf("draft", "running", "paused", "completed"), "is_cancelled": isBool,
		"created_at?": isTime, "updated_at?": isTime, "assistant_id": isString, "organization_id": isString, "assistant?": assistantSchema(newer),
	}
	if newer {
		f["max_concurrent_calls?"], f["from_phone_number?"], f["scheduled_at?"] = isNumber, isPhone, isTime
	}
	return object(f)
}

// decode reads JSON as the checks want it.
func decode(t *testing.T, b []byte) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("not JSON: %v: %.200s", err, b)
	}
	if d.More() {
		t.Fatalf("more than one value: %.200s", b)
	}
	return v
}

func TestEveryAnswerConformsToTheDocumentation(t *testing.T) {
	for _, c := range []struct {
		name           string
		newer, outcome bool
		opts           []revoxtest.Option
		spec           sim.Campaign
	}{
		{"plain", false, false, nil, sim.Campaign{}},
		{"outcomes", false, true, nil, sim.Campaign{Outcomes: true}},
		{"newer fields of a server", true, true, []revoxtest.Option{revoxtest.WithNewerFields()}, sim.Campaign{Days: []time.Weekday{time.Monday}}},
		{"newer fields of a campaign, light", true, true, nil, sim.Campaign{NewerFields: true, Weight: sim.Light}},
		{"light, with the agent", false, false, nil, sim.Campaign{Weight: sim.Light, Agent: true}},
		{"heavy, numbers as decimals", false, false, []revoxtest.Option{revoxtest.WithNumberStyle(revoxtest.DecimalNumbers)}, sim.Campaign{Weight: sim.Heavy}},
		{"numbers with exponents, mixed times", false, false, []revoxtest.Option{revoxtest.WithNumberStyle(revoxtest.ExponentNumbers), revoxtest.WithTimeStyle(revoxtest.MixedTimes)}, sim.Campaign{}},
		{"12-hour windows, time zone, reclassified", false, false, nil,
			sim.Campaign{Timezone: "Asia/Tokyo", Windows: []sim.Window{{"8am", "12pm"}, {"1:30pm", "9pm"}}, ReclassifiedShare: 0.3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			clock := revoxtest.NewClock(monday)
			s := newSimulation(t, append(c.opts, revoxtest.WithNow(clock.Now))...)
			c.spec.Name, c.spec.Rows, c.spec.MaxConcurrentCalls = `A "name" with é and \`, 60, 4
			id := s.AddCampaign(c.spec)
			s.AddIncident(sim.Incident{Kind: sim.ModelSwapped, Start: monday.Add(3 * time.Hour), End: monday.Add(30 * time.Hour)})
			s.AddIncident(sim.Incident{Kind: sim.VoiceSilent, Start: monday.Add(3 * time.Hour), Share: 0.2})
			page := object(map[string]check{
				"page": isNumber, "page_size": isNumber, "total": isNumber, "rows": arrayOf(rowSchema(c.newer, c.outcome)),
			})
			list := object(map[string]check{"campaigns": arrayOf(campaignSchema(c.newer))})
			for _, step := range []time.Duration{0, 2 * time.Second, 2*time.Hour + time.Second, 20 * time.Second, 30 * time.Hour, 72 * time.Hour} {
				clock.Advance(step)
				bad := page("page", decode(t, get(t, s, "/campaigns/"+id+"/rows?page=0&page_size=1000")))
				bad = append(bad, list("list", decode(t, get(t, s, "/campaigns")))...)
				bad = append(bad, object(map[string]check{"campaign": campaignSchema(c.newer)})("one", decode(t, get(t, s, "/campaigns/"+id)))...)
				if len(bad) > 0 {
					t.Fatalf("at %v, %d deviations, such as %s", clock.Now(), len(bad), bad[0])
				}
			}
		})
	}
}
