package store

import (
	"fmt"

	"github.com/revox-exporter/revox_exporter/collector/scan"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

const (
	// confirmingScans is the number of scans in a row that must find a sudden loss before it is published. Otherwise,
	// when a wrong answer of the API is over, it would look as if everything had been called again.
	confirmingScans = 3
	// minLossCheck is the number of items above which a loss is checked at all.
	minLossCheck = 10
)

// checkSuddenLoss returns an error if t lacks most of the rows, or most of something that is counted, compared with the
// published tally, unless confirmingScans scans in a row found that. It counts these scans in r.
func (r *Record) checkSuddenLoss(t *tally.Tally) error {
	what, now, was := "", uint64(0), uint64(0)
	if r.Data != nil {
		what, now, was = mostlyGone(r.Data.Tally, t)
	}
	if what == "" {
		r.unconfirmed = 0
		return nil
	}
	if r.unconfirmed++; r.unconfirmed >= confirmingScans {
		r.unconfirmed = 0
		return nil
	}
	return scan.Error(r.ID, revoxapi.KindIncomplete,
		fmt.Errorf("only %d %s, after %d before: published if %d scans in a row find this", now, what, was, confirmingScans))
}

// mostlyGone names the rows, or a family, of which now counts less than half of before; "" if there is none.
func mostlyGone(before, now *tally.Tally) (what string, is, was uint64) {
	if was, is := before.Rows(), now.Rows(); was > minLossCheck && is < was/2 {
		return "rows", is, was
	}
	for _, f := range tally.Families() {
		if was, is := before.Total(f), now.Total(f); f.Kind != tally.Gauge && was > minLossCheck && is < was/2 {
			return "of " + f.Name, is, was
		}
	}
	return "", 0, 0
}
