package collector

import (
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if growthMain() {
		return
	}
	goleak.VerifyTestMain(m)
}

// start is a Wednesday morning.
var start = time.Date(2024, 5, 1, 9, 0, 0, 0, time.UTC)
