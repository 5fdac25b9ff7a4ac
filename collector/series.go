package collector

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// campaignSeries are all series that are shown of one campaign. It is immutable, so that renderings can share it.
type campaignSeries struct {
	record *record
	parts  parts
	// families are the series by metricFamily.index, in the order of their labels; the slice may be short.
	families [][]series
	// errs say what could not be shown, of each series that was left out.
	errs []error
}

// of returns the series of one family.
func (c *campaignSeries) of(f *metricFamily) []series {
	if f.index < len(c.families) {
		return c.families[f.index]
	}
	return nil
}

// set sets the series of one family, while c is being made.
func (c *campaignSeries) set(f *metricFamily, s []series) {
	if missing := f.index + 1 - len(c.families); missing > 0 {
		c.families = append(c.families, make([][]series, missing)...)
	}
	c.families[f.index] = s
}

// series is one metric of a campaign.
type series struct {
	labels    []string // values of metricFamily.labels but for the first, the campaign's ID
	value     float64
	histogram *shownHistogram // nil for a gauge or a counter
}

// shownHistogram is what the text format shows of a distribution, and the distribution.
type shownHistogram struct {
	values distribution
	bounds []float64 // of classic buckets
	// cumulative counts by classic bucket; the last is that of all observations.
	cumulative []uint64
	sum        float64

	encode  sync.Once
	encoded []byte // as protobuf, once it is asked for
}

func (s series) equal(other series) bool {
	return math.Float64bits(s.value) == math.Float64bits(other.value) && s.histogram == other.histogram && slices.Equal(s.labels, other.labels)
}

// metricFamily is a metric that campaigns have, as it is rendered.
type metricFamily struct {
	index      int
	name, help string
	kind       dto.MetricType
	// labels are the names, in order; the first is campaign_id.
	labels  []string
	buckets []string // upper bounds of classic buckets as the text format has them
}

// metricFamilies knows the families by their descriptors. It is not safe for concurrent use.
type metricFamilies map[*prometheus.Desc]*metricFamily

// of returns the family of a descriptor, which has so many labels.
func (m metricFamilies) of(desc *prometheus.Desc, kind dto.MetricType, labels int) (*metricFamily, error) {
	if f := m[desc]; f != nil {
		if labels != len(f.labels) {
			return nil, fmt.Errorf("metric %s has %d labels, not %d", f.name, len(f.labels), labels)
		}
		return f, nil
	}
	f, err := describe(desc, labels)
	if err != nil {
		return nil, err
	}
	f.index, f.kind = len(m), kind
	m[desc] = f
	return f, nil
}

// describe asks a registry for what a descriptor keeps to itself: the names in it.
func describe(desc *prometheus.Desc, labels int) (*metricFamily, error) {
	values := make([]string, labels)
	for i := range values {
		values[i] = strconv.Itoa(i)
	}
	metric, err := prometheus.NewConstMetric(desc, prometheus.UntypedValue, 0, values...)
	if err != nil {
		return nil, fmt.Errorf("metric %s: %w", desc, err)
	}
	registry := prometheus.NewRegistry()
	if err := registry.Register(single{metric}); err != nil {
		return nil, fmt.Errorf("metric %s: %w", desc, err)
	}
	gathered, err := registry.Gather()
	if err != nil {
		return nil, fmt.Errorf("metric %s: %w", desc, err)
	}
	f := &metricFamily{name: gathered[0].GetName(), help: gathered[0].GetHelp()}
	for i, label := range gathered[0].Metric[0].Label {
		// Series are kept by campaign and then by label, which is their order only where labels are given in order.
		if label.GetValue() != strconv.Itoa(i) || i == 0 && label.GetName() != campaignLabel {
			return nil, fmt.Errorf("metric %s: its labels must be %s and such as sort after it, in order", f.name, campaignLabel)
		}
		f.labels = append(f.labels, label.GetName())
	}
	return f, nil
}

// single collects one metric.
type single struct{ metric prometheus.Metric }

func (s single) Describe(ch chan<- *prometheus.Desc) { ch <- s.metric.Desc() }
func (s single) Collect(ch chan<- prometheus.Metric) { ch <- s.metric }

// seriesOf returns the series of a record. What is as it was in before, which may be nil, is taken from there.
func (m metricFamilies) seriesOf(r *record, shown parts, before *campaignSeries) (c *campaignSeries) {
	b := &seriesBuilder{families: m, before: before, made: &campaignSeries{record: r, parts: shown, families: make([][]series, len(m))}}
	// One campaign that cannot be shown must not take the others along.
	defer func() {
		if p := recover(); p != nil {
			c = &campaignSeries{record: r, parts: shown, errs: []error{fmt.Errorf("campaign %s cannot be shown: panic: %v\n%s", r.id, p, debug.Stack())}}
		}
	}()
	collectRecord(b, r, shown)
	b.finish()
	return b.made
}

// seriesBuilder is the sink that makes a campaignSeries. It checks what a registry would.
type seriesBuilder struct {
	families metricFamilies
	before   *campaignSeries // nil for none
	made     *campaignSeries
}

func (b *seriesBuilder) sample(desc *prometheus.Desc, as prometheus.ValueType, value float64, labelValues ...string) {
	kind := dto.MetricType_GAUGE
	if as == prometheus.CounterValue {
		kind = dto.MetricType_COUNTER
	}
	b.add(desc, kind, series{value: value}, labelValues)
}

func (b *seriesBuilder) histogram(f *family, values distribution, labelValues ...string) {
	shown := b.unchanged(f, values, labelValues)
	if shown == nil {
		cumulative, sum := values.classic(f.buckets)
		shown = &shownHistogram{values: values, bounds: f.buckets, cumulative: cumulative, sum: sum}
	}
	if added := b.add(f.desc, dto.MetricType_HISTOGRAM, series{histogram: shown}, labelValues); added != nil && added.buckets == nil {
		for _, bound := range f.buckets {
			added.buckets = append(added.buckets, string(appendFloat(nil, bound)))
		}
	}
}

// unchanged returns what was shown before of an equal distribution with these labels, or nil.
func (b *seriesBuilder) unchanged(f *family, values distribution, labelValues []string) *shownHistogram {
	known := b.families[f.desc]
	if b.before == nil || known == nil {
		return nil
	}
	for _, s := range b.before.of(known) {
		if slices.Equal(s.labels, labelValues[1:]) && s.histogram.values.equal(values) {
			return s.histogram
		}
	}
	return nil
}

// family takes the series from before where the data of the family is equal.
func (b *seriesBuilder) family(f *family, r *record) {
	known := b.families[f.desc]
	if known == nil || b.before == nil || !b.before.parts.data || len(b.before.errs) > 0 || !r.data.equal(b.before.record.data, f) {
		collectFamily(b, f, r)
		return
	}
	b.made.set(known, b.before.of(known))
}

// equal tells whether p and other show the same of a family.
func (p *published) equal(other *published, f *family) bool {
	i := f.index
	if p.carries[i] != other.carries[i] {
		return false
	}
	switch f.kind {
	case gauge:
		return equalCounts(p.tally.counts[i], other.tally.counts[i])
	case counter:
		return equalCounts(p.heldCounts[i], other.heldCounts[i])
	default:
		return equalDistributions(p.heldDistributions[i], other.heldDistributions[i])
	}
}

// add adds a series and returns its family; nil where it is refused.
func (b *seriesBuilder) add(desc *prometheus.Desc, kind dto.MetricType, s series, labelValues []string) *metricFamily {
	f, err := b.families.of(desc, kind, len(labelValues))
	if err == nil {
		err = b.check(f, kind, labelValues)
	}
	if err != nil {
		b.made.errs = append(b.made.errs, fmt.Errorf("campaign %s: %w", b.made.record.id, err))
		return nil
	}
	s.labels = labelValues[1:]
	b.made.set(f, append(b.made.of(f), s))
	return f
}

func (b *seriesBuilder) check(f *metricFamily, kind dto.MetricType, labelValues []string) error {
	if f.kind != kind {
		return fmt.Errorf("metric %s is a %s, not a %s", f.name, f.kind, kind)
	}
	if labelValues[0] != b.made.record.id {
		return fmt.Errorf("metric %s has the ID of another campaign", f.name)
	}
	for i, value := range labelValues {
		if !utf8.ValidString(value) {
			return fmt.Errorf("metric %s has a label %s that is not valid UTF-8", f.name, f.labels[i])
		}
	}
	return nil
}

var errDuplicate = errors.New("was collected before with the same labels")

// finish puts series in order, leaves out those that are there twice, and takes families that have not changed from
// before.
func (b *seriesBuilder) finish() {
	for _, f := range b.families {
		made := b.made.of(f)
		if len(made) == 0 || b.before != nil && b.made.same(b.before, f) {
			continue
		}
		slices.SortStableFunc(made, func(x, y series) int { return slices.CompareFunc(x.labels, y.labels, cmp.Compare[string]) })
		distinct := slices.CompactFunc(made, func(x, y series) bool { return slices.Equal(x.labels, y.labels) })
		for range len(made) - len(distinct) {
			b.made.errs = append(b.made.errs, fmt.Errorf("campaign %s: metric %s %w", b.made.record.id, f.name, errDuplicate))
		}
		if b.before != nil && slices.EqualFunc(distinct, b.before.of(f), series.equal) {
			distinct = b.before.of(f)
		}
		b.made.set(f, distinct)
	}
}

// same tells whether c and other have the very same series of a family. Where they are equal, finish has made them so.
func (c *campaignSeries) same(other *campaignSeries, f *metricFamily) bool {
	x, y := c.of(f), other.of(f)
	return len(x) == len(y) && (len(x) == 0 || &x[0] == &y[0])
}
