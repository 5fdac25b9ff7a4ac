package collector

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// FuzzStored decodes what may be in the state: whatever it is, it can be shown, counted on from and stored again, or it
// is an error.
func FuzzStored(f *testing.F) {
	labels := newLabelValues(slog.New(slog.DiscardHandler))
	t := newTally(labels)
	t.countRow(row{ID: "r", Call: &call{Status: "completed", Attempts: []attempt{{Status: "completed", Result: "human"}}}})
	t.observe(familyAttemptDuration, "", 90*time.Second)
	data := (*published)(nil).next(t, start, time.Second).next(newTally(labels), start, time.Second)
	f.Add(encodeScan(&record{data: data, shrunk: 1}, start), encodeData(data), encodeSettled(&settledPages{Tally: t, Keys: []uint64{1, 2}, OpenKeys: []uint64{3}}))
	f.Add([]byte(`{"at": "2024-05-01T09:00:00Z"}`), []byte(`{"tally": {"families": {"revox_campaign_rows": {"counts": {"": 1}}}}}`), []byte{2, 0, 0, 0, '{', '}'})
	f.Fuzz(func(t *testing.T, scan, data, settled []byte) {
		if p, err := decodeSettled(settled, labels); err == nil {
			if again, err := decodeSettled(encodeSettled(p), labels); err != nil || len(again.Keys) != len(p.Keys) {
				t.Errorf("settled pages cannot be stored again: %v", err)
			}
		}
		r, dropped, err := decodeScan("c", scan)
		if err != nil || r.data == nil || decodeData(data, r.data, labels) != nil {
			return
		}
		labels.recall(r)
		_ = r.data.tally.rows()
		for i, f := range families {
			for _, d := range r.data.heldDistributions[i] {
				if m, err := newHistogramMetric(f, d.value, f.labelValues("c", d.label)...); err == nil {
					if err := m.Write(&dto.Metric{}); err != nil {
						t.Error(err)
					}
				}
			}
		}
		next := *r
		next.data = r.data.next(newTally(labels), start, time.Second)
		stored := encodeData(next.data)
		again, _, err := decodeScan("c", encodeScan(&next, dropped))
		if err != nil || decodeData(stored, again.data, labels) != nil || !bytes.Equal(encodeData(again.data), stored) {
			t.Errorf("it cannot be stored again as it was: %v", err)
		}
	})
}
