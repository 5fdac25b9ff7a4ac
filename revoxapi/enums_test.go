package revoxapi_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

func TestEnumsListTheDocumentedValues(t *testing.T) {
	checkEnum[revoxapi.CallStatus](t, "initializing queued_for_calling calling scheduled completed cancelled errored")
	checkEnum[revoxapi.AttemptStatus](t, "queued ringing ongoing completed error")
	checkEnum[revoxapi.AttemptResult](t, "IVR voicemail human unknown ios-screening-filter")
	checkEnum[revoxapi.DialError](t, "number_non_attributed too_many_calls busy temporarily_unavailable no_answer"+
		" no_international_permission precondition_failed non_classified_error")
	checkEnum[revoxapi.EndedBy](t, "agent user system")
	checkEnum[revoxapi.EndReason](t, "tool_end_call voicemail transfer ivr_no_navigate")
	checkEnum[revoxapi.CallDirection](t, "inbound outbound")
	checkEnum[revoxapi.CallOutcome](t, "not_interested interested completed requested_callback_later")
	checkEnum[revoxapi.CampaignStatus](t, "draft running paused completed")
	checkEnum[revoxapi.TranscriptRole](t, "user assistant tool")
	checkEnum[revoxapi.FirstSentenceMode](t, "generated static none")
	checkEnum[revoxapi.LlmModelType](t, "dedicated-instance openrouter")
	checkEnum[revoxapi.LlmModelName](t, "gpt-4.1 ministral-3-8b-instruct")
	checkEnum[revoxapi.VoiceProvider](t, "cartesia elevenlabs")
	checkEnum[revoxapi.StructuredOutputType](t, "string number boolean enum date datetime")
	checkEnum[revoxapi.FaqSource](t, "human ai")
	checkEnum[revoxapi.BackgroundSound](t, "audio/office.ogg")
	checkEnum[revoxapi.Weekday](t, "monday tuesday wednesday thursday friday saturday sunday")
}

func checkEnum[E revoxapi.Enum[E]](t *testing.T, documented string) {
	t.Helper()
	var want []E
	for _, value := range strings.Fields(documented) {
		want = append(want, E(value))
	}
	if got := revoxapi.Values[E](); !slices.Equal(got, want) {
		t.Errorf("%T: got %q, want %q", got, got, want)
	}
	for _, value := range want {
		if !revoxapi.Known(value) {
			t.Errorf("%T: %q is not Known", value, value)
		}
	}
	if revoxapi.Known(E("")) || revoxapi.Known(E("something else")) {
		t.Errorf("%T: a value that is not documented is Known", E(""))
	}
	revoxapi.Values[E]()[0] = "changed"
	if revoxapi.Values[E]()[0] != want[0] {
		t.Errorf("%T: a caller can change the values", want)
	}
}
