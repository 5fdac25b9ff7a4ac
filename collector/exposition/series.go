package exposition

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/revox-exporter/revox_exporter/collector/store"
	"github.com/revox-exporter/revox_exporter/collector/tally"
)

// campaignSeries are all series that are shown of one campaign. It is immutable, so that renderings can share it.
type campaignSeries struct {
	record *store.Record
	shown  store.Shown
	// families are the series by family.place, in the order of their labels.
	families [][]series
	// errs say what could not be shown, of each series that was left out.
	errs []error
}

// of returns the series of one family.
func (c *campaignSeries) of(f *family) []series { return c.families[f.place] }

// same reports whether c and other have the very same series of a family. Where they are equal, finish has made them so.
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
	return math.Float64bits(s.value) == math.Float64bits(other.value) && s.histogram == other.histogram && slices.Equal(s.labels, other.labels)
}

// shownHistogram is what the text format shows of a distribution, and the distribution.
type shownHistogram struct {
	values tally.Distribution
	bounds []float64 // of classic buckets
	// cumulative counts by classic bucket; the last is that of all observations.
	cumulative []uint64
	sum        float64

	encode  sync.Once
	encoded []byte // as protobuf, once it is asked for
}

// seriesOf returns the series of a record. What is as it was in before, which may be nil, is taken from there.
func seriesOf(r *store.Record, shown store.Shown, before *campaignSeries) (c *campaignSeries) {
	b := &seriesBuilder{before: before, made: &campaignSeries{record: r, shown: shown, families: make([][]series, len(families))}}
	// One campaign that cannot be shown must not take the others along.
	defer func() {
		if p := recover(); p != nil {
			c = &campaignSeries{record: r, shown: shown, families: make([][]series, len(families)),
				errs: []error{fmt.Errorf("campaign %s cannot be shown: panic: %v\n%s", r.ID, p, debug.Stack())}}
		}
	}()
	b.collect(r, shown)
	b.finish()
	return b.made
}

// seriesBuilder makes a campaignSeries. It checks what a registry would.
type seriesBuilder struct {
	before *campaignSeries // nil for none
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

// unchanged returns what was shown before of an equal distribution with these labels, or nil.
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

// keep takes the series of a counted family from before where its data is equal, and reports whether it did.
func (b *seriesBuilder) keep(f *family, data *store.Snapshot) bool {
	if b.before == nil || !b.before.shown.Data || len(b.before.errs) > 0 || !equalData(data, b.before.record.Data, f) {
		return false
	}
	b.made.families[f.place] = b.before.of(f)
	return true
}

// equalData reports whether two snapshots show the same of a counted family.
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
			b.made.errs = append(b.made.errs, fmt.Errorf("campaign %s: metric %s has a label %s that is not valid UTF-8", b.made.record.ID, f.Name, f.Labels[i]))
			return
		}
	}
	b.made.families[f.place] = append(b.made.families[f.place], s)
}

var errDuplicate = errors.New("was collected before with the same labels")

// finish puts series in order, leaves out those that are there twice, and takes families that have not changed from before.
func (b *seriesBuilder) finish() {
	for _, f := range families {
		made := b.made.of(f)
		if len(made) == 0 || b.before != nil && b.made.same(b.before, f) {
			continue
		}
		slices.SortStableFunc(made, func(x, y series) int { return slices.CompareFunc(x.labels, y.labels, cmp.Compare[string]) })
		distinct := slices.CompactFunc(made, func(x, y series) bool { return slices.Equal(x.labels, y.labels) })
		for range len(made) - len(distinct) {
			b.made.errs = append(b.made.errs, fmt.Errorf("campaign %s: metric %s %w", b.made.record.ID, f.Name, errDuplicate))
		}
		if b.before != nil && slices.EqualFunc(distinct, b.before.of(f), series.equal) {
			distinct = b.before.of(f)
		}
		b.made.families[f.place] = distinct
	}
}
