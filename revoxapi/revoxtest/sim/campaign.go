package sim

import (
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/internal/wire"
)

// Campaign says what a living campaign is like. The zero value of every field stands for a sensible default; a share is
// a number from 0 to 1, and a negative one stands for none.
type Campaign struct {
	ID   string // default: a UUID made from the seed and the name
	Name string // default: "Campaign" and the beginning of the ID

	Rows           int           // contacts at the start; default 100, or 0 where AddRowsPerHour is set
	AddRowsPerHour float64       // contacts that come in from the start on, at random times
	AddRowsFor     time.Duration // how long contacts come in; default: for ever

	Start  time.Time // when the calls are ordered; default now. The campaign is a draft until then
	Draft  bool      // calls are not ordered until [revoxtest.Server.Resume]
	Paused bool      // calls are ordered but not made until [revoxtest.Server.Resume]

	MaxConcurrentCalls int            // default: as many as get through the rows in about two days
	Timezone           string         // IANA name of where the people called live; default UTC
	Windows            []Window       // when calls may be made; default 10:00 to 18:00
	Days               []time.Weekday // on which days; default every day
	MaxRetryAttempts   int            // default 3; negative for none
	RetryDelay         time.Duration  // from an attempt's end to the next; default 2 h
	CallTwiceInARow    bool           // the first attempt that is not answered is repeated at once
	MaxCallDuration    time.Duration  // the system ends longer calls; default 10 min
	QueueOvernight     bool           // waiting calls stay queued_for_calling outside the windows, else they are scheduled

	HumanShare       float64            // attempts answered by a human, over the day; default 0.3
	VoicemailShare   float64            // attempts answered by a voicemail; default 0.14
	ScreeningShare   float64            // attempts answered by the ios-screening-filter; default 0.02
	IVRShare         float64            // attempts answered by an IVR; default 0.02
	UnknownShare     float64            // attempts answered by nobody knows whom; default 0.01
	HourFactors      [24]float64        // what HumanShare is multiplied by in each local hour; default: more towards the evening
	DialErrors       map[string]float64 // weights of the dial errors of attempts that are not answered; default: mostly no_answer and busy
	BadNumbersShare  float64            // contacts whose number does not exist; default 0.015
	NeverAnswerShare float64            // contacts that never answer; default 0
	TalkMedian       time.Duration      // median of a talk with a human; default 50 s

	ErroredShare         float64 // attempts that end their call as errored; default 0.003
	CancelledShare       float64 // calls that somebody cancels; default 0.01
	RowsWithoutCallShare float64 // contacts that never get a call; default 0.02
	ReclassifiedShare    float64 // attempts whose result is first unknown and known only minutes after their end; default none

	Assistant  string             // name of the assistant; default "Outbound assistant"
	Model      string             // language model, such as gpt-4.1; one with a slash is of openrouter. Default: one of three
	Voice      string             // provider of the voice; default cartesia or elevenlabs
	ToolErrors map[string]float64 // shares of the uses of tools that fail; default: a few percent

	Weight      Weight // how heavy the rows are
	Agent       bool   // light rows, too, have an assistant, though a small one, and transcripts, though without texts
	Outcomes    bool   // calls carry the newer field `outcome`
	NewerFields bool   // all newer fields, outcome included
	NewestFirst bool   // rows are served newest first, so that a new one moves all others
}

// Window is a span of each day in which calls may be made. Both ends are written as the API writes them, `17:00` or
// `5pm` or `5:30pm`, and served as they are written. An end that is not after its start is on the next day; `24:00` is
// allowed as an end.
type Window struct {
	Start, End string
}

// Weight says how much text the rows of a campaign carry.
type Weight int

const (
	// Realistic rows are of about 10 KB: each repeats the assistant with a prompt of several KB, and answered calls
	// have a transcript.
	Realistic Weight = iota
	// Light rows are of about 1 KB: no assistant, transcripts or other optional texts; but see Campaign.Agent.
	Light
	// Heavy rows are of tens of KB.
	Heavy
)

var defaultHourFactors = [24]float64{
	0.3, 0.2, 0.2, 0.2, 0.2, 0.3, 0.5, 0.7, 0.85, 0.95, 1, 1,
	0.9, 0.85, 0.9, 0.95, 1, 1.15, 1.25, 1.2, 1.05, 0.9, 0.7, 0.5,
}

// The shares among the attempts that nobody answers. With the default shares of answers, too_many_calls is about 2 % of
// all attempts.
var defaultDialErrors = map[string]float64{
	"no_answer":                   0.64,
	"busy":                        0.25,
	"temporarily_unavailable":     0.05,
	"too_many_calls":              0.04,
	"non_classified_error":        0.01,
	"number_non_attributed":       0.005,
	"precondition_failed":         0.003,
	"no_international_permission": 0.002,
}

// withDefaults fills in what is zero. Shares that are negative become 0.
func (c Campaign) withDefaults(seed uint64, now time.Time) Campaign {
	if c.ID == "" {
		c.ID = wire.UUID(wire.MixString(seed, c.Name))
	}
	if c.Name == "" {
		c.Name = "Campaign " + c.ID[:min(8, len(c.ID))]
	}
	if c.Rows == 0 && c.AddRowsPerHour == 0 {
		c.Rows = 100
	}
	if c.Start.IsZero() {
		c.Start = now
	}
	if c.MaxConcurrentCalls == 0 {
		// One slot makes about 80 attempts an hour; a row needs two or three.
		c.MaxConcurrentCalls = 2 + c.Rows/500 + int(c.AddRowsPerHour/20)
	}
	if c.Windows == nil {
		c.Windows = []Window{{"10:00", "18:00"}}
	}
	defaultTo(&c.MaxRetryAttempts, 3)
	defaultTo(&c.RetryDelay, 2*time.Hour)
	defaultTo(&c.MaxCallDuration, 10*time.Minute)
	defaultTo(&c.HumanShare, 0.3)
	defaultTo(&c.VoicemailShare, 0.14)
	defaultTo(&c.ScreeningShare, 0.02)
	defaultTo(&c.IVRShare, 0.02)
	defaultTo(&c.UnknownShare, 0.01)
	defaultTo(&c.BadNumbersShare, 0.015)
	defaultTo(&c.TalkMedian, 50*time.Second)
	defaultTo(&c.ErroredShare, 0.003)
	defaultTo(&c.CancelledShare, 0.01)
	defaultTo(&c.RowsWithoutCallShare, 0.02)
	if c.HourFactors == [24]float64{} {
		c.HourFactors = defaultHourFactors
	}
	if c.DialErrors == nil {
		c.DialErrors = defaultDialErrors
	}
	c.ToolErrors = toolErrors(c.ToolErrors)
	c.Outcomes = c.Outcomes || c.NewerFields
	return c
}

// defaultTo sets *v to def where it is zero, and to zero where it is negative.
func defaultTo[T int | float64 | time.Duration](v *T, def T) {
	switch {
	case *v == 0:
		*v = def
	case *v < 0:
		*v = 0
	}
}

// settings returns how the campaign calls, as the API shows it.
func (c *Campaign) settings() wire.Settings {
	s := wire.Settings{
		Days: c.Days, Timezone: c.Timezone, MaxRetryAttempts: c.MaxRetryAttempts, RetryDelay: c.RetryDelay,
		CallTwiceInARow: c.CallTwiceInARow, MaxCallDuration: c.MaxCallDuration, Start: c.Start, NewerFields: c.NewerFields,
		PromptSize: map[Weight]int{Realistic: 4500, Heavy: 16_000}[c.Weight], SmallAssistant: c.Agent,
		AssistantName: c.Assistant, Model: c.Model, Voice: c.Voice,
	}
	for _, w := range c.Windows {
		s.Windows = append(s.Windows, [2]string{w.Start, w.End})
	}
	return s
}
