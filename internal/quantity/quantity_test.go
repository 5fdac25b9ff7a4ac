package quantity_test

import (
	"math"
	"testing"

	"github.com/revox-exporter/revox_exporter/internal/quantity"
)

func TestNumbersForPeople(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{quantity.Grouped(0), "0"},
		{quantity.Grouped(999), "999"},
		{quantity.Grouped(1000), "1,000"},
		{quantity.Grouped(uint64(math.MaxUint64)), "18,446,744,073,709,551,615"},
		{quantity.Bytes(999), "999 B"},
		{quantity.Bytes(1000), "1.0 kB"},
		{quantity.Bytes(1_250_000), "1.2 MB"},
		{quantity.Bytes(3_000_000_000), "3000.0 MB"},
		{quantity.Counted(0, "row", "rows"), "0 rows"},
		{quantity.Counted(int64(1), "row", "rows"), "1 row"},
		{quantity.Counted(12_345, "row", "rows"), "12,345 rows"},
	} {
		if test.got != test.want {
			t.Errorf("%q, want %q", test.got, test.want)
		}
	}
}
