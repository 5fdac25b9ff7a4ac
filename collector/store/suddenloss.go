package store

import (
	"fmt"

	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

const (
	// believedScans is how many scans in a row have to find that most of a campaign is gone before that is published: one odd answer
	// of the API must not look as if everything had been called once more when it passes.
	believedScans = 3
	// minLossCheck is how many can vanish at once without being doubted.
	minLossCheck = 10
)

// checkSuddenLoss returns an error for a tally that is not believed yet, because most rows have vanished since the one published,
// or most of what is counted of them. It counts such tallies in r.
func (r *Record) checkSuddenLoss(t *tally.Tally) error {
	what, now, was := "", uint64(0), uint64(0)
	if r.Data != nil {
		what, now, was = mostlyGone(r.Data.Tally, t)
	}
	if what == "" {
		r.doubted = 0
		return nil
	}
	if r.doubted++; r.doubted >= believedScans {
		r.doubted = 0
		return nil
	}
	return &revoxapi.Error{Kind: revoxapi.KindIncomplete, Endpoint: revoxapi.EndpointRows, CampaignID: r.ID, Page: -1,
		Err: fmt.Errorf("only %d %s where there were %d: believed if %d scans in a row find that", now, what, was, believedScans)}
}

// mostlyGone names something of which now counts less than half of before, "" where there is no such thing.
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
