package campaigns

import (
	"regexp"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Discovery says which campaigns in the organization's list are selected. A campaign must meet all conditions.
type Discovery struct {
	// Interval is the time between two readings of the list.
	Interval time.Duration
	// Include and Exclude are matched against the name. A nil Include includes all; a nil Exclude excludes none.
	Include, Exclude *regexp.Regexp
	// Statuses are the known values of the API's `status` that are selected. Unknown ones are always selected, and so are
	// campaigns without a status: reading too much is better than a gap.
	Statuses []string
	// CompletedFor is how long a completed or cancelled campaign stays selected after `updated_at`; 0: for ever.
	CompletedFor time.Duration
}

// Listed is a campaign's entry in the list. It is immutable.
type Listed struct {
	// Name is clean text; see labelvalue.Name. It is "" if the list does not give it.
	Name string
	// Status is the API's value if it is known, else "".
	Status string
	// StatusLabel is the value that revox_campaign_status shows; "" for none.
	StatusLabel        string
	IsCancelled        bool
	UpdatedAt          revoxapi.Timestamp
	MaxConcurrentCalls *float64 // nil if the list does not give it
	// ReadAt is when the list was read.
	ReadAt time.Time
}

// Selects reports whether d selects a listed campaign at the time now.
func (d *Discovery) Selects(c *Listed, now time.Time) bool {
	if c.Status != "" && !slices.Contains(d.Statuses, c.Status) {
		return false
	}
	if d.Include != nil && !d.Include.MatchString(c.Name) || d.Exclude != nil && d.Exclude.MatchString(c.Name) {
		return false
	}
	over := c.IsCancelled || c.Status == string(revoxapi.CampaignCompleted)
	// If the time of its end is unknown, read it: reading too much is better than a gap.
	if over && d.CompletedFor > 0 && c.UpdatedAt.Valid() {
		return now.Sub(c.UpdatedAt.Time) <= d.CompletedFor
	}
	return true
}

// AnchoredRegexp compiles a pattern so that it must match a whole name. The error is that of regexp.Compile.
func AnchoredRegexp(pattern string) (*regexp.Regexp, error) {
	// Check it alone first: "a)|(b" is invalid, but would be valid between the parentheses.
	if _, err := regexp.Compile(pattern); err != nil {
		return nil, err
	}
	return regexp.Compile("^(?s:" + pattern + ")$")
}

// listedJSON has the decoded fields of a campaign in the list. Others, such as the assistant, are skipped.
type listedJSON struct {
	ID                 listedID           `json:"id"`
	Name               tolerant[string]   `json:"name"`
	Status             tolerant[string]   `json:"status"`
	IsCancelled        tolerant[bool]     `json:"is_cancelled"`
	UpdatedAt          revoxapi.Timestamp `json:"updated_at"`
	MaxConcurrentCalls tolerant[*float64] `json:"max_concurrent_calls"`
}

// listed returns c without its StatusLabel, and without its name if that must be hidden.
func (c *listedJSON) listed(readAt time.Time, hides func(string) bool) *Listed {
	l := &Listed{
		Name: labelvalue.Name(c.Name.value, hides), IsCancelled: c.IsCancelled.value,
		UpdatedAt: c.UpdatedAt, MaxConcurrentCalls: c.MaxConcurrentCalls.value, ReadAt: readAt,
	}
	if n := l.MaxConcurrentCalls; n != nil && *n < 1 {
		l.MaxConcurrentCalls = nil // no such limit can be meant
	}
	if labelvalue.CampaignStatus.Has(c.Status.value) {
		l.Status = c.Status.value
	}
	return l
}

// tolerant is a value that is zero if the JSON has another type: one malformed campaign must not spoil the list.
type tolerant[T any] struct{ value T }

// UnmarshalJSONFrom reads the value. It fails only on invalid JSON.
func (v *tolerant[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	raw, err := d.ReadValue()
	if err != nil {
		return err
	}
	if json.Unmarshal(raw, &v.value, jsontext.AllowInvalidUTF8(true)) != nil {
		var zero T
		v.value = zero
	}
	return nil
}

// listedID is an ID. A number is read as the string of its digits.
type listedID struct{ tolerant[string] }

// UnmarshalJSONFrom reads the value. It fails only on invalid JSON.
func (id *listedID) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() != jsontext.KindNumber {
		return id.tolerant.UnmarshalJSONFrom(d)
	}
	raw, err := d.ReadValue()
	id.value = string(raw)
	return err
}
