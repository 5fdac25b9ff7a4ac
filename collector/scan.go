package collector

import (
	"context"
	"errors"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

var errNotString = errors.New("not a string")

// scan reads every page of a campaign once. It returns the tally of the whole campaign, or an error: never half. The
// error is a *revoxapi.Error.
func scan(ctx context.Context, client *revoxapi.Client, campaignID string, params revoxapi.RowsParams, labels *labelValues) (*Tally, error) {
	t := newTally(labels)
	summary, err := revoxapi.AllRows(ctx, client, campaignID, params, func(r row) error {
		t.countRow(r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	t.add(familyRowsMissing, "", summary.Missing)
	t.add(familyAnomalies, anomalyDuplicateRow, summary.Duplicates)
	labels.sighted(t.unknown)
	return t, nil
}
