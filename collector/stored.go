package collector

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

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
	Decreases uint64      `json:"decreases,omitzero"`
	Tally     storedTally `json:"tally"`
	// Held and Base have the families that are not as in the tally.
	Held    map[string]storedFamily `json:"held,omitempty"`
	Base    map[string]storedFamily `json:"base,omitempty"`
	Carries []string                `json:"carries,omitempty"`
}

type storedTally struct {
	Name     string                  `json:"name,omitzero"`
	Families map[string]storedFamily `json:"families"`
	Carries  []string                `json:"carries,omitempty"`
}

// storedFamily has the values of a family by label value.
type storedFamily struct {
	Counts        map[string]uint64       `json:"counts,omitempty"`
	Distributions map[string][]storedCell `json:"distributions,omitempty"`
	// Buckets are the upper bounds that the cells of distributions go by.
	Buckets []float64 `json:"buckets,omitempty"`
}

// storedCell is a cell's classic and native bucket, its count, and the seconds and nanoseconds of its sum.
type storedCell [5]int64

func encodeScan(r *record, dropped time.Time) []byte {
	s := storedScan{Shrunk: r.shrunk, Failures: r.failures, Dropped: dropped}
	if r.data != nil {
		s.At, s.TookNS = r.data.at, int64(r.data.took)
	}
	if c := r.listed; c != nil {
		s.ListedAt = c.readAt
		s.Listed = &storedListed{
			Name: c.Name.value, Status: c.Status.value, StatusLabel: c.statusLabel, IsCancelled: c.IsCancelled.value,
			MaxConcurrentCalls: c.MaxConcurrentCalls.value,
		}
		if c.UpdatedAt.Valid() {
			s.Listed.UpdatedAt = new(c.UpdatedAt.Time.Unix())
		}
	}
	return encode(s)
}

// decodeScan returns a campaign's record, and when it was dropped. Where it has data, that is yet to be decoded.
func decodeScan(id string, bytes []byte) (r *record, dropped time.Time, err error) {
	if err := revoxapi.CheckCampaignID(id); err != nil {
		return nil, time.Time{}, err
	}
	var s storedScan
	if err := json.Unmarshal(bytes, &s); err != nil {
		return nil, time.Time{}, err
	}
	r = &record{id: id, shrunk: s.Shrunk, failures: s.Failures}
	if !s.At.IsZero() {
		r.data = &published{at: s.At, took: time.Duration(s.TookNS)}
	}
	if l := s.Listed; l != nil {
		r.listed = &listedCampaign{
			ID: tolerant[string]{id}, Name: tolerant[string]{l.Name}, Status: tolerant[string]{l.Status},
			IsCancelled: tolerant[bool]{l.IsCancelled}, MaxConcurrentCalls: tolerant[*float64]{l.MaxConcurrentCalls},
			statusLabel: l.StatusLabel, readAt: s.ListedAt,
		}
		if l.UpdatedAt != nil {
			r.listed.UpdatedAt.Time = time.Unix(*l.UpdatedAt, 0)
		}
	}
	return r, s.Dropped, nil
}

// encodeData encodes all of p but its times.
func encodeData(p *published) []byte {
	return encode(storedData{
		Decreases: p.decreases,
		Tally:     storeTally(p.tally),
		Held:      storeFamilies(p.heldCounts, p.heldDistributions, p.tally),
		Base:      storeFamilies(p.baseCounts, p.baseDistributions, p.tally),
		Carries:   storeCarries(p.carries),
	})
}

// decodeData completes p. It fails where there is nothing to decode.
func decodeData(bytes []byte, p *published, labels *labelValues) error {
	if bytes == nil {
		return errors.New("its data is not there")
	}
	var s storedData
	if err := json.Unmarshal(bytes, &s); err != nil {
		return err
	}
	t, err := restoreTally(s.Tally, labels)
	if err != nil {
		return err
	}
	p.tally, p.decreases, p.carries = t, s.Decreases, restoreCarries(s.Carries)
	p.heldCounts, p.heldDistributions = slices.Clone(t.counts), slices.Clone(t.distributions)
	p.baseCounts, p.baseDistributions = slices.Clone(t.counts), slices.Clone(t.distributions)
	return errors.Join(
		restoreFamilies(s.Held, p.heldCounts, p.heldDistributions),
		restoreFamilies(s.Base, p.baseCounts, p.baseDistributions))
}

func storeTally(t *Tally) storedTally {
	return storedTally{Name: t.name, Families: storeFamilies(t.counts, t.distributions, nil), Carries: storeCarries(t.carries)}
}

// restoreTally returns a tally in which families that are not stored, or not with the same buckets, are nil.
func restoreTally(s storedTally, labels *labelValues) (*Tally, error) {
	t := newTally(labels)
	t.name, t.carries = s.Name, restoreCarries(s.Carries)
	clear(t.counts)
	clear(t.distributions)
	return t, restoreFamilies(s.Families, t.counts, t.distributions)
}

// storeFamilies returns the families of which the values are not as in a tally; with nil all of them.
func storeFamilies(cs []counts, ds []distributions, but *Tally) map[string]storedFamily {
	stored := map[string]storedFamily{}
	for i, f := range families {
		if but == nil || !equalCounts(cs[i], but.counts[i]) || !equalDistributions(ds[i], but.distributions[i]) {
			stored[f.name] = storedFamily{Counts: storeCounts(cs[i]), Distributions: storeDistributions(ds[i]), Buckets: f.buckets}
		}
	}
	return stored
}

// restoreFamilies sets the families that are stored.
func restoreFamilies(stored map[string]storedFamily, cs []counts, ds []distributions) error {
	for i, f := range families {
		s, ok := stored[f.name]
		if !ok || !slices.Equal(s.Buckets, f.buckets) {
			continue
		}
		if f.kind != histogram {
			cs[i] = restoreByLabel[uint64](s.Counts, f)
			for at, c := range cs[i] {
				cs[i][at].value = s.Counts[c.label]
			}
			continue
		}
		ds[i] = restoreByLabel[distribution](s.Distributions, f)
		for at, d := range ds[i] {
			var err error
			if ds[i][at].value, err = restoreDistribution(s.Distributions[d.label], f); err != nil {
				return err
			}
		}
	}
	return nil
}

// restoreByLabel returns one with the zero value for each label value that is stored. Those that are known are in memory once.
func restoreByLabel[V, S any](stored map[string]S, f *family) byLabel[V] {
	labels := make([]string, 0, len(stored))
	for label := range stored {
		if i := slices.Index(f.known, label); i >= 0 {
			label = f.known[i]
		}
		labels = append(labels, label)
	}
	return newByLabel[V](labels)
}

func storeCounts(values counts) map[string]uint64 {
	stored := make(map[string]uint64, len(values))
	for _, c := range values {
		stored[c.label] = c.value
	}
	return stored
}

func storeDistributions(values distributions) map[string][]storedCell {
	stored := make(map[string][]storedCell, len(values))
	for _, d := range values {
		cells := make([]storedCell, 0, len(d.value))
		for _, o := range d.value {
			cells = append(cells, storedCell{int64(o.classic), int64(o.native), int64(o.count), o.seconds, int64(o.nanoseconds)})
		}
		stored[d.label] = cells
	}
	return stored
}

func restoreDistribution(cells []storedCell, f *family) (distribution, error) {
	d := make(distribution, 0, len(cells))
	for _, s := range cells {
		c := cell{int16(s[0]), int16(s[1])}
		if s[0] < 0 || s[0] > int64(len(f.buckets)) || s[1] != int64(c.native) || s[2] < 1 || s[3] < 0 || s[4] < 0 || s[4] >= 1e9 {
			return nil, fmt.Errorf("a cell of %s that cannot be: %v", f.name, s)
		}
		if last := len(d) - 1; last >= 0 && d[last].compare(c) >= 0 {
			return nil, fmt.Errorf("cells of %s that are not in order: %v", f.name, s)
		}
		d = append(d, newObservations(c, uint64(s[2]), exactSum{s[3], s[4]}))
	}
	return d, nil
}

// storeCarries returns the names of the families of which rows carry the field.
func storeCarries(carries []bool) []string {
	var names []string
	for i, f := range families {
		if carries[i] {
			names = append(names, f.name)
		}
	}
	return names
}

func restoreCarries(names []string) []bool {
	carries := make([]bool, len(families))
	for i, f := range families {
		carries[i] = slices.Contains(names, f.name)
	}
	return carries
}

// encode returns v as JSON, equal for equal values.
func encode(v any) []byte {
	bytes, err := json.Marshal(v, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		panic(fmt.Sprintf("encoding state: %v", err)) // plain values of our own: it cannot fail
	}
	return bytes
}
