package store

import (
	"errors"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/revox-exporter/revox_exporter/collector/campaigns"
	"github.com/revox-exporter/revox_exporter/collector/counters"
	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/collector/rows"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// This file defines the stored form of campaigns. See tally.Stored for that of tallies, counters.Stored for that of counters.

// storedScan is the small part, which changes with each scan.
type storedScan struct {
	// At is when the data was complete; zero if there is none.
	At       time.Time                     `json:"at,omitzero"`
	TookNS   int64                         `json:"took_ns,omitzero"`
	Shrunk   int                           `json:"shrunk,omitzero"`
	Failures map[revoxapi.ErrorKind]uint64 `json:"failures,omitempty"`
	Listed   *storedListed                 `json:"listed,omitempty"`
	ListedAt time.Time                     `json:"listed_at,omitzero"`
	// Dropped is when the campaign stopped being selected; zero while it is selected.
	Dropped time.Time `json:"dropped,omitzero"`
}

// storedListed is the campaign's entry in the list.
type storedListed struct {
	Name        string `json:"name"`
	Status      string `json:"status"`
	StatusLabel string `json:"status_label"`
	IsCancelled bool   `json:"is_cancelled,omitzero"`
	// UpdatedAt is in Unix seconds, because RFC 3339 cannot express every time that the API may send.
	UpdatedAt          *int64   `json:"updated_at,omitempty"`
	MaxConcurrentCalls *float64 `json:"max_concurrent_calls,omitempty"`
}

// storedData is the last complete data, and the counters based on it.
type storedData struct {
	Decreases   uint64       `json:"decreases,omitzero"`
	Differences uint64       `json:"differences,omitzero"`
	Tally       tally.Stored `json:"tally"`
	counters.Stored
	Carries []string `json:"carries,omitempty"`
}

func encodeScan(r *Record, dropped time.Time) []byte {
	s := storedScan{Shrunk: r.unconfirmed, Failures: r.Failures, Dropped: dropped}
	if r.Data != nil {
		s.At, s.TookNS = r.Data.At, int64(r.Data.Took)
	}
	if c := r.Listed; c != nil {
		s.ListedAt = c.ReadAt
		s.Listed = &storedListed{
			Name: c.Name, Status: c.Status, StatusLabel: c.StatusLabel, IsCancelled: c.IsCancelled,
			MaxConcurrentCalls: c.MaxConcurrentCalls,
		}
		if c.UpdatedAt.Valid() {
			s.Listed.UpdatedAt = new(c.UpdatedAt.Time.Unix())
		}
	}
	return rows.MarshalJSON(s)
}

// decodeScan returns a campaign's record, and when it was dropped. If the record has Data, decodeData must complete it.
func decodeScan(id string, bytes []byte) (r *Record, dropped time.Time, err error) {
	if err := revoxapi.CheckCampaignID(id); err != nil {
		return nil, time.Time{}, err
	}
	var s storedScan
	if err := json.Unmarshal(bytes, &s); err != nil {
		return nil, time.Time{}, err
	}
	r = &Record{ID: id, unconfirmed: s.Shrunk, Failures: s.Failures}
	if !s.At.IsZero() {
		r.Data = &Snapshot{At: s.At, Took: time.Duration(s.TookNS)}
	}
	if l := s.Listed; l != nil {
		r.Listed = &campaigns.Listed{
			Name: l.Name, Status: l.Status, StatusLabel: l.StatusLabel, IsCancelled: l.IsCancelled,
			MaxConcurrentCalls: l.MaxConcurrentCalls, ReadAt: s.ListedAt,
		}
		if l.UpdatedAt != nil {
			r.Listed.UpdatedAt.Time = time.Unix(*l.UpdatedAt, 0)
		}
	}
	return r, s.Dropped, nil
}

// encodeData encodes p without its times, rows.
func encodeData(p *Snapshot) []byte {
	return rows.MarshalJSON(storedData{
		Decreases: p.Decreases, Differences: p.Differences,
		Tally:   p.Tally.Store(),
		Stored:  p.Counters.Store(p.Tally),
		Carries: tally.StoreFields(p.Fields),
	})
}

// decodeData completes p, except for rows. It fails if bytes is nil.
func decodeData(bytes []byte, p *Snapshot, labels *labelvalue.Labels) error {
	if bytes == nil {
		return errors.New("its data is missing")
	}
	var s storedData
	if err := json.Unmarshal(bytes, &s); err != nil {
		return err
	}
	t, err := s.Tally.Restore(labels)
	if err != nil {
		return err
	}
	p.Tally, p.Fields = t, tally.RestoreFields(s.Carries)
	p.Decreases, p.Differences = s.Decreases, s.Differences
	p.Counters, err = s.Stored.Restore(t, labels)
	return err
}
