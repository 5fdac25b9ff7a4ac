package collector

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// These types have the few fields of a row that are counted; everything else, and with it what is personal, is skipped
// by the decoder and never kept. A field of another JSON type than documented fails the scan, save time stamps.

type row struct {
	ID   string `json:"id"`
	Call *call  `json:"call"`
}

// RowID returns the row's id.
func (r row) RowID() string { return r.ID }

type call struct {
	Status    string             `json:"status"`
	Outcome   optionalString     `json:"outcome"`
	CreatedAt revoxapi.Timestamp `json:"created_at"`
	Campaign  struct {
		Name string `json:"name"`
	} `json:"campaign"`
	// The copy in last_call_attempt is never read, so that it cannot be counted again.
	Attempts []attempt `json:"call_attempts"`
}

type attempt struct {
	Status     string             `json:"status"`
	Result     string             `json:"result"`
	DialError  string             `json:"dial_error"`
	EndedBy    string             `json:"ended_by"`
	EndReason  string             `json:"end_reason"`
	StartedAt  revoxapi.Timestamp `json:"started_at"`
	AnsweredAt revoxapi.Timestamp `json:"answered_at"`
	EndedAt    revoxapi.Timestamp `json:"ended_at"`
}

// optionalString is a string that tells whether its field was there at all, null included.
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
