package exposition

import (
	"fmt"
	"io"
	"iter"
	"runtime/debug"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/revox-exporter/revox_exporter/collector/campaigns"
	"github.com/revox-exporter/revox_exporter/collector/store"
	"github.com/revox-exporter/revox_exporter/collector/tally"
)

// series is one metric of a campaign in a family: a gauge or a counter with a value, or a histogram.
type series struct {
	label        string            // the value of Family.Labels; "" if the family has none
	more         []campaigns.Label // of other names, sorted by name; they are valid UTF-8
	value        float64
	distribution tally.Distribution
}

// labelsOf yields the labels of a series of the family, sorted by name. id is that of its campaign.
func (f *family) labelsOf(id string, s *series) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		more := s.more
		for ; len(more) > 0 && more[0].Name < tally.CampaignLabel; more = more[1:] {
			if !yield(more[0].Name, more[0].Value) {
				return
			}
		}
		for i, value := range []string{id, s.label}[:len(f.labels)] {
			if !yield(f.labels[i], value) {
				return
			}
		}
		for _, l := range more {
			if !yield(l.Name, l.Value) {
				return
			}
		}
	}
}

// seriesList holds the series of one campaign in a family.
type seriesList []series

func (l *seriesList) add(label string, value float64) {
	*l = append(*l, series{label: label, value: value})
}

// check sorts the series, and removes those that a registry would refuse. It returns an error for each of these.
func (l *seriesList) check(f *family, id string) (errs []error) {
	*l = slices.DeleteFunc(*l, func(s series) bool {
		if utf8.ValidString(s.label) {
			return false
		}
		errs = append(errs, fmt.Errorf("campaign %s: metric %s has a label %s that is not valid UTF-8",
			id, f.Name, f.Labels[0]))
		return true
	})
	slices.SortStableFunc(*l, func(x, y series) int { return strings.Compare(x.label, y.label) })
	*l = slices.CompactFunc(*l, func(x, y series) bool {
		if x.label == y.label {
			errs = append(errs, fmt.Errorf("campaign %s: metric %s was collected before with the same labels", id, f.Name))
		}
		return x.label == y.label
	})
	return errs
}

// view says which campaigns are shown, and which parts of them. It is immutable.
type view struct {
	revision  uint64     // another one for each change of campaigns
	campaigns []campaign // sorted by ID
}

type campaign struct {
	record *store.Record
	shown  store.Shown
}

// format says how families are written.
type format struct {
	// head appends what comes before the series of a family. size is the length of all of them if sized is true.
	head  func(out []byte, f *family, size int) []byte
	sized bool
	// series appends a series of the campaign with an ID.
	series func(out []byte, f *family, id string, s series) []byte
	// tail comes after the series of a family.
	tail string
}

// write writes the families of a view with these names. It returns an error for each series and campaign that it left
// out, and the error of w.
func (f *format) write(w io.Writer, v *view, names familyNames) (omitted []error, err error) {
	r := &rendering{view: v, format: f, broken: map[string]bool{}}
	for _, f := range families {
		if names.has(f.Name) && err == nil {
			err = r.writeFamily(w, f)
		}
	}
	return r.errs, err
}

// rendering writes the campaigns of a view in a format.
type rendering struct {
	*view
	format *format
	series seriesList      // of the campaign that is rendered; reused for the next
	buffer []byte          // reused for the next family
	broken map[string]bool // the IDs of campaigns that are left out from where they could not be shown
	errs   []error         // one for each series and campaign that was left out
}

// writeFamily writes the series of a family, if there are any.
func (r *rendering) writeFamily(w io.Writer, f *family) error {
	if !r.format.sized {
		return r.writeSeries(w, f, r.format.head(nil, f, 0))
	}
	if z, ok := w.(*gzipWriter); ok {
		part := deflate(func(w io.Writer) error { return r.writeSeries(w, f, nil) })
		if part.sum.size == 0 {
			return nil
		}
		if _, err := z.Write(r.format.head(nil, f, part.sum.size)); err != nil {
			return err
		}
		return z.insert(part)
	}
	var sum checksum
	if err := r.writeSeries(&sum, f, nil); err != nil || sum.size == 0 {
		return err
	}
	defer func(errs []error) { r.errs = errs }(r.errs) // the second time finds the same
	return r.writeSeries(w, f, r.format.head(nil, f, sum.size))
}

// writeBytes is the approximate number of bytes that are rendered before they are written.
const writeBytes = 64 << 10

// writeSeries writes the series of a family after head, and nothing if there are none. It holds a small part of them in
// memory at a time.
func (r *rendering) writeSeries(w io.Writer, f *family, head []byte) error {
	out, written := append(r.buffer[:0], head...), false
	campaigns := r.campaigns
	if f.order != nil {
		campaigns = slices.SortedFunc(slices.Values(campaigns), f.order)
	}
	for _, c := range campaigns {
		out = r.appendCampaign(out, f, c)
		if len(out) >= writeBytes {
			if _, err := w.Write(out); err != nil {
				return err
			}
			out, written = out[:0], true
		}
	}
	r.buffer = out
	if !written && len(out) == len(head) {
		return nil
	}
	_, err := w.Write(append(out, r.format.tail...))
	return err
}

// appendCampaign appends the series of a campaign in a family.
func (r *rendering) appendCampaign(out []byte, f *family, c campaign) (appended []byte) {
	// A campaign that cannot be shown must not affect the others.
	defer func() {
		if p := recover(); p != nil {
			r.errs = append(r.errs, fmt.Errorf("campaign %s cannot be shown: panic: %v\n%s", c.record.ID, p, debug.Stack()))
			r.broken[c.record.ID] = true
			appended = out
		}
	}()
	if r.broken[c.record.ID] || !f.has(c.record, c.shown) {
		return out
	}
	r.series = r.series[:0]
	f.collect(&r.series, c.record)
	r.errs = append(r.errs, r.series.check(f, c.record.ID)...)
	appended = out
	for _, s := range r.series {
		appended = r.format.series(appended, f, c.record.ID, s)
	}
	return appended
}
