// Package quantity writes numbers for people, the same way in errors, on the landing page and in what check shows. It
// writes nothing for programs: metrics and JSON have plain numbers.
package quantity

import (
	"fmt"
	"strconv"
)

// Grouped writes a number that is not negative with commas between thousands.
func Grouped[N ~int | ~int64 | ~uint64](n N) string {
	digits := strconv.FormatUint(uint64(n), 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// Bytes writes a number of bytes, in kB or MB if it is large.
func Bytes(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1_000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}

// Counted writes a number of things that are called one or many.
func Counted[N ~int | ~int64 | ~uint64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Grouped(n) + " " + many
}
