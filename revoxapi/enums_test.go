package revoxapi

import (
	"slices"
	"strings"
	"testing"
)

func TestEnumsListTheDocumentedValues(t *testing.T) {
	checkEnum(t, "initializing queued_for_calling calling scheduled completed cancelled errored", CallStatuses)
	checkEnum(t, "queued ringing ongoing completed error", AttemptStatuses)
	checkEnum(t, "IVR voicemail human unknown ios-screening-filter", AttemptResults)
	checkEnum(t, "number_non_attributed too_many_calls busy temporarily_unavailable no_answer"+
		" no_international_permission precondition_failed non_classified_error", DialErrors)
	checkEnum(t, "agent user system", EndedBys)
	checkEnum(t, "tool_end_call voicemail transfer ivr_no_navigate", EndReasons)
	checkEnum(t, "inbound outbound", CallDirections)
	checkEnum(t, "not_interested interested completed requested_callback_later", CallOutcomes)
	checkEnum(t, "draft running paused completed", CampaignStatuses)
	checkEnum(t, "user assistant tool", TranscriptRoles)
	checkEnum(t, "generated static none", FirstSentenceModes)
	checkEnum(t, "dedicated-instance openrouter", LlmModelTypes)
	checkEnum(t, "gpt-4.1 ministral-3-8b-instruct", LlmModelNames)
	checkEnum(t, "cartesia elevenlabs", VoiceProviders)
	checkEnum(t, "string number boolean enum date datetime", StructuredOutputTypes)
	checkEnum(t, "human ai", FaqSources)
	checkEnum(t, "audio/office.ogg", BackgroundSounds)
	checkEnum(t, "monday tuesday wednesday thursday friday saturday sunday", Weekdays)
}

func checkEnum[E interface {
	~string
	Known() bool
}](t *testing.T, documented string, list func() []E) {
	t.Helper()
	var want []E
	for _, value := range strings.Fields(documented) {
		want = append(want, E(value))
	}
	if got := list(); !slices.Equal(got, want) {
		t.Errorf("%T: got %q, want %q", got, got, want)
	}
	for _, value := range want {
		if !value.Known() {
			t.Errorf("%T: %q is not Known", value, value)
		}
	}
	if E("").Known() || E("something else").Known() {
		t.Errorf("%T: a value that is not listed is Known", E(""))
	}
	list()[0] = "changed"
	if list()[0] != want[0] {
		t.Errorf("%T: a caller can change the list", want)
	}
}
