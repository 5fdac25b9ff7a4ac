package revoxapi

// Assistant is the AI agent that makes a campaign's calls. The API repeats it in every row, several KB each time. Its texts
// are personal data: the prompt and the sentences can mention the contact.
type Assistant struct {
	// ID is "id".
	ID string `json:"id"`
	// Name is "name".
	Name string `json:"name"`
	// OrganizationID is "organization_id".
	OrganizationID string `json:"organization_id"`
	// Prompt is "prompt". Personal data.
	Prompt string `json:"prompt"`
	// CreatedAt is "created_at".
	CreatedAt Timestamp `json:"created_at,omitzero"`
	// UpdatedAt is "updated_at".
	UpdatedAt Timestamp `json:"updated_at,omitzero"`
	// BackgroundSound is "background_sound". Empty when absent or null.
	BackgroundSound BackgroundSound `json:"background_sound,omitzero"`
	// Calendly is "calendly". Nil when absent or null.
	Calendly *Calendly `json:"calendly,omitzero"`
	// CallRetryConfig is "call_retry_config". Nil when absent or null.
	CallRetryConfig *CallRetryConfig `json:"call_retry_config,omitzero"`
	// EndOfCallSentence is "end_of_call_sentence". Empty when absent or null.
	EndOfCallSentence string `json:"end_of_call_sentence,omitzero"`
	// FirstSentence is "first_sentence". Empty when absent or null.
	FirstSentence string `json:"first_sentence,omitzero"`
	// FirstSentenceDelayMs is "first_sentence_delay_ms", in milliseconds.
	FirstSentenceDelayMs Int `json:"first_sentence_delay_ms"`
	// FirstSentenceMode is "first_sentence_mode".
	FirstSentenceMode FirstSentenceMode `json:"first_sentence_mode"`
	// IVRNavigationEnabled is "ivr_navigation_enabled": whether the agent navigates phone menus.
	IVRNavigationEnabled bool `json:"ivr_navigation_enabled"`
	// LlmModel is "llm_model".
	LlmModel LlmModel `json:"llm_model,omitzero"`
	// MaxCallDurationSecs is "max_call_duration_secs", in seconds.
	MaxCallDurationSecs float64 `json:"max_call_duration_secs"`
	// StructuredOutputConfig is "structured_output_config": the values to
	// extract from each call. Nil when absent or null.
	StructuredOutputConfig []StructuredOutputConfig `json:"structured_output_config,omitzero"`
	// TransferPhoneNumber is "transfer_phone_number". Empty when absent or
	// null. Personal data.
	TransferPhoneNumber string `json:"transfer_phone_number,omitzero"`
	// Voice is "voice". Nil when absent or null.
	Voice *Voice `json:"voice,omitzero"`
	// VoicemailMessage is "voicemail_message". Empty when absent or null.
	VoicemailMessage string `json:"voicemail_message,omitzero"`
	// WebhookURL is "webhook_url". Empty when absent or null.
	WebhookURL string `json:"webhook_url,omitzero"`
	// FaqItems is "faq_items". Nil when absent or null.
	FaqItems []FaqItem `json:"faq_items,omitzero"`
	// PendingFaqCount is "pending_faq_count". Nil when absent or null.
	PendingFaqCount *Int `json:"pending_faq_count,omitzero"`
}

// Calendly is the calendar in which an assistant books appointments.
type Calendly struct {
	// ConnectionID is "connection_id".
	ConnectionID string `json:"connection_id"`
	// EventTypeID is "event_type_id".
	EventTypeID string `json:"event_type_id"`
}

// Voice is how an assistant sounds.
type Voice struct {
	// ID is "id".
	ID string `json:"id"`
	// Provider is "provider".
	Provider VoiceProvider `json:"provider"`
	// Speed is "speed", as a factor: 0.6 to 1.5 with cartesia, 0.7 to 1.2
	// with elevenlabs. Nil when absent or null, for the default of 1.0.
	Speed *float64 `json:"speed,omitzero"`
}

// StructuredOutputConfig is one value to extract from each call; the values
// come in [CallAttempt.StructuredOutput].
type StructuredOutputConfig struct {
	// Name is "name".
	Name string `json:"name"`
	// Required is "required".
	Required bool `json:"required"`
	// Type is "type".
	Type StructuredOutputType `json:"type"`
	// Description is "description". Empty when absent or null.
	Description string `json:"description,omitzero"`
	// EnumOptions is "enum_options": the values to choose from when Type is
	// [StructuredOutputEnum]. Nil when absent or null.
	EnumOptions []string `json:"enum_options,omitzero"`
}

// FaqItem is a frequently asked question and its answer.
type FaqItem struct {
	// Answer is "answer".
	Answer string `json:"answer"`
	// Question is "question".
	Question string `json:"question"`
	// ID is "id". Empty when absent or null.
	ID string `json:"id,omitzero"`
	// NeedsHumanAnswer is "needs_human_answer". Nil when absent or null.
	NeedsHumanAnswer *bool `json:"needs_human_answer,omitzero"`
	// Source is "source". Empty when absent or null.
	Source FaqSource `json:"source,omitzero"`
}

// CallRetryConfig is when, and how often, a number is called again.
type CallRetryConfig struct {
	// CallingWindows is "calling_windows".
	CallingWindows []CallingWindow `json:"calling_windows,omitzero"`
	// MaxRetryAttempts is "max_retry_attempts"; the API's default is 3.
	MaxRetryAttempts Int `json:"max_retry_attempts"`
	// Timezone is "timezone": the IANA name of the zone of the calling
	// windows. Empty when absent or null, for the recipient's own zone.
	Timezone string `json:"timezone,omitzero"`
	// AllowedDays is "allowed_days". Nil when absent or null; only some
	// versions of the API have it.
	AllowedDays []Weekday `json:"allowed_days,omitzero"`
	// CallTwiceInARow is "call_twice_in_a_row". Nil when absent or null;
	// only some versions of the API have it.
	CallTwiceInARow *bool `json:"call_twice_in_a_row,omitzero"`
}

// CallingWindow is a span of the day in which calls may be made. Its times are
// HH:mm or H:mma (17:00, 6pm), in the recipient's time zone unless
// [CallRetryConfig.Timezone] names another.
type CallingWindow struct {
	// CallingWindowStartTime is "calling_window_start_time"; the API's
	// default is 10:00.
	CallingWindowStartTime string `json:"calling_window_start_time"`
	// CallingWindowEndTime is "calling_window_end_time"; the API's default
	// is 18:00.
	CallingWindowEndTime string `json:"calling_window_end_time"`
	// RetryDelaySeconds is "retry_delay_seconds", in seconds; the API's
	// default is 7200.
	RetryDelaySeconds Int `json:"retry_delay_seconds"`
}

// LlmModel is a language model. Type is its kind: with [LlmDedicatedInstance] Name is set, with [LlmOpenrouter] the two
// Openrouter fields are. Of an undocumented kind, the documented fields are decoded.
type LlmModel struct {
	// Type is "type".
	Type LlmModelType `json:"type"`
	// Name is "name", of a dedicated instance.
	Name LlmModelName `json:"name,omitzero"`
	// OpenrouterModelID is "openrouter_model_id".
	OpenrouterModelID string `json:"openrouter_model_id,omitzero"`
	// OpenrouterProvider is "openrouter_provider".
	OpenrouterProvider string `json:"openrouter_provider,omitzero"`
}
