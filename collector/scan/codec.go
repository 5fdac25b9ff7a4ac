package scan

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/prometheus/common/version"

	"github.com/revox-exporter/revox_exporter/collector/tally"
)

// storedSettled is the JSON part of a stored Settled. The stored form is the length of the JSON in 4 bytes, the JSON,
// and the keys of rows in 8 bytes each, those of settled pages first.
type storedSettled struct {
	// Program is the version that counted. Another version may count differently, so it reads all rows once.
	Program    string       `json:"program"`
	Layout     Layout       `json:"layout"`
	ReadAt     time.Time    `json:"read_at"`
	Tally      tally.Stored `json:"tally"`
	Unknown    [][2]string  `json:"unknown,omitempty"`
	Rows       int          `json:"rows"` // the number of rows on settled pages
	OpenPages  []int        `json:"open_pages,omitempty"`
	LastOpen   bool         `json:"last_open,omitzero"`
	LastKey    uint64       `json:"last_key,omitzero"`
	LastCalled bool         `json:"last_called,omitzero"`
}

func program() string { return version.Version + " " + version.GetRevision() }

// Encode returns p in its stored form, which DecodeSettled reads.
func (p *Settled) Encode() []byte {
	s := storedSettled{
		Program: program(), Layout: p.Layout, ReadAt: p.ReadAt, Tally: p.Tally.Store(), Rows: len(p.Keys),
		OpenPages: p.OpenPages, LastOpen: p.LastOpen, LastKey: p.LastKey, LastCalled: p.LastCalled,
	}
	for u := range p.Tally.Unknown {
		s.Unknown = append(s.Unknown, [2]string{u.Label, u.Value})
	}
	slices.SortFunc(s.Unknown, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	head := tally.MarshalJSON(s)
	bytes := make([]byte, 0, 4+len(head)+8*(len(p.Keys)+len(p.OpenKeys)))
	bytes = binary.LittleEndian.AppendUint32(bytes, uint32(len(head)))
	bytes = append(bytes, head...)
	for _, keys := range [][]uint64{p.Keys, p.OpenKeys} {
		for _, key := range keys {
			bytes = binary.LittleEndian.AppendUint64(bytes, key)
		}
	}
	return bytes
}

var (
	errOtherProgram  = errors.New("another version of the program counted its settled pages")
	errBrokenSettled = errors.New("its settled pages are damaged")
)

// DecodeSettled reverses Encode. It fails if another version of the program encoded, or if bytes is damaged.
func DecodeSettled(bytes []byte, labels *tally.Labels) (*Settled, error) {
	if len(bytes) < 4 || uint64(len(bytes)-4) < uint64(binary.LittleEndian.Uint32(bytes)) {
		return nil, errBrokenSettled
	}
	head, rest := bytes[4:4+binary.LittleEndian.Uint32(bytes)], bytes[4+binary.LittleEndian.Uint32(bytes):]
	var s storedSettled
	if err := json.Unmarshal(head, &s); err != nil {
		return nil, err
	}
	if s.Program != program() {
		return nil, errOtherProgram
	}
	t, err := s.Tally.Restore(labels)
	if err != nil {
		return nil, err
	}
	for _, f := range tally.Families() {
		if !t.Values.Has(f) {
			return nil, errOtherProgram
		}
	}
	for _, u := range s.Unknown {
		t.Unknown[tally.Unknown{Label: u[0], Value: u[1]}] = struct{}{}
	}
	keys := make([]uint64, 0, len(rest)/8)
	for ; len(rest) >= 8; rest = rest[8:] {
		keys = append(keys, binary.LittleEndian.Uint64(rest))
	}
	if len(rest) > 0 || s.Rows < 0 || s.Rows > len(keys) || s.Layout.PageSize < 1 || s.Layout.Total < 1 {
		return nil, errBrokenSettled
	}
	p := &Settled{
		Layout: s.Layout, ReadAt: s.ReadAt, Tally: t, Keys: keys[:s.Rows:s.Rows], OpenPages: s.OpenPages,
		OpenKeys: keys[s.Rows:], LastOpen: s.LastOpen, LastKey: s.LastKey, LastCalled: s.LastCalled,
	}
	if !slices.IsSorted(p.Keys) || !slices.IsSorted(p.OpenKeys) || !slices.IsSorted(p.OpenPages) {
		return nil, errBrokenSettled
	}
	return p, nil
}
