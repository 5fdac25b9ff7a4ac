package collector

import (
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

const (
	// maxLabelRunes is how much of a value that the exporter does not know goes into a label.
	maxLabelRunes = 64
	// maxUnknownValues is how many distinct such values of one label a process passes; further ones become valueOther.
	maxUnknownValues = 20
)

// labelValues turns what the API says into label values. A value that is not known is news and passes too, but the
// number of them is bounded over the whole process, so that nothing the API sends can flood Prometheus with series.
// It is safe for concurrent use.
type labelValues struct {
	logger    *slog.Logger
	sightings map[string]*atomic.Uint64 // by label, of all labels that can have any

	mu       sync.Mutex
	unknown  map[string]map[string]bool // by label; the values let through
	overflow map[string]bool            // labels for which valueOther was announced
}

// labelsOfEnums are the labels that can see unknown values: those whose values come from the API.
var labelsOfEnums = []string{"status", "outcome", "result", "dial_error", "ended_by", "end_reason"}

func newLabelValues(logger *slog.Logger) *labelValues {
	l := &labelValues{
		logger:    logger,
		unknown:   map[string]map[string]bool{},
		sightings: map[string]*atomic.Uint64{},
		overflow:  map[string]bool{},
	}
	for _, label := range labelsOfEnums {
		l.unknown[label] = map[string]bool{}
		l.sightings[label] = &atomic.Uint64{}
	}
	return l
}

// enum is an enumeration of the API: the label that shows it, and the values that are known. The label status shows
// three of them.
type enum struct {
	label string
	known map[string]string
}

func newEnum(label string, known []string) *enum {
	e := &enum{label: label, known: make(map[string]string, len(known))}
	for _, value := range known {
		e.known[value] = value
	}
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

// value returns the label value for an API value, and whether it is known.
func (l *labelValues) value(e *enum, raw string) (value string, known bool) {
	if value, known := e.known[raw]; known {
		return value, true
	}
	// More than is kept is looked at: a number that the cut goes through is one too.
	if looksPersonal(cleanLabel(raw, 2*maxLabelRunes)) {
		return valueOther, false
	}
	value = cleanLabel(raw, maxLabelRunes)
	l.mu.Lock()
	defer l.mu.Unlock()
	passed := l.unknown[e.label]
	if passed[value] {
		return value, false
	}
	if len(passed) >= maxUnknownValues {
		if !l.overflow[e.label] {
			l.overflow[e.label] = true
			l.logger.Warn("too many values that are not known; further ones are counted as other", "label", e.label, "limit", maxUnknownValues)
		}
		return valueOther, false
	}
	passed[value] = true
	l.logger.Warn("the API uses a value that is not known to this version; it is counted under its own name", "label", e.label, "value", value)
	return value, false
}

// sighted counts what a complete scan saw: for each label, the distinct unknown values.
func (l *labelValues) sighted(unknown map[unknownValue]struct{}) {
	for u := range unknown {
		l.sightings[u.label].Add(1)
	}
}

// unknownValue is an unknown value as a scan saw it.
type unknownValue struct{ label, value string }

func (l *labelValues) collect(ch sink) {
	for _, label := range labelsOfEnums {
		send(ch, descUnknownValues, prometheus.CounterValue, float64(l.sightings[label].Load()), label)
	}
}

// cleanLabel returns text as valid UTF-8 without control characters, cut to a number of characters.
func cleanLabel(text string, maxRunes int) string {
	var clean strings.Builder
	// Only as much of the text is looked at as is kept: it may be megabytes long.
	for range maxRunes {
		if text == "" {
			break
		}
		r, size := utf8.DecodeRuneInString(text)
		text = text[size:]
		if unicode.IsControl(r) { // also those beyond ASCII, which terminals act on
			r = utf8.RuneError
		}
		clean.WriteRune(r)
	}
	return clean.String()
}

// A telephone number, an address on the net or one by mail, or a sentence has no place in an enum, but free text may
// hold one. Whatever stands between digits, so long as it is no letter, may be how someone writes a number.
var personal = regexp.MustCompile(`(?:\p{Nd}[^\p{L}\p{Nd}]*){7}|@|://|(?:\S+[\s\p{Z}]+){4}`)

// looksPersonal tells whether a value should be kept out of labels and logs.
func looksPersonal(value string) bool { return personal.MatchString(value) }

// sorted returns the keys of a map in order.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
