package scan

import (
	"slices"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

// restTime is how long after its last sign of life a finished call is believed to have come to rest. Until then its
// outcome may be computed, or its result be known better.
const restTime = time.Hour

// restsFrom returns from when on the call is believed not to change any more; false where it still can: it is not
// finished, or nothing says when that was.
func restsFrom(c *tally.Call) (time.Time, bool) {
	switch revoxapi.CallStatus(c.Status) {
	case revoxapi.CallCompleted, revoxapi.CallCancelled, revoxapi.CallErrored:
	default:
		return time.Time{}, false
	}
	newest := c.CreatedAt
	for i := range c.Attempts {
		a := &c.Attempts[i]
		switch revoxapi.AttemptStatus(a.Status) {
		case revoxapi.AttemptCompleted, revoxapi.AttemptError:
		default:
			return time.Time{}, false
		}
		for _, at := range []revoxapi.Timestamp{a.StartedAt, a.AnsweredAt, a.EndedAt} {
			if at.Valid() && (!newest.Valid() || at.Time.After(newest.Time)) {
				newest = at
			}
		}
	}
	return newest.Time.Add(restTime), newest.Valid()
}

// countedPage is one page: what is counted of its rows, and what tells whether they can change.
type countedPage struct {
	pageFacts
	tally *tally.Tally
	// kept has the tally instead, of a page that has not changed since it was kept.
	kept *keptPage
}

// pageFacts is what is known of a page besides its tally.
type pageFacts struct {
	number int
	etag   string
	keys   []uint64 // of its rows, in their order
	// active: a call on it is not finished, or nothing says when it did.
	active bool
	// restsFrom is when the last of its calls comes to rest, save active ones.
	restsFrom time.Time
	calls     bool // a row has a call
	// uncalled is how many rows without a call come after the last that has one.
	uncalled int
}

// keptPage is an open page in as little room as it takes: the server can say that it has not changed.
type keptPage struct {
	pageFacts
	tally []byte // see Tally.appendBytes
	name  string
}

func newCountedPage(labels *tally.Labels, number int) *countedPage {
	return &countedPage{pageFacts: pageFacts{number: number}, tally: tally.New(labels)}
}

// count counts the page's next row.
func (p *countedPage) count(r tally.Row) {
	p.tally.CountRow(r)
	p.keys = append(p.keys, RowKey(r.ID))
	if r.Call == nil {
		p.uncalled++
		return
	}
	p.calls, p.uncalled = true, 0
	from, finished := restsFrom(r.Call)
	p.active = p.active || !finished
	if from.After(p.restsFrom) {
		p.restsFrom = from
	}
}

// atRest tells whether the page has calls and none of them is believed to change any more.
func (p *pageFacts) atRest(now time.Time) bool {
	return p.calls && !p.active && !p.restsFrom.After(now)
}

// addTo adds what was counted.
func (p *countedPage) addTo(t *tally.Tally) {
	if p.kept != nil {
		t.MergeBytes(p.kept.tally)
		return
	}
	t.Merge(p.tally)
}

// name returns the campaign's name by the page, "" where no row has it.
func (p *countedPage) name() string {
	if p.kept != nil {
		return p.kept.name
	}
	return p.tally.Name
}

// keep returns the page in as little room as it takes.
func (p *countedPage) keep() *keptPage {
	if p.kept != nil {
		return p.kept
	}
	k := &keptPage{p.pageFacts, slices.Clone(p.tally.AppendBytes(nil)), p.tally.Name}
	k.keys = slices.Clone(p.keys)
	return k
}
