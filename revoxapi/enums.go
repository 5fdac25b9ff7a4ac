package revoxapi

import "slices"

// Each enum of the API is a named string type, with a constant and a list of
// the values known today. Enums grow: a value outside the list decodes and
// encodes like any other, and Known tells it from the listed ones. The empty
// value is a field that was absent or null; it is not Known.

// CallStatus is where a call order stands.
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

var callStatuses = [...]CallStatus{
	CallInitializing, CallQueuedForCalling, CallCalling, CallScheduled,
	CallCompleted, CallCancelled, CallErrored,
}

// CallStatuses returns the known call statuses, in the API's order.
func CallStatuses() []CallStatus { return slices.Clone(callStatuses[:]) }

// Known tells whether s is one of [CallStatuses].
func (s CallStatus) Known() bool { return slices.Contains(callStatuses[:], s) }

// AttemptStatus is where a single call attempt stands.
type AttemptStatus string

// The known attempt statuses.
const (
	AttemptQueued    AttemptStatus = "queued"
	AttemptRinging   AttemptStatus = "ringing"
	AttemptOngoing   AttemptStatus = "ongoing"
	AttemptCompleted AttemptStatus = "completed"
	AttemptError     AttemptStatus = "error"
)

var attemptStatuses = [...]AttemptStatus{
	AttemptQueued, AttemptRinging, AttemptOngoing, AttemptCompleted, AttemptError,
}

// AttemptStatuses returns the known attempt statuses, in the API's order.
func AttemptStatuses() []AttemptStatus { return slices.Clone(attemptStatuses[:]) }

// Known tells whether s is one of [AttemptStatuses].
func (s AttemptStatus) Known() bool { return slices.Contains(attemptStatuses[:], s) }

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

var attemptResults = [...]AttemptResult{
	ResultIVR, ResultVoicemail, ResultHuman, ResultUnknown, ResultIOSScreeningFilter,
}

// AttemptResults returns the known attempt results, in the API's order.
func AttemptResults() []AttemptResult { return slices.Clone(attemptResults[:]) }

// Known tells whether r is one of [AttemptResults]; the API's own "unknown"
// ([ResultUnknown]) is.
func (r AttemptResult) Known() bool { return slices.Contains(attemptResults[:], r) }

// DialError is the SIP error that a call attempt met. It is a value of the
// API, not a Go error.
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

var dialErrors = [...]DialError{
	DialErrorNumberNonAttributed, DialErrorTooManyCalls, DialErrorBusy,
	DialErrorTemporarilyUnavailable, DialErrorNoAnswer,
	DialErrorNoInternationalPermission, DialErrorPreconditionFailed,
	DialErrorNonClassified,
}

// DialErrors returns the known dial errors, in the API's order.
func DialErrors() []DialError { return slices.Clone(dialErrors[:]) }

// Known tells whether e is one of [DialErrors].
func (e DialError) Known() bool { return slices.Contains(dialErrors[:], e) }

// EndedBy is who ended a call attempt.
type EndedBy string

// The known parties that end a call attempt.
const (
	EndedByAgent  EndedBy = "agent"  // the AI agent
	EndedByUser   EndedBy = "user"   // the person called
	EndedBySystem EndedBy = "system" // the platform, at a maximum duration, say
)

var endedBys = [...]EndedBy{EndedByAgent, EndedByUser, EndedBySystem}

// EndedBys returns the known parties that end a call attempt, in the API's order.
func EndedBys() []EndedBy { return slices.Clone(endedBys[:]) }

// Known tells whether e is one of [EndedBys].
func (e EndedBy) Known() bool { return slices.Contains(endedBys[:], e) }

// EndReason is why the AI agent ended a call attempt. The API documents it as
// an open set: expect values that are not Known.
type EndReason string

// The documented end reasons.
const (
	EndReasonToolEndCall   EndReason = "tool_end_call"
	EndReasonVoicemail     EndReason = "voicemail"
	EndReasonTransfer      EndReason = "transfer"
	EndReasonIVRNoNavigate EndReason = "ivr_no_navigate"
)

var endReasons = [...]EndReason{
	EndReasonToolEndCall, EndReasonVoicemail, EndReasonTransfer, EndReasonIVRNoNavigate,
}

// EndReasons returns the documented end reasons, in the API's order.
func EndReasons() []EndReason { return slices.Clone(endReasons[:]) }

// Known tells whether r is one of [EndReasons].
func (r EndReason) Known() bool { return slices.Contains(endReasons[:], r) }

// CallDirection is who calls whom.
type CallDirection string

// The known call directions.
const (
	CallInbound  CallDirection = "inbound"
	CallOutbound CallDirection = "outbound"
)

var callDirections = [...]CallDirection{CallInbound, CallOutbound}

// CallDirections returns the known call directions, in the API's order.
func CallDirections() []CallDirection { return slices.Clone(callDirections[:]) }

// Known tells whether d is one of [CallDirections].
func (d CallDirection) Known() bool { return slices.Contains(callDirections[:], d) }

// CallOutcome is what a call order led to. Only some versions of the API have
// it, and it is empty while not computed.
type CallOutcome string

// The known call outcomes.
const (
	OutcomeNotInterested          CallOutcome = "not_interested"
	OutcomeInterested             CallOutcome = "interested"
	OutcomeCompleted              CallOutcome = "completed"
	OutcomeRequestedCallbackLater CallOutcome = "requested_callback_later"
)

var callOutcomes = [...]CallOutcome{
	OutcomeNotInterested, OutcomeInterested, OutcomeCompleted, OutcomeRequestedCallbackLater,
}

// CallOutcomes returns the known call outcomes, in the API's order.
func CallOutcomes() []CallOutcome { return slices.Clone(callOutcomes[:]) }

// Known tells whether o is one of [CallOutcomes].
func (o CallOutcome) Known() bool { return slices.Contains(callOutcomes[:], o) }

// CampaignStatus is where a campaign stands. There is no status for a
// cancelled one: [Campaign.IsCancelled] says it.
type CampaignStatus string

// The known campaign statuses.
const (
	CampaignDraft     CampaignStatus = "draft"
	CampaignRunning   CampaignStatus = "running"
	CampaignPaused    CampaignStatus = "paused"
	CampaignCompleted CampaignStatus = "completed"
)

var campaignStatuses = [...]CampaignStatus{
	CampaignDraft, CampaignRunning, CampaignPaused, CampaignCompleted,
}

// CampaignStatuses returns the known campaign statuses, in the API's order.
func CampaignStatuses() []CampaignStatus { return slices.Clone(campaignStatuses[:]) }

// Known tells whether s is one of [CampaignStatuses].
func (s CampaignStatus) Known() bool { return slices.Contains(campaignStatuses[:], s) }

// TranscriptRole is who speaks in a transcript entry.
type TranscriptRole string

// The known transcript roles.
const (
	RoleUser      TranscriptRole = "user"      // the person called
	RoleAssistant TranscriptRole = "assistant" // the AI agent
	RoleTool      TranscriptRole = "tool"      // a tool that the agent used
)

var transcriptRoles = [...]TranscriptRole{RoleUser, RoleAssistant, RoleTool}

// TranscriptRoles returns the known transcript roles, in the API's order.
func TranscriptRoles() []TranscriptRole { return slices.Clone(transcriptRoles[:]) }

// Known tells whether r is one of [TranscriptRoles].
func (r TranscriptRole) Known() bool { return slices.Contains(transcriptRoles[:], r) }

// FirstSentenceMode is where an assistant's first sentence comes from.
type FirstSentenceMode string

// The known first sentence modes.
const (
	FirstSentenceGenerated FirstSentenceMode = "generated"
	FirstSentenceStatic    FirstSentenceMode = "static"
	FirstSentenceNone      FirstSentenceMode = "none"
)

var firstSentenceModes = [...]FirstSentenceMode{
	FirstSentenceGenerated, FirstSentenceStatic, FirstSentenceNone,
}

// FirstSentenceModes returns the known first sentence modes, in the API's order.
func FirstSentenceModes() []FirstSentenceMode { return slices.Clone(firstSentenceModes[:]) }

// Known tells whether m is one of [FirstSentenceModes].
func (m FirstSentenceMode) Known() bool { return slices.Contains(firstSentenceModes[:], m) }

// LlmModelType is which kind of language model an [LlmModel] names.
type LlmModelType string

// The known kinds of language model.
const (
	LlmDedicatedInstance LlmModelType = "dedicated-instance"
	LlmOpenrouter        LlmModelType = "openrouter"
)

var llmModelTypes = [...]LlmModelType{LlmDedicatedInstance, LlmOpenrouter}

// LlmModelTypes returns the known kinds of language model, in the API's order.
func LlmModelTypes() []LlmModelType { return slices.Clone(llmModelTypes[:]) }

// Known tells whether t is one of [LlmModelTypes].
func (t LlmModelType) Known() bool { return slices.Contains(llmModelTypes[:], t) }

// LlmModelName is the language model of a dedicated instance.
type LlmModelName string

// The known models of dedicated instances.
const (
	LlmGPT41                LlmModelName = "gpt-4.1"
	LlmMinistral38BInstruct LlmModelName = "ministral-3-8b-instruct"
)

var llmModelNames = [...]LlmModelName{LlmGPT41, LlmMinistral38BInstruct}

// LlmModelNames returns the known models of dedicated instances, in the API's order.
func LlmModelNames() []LlmModelName { return slices.Clone(llmModelNames[:]) }

// Known tells whether n is one of [LlmModelNames].
func (n LlmModelName) Known() bool { return slices.Contains(llmModelNames[:], n) }

// VoiceProvider is who makes an assistant's voice.
type VoiceProvider string

// The known voice providers.
const (
	VoiceCartesia   VoiceProvider = "cartesia"
	VoiceElevenLabs VoiceProvider = "elevenlabs"
)

var voiceProviders = [...]VoiceProvider{VoiceCartesia, VoiceElevenLabs}

// VoiceProviders returns the known voice providers, in the API's order.
func VoiceProviders() []VoiceProvider { return slices.Clone(voiceProviders[:]) }

// Known tells whether p is one of [VoiceProviders].
func (p VoiceProvider) Known() bool { return slices.Contains(voiceProviders[:], p) }

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

var structuredOutputTypes = [...]StructuredOutputType{
	StructuredOutputString, StructuredOutputNumber, StructuredOutputBoolean,
	StructuredOutputEnum, StructuredOutputDate, StructuredOutputDatetime,
}

// StructuredOutputTypes returns the known types of structured output, in the
// API's order.
func StructuredOutputTypes() []StructuredOutputType { return slices.Clone(structuredOutputTypes[:]) }

// Known tells whether t is one of [StructuredOutputTypes].
func (t StructuredOutputType) Known() bool { return slices.Contains(structuredOutputTypes[:], t) }

// FaqSource is who wrote a frequently asked question.
type FaqSource string

// The known sources of frequently asked questions.
const (
	FaqSourceHuman FaqSource = "human"
	FaqSourceAI    FaqSource = "ai"
)

var faqSources = [...]FaqSource{FaqSourceHuman, FaqSourceAI}

// FaqSources returns the known sources of frequently asked questions, in the
// API's order.
func FaqSources() []FaqSource { return slices.Clone(faqSources[:]) }

// Known tells whether s is one of [FaqSources].
func (s FaqSource) Known() bool { return slices.Contains(faqSources[:], s) }

// BackgroundSound is what plays behind an assistant's voice.
type BackgroundSound string

// The known background sound.
const BackgroundSoundOffice BackgroundSound = "audio/office.ogg"

var backgroundSounds = [...]BackgroundSound{BackgroundSoundOffice}

// BackgroundSounds returns the known background sounds, in the API's order.
func BackgroundSounds() []BackgroundSound { return slices.Clone(backgroundSounds[:]) }

// Known tells whether s is one of [BackgroundSounds].
func (s BackgroundSound) Known() bool { return slices.Contains(backgroundSounds[:], s) }

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

var weekdays = [...]Weekday{Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday}

// Weekdays returns the days of the week, Monday first.
func Weekdays() []Weekday { return slices.Clone(weekdays[:]) }

// Known tells whether d is one of [Weekdays].
func (d Weekday) Known() bool { return slices.Contains(weekdays[:], d) }
