package store

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/collector/scan"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// start is a Wednesday morning.
var start = time.Date(2024, 5, 1, 9, 0, 0, 0, time.UTC)

// FuzzStored decodes arbitrary state. It either fails, or can be shown, used by the next scan and stored again.
func FuzzStored(f *testing.F) {
	at := func(seconds int) (at revoxapi.Timestamp) {
		at.Time = start.Add(time.Duration(seconds) * time.Second)
		return at
	}
	labels := labelvalue.New(slog.New(slog.DiscardHandler))
	t := tally.New(labels)
	attempt := tally.Attempt{Status: "completed", Result: tally.MakeValue("human"), StartedAt: at(0), EndedAt: at(90)}
	t.CountRow(tally.Row{ID: "r", Call: &tally.Call{Status: "completed", Attempts: []tally.Attempt{attempt}}})
	data := (*Snapshot)(nil).next(&scan.Result{Tally: t}, start, time.Second, maxGone)
	data = data.next(&scan.Result{Tally: tally.New(labels)}, start, time.Second, maxGone)
	f.Add(encodeScan(&Record{Data: data, unconfirmed: 1}, start), encodeData(data))
	f.Add([]byte(`{"at": "2024-05-01T09:00:00Z"}`),
		[]byte(`{"tally": {"families": {"revox_campaign_rows": {"counts": {"": 1}}}}}`))
	f.Fuzz(func(t *testing.T, small, data []byte) {
		r, dropped, err := decodeScan("c", small)
		if err != nil || r.Data == nil || decodeData(data, r.Data, labels) != nil {
			return
		}
		r.Data.Monotonic.RestoreLabels(labels)
		_ = r.Data.Tally.Rows()
		for _, f := range tally.Families() {
			for _, d := range r.Data.Monotonic.Distributions[f.Index] {
				d.Value.ClassicBuckets(f.Buckets)
				d.Value.NativeBuckets()
			}
		}
		next := *r
		next.Data = r.Data.next(&scan.Result{Tally: tally.New(labels)}, start, time.Second, maxGone)
		stored := encodeData(next.Data)
		again, _, err := decodeScan("c", encodeScan(&next, dropped))
		if err != nil || decodeData(stored, again.Data, labels) != nil || !bytes.Equal(encodeData(again.Data), stored) {
			t.Errorf("the stored data cannot be read back unchanged: %v", err)
		}
	})
}
