package check

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/width"
)

// printable returns text without anything that a terminal would act on: escape sequences, other control characters and
// marks that reverse or hide text become "�". Every kind of space becomes a plain one.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) && r != '\u0085':
			return ' '
		case !unicode.IsPrint(r):
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// columns returns how many columns of a terminal a character takes.
func columns(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

func columnsOf(text string) int {
	n := 0
	for _, r := range text {
		n += columns(r)
	}
	return n
}

// fit cuts text to a number of columns, and adds an ellipsis if something is cut off. It also limits combining marks,
// which take no column: the result has at most two characters per column.
func fit(text string, limit int) string {
	if columnsOf(text) <= limit && len([]rune(text)) <= 2*limit {
		return text
	}
	var out strings.Builder
	n, runes := 0, 0
	for _, r := range text {
		if n += columns(r); n > limit-1 || runes >= 2*limit {
			break
		}
		runes++
		out.WriteRune(r)
	}
	return out.String() + "…"
}

// wrap cuts text into lines of a number of columns at most. A word that is longer stays whole, so that an ID or a URL can
// be copied.
func wrap(text string, limit int) []string {
	words := strings.Split(text, " ")
	lines := []string{words[0]}
	for _, word := range words[1:] {
		last := &lines[len(lines)-1]
		if *last == "" {
			*last = word // no line begins with a space
		} else if columnsOf(*last)+1+columnsOf(word) > limit {
			lines = append(lines, word)
		} else {
			*last += " " + word
		}
	}
	return lines
}

func padRight(text string, to int) string {
	return text + strings.Repeat(" ", max(0, to-columnsOf(text)))
}

func padLeft(text string, to int) string {
	return strings.Repeat(" ", max(0, to-columnsOf(text))) + text
}

// short writes a duration as people would say it.
func short(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d < time.Minute:
		return d.Round(time.Second).String()
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
}

func percent(part, whole uint64) string {
	if whole == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(whole))
}
