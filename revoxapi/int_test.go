package revoxapi

import (
	"errors"
	"math"
	"strings"
	"testing"
)

func TestIntAcceptsEverySpelling(t *testing.T) {
	for in, want := range map[string]Int{
		"0": 0, "-0": 0, "0.0": 0, "0e0": 0, "0e99999999999999999999": 0, "0e-99999999999999999999": 0,
		"3": 3, "3.0": 3, "3e0": 3, "3E+0": 3, "30e-1": 3, "0.3e1": 3, "0.003e3": 3, "300.00e-2": 3, "-3.0": -3,
		"120": 120, "1.2e2": 120, "12e1": 120, "100": 100,
		"9007199254740993.0":  9007199254740993, // is not a float64
		"9223372036854775807": math.MaxInt64, "9223372036854775807.000": math.MaxInt64,
		"-9223372036854775808": math.MinInt64, "1e18": 1e18,
		"1" + strings.Repeat("0", 30) + "e-30": 1,
		"null":                                 0,
	} {
		for _, library := range jsonLibraries {
			got := Int(7)
			if err := library.decode([]byte(in), &got); err != nil || got != want {
				t.Errorf("%s: %s reads as %d, %v; want %d", library.name, in, got, err, want)
			}
			if encoded, err := library.encode(Int(3)); err != nil || string(encoded) != "3" {
				t.Errorf("%s: 3 is written as %s, %v", library.name, encoded, err)
			}
		}
	}
}

func TestIntRefusesWhatIsNoInteger(t *testing.T) {
	for in, want := range map[string]error{
		"3.5": errNotInteger, "3e-1": errNotInteger, "1e-99999999999999999999": errNotInteger, "0.1e0": errNotInteger,
		"9223372036854775808": errIntRange, "-9223372036854775809": errIntRange, "1e19": errIntRange,
		"1e99999999999999999999": errIntRange, "1e400": errIntRange,
		`"3"`: errNotNumber, "true": errNotNumber, "{}": errNotNumber, "[3]": errNotNumber, `""`: errNotNumber,
	} {
		for _, library := range jsonLibraries {
			got := Int(7)
			if err := library.decode([]byte(in), &got); !errors.Is(err, want) {
				t.Errorf("%s: %s: error %v, want %v", library.name, in, err, want)
			}
			if got != 7 {
				t.Errorf("%s: %s: value changed to %d", library.name, in, got)
			}
		}
	}
	// What no JSON library hands over must not panic either.
	for _, in := range []string{"", "-", "3e", "3x", "1.2.3"} {
		if err := new(Int).UnmarshalJSON([]byte(in)); in != "-" && err == nil {
			t.Errorf("%q: no error", in)
		}
	}
}
