package labelvalue

import (
	"maps"
	"slices"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Label values that do not come from the API.
const (
	// None stands for an absent or empty value.
	None = "none"
	// Other stands for unknown values that do not get a label value of their own.
	Other = "other"
	// CampaignCancelled is the status of a campaign that the API lists as is_cancelled, whatever status the API gives.
	CampaignCancelled = "cancelled"
)

// Enum is an enumeration of the API: its label and its known values. Three enumerations share the label status. It is
// immutable.
type Enum struct {
	Label  string
	values []string
	known  map[string]string // each value by itself, so that equal label values share memory
	// open reports that the API's users choose the values: one that passes is not unknown.
	open   bool
	passes func(value string) bool // reports whether an unknown value may be shown
}

// The enumerations of the API.
var (
	CallStatus     = newEnum("status", revoxapi.Values[revoxapi.CallStatus]())
	AttemptStatus  = newEnum("status", revoxapi.Values[revoxapi.AttemptStatus]())
	CampaignStatus = newEnum("status", revoxapi.Values[revoxapi.CampaignStatus]())
	Outcome        = newEnum("outcome", revoxapi.Values[revoxapi.CallOutcome]())
	Result         = newEnum("result", revoxapi.Values[revoxapi.AttemptResult]())
	DialError      = newEnum("dial_error", revoxapi.Values[revoxapi.DialError]())
	EndedBy        = newEnum("ended_by", revoxapi.Values[revoxapi.EndedBy]())
	EndReason      = newEnum("end_reason", revoxapi.Values[revoxapi.EndReason]())
	VoiceProvider  = newEnum("voice_provider", revoxapi.Values[revoxapi.VoiceProvider]())
	ToolName       = newOpenEnum[string]("tool_name", nil, IsIdentifier)
	LLMModel       = newOpenEnum("llm_model", revoxapi.Values[revoxapi.LlmModelName](), isModelID)
	LLMProvider    = newOpenEnum("llm_provider", []revoxapi.LlmModelType{revoxapi.LlmDedicatedInstance}, isModelID)
)

var (
	enums []*Enum
	// knownValues has the known values of all enumerations, each by itself.
	knownValues = map[string]string{}
)

func newEnum[S ~string](label string, known []S) *Enum {
	e := &Enum{Label: label, known: make(map[string]string, len(known)), passes: IsIdentifier}
	for _, k := range known {
		value := string(k)
		e.values = append(e.values, value)
		e.known[value], knownValues[value] = value, value
	}
	enums = append(enums, e)
	return e
}

func newOpenEnum[S ~string](label string, known []S, passes func(string) bool) *Enum {
	e := newEnum(label, known)
	e.open, e.passes = true, passes
	return e
}

// Values returns a copy of the known values, in the order of package revoxapi.
func (e *Enum) Values() []string { return slices.Clone(e.values) }

// Has reports whether a value is known.
func (e *Enum) Has(value string) bool { return e.known[value] != "" }

// Known returns a text as a string without an allocation if it is a known value of any enumeration.
func Known(text []byte) (value string, ok bool) {
	value, ok = knownValues[string(text)]
	return value, ok
}

// All returns the known values of all enumerations, in order.
func All() []string { return slices.Sorted(maps.Keys(knownValues)) }

// CampaignStatuses returns the known values of a campaign's status: those of the API, and CampaignCancelled.
func CampaignStatuses() []string { return append(CampaignStatus.Values(), CampaignCancelled) }
