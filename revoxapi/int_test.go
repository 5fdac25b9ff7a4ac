package revoxapi_test

import (
	"math"
	"strings"
	"testing"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

func TestIntAcceptsEverySpelling(t *testing.T) {
	for in, want := range map[string]revoxapi.Int{
		"0": 0, "-0": 0, "0.0": 0, "0e0": 0, "0e99999999999999999999": 0, "0e-99999999999999999999": 0,
		"3": 3, "3.0": 3, "3e0": 3, "3E+0": 3, "30e-1": 3, "0.3e1": 3, "0.003e3": 3, "300.00e-2": 3, "-3.0": -3,
		"120": 120, "1.2e2": 120, "12e1": 120, "100": 100,
		"9007199254740993.0":  9007199254740993, // is not a float64
		"9223372036854775807": math.MaxInt64, "9223372036854775807.000": math.MaxInt64,
		"-9223372036854775808": math.MinInt64, "1e18": 1e18,
		"1" + strings.Repeat("0", 30) + "e-30": 1,
		`"3"`:                                  3, `"3.0"`: 3, `"-0"`: 0, `"1e2"`: 100, `"9223372036854775807"`: math.MaxInt64,
		"null": 0,
	} {
		for _, library := range jsonLibraries {
			got := revoxapi.Int(7)
			if err := library.decode([]byte(in), &got); err != nil || got != want {
				t.Errorf("%s: %s reads as %d, %v; want %d", library.name, in, got, err, want)
			}
			if encoded, err := library.encode(revoxapi.Int(3)); err != nil || string(encoded) != "3" {
				t.Errorf("%s: 3 is written as %s, %v", library.name, encoded, err)
			}
		}
	}
}

func TestIntRefusesWhatIsNotAnInteger(t *testing.T) {
	const notInteger, outOfRange, notNumber = "not an integer", "does not fit", "not a JSON number"
	for in, want := range map[string]string{
		"3.5": notInteger, "3e-1": notInteger, "1e-99999999999999999999": notInteger, "0.1e0": notInteger,
		"9223372036854775808": outOfRange, "-9223372036854775809": outOfRange, "1e19": outOfRange,
		"1e99999999999999999999": outOfRange, "1e400": outOfRange,
		`" 3"`: notNumber, `"3x"`: notNumber, `"null"`: notNumber, `"3.5"`: notInteger, `"1e19"`: outOfRange, "true": notNumber, "{}": notNumber, "[3]": notNumber, `""`: notNumber,
	} {
		for _, library := range jsonLibraries {
			got := revoxapi.Int(7)
			if err := library.decode([]byte(in), &got); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %s: error %v, want %q", library.name, in, err, want)
			}
			if got != 7 {
				t.Errorf("%s: %s: value changed to %d", library.name, in, got)
			}
		}
	}
	// What no JSON library passes on must not panic either.
	for _, in := range []string{"", "-", "3e", "3x", "1.2.3"} {
		if err := new(revoxapi.Int).UnmarshalJSON([]byte(in)); in != "-" && err == nil {
			t.Errorf("%q: no error", in)
		}
	}
}
