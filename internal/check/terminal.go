package check

import (
	"cmp"
	"os"
)

// usualColumns is the width of a terminal that does not say its own, and that which the table fits elsewhere.
const usualColumns = 80

// Terminal returns how many columns the terminal has that f is; 0 if f is none.
func Terminal(f *os.File) (columns int) {
	if columns, ok := windowColumns(f); ok {
		return cmp.Or(columns, usualColumns)
	}
	return 0
}

// Progress returns a function that returns how many columns the terminal has now that f is; nil if f is none, or if lines
// cannot be redrawn on it.
func Progress(f *os.File) (columns func() int) {
	if Terminal(f) == 0 || !draws() {
		return nil
	}
	return func() int { return cmp.Or(Terminal(f), usualColumns) }
}

func draws() bool { return os.Getenv("TERM") != "dumb" }

// Colours reports whether the user lets a terminal be coloured: see https://no-color.org.
func Colours() bool { return draws() && os.Getenv("NO_COLOR") == "" }
