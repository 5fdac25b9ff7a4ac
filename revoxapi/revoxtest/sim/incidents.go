package sim

import (
	"slices"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim/internal/calendar"
)

// Incident is something that goes wrong with calls for a while. It acts on the attempts that start in its time.
type Incident struct {
	Kind     IncidentKind
	Campaign string    // campaign ID; "" for all
	Start    time.Time // zero: from the moment it is added
	End      time.Time // not included; zero: for ever

	// Share of the attempts (for AgentBreaks: of the answered ones; for AnswersDrop: of those that a human would have
	// answered) that it acts on. 0 stands for a default that nobody would overlook. Stall does not use it.
	Share float64
	// DialError is what a DialErrorSurge brings; default too_many_calls.
	DialError string
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
)

var defaultIncidentShares = [...]float64{
	DialErrorSurge: 0.4, AgentBreaks: 0.8, AnswersDrop: 0.75, Stall: 1,
	ErroredSurge: 0.3, VoicemailSurge: 0.6, ScreeningSurge: 0.5,
}

// String returns the name of the constant.
func (k IncidentKind) String() string {
	names := [...]string{"DialErrorSurge", "AgentBreaks", "AnswersDrop", "Stall", "ErroredSurge", "VoicemailSurge", "ScreeningSurge"}
	if k < 0 || int(k) >= len(names) {
		return "IncidentKind(?)"
	}
	return names[k]
}

func (l *life) addIncident(in Incident) {
	if in.Campaign == "" || in.Campaign == l.entry.ID {
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
