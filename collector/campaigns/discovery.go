package campaigns

import (
	"regexp"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// Discovery says which campaigns of the organization's list are selected.
type Discovery struct {
	// Interval between two readings of the list.
	Interval time.Duration
	// Include and Exclude are matched against the name; nil Include selects all, nil Exclude excludes none.
	Include, Exclude *regexp.Regexp
	// Statuses that are selected, as the API's `status` has them.
	Statuses []string
	// CompletedFor is how long after `updated_at` a completed or cancelled campaign stays selected; 0: for ever.
	CompletedFor time.Duration
}

// Listed is what the list says of a campaign. It is immutable.
type Listed struct {
	// Name without control characters; "" where the list does not give it.
	Name string
	// Status as the API gives it, and StatusLabel as revox_campaign_status shows it; "" where it is not known.
	Status, StatusLabel string
	IsCancelled         bool
	UpdatedAt           revoxapi.Timestamp
	MaxConcurrentCalls  *float64 // nil where the list does not give it
	// ReadAt is when the list was read.
	ReadAt time.Time
}

// Selects reports whether a listed campaign is to be read now.
func (d *Discovery) Selects(c *Listed, now time.Time) bool {
	if !slices.Contains(d.Statuses, c.Status) {
		return false
	}
	if d.Include != nil && !d.Include.MatchString(c.Name) || d.Exclude != nil && d.Exclude.MatchString(c.Name) {
		return false
	}
	over := c.IsCancelled || c.Status == string(revoxapi.CampaignCompleted)
	// Where it is not known since when it is over, it is read: too much is better than a gap.
	if over && d.CompletedFor > 0 && c.UpdatedAt.Valid() {
		return now.Sub(c.UpdatedAt.Time) <= d.CompletedFor
	}
	return true
}

// AnchoredRegexp compiles a pattern that has to match the whole of a name.
func AnchoredRegexp(pattern string) (*regexp.Regexp, error) {
	// By itself first: "a)|(b" is invalid, but would be valid between the parentheses.
	if _, err := regexp.Compile(pattern); err != nil {
		return nil, err
	}
	return regexp.Compile("^(?s:" + pattern + ")$")
}

// listedJSON is a campaign of the list as it is decoded; the embedded assistant is skipped unread.
type listedJSON struct {
	ID                 tolerant[string]   `json:"id"`
	Name               tolerant[string]   `json:"name"`
	Status             tolerant[string]   `json:"status"`
	IsCancelled        tolerant[bool]     `json:"is_cancelled"`
	UpdatedAt          revoxapi.Timestamp `json:"updated_at"`
	MaxConcurrentCalls tolerant[*float64] `json:"max_concurrent_calls"`
}

// listed returns c without its StatusLabel.
func (c *listedJSON) listed(readAt time.Time) *Listed {
	return &Listed{
		Name: tally.CleanText(c.Name.value, tally.MaxNameRunes), Status: c.Status.value, IsCancelled: c.IsCancelled.value,
		UpdatedAt: c.UpdatedAt, MaxConcurrentCalls: c.MaxConcurrentCalls.value, ReadAt: readAt,
	}
}

// tolerant is a value that is the zero value where the JSON is of another type: one odd campaign must not make the list
// unreadable.
type tolerant[T any] struct{ value T }

// UnmarshalJSONFrom reads the value, or skips it.
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
