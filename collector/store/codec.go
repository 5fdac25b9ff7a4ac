package store

import (
	"errors"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/revox-exporter/revox_exporter/collector/campaigns"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// This file has what campaigns look like in the state. Families go by their names and not by their places, so that
// versions which add some understand each other.

// storedScan is the small part, which changes with each scan.
type storedScan struct {
	// At is when the data was complete; zero where there is none.
	At       time.Time                     `json:"at,omitzero"`
	TookNS   int64                         `json:"took_ns,omitzero"`
	Shrunk   int                           `json:"shrunk,omitzero"`
	Failures map[revoxapi.ErrorKind]uint64 `json:"failures,omitempty"`
	Listed   *storedListed                 `json:"listed,omitempty"`
	ListedAt time.Time                     `json:"listed_at,omitzero"`
	// Dropped is when the campaign was no longer selected; zero while it is.
	Dropped time.Time `json:"dropped,omitzero"`
}

// storedListed is what the list of campaigns says.
type storedListed struct {
	Name        string `json:"name"`
	Status      string `json:"status"`
	StatusLabel string `json:"status_label"`
	IsCancelled bool   `json:"is_cancelled,omitzero"`
	// UpdatedAt is in Unix seconds: the API's time may be one that has no form in RFC 3339.
	UpdatedAt          *int64   `json:"updated_at,omitempty"`
	MaxConcurrentCalls *float64 `json:"max_concurrent_calls,omitempty"`
}

// storedData is the newest complete data, and the counters that come of it.
type storedData struct {
	Decreases uint64       `json:"decreases,omitzero"`
	Tally     tally.Stored `json:"tally"`
	// Held and Base have the families that are not as in the tally.
	Held    map[string]tally.StoredFamily `json:"held,omitempty"`
	Base    map[string]tally.StoredFamily `json:"base,omitempty"`
	Carries []string                      `json:"carries,omitempty"`
}

func encodeScan(r *Record, dropped time.Time) []byte {
	s := storedScan{Shrunk: r.doubted, Failures: r.Failures, Dropped: dropped}
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
	return tally.MarshalJSON(s)
}

// decodeScan returns a campaign's record, and when it was dropped. Where it has data, that is yet to be decoded.
func decodeScan(id string, bytes []byte) (r *Record, dropped time.Time, err error) {
	if err := revoxapi.CheckCampaignID(id); err != nil {
		return nil, time.Time{}, err
	}
	var s storedScan
	if err := json.Unmarshal(bytes, &s); err != nil {
		return nil, time.Time{}, err
	}
	r = &Record{ID: id, doubted: s.Shrunk, Failures: s.Failures}
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

// encodeData encodes all of p but its times.
func encodeData(p *Snapshot) []byte {
	return tally.MarshalJSON(storedData{
		Decreases: p.Decreases,
		Tally:     p.Tally.Store(),
		Held:      p.Monotonic.Store(&p.Tally.Values),
		Base:      p.base.Store(&p.Tally.Values),
		Carries:   tally.StoreFields(p.Fields),
	})
}

// decodeData completes p. It fails where there is nothing to decode.
func decodeData(bytes []byte, p *Snapshot, labels *tally.Labels) error {
	if bytes == nil {
		return errors.New("its data is not there")
	}
	var s storedData
	if err := json.Unmarshal(bytes, &s); err != nil {
		return err
	}
	t, err := s.Tally.Restore(labels)
	if err != nil {
		return err
	}
	p.Tally, p.Decreases, p.Fields = t, s.Decreases, tally.RestoreFields(s.Carries)
	p.Monotonic, p.base = t.Values.Clone(), t.Values.Clone()
	return errors.Join(p.Monotonic.Restore(s.Held), p.base.Restore(s.Base))
}
