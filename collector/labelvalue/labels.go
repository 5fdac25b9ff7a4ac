package labelvalue

import (
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// maxUnknownValues is the number of unknown values per label and process. Further ones become Other.
const maxUnknownValues = 20

// Labels turns the API's values into label values. Unknown values that look like identifiers pass too, because users
// want to see them. Their number is limited for the whole process, so that the API cannot flood Prometheus with series.
// All others become Other: they may be free text. Make one per process with New. It is safe for concurrent use.
type Labels struct {
	logger    *slog.Logger
	sightings map[string]*atomic.Uint64 // by label; has each label that can have unknown values
	key       revoxapi.KeySource        // nil: nothing is hidden

	mu       sync.Mutex
	unknown  map[string]map[string]bool // by label: the unknown values that passed
	overflow map[string]bool            // labels whose first Other was logged
}

// Unknown is an unknown value of a label that a scan saw.
type Unknown struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// New returns Labels that log each new unknown value once.
func New(logger *slog.Logger) *Labels {
	l := &Labels{
		logger:    logger,
		unknown:   map[string]map[string]bool{},
		sightings: map[string]*atomic.Uint64{},
		overflow:  map[string]bool{},
	}
	for _, e := range enums {
		l.unknown[e.Label] = map[string]bool{}
		l.sightings[e.Label] = &atomic.Uint64{}
	}
	return l
}

// HideKey makes l hide what has the API key in it: a server that echoes the key must not make it a label value or a name.
// Call it before l is used.
func (l *Labels) HideKey(key revoxapi.KeySource) { l.key = key }

// minHiddenPart is the length of a key from which on a text is hidden that has the key in it. A shorter one is hidden only
// if it is the whole text: it may be an ordinary word.
const minHiddenPart = 8

// Hider returns a function that reports whether a text must not be shown because the API key, as it is now, is in it. This
// may read a file; the function does not.
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
func (l *Labels) MayShow(value string) bool { return IsIdentifier(value) && !l.Hider()(value) }

// ID returns an ID that the API gave something, such as an assistant, or Other if it does not look like one or has the API
// key in it. hides is the result of Labels.Hider.
func ID(raw string, hides func(text string) bool) string {
	for _, c := range []byte(raw) {
		if !isLower(c) && !isUpper(c) && !isDigit(c) && !isSeparator(c) {
			return Other
		}
	}
	if len(raw) > maxIDBytes || hides(raw) {
		return Other
	}
	return raw
}

// Name returns the name that an answer gives something, as clean text, or "" if it has the API key in it. hides is the
// result of Labels.Hider.
func Name(raw string, hides func(text string) bool) string {
	name := CleanText(raw, MaxNameRunes)
	if hides(name) || hides(raw) {
		return ""
	}
	return name
}

// Value returns the label value for an API value, and whether it is known, or one of many that need not be.
func (l *Labels) Value(e *Enum, raw string) (value string, known bool) {
	if value, known := e.known[raw]; known {
		return value, true
	}
	if e.open && l.passed(e.Label, raw) { // nearly always
		return raw, true
	}
	if raw == Other || !e.passes(raw) || l.isNew(e.Label, raw) && l.Hider()(raw) {
		return Other, false
	}
	value = strings.Clone(raw) // do not keep the answer that it is part of
	switch passed, first := l.pass(e.Label, value); {
	case passed && e.open:
		return value, true
	case passed && first:
		l.logger.Warn("the API uses a value that this version does not know; it is counted under its own name",
			"label", e.Label, "value", value)
	case !passed && first:
		l.logger.Warn("too many unknown values; further ones are counted as other", "label", e.Label, "limit", maxUnknownValues)
		return Other, false
	case !passed:
		return Other, false
	}
	return value, false
}

// isNew reports whether an unknown value has not passed, but could.
func (l *Labels) isNew(label, value string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.unknown[label][value] && len(l.unknown[label]) < maxUnknownValues
}

// passed reports whether an unknown value has passed before.
func (l *Labels) passed(label, value string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.unknown[label][value]
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
// Other if it must not be shown.
func (l *Labels) RestoreCampaignStatus(value string) string {
	if value == "" || slices.Contains(CampaignStatuses(), value) {
		return value
	}
	if !l.MayShow(value) {
		return Other
	}
	l.Restore(CampaignStatus.Label, value)
	return value
}

// Restore lets a value of a label pass, as an earlier process did, so that it stays counted by name.
func (l *Labels) Restore(label, value string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	passed := l.unknown[label]
	if passed != nil && value != None && value != Other && IsIdentifier(value) && len(passed) < maxUnknownValues {
		passed[value] = true
	}
}
