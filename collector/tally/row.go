package tally

import (
	"errors"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Row has the few fields of a row that are counted; everything else, and with it what is personal, is skipped by the decoder
// and never kept. A field of another JSON type than documented fails the scan, except for times.
type Row struct {
	ID   string `json:"id"`
	Call *Call  `json:"call"`
}

// RowID returns the row's id.
func (r Row) RowID() string { return r.ID }

// Call has the fields of a row's `call` that are counted.
type Call struct {
	Status    string             `json:"status"`
	Outcome   optionalString     `json:"outcome"`
	CreatedAt revoxapi.Timestamp `json:"created_at"`
	Campaign  struct {
		Name string `json:"name"`
	} `json:"campaign"`
	// The copy in last_call_attempt is never read, so that it cannot be counted again.
	Attempts []Attempt `json:"call_attempts"`
}

// Attempt has the fields of one of the `call_attempts` that are counted.
type Attempt struct {
	Status     string             `json:"status"`
	Result     string             `json:"result"`
	DialError  string             `json:"dial_error"`
	EndedBy    string             `json:"ended_by"`
	EndReason  string             `json:"end_reason"`
	StartedAt  revoxapi.Timestamp `json:"started_at"`
	AnsweredAt revoxapi.Timestamp `json:"answered_at"`
	EndedAt    revoxapi.Timestamp `json:"ended_at"`
}

var errNotString = errors.New("not a string")

// optionalString is a string that remembers whether its field was there at all, null included.
type optionalString struct {
	present bool
	value   string
}

// UnmarshalJSONFrom reads a string or null.
func (o *optionalString) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	o.present = true
	if d.PeekKind() == jsontext.KindNull {
		o.value = ""
		return d.SkipValue()
	}
	if d.PeekKind() != jsontext.KindString {
		return errNotString
	}
	token, err := d.ReadToken()
	if err != nil {
		return err
	}
	o.value = token.String()
	return nil
}
