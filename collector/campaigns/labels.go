package campaigns

import "regexp"

// LabelPrefix is what the name of a Label has before that of the campaign file.
const LabelPrefix = "label_"

// Label is a label of revox_campaign_labels, such as label_team.
type Label struct{ Name, Value string }

// Labels are the labels that a campaign file gives to campaigns. They are immutable. A nil *Labels gives none.
type Labels struct {
	byID    map[string][]Label
	matches []labelMatch // in the order of the file
}

// labelMatch gives labels to the campaigns whose name matches.
type labelMatch struct {
	name   *regexp.Regexp
	labels []Label
	entry  int
}

// Of returns the labels of the campaign with an ID and a name, "" if it is not known. They are sorted by name, and those
// of all campaigns have the same names; a value that the file does not give is "". It returns nil for a campaign without
// labels. The entry with the campaign's ID, if it has labels, gives all of them, even none; else the first entry does whose
// pattern matches the name. The slice must not be changed.
func (l *Labels) Of(id, name string) []Label {
	if l == nil {
		return nil
	}
	if labels, given := l.byID[id]; given {
		return labels
	}
	if m := l.match(name); m != nil {
		return m.labels
	}
	return nil
}

// match returns the first match for a name; nil if there is none.
func (l *Labels) match(name string) *labelMatch {
	for i := range l.matches {
		if l.matches[i].name.MatchString(name) {
			return &l.matches[i]
		}
	}
	return nil
}

// Unused returns the numbers of the entries, counted from 1, whose pattern gives labels to none of these campaigns, whose
// names are by ID.
func (l *Labels) Unused(names map[string]string) (entries []int) {
	if l == nil {
		return nil
	}
	used := map[*labelMatch]bool{}
	for id, name := range names {
		if _, given := l.byID[id]; !given {
			used[l.match(name)] = true
		}
	}
	for i := range l.matches {
		if m := &l.matches[i]; !used[m] {
			entries = append(entries, m.entry)
		}
	}
	return entries
}
