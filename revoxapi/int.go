package revoxapi

import (
	"bytes"
	"errors"
	"strconv"
)

// Int is a whole number of the API. The API documents such fields as "number", so the same value can arrive as 3, 3.0 or
// 3e0. JSON libraries refuse the last two for a Go int. Int reads all three, a string that holds one of them ("3") too,
// and is otherwise an int64.
//
// Null reads as 0. A fraction (3.5), a number beyond int64 and what is not a number are errors.
type Int int64

// The errors quote no value: it can be personal data that came in the wrong place.
var (
	errNotNumber  = errors.New("revoxapi: not a JSON number")
	errNotInteger = errors.New("revoxapi: number is not an integer")
	errIntRange   = errors.New("revoxapi: number does not fit an int64")
)

// UnmarshalJSON reads a JSON number with an integral value, or a string of one, in any spelling and without rounding.
func (n *Int) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		*n = 0
		return nil
	}
	if len(data) > 2 && data[0] == '"' && data[len(data)-1] == '"' {
		data = data[1 : len(data)-1]
	}
	value, err := parseInt(data)
	if err != nil {
		return err
	}
	*n = Int(value)
	return nil
}

// parseInt works on the digits: float64 would round numbers above 2^53 that are written with a fraction or an exponent.
func parseInt(data []byte) (int64, error) {
	if len(data) == 0 || data[0] != '-' && (data[0] < '0' || data[0] > '9') {
		return 0, errNotNumber
	}
	rest, negative := bytes.CutPrefix(data, []byte("-"))
	mantissa, exponent := rest, 0
	if i := bytes.IndexAny(rest, "eE"); i >= 0 {
		var err error
		mantissa = rest[:i]
		// On overflow Atoi returns the nearest int, which is out of range like the exponent itself.
		exponent, err = strconv.Atoi(string(rest[i+1:]))
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return 0, errNotNumber
		}
	}
	whole, fraction, _ := bytes.Cut(mantissa, []byte("."))
	// The value is digits × 10^exponent, the digits without trailing zeros.
	digits := bytes.Join([][]byte{whole, fraction}, nil)
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, errNotNumber
		}
	}
	shortened := bytes.TrimRight(digits, "0")
	zeros := len(digits) - len(shortened) - len(fraction)
	digits = bytes.TrimLeft(shortened, "0")

	const most = 19 // digits of the largest int64
	switch {
	case len(digits) == 0:
		return 0, nil
	case exponent < -zeros:
		return 0, errNotInteger
	case exponent > most-zeros:
		return 0, errIntRange
	}
	text := make([]byte, 0, 1+most)
	if negative {
		text = append(text, '-')
	}
	text = append(text, digits...)
	for range zeros + exponent {
		text = append(text, '0')
	}
	value, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		return 0, errIntRange
	}
	return value, nil
}
