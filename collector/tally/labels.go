package tally

import (
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

const (
	// MaxNameRunes is the number of characters of a campaign's name that are shown.
	MaxNameRunes = 256
	// maxLabelRunes is the number of characters of an unknown value that go into a label.
	maxLabelRunes = 64
	// maxUnknownValues is the number of unknown values per label and process. Further ones become ValueOther.
	maxUnknownValues = 20
)

// enum is an enumeration of the API: its label and its known values. Three enumerations share the label status.
type enum struct {
	label string
	known map[string]string // each value by itself, so that equal label values share memory
}

var enums []*enum

func newEnum(label string, known []string) *enum {
	e := &enum{label: label, known: make(map[string]string, len(known))}
	for _, value := range known {
		e.known[value] = value
	}
	enums = append(enums, e)
	return e
}

var (
	enumCallStatus     = newEnum("status", names(revoxapi.Values[revoxapi.CallStatus]()))
	enumAttemptStatus  = newEnum("status", names(revoxapi.Values[revoxapi.AttemptStatus]()))
	enumCampaignStatus = newEnum("status", names(revoxapi.Values[revoxapi.CampaignStatus]()))
	enumOutcome        = newEnum("outcome", names(revoxapi.Values[revoxapi.CallOutcome]()))
	enumResult         = newEnum("result", names(revoxapi.Values[revoxapi.AttemptResult]()))
	enumDialError      = newEnum("dial_error", names(revoxapi.Values[revoxapi.DialError]()))
	enumEndedBy        = newEnum("ended_by", names(revoxapi.Values[revoxapi.EndedBy]()))
	enumEndReason      = newEnum("end_reason", names(revoxapi.Values[revoxapi.EndReason]()))
)

// Labels turns the API's values into label values. Unknown values pass too, because users want to see them. Their
// number is limited for the whole process, so that the API cannot flood Prometheus with series. Make one per process
// with NewLabels. It is safe for concurrent use.
type Labels struct {
	logger    *slog.Logger
	sightings map[string]*atomic.Uint64 // by label; has each label that can have unknown values

	mu       sync.Mutex
	unknown  map[string]map[string]bool // by label: the unknown values that passed
	overflow map[string]bool            // labels whose first ValueOther was logged
}

// Unknown is an unknown value of a label that a scan saw.
type Unknown struct{ Label, Value string }

// NewLabels returns Labels that log each new unknown value once.
func NewLabels(logger *slog.Logger) *Labels {
	l := &Labels{
		logger:    logger,
		unknown:   map[string]map[string]bool{},
		sightings: map[string]*atomic.Uint64{},
		overflow:  map[string]bool{},
	}
	for _, e := range enums {
		l.unknown[e.label] = map[string]bool{}
		l.sightings[e.label] = &atomic.Uint64{}
	}
	return l
}

// CampaignStatus returns a campaign's status as its label shows it, and whether it is known.
func (l *Labels) CampaignStatus(raw string) (value Unknown, known bool) {
	text, known := l.value(enumCampaignStatus, raw)
	return Unknown{enumCampaignStatus.label, text}, known
}

// KnownCampaignStatus reports whether a campaign's status is known.
func KnownCampaignStatus(raw string) bool { return enumCampaignStatus.known[raw] != "" }

// value returns the label value for an API value, and whether it is known.
func (l *Labels) value(e *enum, raw string) (value string, known bool) {
	if value, known := e.known[raw]; known {
		return value, true
	}
	// Check more text than is kept: the cut may go through a telephone number.
	if looksPersonal(CleanText(raw, 2*maxLabelRunes)) {
		return ValueOther, false
	}
	value = CleanText(raw, maxLabelRunes)
	switch passed, first := l.pass(e.label, value); {
	case passed && first:
		l.logger.Warn("the API uses a value that this version does not know; it is counted under its own name",
			"label", e.label, "value", value)
	case !passed && first:
		l.logger.Warn("too many unknown values; further ones are counted as other", "label", e.label, "limit", maxUnknownValues)
		return ValueOther, false
	case !passed:
		return ValueOther, false
	}
	return value, false
}

// pass reports whether an unknown value may be a label value, and whether this is the first such value or refusal.
func (l *Labels) pass(label, value string) (passed, first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	values := l.unknown[label]
	switch {
	case values[value]:
		return true, false
	case len(values) < maxUnknownValues:
		values[value] = true
		return true, true
	}
	first = !l.overflow[label]
	l.overflow[label] = true
	return false, first
}

// Sighted counts the distinct unknown values that one complete scan saw.
func (l *Labels) Sighted(unknown map[Unknown]struct{}) {
	for u := range unknown {
		l.sightings[u.Label].Add(1)
	}
}

// Sightings returns the sum of what Sighted counted, by label.
func (l *Labels) Sightings() map[string]uint64 {
	counts := make(map[string]uint64, len(l.sightings))
	for label, n := range l.sightings {
		counts[label] = n.Load()
	}
	return counts
}

// RestoreCampaignStatus lets a campaign's status pass because an earlier process let it pass.
func (l *Labels) RestoreCampaignStatus(value string) {
	if value != "" && !slices.Contains(CampaignStatuses(), value) {
		l.restore(enumCampaignStatus.label, value)
	}
}

// RestoreValues lets the label values in v pass, as an earlier process did, so that they stay counted by name.
func (l *Labels) RestoreValues(v Values) {
	for _, f := range families {
		if len(f.Labels) == 0 {
			continue
		}
		for _, value := range append(v.Counts[f.Index].labels(), v.Distributions[f.Index].labels()...) {
			// No family lists the end reasons as Known: it is an open set.
			if !slices.Contains(f.Known, value) && (f != AttemptEndReasons || enumEndReason.known[value] == "") {
				l.restore(f.Labels[0], value)
			}
		}
	}
}

func (l *Labels) restore(label, value string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	passed := l.unknown[label]
	if passed != nil && value != ValueNone && value != ValueOther && len(passed) < maxUnknownValues {
		passed[value] = true
	}
}

// CleanText returns the first maxRunes characters of text as valid UTF-8 without control characters.
func CleanText(text string, maxRunes int) string {
	var clean strings.Builder
	// Read only what is kept: the text may be megabytes long.
	for range maxRunes {
		if text == "" {
			break
		}
		r, size := utf8.DecodeRuneInString(text)
		text = text[size:]
		if unicode.IsControl(r) { // terminals act on those outside ASCII too
			r = utf8.RuneError
		}
		clean.WriteRune(r)
	}
	return clean.String()
}

// personal matches what an enumeration never holds but free text may: a telephone number, a URL, an e-mail address or a
// sentence. In a telephone number, anything but a letter may stand between the digits.
var personal = regexp.MustCompile(`(?:\p{Nd}[^\p{L}\p{Nd}]*){7}|@|://|(?:\S+[\s\p{Z}]+){4}`)

// looksPersonal reports whether a value must be kept out of labels and logs.
func looksPersonal(value string) bool { return personal.MatchString(value) }
