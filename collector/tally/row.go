package tally

import (
	"bytes"
	"errors"
	"slices"

	"github.com/cespare/xxhash/v2"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Row has the few fields of a row that are counted. The decoder skips everything else, personal data included. A counted
// field whose JSON type is not the documented one fails the scan, except for times; the campaign's name and the IDs of
// attempts may have any.
type Row struct {
	ID   string `json:"id"`
	Call *Call  `json:"call"`
}

// RowID returns the row's id.
func (r Row) RowID() string { return r.ID }

// Call has the counted fields of a row's `call`.
type Call struct {
	Status    string             `json:"status"`
	Outcome   optionalString     `json:"outcome"`
	CreatedAt revoxapi.Timestamp `json:"created_at"`
	Campaign  campaign           `json:"campaign"`
	// Attempts does not include the copy in last_call_attempt, so that no attempt is counted twice.
	Attempts []Attempt `json:"call_attempts"`
}

// Finished reports whether the call's status is a final one.
func (c *Call) Finished() bool {
	return slices.Contains(finishedCallStatuses, revoxapi.CallStatus(c.Status))
}

// HasOutcome reports whether the call has an outcome.
func (c *Call) HasOutcome() bool { return c.Outcome.value != "" }

// Attempt has the counted fields of one of the `call_attempts`.
type Attempt struct {
	ID         attemptID          `json:"id"`
	Status     string             `json:"status"`
	Result     string             `json:"result"`
	DialError  string             `json:"dial_error"`
	EndedBy    string             `json:"ended_by"`
	EndReason  string             `json:"end_reason"`
	StartedAt  revoxapi.Timestamp `json:"started_at"`
	AnsweredAt revoxapi.Timestamp `json:"answered_at"`
	EndedAt    revoxapi.Timestamp `json:"ended_at"`
}

// Finished reports whether the attempt's status is a final one.
func (a *Attempt) Finished() bool {
	return slices.Contains(finishedAttemptStatuses, revoxapi.AttemptStatus(a.Status))
}

// campaign is a call's `campaign`. It is zero if the JSON is not an object: nothing in it is counted.
type campaign struct{ Name string }

// UnmarshalJSONFrom reads any value.
func (c *campaign) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() != jsontext.KindBeginObject {
		*c = campaign{}
		return d.SkipValue()
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != jsontext.KindEndObject {
		name, err := d.ReadValue()
		if err != nil {
			return err
		}
		isName := string(name) == `"name"`
		if bytes.IndexByte(name, '\\') >= 0 {
			unquoted, _ := jsontext.AppendUnquote(nil, name)
			isName = string(unquoted) == "name"
		}
		if isName {
			c.Name = ""
		}
		if !isName || d.PeekKind() != jsontext.KindString {
			if err := d.SkipValue(); err != nil {
				return err
			}
			continue
		}
		token, err := d.ReadToken()
		if err != nil {
			return err
		}
		c.Name = token.String()
	}
	_, err := d.ReadToken()
	return err
}

// attemptID identifies an attempt within its call: a hash of its `id`, 0 if it has none.
type attemptID uint64

// UnmarshalJSONFrom reads any value. Only strings and numbers are IDs.
func (id *attemptID) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	raw, err := d.ReadValue()
	if err != nil {
		return err
	}
	*id = 0
	if kind := raw.Kind(); kind == jsontext.KindString && len(raw) > 2 || kind == jsontext.KindNumber {
		*id = attemptID(xxhash.Sum64(raw))
	}
	return nil
}

// Active reports whether the attempt is under way: its status is queued, ringing or ongoing.
func (a *Attempt) Active() bool {
	return !a.Finished() && revoxapi.Known(revoxapi.AttemptStatus(a.Status))
}

var errNotString = errors.New("not a string")

// optionalString is a string that remembers whether its field was present, even as null.
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
