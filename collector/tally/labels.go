package tally

import (
	"log/slog"
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
	// An unknown value passes only if it looks like an identifier: with at most so many characters, words and digits.
	maxIdentifierBytes, maxIdentifierWords, maxIdentifierDigits = 40, 5, 3
	// maxUnknownValues is the number of unknown values per label and process. Further ones become ValueOther.
	maxUnknownValues = 20
)

// enum is an enumeration of the API: its label and its known values. Three enumerations share the label status.
type enum struct {
	label string
	known map[string]string // each value by itself, so that equal label values share memory
}

var enums []*enum

// knownValues has the known values of all enumerations, each by itself.
var knownValues = map[string]string{}

func newEnum(label string, known []string) *enum {
	e := &enum{label: label, known: make(map[string]string, len(known))}
	for _, value := range known {
		e.known[value], knownValues[value] = value, value
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

// Labels turns the API's values into label values. Unknown values that look like identifiers pass too, because users
// want to see them. Their number is limited for the whole process, so that the API cannot flood Prometheus with series.
// All others become ValueOther: they may be free text. Make one per process with NewLabels. It is safe for concurrent
// use.
type Labels struct {
	logger    *slog.Logger
	sightings map[string]*atomic.Uint64 // by label; has each label that can have unknown values
	key       revoxapi.KeySource        // nil: nothing is hidden

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

// HideKey makes l hide what has the API key in it: a server that echoes the key must not make it a label value or a name.
// Call it before l is used.
func (l *Labels) HideKey(key revoxapi.KeySource) { l.key = key }

// minHiddenPart is the length of a key from which on a text is hidden that has the key in it. A shorter one is hidden only
// if it is the whole text: it may be an ordinary word.
const minHiddenPart = 8

// Hider returns a function that reports whether a text must not be shown because the API key, as it is now, is in it.
func (l *Labels) Hider() func(text string) bool {
	var key string
	if l.key != nil {
		if secret, err := l.key.Key(); err == nil { // without a key nothing was asked, and nothing can be echoed
			key = secret.Reveal()
		}
	}
	return func(text string) bool {
		return key != "" && (text == key || len(key) >= minHiddenPart && strings.Contains(text, key))
	}
}

// MayShow reports whether an unknown value looks like an identifier and has not the API key in it.
func (l *Labels) MayShow(value string) bool { return isIdentifier(value) && !l.Hider()(value) }

// Name returns the name that an answer gives something, as clean text, or "" if it has the API key in it.
func (l *Labels) Name(raw string) string {
	name := CleanText(raw, MaxNameRunes)
	if hides := l.Hider(); hides(name) || hides(raw) {
		return ""
	}
	return name
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
	if raw == ValueOther || !isIdentifier(raw) || l.isNew(e.label, raw) && l.Hider()(raw) {
		return ValueOther, false
	}
	value = strings.Clone(raw) // do not keep the answer that it is part of
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

// isNew reports whether an unknown value has not passed, but could.
func (l *Labels) isNew(label, value string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.unknown[label][value] && len(l.unknown[label]) < maxUnknownValues
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
		if n := l.sightings[u.Label]; n != nil { // a damaged state can have other labels
			n.Add(1)
		}
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

// RestoreCampaignStatus lets a campaign's status pass because an earlier process let it pass. It returns the value, or
// ValueOther if it must not be shown.
func (l *Labels) RestoreCampaignStatus(value string) string {
	if value == "" || slices.Contains(CampaignStatuses(), value) {
		return value
	}
	if !l.MayShow(value) {
		return ValueOther
	}
	l.restore(enumCampaignStatus.label, value)
	return value
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
	if passed != nil && value != ValueNone && value != ValueOther && isIdentifier(value) && len(passed) < maxUnknownValues {
		passed[value] = true
	}
}

// CleanText returns at most maxRunes characters of text, as valid UTF-8 without control and format characters. Those
// can act on terminals, or change the direction or the look of the text around them.
func CleanText(text string, maxRunes int) string {
	var clean strings.Builder
	// Read only what is kept: the text may be megabytes long.
	for range maxRunes {
		if text == "" {
			break
		}
		r, size := utf8.DecodeRuneInString(text)
		text = text[size:]
		switch {
		case unicode.IsControl(r): // terminals act on those outside ASCII too
			r = utf8.RuneError
		case unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp):
			continue
		}
		clean.WriteRune(r)
	}
	return clean.String()
}

// isIdentifier reports whether an unknown value may be shown. Enumerations have identifiers; free text, names, numbers
// and addresses do not look like them. An identifier starts with an ASCII letter and has only ASCII letters, digits, and
// "_", "-" and "." between words. A word also ends where an upper-case letter follows a lower-case one.
func isIdentifier(value string) bool {
	if len(value) > maxIdentifierBytes {
		return false
	}
	words, digits := 0, 0
	before := byte('.')
	for _, c := range []byte(value) {
		switch {
		case isLower(c), isUpper(c), isDigit(c):
			if isSeparator(before) || isLower(before) && isUpper(c) {
				words++
			}
			if isDigit(c) {
				digits++
			}
		case !isSeparator(c):
			return false
		}
		before = c
	}
	return value != "" && (isLower(value[0]) || isUpper(value[0])) &&
		words <= maxIdentifierWords && digits <= maxIdentifierDigits
}

func isLower(c byte) bool     { return 'a' <= c && c <= 'z' }
func isUpper(c byte) bool     { return 'A' <= c && c <= 'Z' }
func isDigit(c byte) bool     { return '0' <= c && c <= '9' }
func isSeparator(c byte) bool { return c == '_' || c == '-' || c == '.' }
