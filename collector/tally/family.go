package tally

// CampaignLabel is the first label of every family: the campaign's ID.
const CampaignLabel = "campaign_id"

// Kind is the type of a metric.
type Kind int

// The kinds of families.
const (
	Gauge Kind = iota
	Counter
	Histogram
)

// Family describes one metric with a campaign_id, whether a Tally counts it or not. It is immutable.
type Family struct {
	// Index is the position among the families that a Tally counts; -1 for other families.
	Index int
	Kind  Kind
	Name  string
	Help  string
	// Labels are the labels besides campaign_id, in order. A family that a Tally counts has one at most.
	Labels []string
	// Known are the label values that are shown from the first scan on, so that the first occurrence is an increase. A
	// family without a label has the value "".
	Known []string
	// Buckets are the upper bounds of a histogram's classic buckets, in the unit that it observes, mostly seconds.
	Buckets []float64
	// Optional reports that the family is shown only after a row of the campaign has had its field.
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
func names[S ~string](values ...S) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}
