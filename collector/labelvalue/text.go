package labelvalue

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// MaxNameRunes is the number of characters of a campaign's name that are shown.
	MaxNameRunes = 256
	// An unknown value passes only if it looks like an identifier: with at most so many characters, words and digits.
	maxIdentifierBytes, maxIdentifierWords, maxIdentifierDigits = 40, 5, 3
	// A model may have a date: at most so many digits in a row.
	maxModelBytes, maxModelDigits = 80, 8
	// An ID is a UUID, which has 36 characters, or something like it.
	maxIDBytes = 64
)

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

// IsIdentifier reports whether an unknown value may be shown. Enumerations have identifiers; free text, names, numbers
// and addresses do not look like them. An identifier starts with an ASCII letter and has only ASCII letters, digits, and
// "_", "-" and "." between words. A word also ends where an upper-case letter follows a lower-case one.
func IsIdentifier(value string) bool {
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

// isModelID reports whether a text may be shown as that of a language model or its provider, such as
// "mistralai/mistral-small-3.2-24b-instruct". It has more digits than an identifier, but no phone number without separators.
func isModelID(value string) bool {
	digits := 0 // in a row
	for _, c := range []byte(value) {
		switch {
		case isDigit(c):
			digits++
		case isLower(c), isUpper(c), isSeparator(c), c == '/', c == ':':
			digits = 0
		default:
			return false
		}
		if digits > maxModelDigits {
			return false
		}
	}
	return value != "" && len(value) <= maxModelBytes && (isLower(value[0]) || isUpper(value[0]))
}

func isLower(c byte) bool     { return 'a' <= c && c <= 'z' }
func isUpper(c byte) bool     { return 'A' <= c && c <= 'Z' }
func isDigit(c byte) bool     { return '0' <= c && c <= '9' }
func isSeparator(c byte) bool { return c == '_' || c == '-' || c == '.' }
