package tally

import (
	"log/slog"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzLabelValue(f *testing.F) {
	for _, seed := range []string{
		"", "busy", "a b", "\xff\xfe", "\x00", strings.Repeat("é", 70), "+33 612 345 678", "０１２３４５６７", "other", "none",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		value, _ := NewLabels(slog.New(slog.DiscardHandler)).value(enumDialError, raw)
		if !utf8.ValidString(value) || utf8.RuneCountInString(value) > maxLabelRunes {
			t.Errorf("%q became %q", raw, value)
		}
		if value != ValueOther && looksPersonal(value) {
			t.Errorf("%q was let through as %q", raw, value)
		}
		if again := CleanText(value, maxLabelRunes); again != value {
			t.Errorf("%q became %q when cleaned again", value, again)
		}
	})
}
