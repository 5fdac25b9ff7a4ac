package revoxtest

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// Campaign says what a living campaign is like. The zero value of every field
// stands for a sensible default; a share is a number from 0 to 1, and a
// negative one stands for none.
type Campaign struct {
	ID   string // default: a UUID made from the seed and the name
	Name string // default: "Campaign" and the beginning of the ID

	Rows           int           // contacts at the start; default 100, or 0 where AddRowsPerHour is set
	AddRowsPerHour float64       // contacts that come in from the start on, at random times
	AddRowsFor     time.Duration // how long contacts come in; default: for ever

	Start  time.Time // when the calls are ordered; default now. The campaign is a draft until then
	Draft  bool      // calls are not ordered until [Server.Resume]
	Paused bool      // calls are ordered but not made until [Server.Resume]

	MaxConcurrentCalls int            // default: as many as get through the rows in about two days
	Timezone           string         // IANA name of where the people called live; default UTC
	Windows            []Window       // when calls may be made; default 10:00 to 18:00
	Days               []time.Weekday // on which days; default every day
	MaxRetryAttempts   int            // default 3; negative for none
	RetryDelay         time.Duration  // from an attempt's end to the next; default 2 h
	CallTwiceInARow    bool           // the first attempt that is not answered is repeated at once
	MaxCallDuration    time.Duration  // the system ends longer calls; default 10 min
	QueueOvernight     bool           // waiting calls stay queued_for_calling outside the windows, else they are scheduled

	HumanShare      float64            // attempts answered by a human, over the day; default 0.3
	VoicemailShare  float64            // attempts answered by a voicemail; default 0.14
	ScreeningShare  float64            // attempts answered by the ios-screening-filter; default 0.02
	IVRShare        float64            // attempts answered by an IVR; default 0.02
	UnknownShare    float64            // attempts answered by nobody knows whom; default 0.01
	HourFactors     [24]float64        // what HumanShare is multiplied by in each local hour; default: more towards the evening
	DialErrors      map[string]float64 // weights of the dial errors of attempts that are not answered; default: mostly no_answer and busy
	BadNumbersShare float64            // contacts whose number does not exist; default 0.015
	TalkMedian      time.Duration      // median of a talk with a human; default 50 s

	ErroredShare         float64 // attempts that end their call as errored; default 0.003
	CancelledShare       float64 // calls that somebody cancels; default 0.01
	RowsWithoutCallShare float64 // contacts that never get a call; default 0.02
	ReclassifiedShare    float64 // attempts whose result is first unknown and known only minutes after their end; default none

	Weight      Weight // how heavy the rows are
	Outcomes    bool   // calls carry the newer field `outcome`
	NewerFields bool   // all newer fields, outcome included
	NewestFirst bool   // rows are served newest first, so that a new one moves all others
}

// Weight says how much text the rows of a campaign carry.
type Weight int

const (
	// Realistic rows are of about 10 KB: each repeats the assistant with a prompt of
	// several KB, and answered calls have a transcript.
	Realistic Weight = iota
	// Light rows are of about 1 KB: no assistant, transcripts or other optional texts.
	Light
	// Heavy rows are of tens of KB.
	Heavy
)

var defaultHourFactors = [24]float64{
	0.3, 0.2, 0.2, 0.2, 0.2, 0.3, 0.5, 0.7, 0.85, 0.95, 1, 1,
	0.9, 0.85, 0.9, 0.95, 1, 1.15, 1.25, 1.2, 1.05, 0.9, 0.7, 0.5,
}

// The shares among the attempts that nobody answers. With the default shares of
// answers, too_many_calls is about 2 % of all attempts.
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
		c.ID = uuid(mixString(seed, c.Name))
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

// campaign is a campaign of the server, living or fixed.
type campaign struct {
	id    string
	style style // how this server writes

	mu        sync.Mutex
	name      string
	status    string
	cancelled bool
	created   int64
	updated   int64
	maxCalls  int
	newer     bool
	fixed     []json.RawMessage // the rows, where life is nil
	life      *life
	text      texts
}

// newLiving makes a campaign from its description. It panics where that makes
// no sense: this is a mistake in the test.
func newLiving(spec Campaign, seed uint64, st style, now time.Time, incidents []Incident) *campaign {
	spec = spec.withDefaults(seed, now)
	cal, err := newCalendar(spec.Timezone, spec.Windows, spec.Days)
	if err != nil {
		panic(fmt.Sprintf("revoxtest: campaign %q: %v", spec.Name, err))
	}
	own := mixString(seed, spec.ID)
	c := &campaign{
		id:       spec.ID,
		style:    st,
		name:     spec.Name,
		status:   "draft",
		maxCalls: spec.MaxConcurrentCalls,
		newer:    spec.NewerFields || st.newer,
	}
	spec.NewerFields = c.newer
	spec.Outcomes = spec.Outcomes || c.newer
	c.text = newTexts(spec, own, seed, st)
	c.life = newLife(c, spec, own, cal)
	c.created = spec.Start.Add(-30 * time.Minute).UnixMilli()
	c.updated = c.created
	for _, in := range incidents {
		c.life.addIncident(in)
	}
	return c
}

// newFixed makes a campaign of exactly the given rows.
func newFixed(id, name string, seed uint64, st style, now time.Time, rows []json.RawMessage) *campaign {
	spec := Campaign{ID: id, Name: name, Rows: len(rows)}.withDefaults(seed, now)
	return &campaign{
		id:       id,
		style:    st,
		name:     name,
		status:   "running",
		created:  now.UnixMilli(),
		updated:  now.UnixMilli(),
		maxCalls: spec.MaxConcurrentCalls,
		newer:    st.newer,
		fixed:    rows,
		text:     newTexts(spec, mixString(seed, id), seed, st),
	}
}

// advance brings the campaign to the time now and returns the time it is at,
// which is later where somebody has already looked further. The caller holds
// c.mu.
func (c *campaign) advance(now time.Time) int64 {
	ms := now.UnixMilli()
	if c.life == nil {
		return ms
	}
	c.life.advance(ms)
	return c.life.now
}

// setStatus notes a new status. The caller holds c.mu.
func (c *campaign) setStatus(status string, at int64) {
	if c.status != status {
		c.status, c.updated = status, at
	}
}

// pause, resume and cancel act on a campaign that was brought to the time ms.

func (c *campaign) pause(ms int64) {
	if c.status == "running" {
		c.setStatus("paused", ms)
	}
}

func (c *campaign) resume(ms int64) {
	switch {
	case c.cancelled:
	case c.status == "paused":
		c.setStatus("running", ms)
		if c.life != nil {
			c.life.dispatch(ms)
		}
	case c.status == "draft" && c.life != nil:
		c.life.begin(ms)
	}
}

func (c *campaign) cancel(ms int64) {
	if c.cancelled {
		return
	}
	c.cancelled = true
	c.setStatus("completed", ms)
	if c.life != nil {
		c.life.cancelAll(ms)
	}
}
