package tally

import "github.com/revox-exporter/revox_exporter/revoxapi"

// CampaignLabel is the first label of every family: the campaign's ID.
const CampaignLabel = "campaign_id"

// Label values for what is not there, and for what is unknown and does not get a label value of its own.
const (
	ValueNone  = "none"
	ValueOther = "other"
)

// Kind is the type of a metric.
type Kind int

// The kinds of families.
const (
	Gauge Kind = iota
	Counter
	Histogram
)

// Family is a metric that campaigns have. Every metric with a campaign_id is one, whether a Tally counts it or not. It is
// immutable.
type Family struct {
	// Index among the families that a Tally counts; -1 for one that it does not count.
	Index int
	Kind  Kind
	Name  string
	Help  string
	// Labels besides campaign_id, in order; a family that a Tally counts has one at most.
	Labels []string
	// Known are the values of the only label that are there from the first scan on, so that a first occurrence is an increase;
	// "" is the one of a family without a label.
	Known []string
	// Buckets are the upper bounds of a histogram's classic buckets, in seconds or in what it observes.
	Buckets []float64
	// Optional families are shown only once a row of the campaign has had the field.
	Optional bool
}

// families are those that a Tally counts, by Family.Index.
var families []*Family

// Families returns the families that a Tally counts, by Family.Index. The slice must not be changed.
func Families() []*Family { return families }

func define(f Family) *Family {
	f.Index = len(families)
	if len(f.Labels) == 0 {
		f.Known = []string{""}
	}
	families = append(families, &f)
	return &f
}

// names returns the values of an enumeration as label values.
func names[S ~string](values []S) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

// CampaignStatuses returns the known values of a campaign's status: those of the API, and cancelled, which its is_cancelled
// says.
func CampaignStatuses() []string {
	return append(names(revoxapi.Values[revoxapi.CampaignStatus]()), CampaignCancelled)
}

// CampaignCancelled is the status of a campaign that the API lists with is_cancelled, whatever its status.
const CampaignCancelled = "cancelled"
