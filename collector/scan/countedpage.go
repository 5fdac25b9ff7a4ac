package scan

import (
	"slices"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// restTime is the time after the last timestamp of a finished call at which the call counts as settled. Until then the
// API may still compute its outcome or correct its result.
const restTime = time.Hour

// settlesAt returns when the call counts as settled: it is expected not to change after that. ok is false if the call
// or one of its attempts is not finished, or if it has no timestamp.
func settlesAt(c *tally.Call) (at time.Time, ok bool) {
	if !c.Finished() {
		return time.Time{}, false
	}
	last := c.CreatedAt
	for i := range c.Attempts {
		a := &c.Attempts[i]
		if !a.Finished() {
			return time.Time{}, false
		}
		for _, at := range []revoxapi.Timestamp{a.StartedAt, a.AnsweredAt, a.EndedAt} {
			if at.Valid() && (!last.Valid() || at.Time.After(last.Time)) {
				last = at
			}
		}
	}
	return last.Time.Add(restTime), last.Valid()
}

// countedPage is one page: the tally of its rows, and what decides whether they can still change.
type countedPage struct {
	pageFacts
	tally *tally.Tally
	// kept replaces tally on a page that has not changed since it was kept.
	kept *keptPage
}

// pageFacts is what a scan knows about a page besides its tally.
type pageFacts struct {
	number int
	etag   string
	keys   []uint64 // of its rows, in order
	// active reports that some call is not finished, or has no timestamp.
	active bool
	// settlesAt is when the last of the calls that are not active settles.
	settlesAt time.Time
	calls     bool // a row has a call
	// uncalled is the number of rows without a call after the last row with one.
	uncalled int
}

// keptPage is an open page in a compact form, kept because the server may answer that the page has not changed.
type keptPage struct {
	pageFacts
	tally []byte // see Tally.AppendBytes
	name  string
}

func newCountedPage(labels *tally.Labels, number int) *countedPage {
	return &countedPage{pageFacts: pageFacts{number: number}, tally: tally.New(labels)}
}

// count counts the page's next row, whose key is key. It returns what Tally.CountRow returns.
func (p *countedPage) count(r tally.Row, key uint64) (parts [][]tally.Addition) {
	parts = p.tally.CountRow(r)
	p.keys = append(p.keys, key)
	if r.Call == nil {
		p.uncalled++
		return parts
	}
	p.calls, p.uncalled = true, 0
	at, finished := settlesAt(r.Call)
	p.active = p.active || !finished
	if at.After(p.settlesAt) {
		p.settlesAt = at
	}
	return parts
}

// callsSettled reports whether the page has calls and all of them have settled.
func (p *pageFacts) callsSettled(now time.Time) bool {
	return p.calls && !p.active && !p.settlesAt.After(now)
}

// addTo adds the page's counts to t.
func (p *countedPage) addTo(t *tally.Tally) {
	if p.kept != nil {
		t.MergeBytes(p.kept.tally)
		return
	}
	t.Merge(p.tally)
}

// name returns the campaign's name according to the page; "" if no row has it.
func (p *countedPage) name() string {
	if p.kept != nil {
		return p.kept.name
	}
	return p.tally.Name
}

// keep returns the page in its compact form.
func (p *countedPage) keep() *keptPage {
	if p.kept != nil {
		return p.kept
	}
	k := &keptPage{p.pageFacts, slices.Clone(p.tally.AppendBytes(nil)), p.tally.Name}
	k.keys = slices.Clone(p.keys)
	return k
}
