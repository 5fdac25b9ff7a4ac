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
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/collector/rows"
	"github.com/revox-exporter/revox_exporter/collector/scan"
	"github.com/revox-exporter/revox_exporter/collector/store"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/internal/answertest"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

var (
	laterHistories = flag.Int("later.histories", 2, "number of random histories that compare rescans with full scans")
	laterSeed      = flag.Uint64("later.seed", 0, "seed of the first history; 0: a new one each time")
)

// Whatever happens to a campaign, and whichever kind of server it is on, later scans count the same
// as full scans.
func TestLaterScansEqualFullScans(t *testing.T) {
	seed := *laterSeed
	if seed == 0 {
		seed = rand.Uint64() >> 16
	}
	var later, pagesOfRescans, pagesOfFullScans uint64
	for i := range uint64(*laterHistories) {
		h := newHistory(t, seed+i)
		for h.step = range 30 {
			h.next()
			if t.Failed() {
				t.Fatalf("run it again with -later.seed=%d -later.histories=1\n%s\n%s",
					seed+i, h.kind, strings.Join(h.log, "\n"))
			}
		}
		h.close()
		later += h.later
		pagesOfRescans += h.rescans.requests
		pagesOfFullScans += h.fullScans.requests
	}
	t.Logf("seeds %d to %d: %d scans were not full; they made %d requests, full scans %d",
		seed, seed+uint64(*laterHistories)-1, later, pagesOfRescans, pagesOfFullScans)
	if later == 0 && *laterHistories >= 10 {
		t.Error("all scans were full: nothing was compared")
	}
}

// history is a campaign "c" to which things happen, and two observers that scan it: one of them makes full scans only.
type history struct {
	t      *testing.T
	random *rand.Rand
	clock  *revoxtest.Clock
	api    *revoxtest.Server
	kind   string
	log    []string
	step   int

	// source, if set, is another server with a living campaign. The test puts its rows in order and serves them from
	// api.
	source *revoxtest.Server
	extra  []json.RawMessage // further rows of it
	order  []int             // the served rows, by their index in source and extra
	unused []int
	// moving reports that rows also move, and faults occur, while pages are read. Then the published counters may
	// differ, because a counter that was once higher stays so; only tallies are compared.
	moving  bool
	renamed bool // the campaign gets a new name now and then

	rescans, fullScans *observer
	later              uint64 // scans that were not full
	closers            []func()
}

type observer struct {
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
		{0.1, "ignores filters", revoxtest.WithStatusFilter(revoxtest.FilterIgnored)},
		{0.1, "filters by the attempt's status", revoxtest.WithStatusFilter(revoxtest.FilterAttemptStatus)},
		{0.1, "counts all rows", revoxtest.WithStatusFilter(revoxtest.FilterCountsAll)},
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
		Start:          h.clock.Now().Add(-time.Duration(random.IntN(100)) * time.Hour),
		Windows:        []sim.Window{{Start: "08:00", End: []string{"12:00", "22:00"}[random.IntN(2)]}},
		RetryDelay:     time.Duration(1+random.IntN(120)) * time.Minute,
		NewestFirst:    chance(0.2),
		CancelledShare: []float64{0, 0.2}[random.IntN(2)],
		Agent:          chance(0.5),
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
		for _, row := range answertest.Rows(t, "../testdata/hand_counted.json") {
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
	h.kind += fmt.Sprintf("page_size %d; full scans after %s; moving %v; by hand %v",
		pageSize, fullInterval, h.moving, h.source != nil)
	h.rescans, h.fullScans = h.newObserver(pageSize, fullInterval), h.newObserver(pageSize, 0)
	return h
}

func (h *history) newObserver(pageSize int, fullInterval time.Duration) *observer {
	client, err := revoxapi.NewClient(revoxapi.StaticKey(revoxtest.APIKey),
		revoxapi.WithBaseURL(h.api.URL), revoxapi.WithClock(impatient{h.clock}))
	if err != nil {
		h.t.Fatal(err)
	}
	h.closers = append(h.closers, client.CloseIdleConnections)
	o := &observer{
		scanner: &scan.Scanner{
			RowTable: rows.NewTable(),
			Client:   client, Params: revoxapi.RowsParams{PageSize: pageSize}, FullInterval: fullInterval,
			Labels: labelvalue.New(slog.New(slog.DiscardHandler)),
		},
		store: store.New(nil, store.Ages{}),
	}
	o.store.SelectOnly([]string{"c"}, nil, nil, h.clock.Now())
	return o
}

func (h *history) close() {
	for _, f := range slices.Backward(h.closers) {
		f()
	}
}

// scan scans once, publishes the outcome and returns the record with it.
func (h *history) scan(o *observer) *store.Record {
	before, began := h.api.RequestCount(), h.clock.Now()
	found, err := o.scanner.Scan(h.t.Context(), "c", began, o.store.Get("c").Data.LastScan(), nil, nil)
	o.requests += uint64(h.api.RequestCount() - before)
	outcome := store.Outcome{Found: found, Err: err, Due: began, Asked: began, Start: began, End: h.clock.Now()}
	_, after := o.store.Publish("c", outcome)
	return after
}

func (h *history) logf(format string, args ...any) {
	now := h.clock.Now().Format(time.DateTime)
	h.log = append(h.log, fmt.Sprintf("%d %s: ", h.step, now)+fmt.Sprintf(format, args...))
}

// next lets time pass and something happen, then scans and compares.
func (h *history) next() {
	h.clock.Advance([]time.Duration{
		0, 10 * time.Second, time.Minute, time.Minute, time.Minute, time.Minute, 7 * time.Minute, 29 * time.Minute, time.Hour,
		26 * time.Hour,
	}[h.random.IntN(10)])
	h.serveRows()
	if h.moving && h.random.IntN(2) == 0 {
		h.scanWhileThingsHappen()
	} else if h.random.IntN(3) > 0 {
		h.happen()
	}
	requestsBefore := [2]uint64{h.rescans.requests, h.fullScans.requests}
	rescan, full := h.scan(h.rescans), h.scan(h.fullScans)
	// At worst, the rows with active statuses are read, then as many pages of others, then all. Besides the pages, there is a
	// request for each status, twice, and each list read may have a last page that is not full.
	if got, want := h.rescans.requests-requestsBefore[0], h.fullScans.requests-requestsBefore[1]; !h.moving && got > 3*want+16 {
		h.t.Errorf("step %d: a rescan takes %d requests, a full scan %d", h.step, got, want)
	}
	if full.Err != nil || rescan.Err != nil {
		if revoxapi.KindOf(full.Err) != revoxapi.KindOf(rescan.Err) && !h.moving {
			h.t.Errorf("a full scan ends with %v, a rescan with %v", full.Err, rescan.Err)
		}
		h.logf("scans fail: %v, %v", full.Err, rescan.Err)
		return
	}
	requests := rescan.Data.Tally.Values.Counts[tally.ScanRequests.Index]
	if requests.Of(tally.RequestsFull) == 0 {
		h.later++
	}
	h.logf("%d rows, requests %v, differences %d", full.Data.Tally.Rows(), requests, rescan.Data.Differences)
	if d := difference(full.Data.Tally.Store(), rescan.Data.Tally.Store()); d != "" {
		h.t.Errorf("step %d: tallies differ: %s", h.step, d)
	}
	if !reflect.DeepEqual(full.Data.Tally.Unknown, rescan.Data.Tally.Unknown) {
		h.t.Errorf("step %d: unknown values %v, want %v", h.step, rescan.Data.Tally.Unknown, full.Data.Tally.Unknown)
	}
	if d := difference(published(full), published(rescan)); d != "" && !h.moving {
		h.t.Errorf("step %d: published data differs: %s", h.step, d)
	}
	want, got := h.fullScans.scanner.Labels.Sightings(), h.rescans.scanner.Labels.Sightings()
	if !h.moving && !maps.Equal(want, got) {
		h.t.Errorf("step %d: unknown values sighted %v, want %v", h.step, got, want)
	}
}

// happen adds, removes or moves rows, or changes the campaign as a whole.
func (h *history) happen() {
	if h.source != nil {
		h.rearrange()
		h.serveRows()
		return
	}
	switch h.random.IntN(8) {
	case 0:
		h.logf("pause")
		h.api.Pause("c")
	case 1, 2:
		h.logf("resume")
		h.api.Resume("c")
	case 3:
		if h.random.IntN(3) == 0 {
			h.logf("cancel")
			h.api.Cancel("c")
		}
	case 4:
		if h.renamed {
			h.logf("rename")
			h.api.Rename("c", fmt.Sprint("name ", h.step))
		}
	default:
		kind := sim.IncidentKind(h.random.IntN(7))
		h.logf("incident %s", kind)
		end := h.clock.Now().Add(time.Duration(h.random.IntN(300)) * time.Minute)
		sim.New(h.api).AddIncident(sim.Incident{Kind: kind, End: end})
	}
}

// serveRows serves the rows of source in their order, as they are now.
func (h *history) serveRows() {
	if h.source == nil {
		return
	}
	pool := append(h.source.Rows("c"), h.extra...)
	rows := make([]json.RawMessage, len(h.order))
	for i, index := range h.order {
		rows[i] = pool[index]
	}
	h.api.SetRows("c", "", rows)
}

// rearrange makes one change to the set of rows or to their order. It makes only one because two can cancel out: if a
// finished row is removed and another with an equal status is added at its position, only a full scan notices.
func (h *history) rearrange() {
	n := len(h.order)
	at := func() int { return h.random.IntN(n) }
	added := min(1+h.random.IntN(1+h.random.IntN(20)), len(h.unused))
	switch what := h.random.IntN(7); {
	case what < 2 && added > 0:
		h.logf("add %d rows at the end", added)
		h.order, h.unused = append(h.order, h.unused[:added]...), h.unused[added:]
	case what == 2 && added > 0:
		index := h.random.IntN(n + 1)
		h.logf("insert %d rows at %d", added, index)
		h.order, h.unused = slices.Insert(h.order, index, h.unused[:added]...), h.unused[added:]
	case n < 2:
	case what == 3:
		removed := 1 + h.random.IntN(1+n/5)
		from := h.random.IntN(n - removed + 1)
		h.logf("remove %d rows at %d", removed, from)
		h.unused = append(h.unused, h.order[from:from+removed]...)
		h.order = slices.Delete(h.order, from, from+removed)
		if added > 0 && h.random.IntN(2) == 0 {
			h.logf("and add %d rows at the end", added)
			h.order, h.unused = append(h.order, h.unused[:added]...), h.unused[added:]
		}
	case what == 4:
		a, b := at(), at()
		h.logf("swap rows %d and %d", a, b)
		h.order[a], h.order[b] = h.order[b], h.order[a]
	case what == 5:
		from, to := at(), at()
		h.logf("move row %d to %d", from, to)
		row := h.order[from]
		h.order = slices.Insert(slices.Delete(h.order, from, from+1), to, row)
	case what == 6:
		h.logf("shuffle all rows")
		h.random.Shuffle(n, func(i, j int) { h.order[i], h.order[j] = h.order[j], h.order[i] })
	}
}

// scanWhileThingsHappen changes rows or makes requests fail while pages are read. The result of that scan is undefined;
// the next one must be right.
func (h *history) scanWhileThingsHappen() {
	var mu sync.Mutex // pages are requested concurrently
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
			revoxtest.CutJSON(),
			revoxtest.Status(http.StatusInternalServerError, nil, "no"), revoxtest.Status(http.StatusNotFound, nil, "no"),
			revoxtest.LyingTotal(h.random.IntN(100)), revoxtest.SetField("page_size", "7"),
			revoxtest.Body("text/html", "<html>"),
			revoxtest.MangleRows(func(rows []json.RawMessage) []json.RawMessage { slices.Reverse(rows); return rows }),
			revoxtest.MangleRows(func(rows []json.RawMessage) []json.RawMessage { return rows[:len(rows)/2] }),
			revoxtest.MangleRows(func(rows []json.RawMessage) []json.RawMessage { return append(rows, rows...) }),
		}
		which := h.random.IntN(len(faults))
		h.logf("fault %d", which)
		fault := revoxtest.Fault{After: h.random.IntN(6), Times: 1 + h.random.IntN(4), Behavior: faults[which]}
		remove = h.api.AddFault(fault)
	}
	r := h.scan(h.rescans)
	mu.Lock() // a request that was given up may still be going on
	happened = true
	mu.Unlock()
	h.logf("a scan during these changes: %v", r.Err)
	h.api.OnPage(nil)
	remove()
	h.clock.Advance(6 * time.Minute) // past the longest pause after a failure
}

// published returns the published counters and histograms.
func published(r *store.Record) tally.Stored {
	return tally.Stored{
		Name: r.Name(), Families: r.Data.Monotonic.Store(nil), Carries: tally.StoreFields(r.Data.Fields),
		Assistant: r.Data.Tally.Assistant,
	}
}

// difference describes the first difference between two tallies, not counting requests; "" if there is
// none.
func difference(want, got tally.Stored) string {
	for _, f := range tally.Families() {
		w, g := want.Families[f.Name], got.Families[f.Name]
		if f == tally.CallOutcomes && onlyLater(w.Counts, g.Counts) {
			continue
		}
		if f != tally.ScanRequests && !reflect.DeepEqual(w, g) {
			return fmt.Sprintf("%s: %v, want %v", f.Name, g, w)
		}
	}
	switch {
	case !slices.Equal(want.Carries, got.Carries):
		return "fields that rows had"
	case want.Name != got.Name:
		return fmt.Sprintf("name %q, want %q", got.Name, want.Name)
	case !sameAssistant(want.Assistant, got.Assistant):
		return fmt.Sprintf("assistant %+v, want %+v", got.Assistant, want.Assistant)
	}
	return ""
}

// sameAssistant reports whether got is like want, though maybe from an earlier call: later scans do not read calls that wait.
func sameAssistant(want, got tally.Assistant) bool {
	if got.Created > want.Created {
		return false
	}
	got.Created = want.Created
	return got == want
}

// onlyLater reports whether got lacks only outcomes that were computed after the calls had finished: later scans look at
// these a few times, full scans always. Until then, they are counted as none.
func onlyLater(want, got map[string]uint64) bool {
	for outcome, n := range want {
		if outcome != labelvalue.None && got[outcome] > n || outcome == labelvalue.None && got[outcome] < n {
			return false
		}
	}
	return true
}

// impatient is a clock that does not wait before a client's retries.
type impatient struct{ *revoxtest.Clock }

func (impatient) Sleep(ctx context.Context, _ time.Duration) error { return context.Cause(ctx) }

// start is a Wednesday morning.
var start = time.Date(2024, 5, 1, 9, 0, 0, 0, time.UTC)
