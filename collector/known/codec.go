package known

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/prometheus/common/version"

	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/collector/paging"
	"github.com/revox-exporter/revox_exporter/collector/rows"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// stored is the JSON part of a stored Rows. The stored form is the JSON (rows.StoreHead), and for each row its
// key in 8 bytes and its class in one. Late rows are stored as finished ones.
type stored struct {
	// Program is the version that counted. Another version may count differently, so it reads all rows once.
	Program  string                `json:"program"`
	Layout   paging.Layout         `json:"layout"`
	FullAt   time.Time             `json:"full_at"`
	At       time.Time             `json:"at"`
	BrokenAt time.Time             `json:"broken_at,omitzero"`
	Finished tally.Stored          `json:"finished"`
	Unknown  [][2]string           `json:"unknown,omitempty"`
	Read     []revoxapi.CallStatus `json:"read"`
	Proven   bool                  `json:"proven,omitzero"`
	Outcomes bool                  `json:"outcomes,omitzero"`
	Requeued bool                  `json:"requeued,omitzero"`
	// Transcripts is Rows.Transcripts.
	Transcripts bool  `json:"transcripts,omitzero"`
	RetryNS     int64 `json:"retry_ns,omitzero"`
	Waits       bool  `json:"waits,omitzero"`
}

func program() string { return version.Version + " " + version.GetRevision() }

// Encode returns k in its stored form, which Decode reads.
func (k *Rows) Encode() []byte {
	finished, classes := k.Finished, k.Classes
	if len(k.Late) > 0 {
		finished, classes = k.Finished.Clone(), slices.Clone(k.Classes)
		for i := range k.Late {
			finished.CountRow(k.Late[i].Row)
			classes[k.Late[i].Position], _ = k.Classify(&k.Late[i].Row)
		}
	}
	s := stored{
		Program: program(), Layout: k.Layout, FullAt: k.FullAt, At: k.At, BrokenAt: k.BrokenAt,
		Finished: finished.Store(), Read: k.Read, Proven: k.Proven, Outcomes: k.Outcomes, Transcripts: k.Transcripts,
		Requeued: k.requeued, RetryNS: int64(k.retry), Waits: k.waits,
	}
	for u := range finished.Unknown {
		s.Unknown = append(s.Unknown, [2]string{u.Label, u.Value})
	}
	slices.SortFunc(s.Unknown, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	bytes := rows.StoreHead(s, 9*len(classes))
	for i, c := range classes {
		bytes = append(binary.LittleEndian.AppendUint64(bytes, k.List.Key(i)), byte(c))
	}
	return bytes
}

var (
	errOtherProgram = errors.New("another version of the program counted its finished rows")
	errDamaged      = errors.New("what is known of its rows is damaged")
)

// Decode reverses Encode. It fails if another version of the program encoded, or if bytes is damaged. The rows are
// usually in the set, whose memory is then shared.
func Decode(bytes []byte, labels *labelvalue.Labels, set *rows.Set) (*Rows, error) {
	var s stored
	rest, ok := rows.RestoreHead(bytes, &s)
	if !ok {
		return nil, errDamaged
	}
	if s.Program != program() {
		return nil, errOtherProgram
	}
	finished, err := s.Finished.Restore(labels)
	if err != nil {
		return nil, err
	}
	for _, f := range tally.Families() {
		if !finished.Values.Has(f) {
			return nil, errOtherProgram
		}
	}
	for _, u := range s.Unknown {
		finished.Unknown[labelvalue.Unknown{Label: u[0], Value: u[1]}] = struct{}{}
	}
	k := &Rows{
		Layout: s.Layout, FullAt: s.FullAt, At: s.At, BrokenAt: s.BrokenAt, Finished: finished, Read: s.Read,
		Proven: s.Proven, Outcomes: s.Outcomes, Transcripts: s.Transcripts,
		retries: retries{requeued: s.Requeued, retry: time.Duration(s.RetryNS), waits: s.Waits},
	}
	if len(rest)%9 != 0 || len(rest)/9 != s.Layout.Total || s.Layout.PageSize < 1 || s.Layout.Total < 1 {
		return nil, errDamaged
	}
	keys := make([]uint64, 0, s.Layout.Total)
	k.Classes = make([]Class, 0, s.Layout.Total)
	for ; len(rest) > 0; rest = rest[9:] {
		c := Class(rest[8])
		if c == Late || c > Errored {
			return nil, errDamaged
		}
		keys, k.Classes = append(keys, binary.LittleEndian.Uint64(rest)), append(k.Classes, c)
	}
	k.List = set.List(keys)
	return k, nil
}
