package exposition

import (
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/revox-exporter/revox_exporter/collector/store"
	"github.com/revox-exporter/revox_exporter/collector/tally"
)

// campaignSeries holds all series of one campaign. It is immutable, so that renderings can share it.
type campaignSeries struct {
	record *store.Record
	shown  store.Shown
	// families are the series by family.order, sorted by their labels.
	families [][]series
	// errs has an error for each series that was left out.
	errs []error
}

// of returns the series of one family.
func (c *campaignSeries) of(f *family) []series { return c.families[f.order] }

// same reports whether c and other have equal series of a family: finish makes equal series share their memory.
func (c *campaignSeries) same(other *campaignSeries, f *family) bool {
	x, y := c.of(f), other.of(f)
	return len(x) == len(y) && (len(x) == 0 || &x[0] == &y[0])
}

// series is one metric of a campaign.
type series struct {
	labels    []string // values of Family.Labels
	value     float64
	histogram *shownHistogram // nil for a gauge or a counter
}

func (s series) equal(other series) bool {
	return math.Float64bits(s.value) == math.Float64bits(other.value) && s.histogram == other.histogram &&
		slices.Equal(s.labels, other.labels)
}

// shownHistogram is a distribution with the values that the text format shows.
type shownHistogram struct {
	values tally.Distribution
	bounds []float64 // of classic buckets
	// cumulative are the counts of classic buckets; the last one counts all observations.
	cumulative []uint64
	sum        float64

	encode  sync.Once
	encoded []byte // as protobuf; set by encode
}

// seriesOf returns the series of a record. It reuses unchanged series of before, which may be nil.
func seriesOf(r *store.Record, shown store.Shown, before *campaignSeries) (c *campaignSeries) {
	c = &campaignSeries{record: r, shown: shown, families: make([][]series, len(families))}
	// A campaign that cannot be shown must not affect the others.
	defer func() {
		if p := recover(); p != nil {
			clear(c.families)
			c.errs = []error{fmt.Errorf("campaign %s cannot be shown: panic: %v\n%s", r.ID, p, debug.Stack())}
		}
	}()
	b := &seriesBuilder{before: before, made: c}
	b.collect(r, shown)
	b.finish()
	return c
}

// seriesBuilder makes a campaignSeries. It makes the same checks as a registry.
type seriesBuilder struct {
	before *campaignSeries // nil if there is none
	made   *campaignSeries
}

// add adds a gauge or a counter.
func (b *seriesBuilder) add(f *family, value float64, labels ...string) {
	b.addSeries(f, series{labels: labels, value: value})
}

func (b *seriesBuilder) addHistogram(f *family, values tally.Distribution, labels ...string) {
	shown := b.unchanged(f, values, labels)
	if shown == nil {
		cumulative, sum := values.ClassicBuckets(f.Buckets)
		shown = &shownHistogram{values: values, bounds: f.Buckets, cumulative: cumulative, sum: sum}
	}
	b.addSeries(f, series{labels: labels, histogram: shown})
}

// unchanged returns the histogram in before that has these labels and an equal distribution, or nil.
func (b *seriesBuilder) unchanged(f *family, values tally.Distribution, labels []string) *shownHistogram {
	if b.before == nil {
		return nil
	}
	for _, s := range b.before.of(f) {
		if slices.Equal(s.labels, labels) && s.histogram.values.Equal(values) {
			return s.histogram
		}
	}
	return nil
}

// keep takes the series of a counted family from before if its data is equal, and reports whether it did.
func (b *seriesBuilder) keep(f *family, data *store.Snapshot) bool {
	if b.before == nil || !b.before.shown.Data || len(b.before.errs) > 0 || !equalData(data, b.before.record.Data, f) {
		return false
	}
	b.made.families[f.order] = b.before.of(f)
	return true
}

// equalData reports whether two snapshots have equal published data of a counted family.
func equalData(x, y *store.Snapshot, f *family) bool {
	i := f.Index
	if x.Fields[i] != y.Fields[i] {
		return false
	}
	switch f.Kind {
	case tally.Gauge:
		return tally.EqualCounts(x.Tally.Values.Counts[i], y.Tally.Values.Counts[i])
	case tally.Counter:
		return tally.EqualCounts(x.Monotonic.Counts[i], y.Monotonic.Counts[i])
	default:
		return tally.EqualDistributions(x.Monotonic.Distributions[i], y.Monotonic.Distributions[i])
	}
}

func (b *seriesBuilder) addSeries(f *family, s series) {
	for i, value := range s.labels {
		if !utf8.ValidString(value) {
			b.made.errs = append(b.made.errs, fmt.Errorf("campaign %s: metric %s has a label %s that is not valid UTF-8",
				b.made.record.ID, f.Name, f.Labels[i]))
			return
		}
	}
	b.made.families[f.order] = append(b.made.families[f.order], s)
}

// finish sorts series, leaves out duplicates, and replaces families that have not changed by those of before.
func (b *seriesBuilder) finish() {
	for _, f := range families {
		made := b.made.of(f)
		if len(made) == 0 || b.before != nil && b.made.same(b.before, f) {
			continue
		}
		slices.SortStableFunc(made, func(x, y series) int { return slices.Compare(x.labels, y.labels) })
		distinct := slices.CompactFunc(made, func(x, y series) bool { return slices.Equal(x.labels, y.labels) })
		for range len(made) - len(distinct) {
			b.made.errs = append(b.made.errs,
				fmt.Errorf("campaign %s: metric %s was collected before with the same labels", b.made.record.ID, f.Name))
		}
		if b.before != nil && slices.EqualFunc(distinct, b.before.of(f), series.equal) {
			distinct = b.before.of(f)
		}
		b.made.families[f.order] = distinct
	}
}
