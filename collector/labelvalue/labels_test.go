package labelvalue

import (
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestUnknownValuesThatPass(t *testing.T) {
	for value, passes := range map[string]bool{
		"busy": true, "Rejected": true, "SIP_503": true, "ivr.no-navigate": true, "agentTransferFailed": true, "E1": true,
		"IOSScreeningFilter": true, "a_b_c_d_e": true, "aBcDeF": true, "aBaBaBaBaBa": false, "a_b_c_d_e_": true, "a__b": true,
		strings.Repeat("x", 40): true, strings.Repeat("x", 41): false,
		"a_b_c_d_e_f": false, "sheAskedForHerMoneyBack": false, "error_1234": false, "e1_2_3_4": false, "error_123": true,
		"": false, "_busy": false, "1st": false, "33612345678": false, "a b": false, "jane@example.org": false,
		"né": false, "a\x00": false, "a\u202eb": false, "a/b": false, "a:b": false, "\xff": false, "-": false,
	} {
		if got, known := New(slog.New(slog.DiscardHandler)).Value(DialError, value); known && value != "busy" ||
			(got == value) != passes || !passes && got != Other {
			t.Errorf("%q became %q, want it to pass: %v", value, got, passes)
		}
	}
}

func TestCleanText(t *testing.T) {
	for text, want := range map[string]string{
		"Spring offer":                          "Spring offer",
		"Été 🎁 שלום":                            "Été 🎁 שלום",
		"a\x00b\x1b[2Jc\u009bd":                 "a�b�[2Jc�d",
		"a\u202egnp\u2066.exe\u2069\u202c":      "agnp.exe",
		"\u200e\u200f\u061ca\u200b\u2060\ufeff": "a",
		"a\u2028b\u2029c\u00ad\U000e0041":       "abc",
		"a\xffb":                                "a�b",
	} {
		if got := CleanText(text, MaxNameRunes); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

var (
	identifier = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,39}$`)
	fourDigits = regexp.MustCompile(`([0-9].*){4}`)
)

func FuzzLabelValue(f *testing.F) {
	for _, seed := range []string{
		"", "busy", "a b", "\xff\xfe", "\x00", strings.Repeat("é", 70), "+33 612 345 678", "０１２３４５６７", "other", "none",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		value, _ := New(slog.New(slog.DiscardHandler)).Value(DialError, raw)
		if value != Other && (value != raw || !identifier.MatchString(value) || fourDigits.MatchString(value)) {
			t.Errorf("%q became %q", raw, value)
		}
		clean := CleanText(raw, 20)
		if !utf8.ValidString(clean) || utf8.RuneCountInString(clean) > 20 || CleanText(clean, 20) != clean {
			t.Errorf("%q became %q", raw, clean)
		}
	})
}
