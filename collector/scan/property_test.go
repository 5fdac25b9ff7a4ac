package scan_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/scan"
	"github.com/revox-exporter/revox_exporter/collector/store"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

var (
	settledHistories = flag.Int("settled.histories", 10, "how many random histories rescans are compared with full scans over")
	settledSeed      = flag.Uint64("settled.seed", 0, "seed of the first of these histories; 0: another one each time")
)

// Whatever happens to a campaign, and whichever kind of server tells of it, scans that leave out settled pages come to
// what full scans come to.
func TestRescansEqualFullScans(t *testing.T) {
	seed := *settledSeed
	if seed == 0 {
		seed = rand.Uint64() >> 16
	}
	var settled, pagesOfRescans, pagesOfFullScans uint64
	for i := range uint64(*settledHistories) {
		h := newHistory(t, seed+i)
		for h.step = range 30 {
			h.turn()
			if t.Failed() {
				t.Fatalf("run it again with -settled.seed=%d -settled.histories=1\n%s\n%s", seed+i, h.kind, strings.Join(h.told, "\n"))
			}
		}
		h.close()
		settled += h.settled
		pagesOfRescans += h.rescans.requests
		pagesOfFullScans += h.fullScans.requests
	}
	t.Logf("seeds %d to %d: %d times a page was left out; %d requests, where full scans alone made %d", seed, seed+uint64(*settledHistories)-1, settled, pagesOfRescans, pagesOfFullScans)
	if settled == 0 && *settledHistories >= 10 {
		t.Error("no page ever settled: nothing was compared")
	}
}

// history is a campaign "c" to which things happen, and two exporters that look on: one leaves settled pages out.
type history struct {
	t      *testing.T
	random *rand.Rand
	clock  *revoxtest.Clock
	api    *revoxtest.Server
	kind   string
	told   []string
	step   int

	// Where rows are put in order by hand, they are those of a campaign of another server, which lives.
	source *revoxtest.Server
	extra  []json.RawMessage // further rows of it
	order  []int             // the rows there are, by their place in source and extra
	unused []int
	// moving: rows also move, and things go wrong, while pages are read. Then what is published is another matter for
	// each, since counters that once were higher stay so, and tallies are compared.
	moving  bool
	renamed bool // once in a while

	rescans, fullScans *onlooker
	settled            uint64
	closers            []func()
}

type onlooker struct {
	scanner  *scan.Scanner
	store    *store.Store
	requests uint64
}

func newHistory(t *testing.T, seed uint64) *history {
	random := rand.New(rand.NewPCG(seed, 0))
	h := &history{t: t, random: random, clock: revoxtest.NewClock(start.Add(time.Duration(random.IntN(72)) * time.Hour))}
	chance := func(share float64) bool { return random.Float64() < share }
	options := []revoxtest.Option{revoxtest.WithNow(h.clock.Now), revoxtest.WithSeed(seed)}
	for _, o := range []struct {
		share  float64
		name   string
		option revoxtest.Option
	}{
		{0.5, "counts from 1", revoxtest.WithFirstPage(1)},
		{0.2, "lenient", revoxtest.WithLenientFirstPage()},
		{0.1, "echoes the page", revoxtest.WithEchoedPage()},
		{0.3, "caps the page", revoxtest.WithPageSizeCap(1 + random.IntN(12))},
		{0.05, "no total", revoxtest.WithoutTotal()},
		{0.05, "rows only", revoxtest.WithRowsOnly()},
		{0.5, "newer fields", revoxtest.WithNewerFields()},
		{0.3, "ETags", revoxtest.WithETags()},
		{0.2, "3.0", revoxtest.WithNumberStyle(revoxtest.DecimalNumbers)},
		{0.2, "mixed times", revoxtest.WithTimeStyle(revoxtest.MixedTimes)},
	} {
		if chance(o.share) {
			options = append(options, o.option)
			h.kind += o.name + "; "
		}
	}
	h.api = revoxtest.NewServer(options...)
	h.closers = append(h.closers, h.api.Close)
	h.renamed = chance(0.2)
	spec := sim.Campaign{
		ID: "c", Name: "Spring", Weight: sim.Light, Rows: 1 + random.IntN(70),
		Start:             h.clock.Now().Add(-time.Duration(random.IntN(100)) * time.Hour),
		Windows:           []sim.Window{{Start: "08:00", End: []string{"12:00", "22:00"}[random.IntN(2)]}},
		RetryDelay:        time.Duration(1+random.IntN(120)) * time.Minute,
		NewestFirst:       chance(0.2),
		ReclassifiedShare: []float64{0, 0.3}[random.IntN(2)],
		CancelledShare:    []float64{0, 0.2}[random.IntN(2)],
	}
	if chance(0.4) {
		spec.AddRowsPerHour = 1 + random.Float64()*10
	}
	spec.RowsWithoutCallShare = []float64{0, 0.3, -1}[random.IntN(3)]
	if h.renamed {
		spec.RowsWithoutCallShare = -1 // the new name shows on the rows that are read
	} else {
		spec.Draft = chance(0.1)
	}
	h.moving = chance(0.5)
	if byHand := !h.renamed && chance(0.6); byHand {
		spec.AddRowsPerHour, spec.NewestFirst, spec.Rows = 0, false, spec.Rows/2+40
		h.source = revoxtest.NewServer(options...)
		h.closers = append(h.closers, h.source.Close)
		sim.New(h.source).AddCampaign(spec)
		for _, row := range readRows(t, "../testdata/hand_counted.json") {
			// All rows of a campaign have its name.
			h.extra = append(h.extra, bytes.ReplaceAll(row, []byte(`Hand \"counted\"`), []byte("Spring")))
		}
		h.order = random.Perm(spec.Rows + len(h.extra))
		n := random.IntN(len(h.order))
		if chance(0.5) {
			slices.Sort(h.order[:n])
		}
		h.order, h.unused = slices.Clone(h.order[:n]), h.order[n:]
		h.serveRows()
	} else {
		sim.New(h.api).AddCampaign(spec)
		h.kind += fmt.Sprintf("%+v; ", spec)
	}
	pageSize := 1 + random.IntN(25)
	fullInterval := []time.Duration{time.Hour, 1000 * time.Hour}[random.IntN(2)]
	h.kind += fmt.Sprintf("page_size %d; full scans after %s; moving %v; by hand %v", pageSize, fullInterval, h.moving, h.source != nil)
	h.rescans, h.fullScans = h.newOnlooker(pageSize, fullInterval), h.newOnlooker(pageSize, 0)
	return h
}

func (h *history) newOnlooker(pageSize int, fullInterval time.Duration) *onlooker {
	client, err := revoxapi.NewClient(revoxapi.StaticKey(revoxtest.APIKey), revoxapi.WithBaseURL(h.api.URL), revoxapi.WithClock(impatient{h.clock}))
	if err != nil {
		h.t.Fatal(err)
	}
	h.closers = append(h.closers, client.CloseIdleConnections)
	o := &onlooker{
		scanner: &scan.Scanner{
			Client: client, Params: revoxapi.RowsParams{PageSize: pageSize}, FullInterval: fullInterval,
			Labels: tally.NewLabels(slog.New(slog.DiscardHandler)),
		},
		store: store.New(nil, store.Ages{}),
	}
	o.store.SelectOnly([]string{"c"}, nil, h.clock.Now())
	return o
}

func (h *history) close() {
	for _, f := range slices.Backward(h.closers) {
		f()
	}
}

// scan scans once, publishes what came of it, and returns that.
func (h *history) scan(o *onlooker) *store.Record {
	before, began := h.api.RequestCount(), h.clock.Now()
	found, err := o.scanner.Scan(h.t.Context(), "c", began, o.store.Get("c").Data.LastScan(), nil)
	o.requests += uint64(h.api.RequestCount() - before)
	_, after := o.store.Publish("c", store.Outcome{Found: found, Err: err, Due: began, Asked: began, Start: began, End: h.clock.Now()})
	return after
}

func (h *history) tell(format string, args ...any) {
	h.told = append(h.told, fmt.Sprintf("%d %s: ", h.step, h.clock.Now().Format(time.DateTime))+fmt.Sprintf(format, args...))
}

// turn lets something happen, and compares.
func (h *history) turn() {
	h.clock.Advance([]time.Duration{0, 10 * time.Second, time.Minute, 7 * time.Minute, 31 * time.Minute, time.Hour, 5 * time.Hour, 26 * time.Hour}[h.random.IntN(8)])
	h.serveRows()
	if h.moving && h.random.IntN(2) == 0 {
		h.scanWhileThingsHappen()
	} else if h.random.IntN(3) > 0 {
		h.happen()
	}
	rescan, full := h.scan(h.rescans), h.scan(h.fullScans)
	if full.Err != nil || rescan.Err != nil {
		if revoxapi.KindOf(full.Err) != revoxapi.KindOf(rescan.Err) && !h.moving {
			h.t.Errorf("a full scan ends with %v, a rescan with %v", full.Err, rescan.Err)
		}
		h.tell("scans fail: %v, %v", full.Err, rescan.Err)
		return
	}
	h.settled += rescan.Data.Tally.Values.Counts[tally.Pages.Index].Of(tally.PagesSettled)
	h.tell("%d rows, pages %v", full.Data.Tally.Rows(), rescan.Data.Tally.Values.Counts[tally.Pages.Index])
	if d := difference(full.Data.Tally.Store(), rescan.Data.Tally.Store()); d != "" {
		h.t.Errorf("step %d: tallies differ: %s", h.step, d)
	}
	if !reflect.DeepEqual(full.Data.Tally.Unknown, rescan.Data.Tally.Unknown) {
		h.t.Errorf("step %d: unknown values %v, want %v", h.step, rescan.Data.Tally.Unknown, full.Data.Tally.Unknown)
	}
	if d := difference(published(full), published(rescan)); d != "" && !h.moving {
		h.t.Errorf("step %d: what is published differs: %s", h.step, d)
	}
	if want, got := h.fullScans.scanner.Labels.Sightings(), h.rescans.scanner.Labels.Sightings(); !h.moving && !maps.Equal(want, got) {
		h.t.Errorf("step %d: unknown values sighted %v, want %v", h.step, got, want)
	}
}

// happen lets rows come, go or move, or the campaign as a whole change.
func (h *history) happen() {
	if h.source != nil {
		h.rearrange()
		h.serveRows()
		return
	}
	switch h.random.IntN(8) {
	case 0:
		h.tell("pause")
		h.api.Pause("c")
	case 1, 2:
		h.tell("resume")
		h.api.Resume("c")
	case 3:
		if h.random.IntN(3) == 0 {
			h.tell("cancel")
			h.api.Cancel("c")
		}
	case 4:
		if h.renamed {
			h.tell("rename")
			h.api.Rename("c", fmt.Sprint("name ", h.step))
		}
	default:
		kind := sim.IncidentKind(h.random.IntN(7))
		h.tell("incident %s", kind)
		sim.New(h.api).AddIncident(sim.Incident{Kind: kind, End: h.clock.Now().Add(time.Duration(h.random.IntN(300)) * time.Minute)})
	}
}

// serveRows serves the rows that there are as they are now.
func (h *history) serveRows() {
	if h.source == nil {
		return
	}
	pool := append(h.source.Rows("c"), h.extra...)
	rows := make([]json.RawMessage, len(h.order))
	for i, place := range h.order {
		rows[i] = pool[place]
	}
	h.api.SetRows("c", "", rows)
}

// rearrange changes which rows there are, or their order. It does one thing: a row that goes from a settled page while
// another comes in its place, page and total as before, is noticed by nothing but a full scan.
func (h *history) rearrange() {
	n := len(h.order)
	at := func() int { return h.random.IntN(n) }
	come := min(1+h.random.IntN(1+h.random.IntN(20)), len(h.unused))
	switch what := h.random.IntN(7); {
	case what < 2 && come > 0:
		h.tell("%d rows at the end", come)
		h.order, h.unused = append(h.order, h.unused[:come]...), h.unused[come:]
	case what == 2 && come > 0:
		place := h.random.IntN(n + 1)
		h.tell("%d rows at %d", come, place)
		h.order, h.unused = slices.Insert(h.order, place, h.unused[:come]...), h.unused[come:]
	case n < 2:
	case what == 3:
		go1 := 1 + h.random.IntN(1+n/5)
		from := h.random.IntN(n - go1 + 1)
		h.tell("%d rows go at %d", go1, from)
		h.unused = append(h.unused, h.order[from:from+go1]...)
		h.order = slices.Delete(h.order, from, from+go1)
		if come > 0 && h.random.IntN(2) == 0 {
			h.tell("and %d rows come at the end", come)
			h.order, h.unused = append(h.order, h.unused[:come]...), h.unused[come:]
		}
	case what == 4:
		a, b := at(), at()
		h.tell("rows %d and %d change places", a, b)
		h.order[a], h.order[b] = h.order[b], h.order[a]
	case what == 5:
		from, to := at(), at()
		h.tell("row %d moves to %d", from, to)
		row := h.order[from]
		h.order = slices.Insert(slices.Delete(h.order, from, from+1), to, row)
	case what == 6:
		h.tell("all rows are shuffled")
		h.random.Shuffle(n, func(i, j int) { h.order[i], h.order[j] = h.order[j], h.order[i] })
	}
}

// scanWhileThingsHappen lets rows change or requests go wrong while pages are read. What such a scan comes to is anyone's
// guess; the next one must be right.
func (h *history) scanWhileThingsHappen() {
	var mu sync.Mutex // pages are asked for at once
	var happened bool
	after := h.random.IntN(8)
	h.api.OnPage(func(string, int) {
		mu.Lock()
		defer mu.Unlock()
		if after--; after < 0 && !happened {
			happened = true
			h.clock.Advance(time.Duration(h.random.IntN(100)) * time.Second)
			h.happen()
		}
	})
	remove := func() {}
	if h.random.IntN(2) == 0 {
		faults := []revoxtest.Behavior{
			revoxtest.CutJSON(), revoxtest.Status(http.StatusInternalServerError, nil, "no"), revoxtest.Status(http.StatusNotFound, nil, "no"),
			revoxtest.LyingTotal(h.random.IntN(100)), revoxtest.SetField("page_size", "7"), revoxtest.Body("text/html", "<html>"),
			revoxtest.MangleRows(func(rows []json.RawMessage) []json.RawMessage { slices.Reverse(rows); return rows }),
			revoxtest.MangleRows(func(rows []json.RawMessage) []json.RawMessage { return rows[:len(rows)/2] }),
			revoxtest.MangleRows(func(rows []json.RawMessage) []json.RawMessage { return append(rows, rows...) }),
		}
		which := h.random.IntN(len(faults))
		h.tell("fault %d", which)
		remove = h.api.AddFault(revoxtest.Fault{After: h.random.IntN(6), Times: 1 + h.random.IntN(4), Behavior: faults[which]})
	}
	r := h.scan(h.rescans)
	h.tell("a scan meanwhile: %v", r.Err)
	h.api.OnPage(nil)
	remove()
	h.clock.Advance(6 * time.Minute) // past the longest pause after a failure
}

// published returns the counters and histograms as they are shown.
func published(r *store.Record) tally.Stored {
	return tally.Stored{Name: r.Name(), Families: r.Data.Monotonic.Store(nil), Carries: tally.StoreFields(r.Data.Fields)}
}

// difference says where two tallies differ, apart from the pages that were read; "" where they do not.
func difference(want, got tally.Stored) string {
	for _, f := range tally.Families() {
		w, g := want.Families[f.Name], got.Families[f.Name]
		if f != tally.Pages && !reflect.DeepEqual(w, g) {
			return fmt.Sprintf("%s: %v, want %v", f.Name, g, w)
		}
	}
	switch {
	case !slices.Equal(want.Carries, got.Carries):
		return "fields that rows had"
	case want.Name != got.Name:
		return fmt.Sprintf("name %q, want %q", got.Name, want.Name)
	}
	return ""
}

// impatient is a clock that does not wait: for a client's retries, whose waits are tested where they are made.
type impatient struct{ *revoxtest.Clock }

func (impatient) Sleep(ctx context.Context, _ time.Duration) error { return context.Cause(ctx) }

// start is a Wednesday morning.
var start = time.Date(2024, 5, 1, 9, 0, 0, 0, time.UTC)

// readRows returns the rows of a file.
func readRows(t testing.TB, path string) []json.RawMessage {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var rows []json.RawMessage
	if err := json.Unmarshal(text, &rows); err != nil {
		t.Fatal(err)
	}
	return rows
}
