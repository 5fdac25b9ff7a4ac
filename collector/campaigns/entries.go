package campaigns

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v2"

	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// The limits of what a campaign file may give, besides its size.
const (
	// maxLabelNames is for the whole file: each series of revox_campaign_labels has all names.
	maxLabelNames     = 10
	maxLabelNameBytes = 60
	maxMatches        = 100
	maxPatternBytes   = 1000
)

// parsedFile is a good campaign file. It is immutable.
type parsedFile struct {
	entries []entry
	ids     []string
	labels  *Labels
}

func (p parsedFile) equal(q parsedFile) bool {
	return slices.EqualFunc(p.entries, q.entries, entry.equal)
}

// entry is an entry of a campaign file: an ID or a pattern, and labels by name.
type entry struct {
	id, match string
	labels    map[string]string // nil: it says nothing of labels; empty: it says that there are none
}

func (e entry) equal(f entry) bool {
	return e.id == f.id && e.match == f.match && (e.labels == nil) == (f.labels == nil) && maps.Equal(e.labels, f.labels)
}

// parseCampaignFile reads a YAML or JSON list. Its errors name the line and the entry, but never quote the text: if the
// path is wrong, the text may be a key or the contacts of a campaign. hides reports whether a text has the API key in it.
func parseCampaignFile(text []byte, hides func(text string) bool) (parsedFile, error) {
	const empty = "it is empty: write [] to select no campaign"
	const wanted = "it should be a YAML or JSON list of campaign IDs, with a line \"- ID\" for each"
	decoder := yaml.NewDecoder(bytes.NewReader(jsonAsYAML(text)))
	decoder.SetStrict(true)
	var read []entryYAML
	if err := decoder.Decode(&read); err != nil {
		switch _, other := errors.AsType[*yaml.TypeError](err); {
		case errors.Is(err, io.EOF):
			return parsedFile{}, errors.New(empty)
		case other:
			return parsedFile{}, errors.New("it is not a plain list: " + wanted)
		}
		return parsedFile{}, errors.New(yamlLine.FindString(err.Error()) + "it cannot be parsed: " + wanted)
	}
	if read == nil {
		return parsedFile{}, errors.New(empty)
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		return parsedFile{}, errors.New("something follows its list: " + wanted)
	}
	b := builder{hides: hides, numbers: map[string]int{}, names: map[string]bool{}}
	for i := range read {
		if f := b.add(i+1, &read[i]); f.text != "" {
			where := fmt.Sprintf("entry %d ", i+1)
			if line := max(f.line, read[i].line); line > 0 { // no line of its own: an entry that is not there
				where = fmt.Sprintf("line %d: ", line) + where
			}
			return parsedFile{}, errors.New(where + f.text)
		}
	}
	return b.build(), nil
}

// jsonEscape finds the escapes in a JSON text: two that are one character, or any one.
var jsonEscape = regexp.MustCompile(`\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\.`)

// jsonAsYAML returns a JSON text without the escapes that the YAML parser does not know, which programs in PHP write for
// each slash, and those in Python for emojis. It returns any other text as it is.
func jsonAsYAML(text []byte) []byte {
	if !jsontext.Value(bytes.TrimPrefix(text, []byte("\ufeff"))).IsValid(jsontext.AllowDuplicateNames(true)) {
		return text
	}
	return jsonEscape.ReplaceAllFunc(text, func(escape []byte) []byte {
		switch {
		case string(escape) == `\/`:
			return escape[1:]
		case len(escape) > 2:
			character, _ := jsontext.AppendUnquote(nil, slices.Concat([]byte{'"'}, escape, []byte{'"'}))
			return character
		}
		return escape
	})
}

// fault is what is wrong with an entry, as the rest of a sentence about it. line is 0 for the entry's own.
type fault struct {
	text string
	line int
}

// builder makes a parsedFile of the entries of a file, which it checks.
type builder struct {
	hides   func(text string) bool
	file    parsedFile
	numbers map[string]int // of the entries, by ID
	names   map[string]bool
	matches []labelMatch
	bytes   int // of all labels
}

// add adds the entry with a number, or returns what is wrong with it.
func (b *builder) add(number int, y *entryYAML) fault {
	switch {
	case y.line > 0 && !y.ok:
		return fault{"must be a campaign ID, or have no keys but id or match, and labels, each once", y.wrong}
	case y.Labels != nil && !y.Labels.ok:
		return fault{"has labels that are not a mapping of names to values, each name once", y.Labels.wrong}
	case y.ID != nil && y.Match != nil:
		return fault{text: "has both id and match: make it two entries"}
	case y.Match != nil && y.Labels == nil:
		return fault{text: "has match, but no labels: match only gives labels; --campaign.include selects by name"}
	case y.Match == nil && (y.ID == nil || !y.ID.ok || revoxapi.CheckCampaignID(y.ID.value) != nil):
		return fault{text: "is not a campaign ID: IDs have no white space, only printable characters, and at most 256 bytes"}
	}
	var e entry
	if y.ID != nil {
		if b.hides(y.ID.value) {
			return fault{text: "is the API key, not a campaign ID: remove it"}
		}
		e.id = strings.Clone(y.ID.value)
		if first, twice := b.numbers[e.id]; twice {
			return fault{text: fmt.Sprintf("is the same campaign as entry %d", first)}
		}
		b.numbers[e.id] = number
		b.file.ids = append(b.file.ids, e.id)
	} else if f := b.addMatch(number, y, &e); f.text != "" {
		return f
	}
	f := b.addLabels(y.Labels, &e)
	b.file.entries = append(b.file.entries, e)
	return f
}

// addMatch adds the pattern of an entry.
func (b *builder) addMatch(number int, y *entryYAML, e *entry) fault {
	pattern := y.Match
	if !pattern.ok || pattern.value == "" || len(pattern.value) > maxPatternBytes {
		return fault{fmt.Sprintf("has a match that is not a regular expression of 1 to %d bytes", maxPatternBytes), pattern.line}
	}
	if len(b.matches) == maxMatches {
		return fault{text: fmt.Sprintf("is one too many: a file has at most %d entries with match", maxMatches)}
	}
	name, err := AnchoredRegexp(pattern.value)
	if err != nil {
		why := "too large"
		if err, ok := errors.AsType[*syntax.Error](err); ok {
			why = string(err.Code) // a fixed text
		}
		return fault{"has a match that is not a regular expression: " + why, pattern.line}
	}
	e.match = pattern.value
	b.matches = append(b.matches, labelMatch{name: name, entry: number})
	return fault{}
}

var labelName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// addLabels adds the labels of an entry.
func (b *builder) addLabels(labels *labelsYAML, e *entry) fault {
	if labels == nil {
		return fault{}
	}
	e.labels = make(map[string]string, len(labels.values))
	for _, name := range slices.Sorted(maps.Keys(labels.values)) {
		given := labels.values[name]
		line := max(given.line, labels.line) // no line of its own: no value
		if len(name) > maxLabelNameBytes || !labelName.MatchString(name) || b.hides(name) {
			return fault{fmt.Sprintf("has a label with a bad name: names begin with a to z, have only a to z, 0 to 9 and _, "+
				"and at most %d characters", maxLabelNameBytes), line}
		}
		value := labelvalue.CleanText(given.value, labelvalue.MaxNameRunes)
		switch {
		case !given.ok || strings.TrimSpace(value) == "":
			return fault{"has a label whose value is not text: give one, or leave out the label", line}
		case b.hides(given.value) || b.hides(value):
			return fault{"has the API key as a label: remove it", line}
		}
		if b.names[name] = true; len(b.names) > maxLabelNames {
			return fault{fmt.Sprintf("has a further name of a label: a file has at most %d different ones", maxLabelNames), line}
		}
		// References within the file can make it larger than it is written.
		if b.bytes += len(name) + len(value); b.bytes > maxCampaignFileBytes {
			return fault{fmt.Sprintf("has too much: a file has at most %d bytes of labels", maxCampaignFileBytes), line}
		}
		e.labels[name] = value
	}
	return fault{}
}

// build returns the file, to which nothing must be added any more.
func (b *builder) build() parsedFile {
	keys := slices.Sorted(maps.Keys(b.names))
	names := make([]string, len(keys))
	for i, key := range keys {
		names[i] = LabelPrefix + key
	}
	l := &Labels{byID: map[string][]Label{}, matches: b.matches}
	matches := l.matches
	for _, e := range b.file.entries {
		var labels []Label
		if len(e.labels) > 0 {
			labels = make([]Label, len(names))
			for i, key := range keys {
				labels[i] = Label{names[i], e.labels[key]}
			}
		}
		switch {
		case e.match != "":
			matches[0].labels, matches = labels, matches[1:]
		case e.labels != nil:
			l.byID[e.id] = labels
		}
	}
	b.file.labels = l
	if b.file.ids == nil {
		b.file.ids = []string{}
	}
	return b.file
}

// entryYAML is an entry as it is written: a mapping, or an ID alone.
type entryYAML struct {
	valueYAML
	fieldsYAML
}

// fieldsYAML are the keys of an entry. A pointer is nil without that key.
type fieldsYAML struct {
	ID, Match *textYAML
	Labels    *labelsYAML
}

// UnmarshalYAML reads an entry. Its only error is that the file cannot be parsed.
func (e *entryYAML) UnmarshalYAML(unmarshal func(any) error) error {
	var plain textYAML
	if err := plain.UnmarshalYAML(unmarshal); err != nil || plain.ok {
		e.valueYAML, e.ID = plain.valueYAML, &plain
		return err
	}
	return e.decode(unmarshal, &e.fieldsYAML)
}

// labelsYAML are the labels of an entry as they are written.
type labelsYAML struct {
	valueYAML
	values map[string]textYAML
}

// UnmarshalYAML reads labels. Its only error is that the file cannot be parsed.
func (l *labelsYAML) UnmarshalYAML(unmarshal func(any) error) error {
	return l.decode(unmarshal, &l.values)
}

// textYAML is a single value as it is written: 007 and true are texts too.
type textYAML struct {
	valueYAML
	value string
}

// UnmarshalYAML reads a value. Its only error is that the file cannot be parsed.
func (t *textYAML) UnmarshalYAML(unmarshal func(any) error) error {
	return t.decode(unmarshal, &t.value)
}

// valueYAML is what reading a value found. It is zero if the value is not there.
type valueYAML struct {
	line  int  // the value's
	ok    bool // it has the wanted type
	wrong int  // the line of what has not
}

// decode reads a value to v. Its only error is that the file cannot be parsed.
func (y *valueYAML) decode(unmarshal func(any) error, v any) (err error) {
	// The parser tells a line only in an error, so this decodes to a type that nothing has.
	if y.line, err = lineOfOtherType(unmarshal(new(chan struct{}))); err != nil {
		return err
	}
	err = unmarshal(v)
	y.ok = err == nil
	y.wrong, err = lineOfOtherType(err)
	return err
}

// lineOfOtherType returns the line of what has another type, if the parser's error says that, and else the error.
func lineOfOtherType(err error) (line int, _ error) {
	if _, other := errors.AsType[*yaml.TypeError](err); !other {
		return 0, err
	}
	_, _ = fmt.Sscanf(yamlLine.FindString(err.Error()), "line %d:", &line) // no number: 0
	return line, nil
}

// yamlLine finds the line number in an error of the YAML parser.
var yamlLine = regexp.MustCompile(`line \d+: `)
