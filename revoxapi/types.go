package revoxapi

// The types of this package hold every documented field under its documented JSON name. They decode and encode alike with
// encoding/json and with github.com/go-json-experiment/json (the coming encoding/json/v2).
//
// A field that the API may leave out or send as null has the same Go value either way: an empty string or enum, a nil
// pointer, slice or map, a zero Timestamp. Such numbers and booleans are pointers, because 0 and false are values. Encoding
// leaves out what is absent. Undocumented fields are ignored.
//
// None of the types has a String method: package fmt prints them with all personal data.

// Row is a contact of a campaign. The phone number, the input data and much of the call are personal data.
type Row struct {
	// ID is "id". It looks like a UUID, but is documented only as a string.
	ID string `json:"id"`
	// InputData is "input_data": the user's own columns for the contact, by name. Personal data.
	InputData map[string]string `json:"input_data,omitzero"`
	// PhoneNumber is "phone_number". Personal data.
	PhoneNumber string `json:"phone_number"`
	// RowIndex is "row_index".
	RowIndex Int `json:"row_index"`
	// Call is "call". Nil when absent or null: the contact has no call yet.
	Call *Call `json:"call,omitzero"`
}

// RowID returns the row's ID, which is unique in its campaign.
func (r Row) RowID() string { return r.ID }

// Call is a call order: what the user asked for. It is resolved over one or
// more call attempts, which can span a few days. Phone numbers, metadata, the
// assistant's texts and most of the attempts are personal data.
type Call struct {
	// ID is "id".
	ID string `json:"id"`
	// Status is "status".
	Status CallStatus `json:"status"`
	// CallAttempts is "call_attempts", newest first.
	CallAttempts []CallAttempt `json:"call_attempts,omitzero"`
	// LastCallAttempt is "last_call_attempt": a copy of one of CallAttempts,
	// not to be counted again. Nil when absent or null.
	LastCallAttempt *CallAttempt `json:"last_call_attempt,omitzero"`
	// CallsCount is "calls_count": the attempts made.
	CallsCount Int `json:"calls_count"`
	// CreatedAt is "created_at": when the order was created.
	CreatedAt Timestamp `json:"created_at,omitzero"`
	// ScheduledAt is "scheduled_at": when the order is to start.
	ScheduledAt Timestamp `json:"scheduled_at,omitzero"`
	// Direction is "direction".
	Direction CallDirection `json:"direction"`
	// Campaign is "campaign". Nil when absent or null.
	Campaign *CampaignRef `json:"campaign,omitzero"`
	// OrganizationID is "organization_id".
	OrganizationID string `json:"organization_id"`
	// FromPhoneNumber is "from_phone_number", in E.164. Personal data.
	FromPhoneNumber string `json:"from_phone_number"`
	// ToPhoneNumber is "to_phone_number", in E.164. Personal data.
	ToPhoneNumber string `json:"to_phone_number"`
	// FirstSentenceDelayMs is "first_sentence_delay_ms", in milliseconds; the
	// API's default is 400.
	FirstSentenceDelayMs Int `json:"first_sentence_delay_ms"`
	// IsCancelled is "is_cancelled".
	//
	// Deprecated: the API derives it from Status and has deprecated it. Use
	// Status.
	IsCancelled bool `json:"is_cancelled"`
	// IsCompleted is "is_completed".
	//
	// Deprecated: the API derives it from Status and has deprecated it. Use
	// Status.
	IsCompleted bool `json:"is_completed"`
	// Metadata is "metadata": what the user attached to the call. Nil when
	// absent or null. Personal data.
	Metadata map[string]string `json:"metadata,omitzero"`
	// CallRetryConfig is "call_retry_config". Nil when absent or null.
	CallRetryConfig *CallRetryConfig `json:"call_retry_config,omitzero"`
	// LlmModel is "llm_model".
	LlmModel LlmModel `json:"llm_model,omitzero"`
	// Assistant is "assistant": large, and the same in every row. Nil when
	// absent or null.
	Assistant *Assistant `json:"assistant,omitzero"`
	// Outcome is "outcome". Empty when absent, or null while not computed;
	// only some versions of the API have it.
	Outcome CallOutcome `json:"outcome,omitzero"`
}

// CampaignRef is the campaign that a call belongs to.
type CampaignRef struct {
	// ID is "id".
	ID string `json:"id"`
	// Name is "name".
	Name string `json:"name"`
}

// CallAttempt is one single call made to the phone number. The phone number,
// the recording, the structured output and the transcript are personal data.
type CallAttempt struct {
	// ID is "id".
	ID string `json:"id"`
	// Status is "status".
	Status AttemptStatus `json:"status"`
	// Result is "result": who or what answered. Empty when absent or null.
	Result AttemptResult `json:"result,omitzero"`
	// DialError is "dial_error": the SIP error that occurred. Empty when
	// absent or null.
	DialError DialError `json:"dial_error,omitzero"`
	// EndedBy is "ended_by". Empty when absent or null.
	EndedBy EndedBy `json:"ended_by,omitzero"`
	// EndReason is "end_reason": why, when EndedBy is [EndedByAgent]. Empty
	// when absent or null.
	EndReason EndReason `json:"end_reason,omitzero"`
	// StartedAt is "started_at".
	StartedAt Timestamp `json:"started_at,omitzero"`
	// AnsweredAt is "answered_at".
	AnsweredAt Timestamp `json:"answered_at,omitzero"`
	// EndedAt is "ended_at".
	EndedAt Timestamp `json:"ended_at,omitzero"`
	// PhoneNumber is "phone_number": the number called, in E.164. Personal
	// data.
	PhoneNumber string `json:"phone_number"`
	// RecordingURL is "recording_url". Empty when absent or null. Personal
	// data.
	RecordingURL string `json:"recording_url,omitzero"`
	// StructuredOutput is "structured_output": the values that the assistant
	// is told to extract, by the names of [StructuredOutputConfig]. They are
	// those of JSON in an any: numbers are float64. Nil when absent or null.
	// Personal data.
	StructuredOutput map[string]any `json:"structured_output,omitzero"`
	// Transcript is "transcript", tens of KB on a long call. Nil when absent
	// or null. Personal data.
	Transcript []TranscriptEntry `json:"transcript,omitzero"`
	// HandledByAI is "handled_by_ai". Nil when absent or null; only some
	// versions of the API have it.
	HandledByAI *bool `json:"handled_by_ai,omitzero"`
	// HandledByHuman is "handled_by_human". Nil when absent or null; only
	// some versions of the API have it.
	HandledByHuman *bool `json:"handled_by_human,omitzero"`
}

// Campaign is a list of contacts that one assistant calls.
type Campaign struct {
	// ID is "id".
	ID string `json:"id"`
	// Name is "name".
	Name string `json:"name"`
	// Status is "status".
	Status CampaignStatus `json:"status"`
	// IsCancelled is "is_cancelled". There is no status that says it.
	IsCancelled bool `json:"is_cancelled"`
	// CreatedAt is "created_at".
	CreatedAt Timestamp `json:"created_at,omitzero"`
	// UpdatedAt is "updated_at".
	UpdatedAt Timestamp `json:"updated_at,omitzero"`
	// AssistantID is "assistant_id".
	AssistantID string `json:"assistant_id"`
	// OrganizationID is "organization_id".
	OrganizationID string `json:"organization_id"`
	// Assistant is "assistant": large, its texts personal data. Nil when
	// absent or null.
	Assistant *Assistant `json:"assistant,omitzero"`
	// MaxConcurrentCalls is "max_concurrent_calls", at least 1. Nil when
	// absent or null; only some versions of the API have it.
	MaxConcurrentCalls *Int `json:"max_concurrent_calls,omitzero"`
	// FromPhoneNumber is "from_phone_number". Empty when absent or null; only
	// some versions of the API have it. Personal data.
	FromPhoneNumber string `json:"from_phone_number,omitzero"`
	// ScheduledAt is "scheduled_at". Only some versions of the API have it.
	ScheduledAt Timestamp `json:"scheduled_at,omitzero"`
}
