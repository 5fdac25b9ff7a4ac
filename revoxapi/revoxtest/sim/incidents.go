package sim

import (
	"cmp"
	"slices"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/internal/wire"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim/internal/calendar"
)

// Incident is something that goes wrong with calls for a while. It acts on the attempts that start in its time.
type Incident struct {
	Kind     IncidentKind
	Campaign string    // campaign ID; "" for all
	Provider string    // of a voice or a language model: the campaigns that have it; "" for all
	Start    time.Time // zero: from the moment it is added
	End      time.Time // not included; zero: for ever

	// Share of the attempts (for AgentBreaks: of the answered ones; for AnswersDrop: of those that a human would have
	// answered) that it acts on. 0 stands for a default that nobody would overlook. Stall does not use it.
	Share float64
	// DialError is what a DialErrorSurge brings; default too_many_calls.
	DialError string
	// Tool is what a ToolFails is about; default find_appointment.
	Tool string
	// Model is the language model that a ModelSwapped brings; default ministral-3-8b-instruct, or gpt-4.1 if the campaign
	// has that.
	Model string
}

// IncidentKind is a kind of incident.
type IncidentKind int

const (
	// DialErrorSurge makes attempts fail with one dial error; by default 40 % of them.
	DialErrorSurge IncidentKind = iota
	// AgentBreaks makes answered calls end by the system within seconds; by default 80 % of them.
	AgentBreaks
	// AnswersDrop keeps humans from answering, as when a number is marked as spam; by default 75 % of those who would.
	AnswersDrop
	// Stall keeps attempts from being started, although calls wait.
	Stall
	// ErroredSurge makes calls end errored; by default at 30 % of the attempts.
	ErroredSurge
	// VoicemailSurge sends attempts to voicemail; by default 60 % of them.
	VoicemailSurge
	// ScreeningSurge sends attempts to the ios-screening-filter; by default 50 % of them.
	ScreeningSurge
	// ToolFails makes uses of a tool fail; by default 80 % of them.
	ToolFails
	// VoiceSilent makes the agent silent in answered calls; by default 90 % of them. People say hello and hang up.
	VoiceSilent
	// ModelSwapped gives the assistant another language model, which rows show from then on. By default, people hang up on
	// it within seconds in 30 % of the talks.
	ModelSwapped
)

var defaultIncidentShares = [...]float64{
	DialErrorSurge: 0.4, AgentBreaks: 0.8, AnswersDrop: 0.75, Stall: 1,
	ErroredSurge: 0.3, VoicemailSurge: 0.6, ScreeningSurge: 0.5, ToolFails: 0.8, VoiceSilent: 0.9, ModelSwapped: 0.3,
}

// String returns the name of the constant.
func (k IncidentKind) String() string {
	names := [...]string{"DialErrorSurge", "AgentBreaks", "AnswersDrop", "Stall", "ErroredSurge", "VoicemailSurge", "ScreeningSurge",
		"ToolFails", "VoiceSilent", "ModelSwapped"}
	if k < 0 || int(k) >= len(names) {
		return "IncidentKind(?)"
	}
	return names[k]
}

func (l *life) addIncident(in Incident) {
	if (in.Campaign == "" || in.Campaign == l.entry.ID) && (in.Provider == "" || in.Provider == l.text.Voice || in.Provider == l.text.Provider) {
		l.incidents = append(l.incidents, in)
	}
}

func (in *Incident) at(ms int64) bool {
	return in.Start.UnixMilli() <= ms && (in.End.IsZero() || ms < in.End.UnixMilli())
}

// incidentShare returns the share of attempts that incidents of a kind act on.
func (l *life) incidentShare(kind IncidentKind, ms int64) float64 {
	share := 0.0
	for i := range l.incidents {
		if in := &l.incidents[i]; in.Kind == kind && in.at(ms) {
			share = max(share, in.Share)
		}
	}
	return share
}

// acts reports whether an incident of a kind acts on an attempt. It draws nothing while there is none, so that the campaign
// goes as if there never was one.
func (l *life) acts(kind IncidentKind, ms int64) bool {
	share := l.incidentShare(kind, ms)
	return share > 0 && l.rng.Float64() < share
}

// failingTool returns the tool that fails most at the time; noTool if none does.
func (l *life) failingTool(ms int64) (tool uint8, share float64) {
	tool = noTool
	for i := range l.incidents {
		if in := &l.incidents[i]; in.Kind == ToolFails && in.at(ms) && in.Share > share {
			tool, share = toolIndex(in.Tool), in.Share
		}
	}
	return tool, share
}

// swapModel shows the language model that the assistant has now.
func (l *life) swapModel() {
	model, updated := "", time.Time{}
	for i := range l.incidents {
		in := &l.incidents[i]
		switch ended := !in.End.IsZero() && in.End.UnixMilli() <= l.now; {
		case in.Kind != ModelSwapped:
		case in.at(l.now) && !in.Start.Before(updated):
			model, updated = in.Model, in.Start
			if model == "" {
				model = wire.Models[0]
				if l.ownModel == model {
					model = wire.Models[2]
				}
			}
		case ended && in.End.After(updated):
			model, updated = "", in.End
		}
	}
	if model == l.model && updated.Equal(l.updated) {
		return
	}
	l.model, l.updated = model, updated
	settings := l.spec.settings()
	settings.Model, settings.Updated = cmp.Or(model, l.ownModel), updated
	l.text = wire.NewTexts(l.spec.ID, l.serverSeed, settings, l.style)
	l.entry.Assistant = l.text.Assistant
}

// dialErrorSurge returns the strongest surge of dial errors at the time.
func (l *life) dialErrorSurge(ms int64) (share float64, dial uint8) {
	for i := range l.incidents {
		if in := &l.incidents[i]; in.Kind == DialErrorSurge && in.at(ms) && in.Share > share {
			share, dial = in.Share, uint8(slices.Index(dialNames[:], in.DialError))
		}
	}
	return share, dial
}

// stalled reports whether no attempts are started, and until when at least.
func (l *life) stalled(ms int64) (until int64, stalled bool) {
	for i := range l.incidents {
		if in := &l.incidents[i]; in.Kind == Stall && in.at(ms) {
			if in.End.IsZero() {
				return calendar.Never, true
			}
			return in.End.UnixMilli(), true
		}
	}
	return 0, false
}
