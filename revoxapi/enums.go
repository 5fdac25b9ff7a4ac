package revoxapi

import "slices"

// Enum is a type with a list of documented values. The API may send others: they decode and encode like any other, and
// [Known] reports that they are not documented. The empty value stands for a field that was absent or null; it is not
// Known.
type Enum[E ~string] interface {
	~string
	values() []E
}

// Values returns the documented values of an enum, in the API's order, as in Values[CallStatus]().
func Values[E Enum[E]]() []E {
	var e E
	return e.values()
}

// Known reports whether value is one of the documented values of its type.
func Known[E Enum[E]](value E) bool { return slices.Contains(value.values(), value) }

// CallStatus is the state of a call order.
type CallStatus string

// The known call statuses.
const (
	CallInitializing     CallStatus = "initializing"
	CallQueuedForCalling CallStatus = "queued_for_calling"
	CallCalling          CallStatus = "calling"
	CallScheduled        CallStatus = "scheduled"
	CallCompleted        CallStatus = "completed"
	CallCancelled        CallStatus = "cancelled"
	CallErrored          CallStatus = "errored"
)

func (CallStatus) values() []CallStatus {
	return []CallStatus{
		CallInitializing, CallQueuedForCalling, CallCalling, CallScheduled, CallCompleted, CallCancelled,
		CallErrored,
	}
}

// AttemptStatus is the state of a single call attempt.
type AttemptStatus string

// The known attempt statuses.
const (
	AttemptQueued    AttemptStatus = "queued"
	AttemptRinging   AttemptStatus = "ringing"
	AttemptOngoing   AttemptStatus = "ongoing"
	AttemptCompleted AttemptStatus = "completed"
	AttemptError     AttemptStatus = "error"
)

func (AttemptStatus) values() []AttemptStatus {
	return []AttemptStatus{AttemptQueued, AttemptRinging, AttemptOngoing, AttemptCompleted, AttemptError}
}

// AttemptResult is who or what answered a call attempt.
type AttemptResult string

// The known attempt results.
const (
	ResultIVR                AttemptResult = "IVR"
	ResultVoicemail          AttemptResult = "voicemail"
	ResultHuman              AttemptResult = "human"
	ResultUnknown            AttemptResult = "unknown"
	ResultIOSScreeningFilter AttemptResult = "ios-screening-filter"
)

func (AttemptResult) values() []AttemptResult {
	return []AttemptResult{ResultIVR, ResultVoicemail, ResultHuman, ResultUnknown, ResultIOSScreeningFilter}
}

// DialError is the SIP error of a call attempt. It is a value of the API, not a Go error.
type DialError string

// The known dial errors.
const (
	DialErrorNumberNonAttributed       DialError = "number_non_attributed"
	DialErrorTooManyCalls              DialError = "too_many_calls"
	DialErrorBusy                      DialError = "busy"
	DialErrorTemporarilyUnavailable    DialError = "temporarily_unavailable"
	DialErrorNoAnswer                  DialError = "no_answer"
	DialErrorNoInternationalPermission DialError = "no_international_permission"
	DialErrorPreconditionFailed        DialError = "precondition_failed"
	DialErrorNonClassified             DialError = "non_classified_error"
)

func (DialError) values() []DialError {
	return []DialError{
		DialErrorNumberNonAttributed, DialErrorTooManyCalls, DialErrorBusy, DialErrorTemporarilyUnavailable,
		DialErrorNoAnswer, DialErrorNoInternationalPermission, DialErrorPreconditionFailed, DialErrorNonClassified,
	}
}

// EndedBy is who ended a call attempt.
type EndedBy string

// The known parties that end a call attempt.
const (
	EndedByAgent  EndedBy = "agent"  // the AI agent
	EndedByUser   EndedBy = "user"   // the person called
	EndedBySystem EndedBy = "system" // the platform, for example at a maximum duration
)

func (EndedBy) values() []EndedBy {
	return []EndedBy{EndedByAgent, EndedByUser, EndedBySystem}
}

// EndReason is why the AI agent ended a call attempt. The API documents it as an open set: expect values that are not
// [Known].
type EndReason string

// The documented end reasons.
const (
	EndReasonToolEndCall   EndReason = "tool_end_call"
	EndReasonVoicemail     EndReason = "voicemail"
	EndReasonTransfer      EndReason = "transfer"
	EndReasonIVRNoNavigate EndReason = "ivr_no_navigate"
)

func (EndReason) values() []EndReason {
	return []EndReason{EndReasonToolEndCall, EndReasonVoicemail, EndReasonTransfer, EndReasonIVRNoNavigate}
}

// CallDirection is who calls whom.
type CallDirection string

// The known call directions.
const (
	CallInbound  CallDirection = "inbound"
	CallOutbound CallDirection = "outbound"
)

func (CallDirection) values() []CallDirection {
	return []CallDirection{CallInbound, CallOutbound}
}

// CallOutcome is the result of a call order. Only some versions of the API have it. It is empty until it is computed.
type CallOutcome string

// The known call outcomes.
const (
	OutcomeNotInterested          CallOutcome = "not_interested"
	OutcomeInterested             CallOutcome = "interested"
	OutcomeCompleted              CallOutcome = "completed"
	OutcomeRequestedCallbackLater CallOutcome = "requested_callback_later"
)

func (CallOutcome) values() []CallOutcome {
	return []CallOutcome{OutcomeNotInterested, OutcomeInterested, OutcomeCompleted, OutcomeRequestedCallbackLater}
}

// CampaignStatus is the state of a campaign. There is no status for a cancelled one; see [Campaign.IsCancelled].
type CampaignStatus string

// The known campaign statuses.
const (
	CampaignDraft     CampaignStatus = "draft"
	CampaignRunning   CampaignStatus = "running"
	CampaignPaused    CampaignStatus = "paused"
	CampaignCompleted CampaignStatus = "completed"
)

func (CampaignStatus) values() []CampaignStatus {
	return []CampaignStatus{CampaignDraft, CampaignRunning, CampaignPaused, CampaignCompleted}
}

// TranscriptRole is who speaks in a transcript entry.
type TranscriptRole string

// The known transcript roles.
const (
	RoleUser      TranscriptRole = "user"      // the person called
	RoleAssistant TranscriptRole = "assistant" // the AI agent
	RoleTool      TranscriptRole = "tool"      // a tool that the agent used
)

func (TranscriptRole) values() []TranscriptRole {
	return []TranscriptRole{RoleUser, RoleAssistant, RoleTool}
}

// FirstSentenceMode is the origin of an assistant's first sentence.
type FirstSentenceMode string

// The known first sentence modes.
const (
	FirstSentenceGenerated FirstSentenceMode = "generated"
	FirstSentenceStatic    FirstSentenceMode = "static"
	FirstSentenceNone      FirstSentenceMode = "none"
)

func (FirstSentenceMode) values() []FirstSentenceMode {
	return []FirstSentenceMode{FirstSentenceGenerated, FirstSentenceStatic, FirstSentenceNone}
}

// LlmModelType is which kind of language model an [LlmModel] names.
type LlmModelType string

// The known kinds of language model.
const (
	LlmDedicatedInstance LlmModelType = "dedicated-instance"
	LlmOpenrouter        LlmModelType = "openrouter"
)

func (LlmModelType) values() []LlmModelType {
	return []LlmModelType{LlmDedicatedInstance, LlmOpenrouter}
}

// LlmModelName is the language model of a dedicated instance.
type LlmModelName string

// The known models of dedicated instances.
const (
	LlmGPT41                LlmModelName = "gpt-4.1"
	LlmMinistral38BInstruct LlmModelName = "ministral-3-8b-instruct"
)

func (LlmModelName) values() []LlmModelName {
	return []LlmModelName{LlmGPT41, LlmMinistral38BInstruct}
}

// VoiceProvider is who makes an assistant's voice.
type VoiceProvider string

// The known voice providers.
const (
	VoiceCartesia   VoiceProvider = "cartesia"
	VoiceElevenLabs VoiceProvider = "elevenlabs"
)

func (VoiceProvider) values() []VoiceProvider {
	return []VoiceProvider{VoiceCartesia, VoiceElevenLabs}
}

// StructuredOutputType is the type of one value that an assistant extracts
// from its calls.
type StructuredOutputType string

// The known types of structured output.
const (
	StructuredOutputString   StructuredOutputType = "string"
	StructuredOutputNumber   StructuredOutputType = "number"
	StructuredOutputBoolean  StructuredOutputType = "boolean"
	StructuredOutputEnum     StructuredOutputType = "enum"
	StructuredOutputDate     StructuredOutputType = "date"
	StructuredOutputDatetime StructuredOutputType = "datetime"
)

func (StructuredOutputType) values() []StructuredOutputType {
	return []StructuredOutputType{
		StructuredOutputString, StructuredOutputNumber, StructuredOutputBoolean, StructuredOutputEnum,
		StructuredOutputDate, StructuredOutputDatetime,
	}
}

// FaqSource is who wrote a frequently asked question.
type FaqSource string

// The known sources of frequently asked questions.
const (
	FaqSourceHuman FaqSource = "human"
	FaqSourceAI    FaqSource = "ai"
)

func (FaqSource) values() []FaqSource {
	return []FaqSource{FaqSourceHuman, FaqSourceAI}
}

// BackgroundSound is what plays behind an assistant's voice.
type BackgroundSound string

// The known background sound.
const BackgroundSoundOffice BackgroundSound = "audio/office.ogg"

func (BackgroundSound) values() []BackgroundSound {
	return []BackgroundSound{BackgroundSoundOffice}
}

// Weekday is a day on which calls may be made.
type Weekday string

// The days of the week.
const (
	Monday    Weekday = "monday"
	Tuesday   Weekday = "tuesday"
	Wednesday Weekday = "wednesday"
	Thursday  Weekday = "thursday"
	Friday    Weekday = "friday"
	Saturday  Weekday = "saturday"
	Sunday    Weekday = "sunday"
)

func (Weekday) values() []Weekday {
	return []Weekday{Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday}
}
