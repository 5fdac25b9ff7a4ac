package collector_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

var (
	counterHistories = flag.Int("counters.histories", 4, "number of random histories of TestEachAttemptCountsOnce")
	counterSeed      = flag.Uint64("counters.seed", 0, "seed of the first history; 0: a new one each time")
)

// Whatever the API hides for a while, shows late, deletes or uploads again, and however often the exporter is killed:
// each finished call and attempt counts once, in the scan that shows it first, and no label value exceeds what was so at
// once plus what vanished rows had.
func TestEachAttemptCountsOnce(t *testing.T) {
	seed := *counterSeed
	if seed == 0 {
		seed = rand.Uint64() >> 16
	}
	exact, vanished := 0, 0
	for i := range uint64(*counterHistories) {
		t.Run(fmt.Sprint("seed ", seed+i), func(t *testing.T) {
			h := newCounterHistory(t, seed+i)
			for h.step = range 80 {
				h.next()
				if t.Failed() {
					t.Fatalf("run it again with -counters.seed=%d -counters.histories=1\n%s", seed+i, strings.Join(h.log, "\n"))
				}
			}
			exact, vanished = exact+h.exact, vanished+h.vanished
		})
	}
	if n := *counterHistories; exact < 10*n || vanished < n {
		t.Errorf("%d steps were compared exactly, %d rows vanished: the histories show nothing", exact, vanished)
	}
}

// counterHistory is a campaign to which things happen, and what must have been counted of it.
type counterHistory struct {
	*harness
	random *rand.Rand
	folder string
	log    []string
	step   int
	jumps  bool // days pass now and then, so that counts below their highest become the base

	rows    []*historyRow // that exist, in order
	created int           // the number of rows that ever existed
	earlier [][]json.RawMessage
	until   int // the step from which on the API shows everything again
	show    func() []json.RawMessage

	// seen is what scans have shown of each row, also of those that are gone.
	seen            map[string]seenRow
	most            map[string]int // the highest count of each result in any scan
	last            map[string]bool
	gone            map[string]bool
	exact, vanished int
}

// historyRow is a row as it is.
type historyRow struct {
	id       string
	attempts []string // results of finished attempts, the oldest first
	finished bool
}

func (r *historyRow) json() json.RawMessage {
	attempts := make([]string, len(r.attempts))
	for i, result := range r.attempts {
		const oneTool = `, "transcript": [{"role": "tool", "tool_name": "tool"}]}`
		attempts[len(attempts)-1-i] = strings.TrimSuffix(endedAttempt(result, 10*i), "}") + oneTool
	}
	return callRow(r.id, map[bool]string{false: "scheduled", true: "completed"}[r.finished], attempts...)
}

// seenRow is the most that scans have shown of a row.
type seenRow struct {
	attempts int
	finished bool
	results  map[string]int
}

func newCounterHistory(t *testing.T, seed uint64) *counterHistory {
	h := &counterHistory{
		random: rand.New(rand.NewPCG(seed, 0)), folder: t.TempDir(),
		seen: map[string]seenRow{}, most: map[string]int{}, last: map[string]bool{}, gone: map[string]bool{},
	}
	h.jumps = h.random.IntN(2) == 0
	clock := revoxtest.NewClock(start)
	api := newAPI(t, clock)
	h.add(20 + h.random.IntN(40))
	h.finish(30)
	h.show = h.all
	api.SetRows("c", "", h.all())
	state, _ := openTestState(t, h.folder, api.URL, clock)
	h.harness = newHarness(t, api, clock, with(state, only("c")))
	h.compare()
	return h
}

func (h *counterHistory) note(format string, args ...any) {
	h.log = append(h.log, fmt.Sprintf("%3d ", h.step)+fmt.Sprintf(format, args...))
}

func (h *counterHistory) all() (rows []json.RawMessage) {
	for _, r := range h.rows {
		rows = append(rows, r.json())
	}
	return rows
}

func (h *counterHistory) add(n int) {
	for range n {
		h.rows = append(h.rows, &historyRow{id: fmt.Sprint("row-", h.created)})
		h.created++
	}
}

// finish finishes n attempts, and some of their calls. Some finished calls are opened again.
func (h *counterHistory) finish(n int) {
	for range n {
		r := h.rows[h.random.IntN(len(h.rows))]
		if len(r.attempts) < 6 {
			r.attempts = append(r.attempts, []string{"human", "voicemail", "IVR", "unknown"}[h.random.IntN(4)])
		}
		r.finished = h.random.IntN(3) == 0 || r.finished && h.random.IntN(8) > 0
	}
}

// next lets something happen, scans, and compares. While the API does not show everything, rows only change for the
// better: what it hides of a row that is deleted at that moment cannot be known.
func (h *counterHistory) next() {
	hiding := h.step < h.until
	if !hiding {
		h.show = h.all
		for range h.random.IntN(3) {
			h.change()
		}
	}
	if h.random.IntN(2) == 0 {
		h.finish(h.random.IntN(6))
	}
	if h.random.IntN(4) == 0 {
		h.add(h.random.IntN(4))
	}
	h.earlier = append(h.earlier, h.all())
	if !hiding && h.random.IntN(3) == 0 {
		h.hide()
	}
	h.API.SetRows("c", "", h.show())
	remove := func() {}
	if h.random.IntN(5) == 0 {
		h.note("the total is too high")
		remove = h.API.AddFault(revoxtest.Fault{Behavior: revoxtest.LyingTotal(500)})
	}
	passed := time.Duration(1+h.random.IntN(10)) * time.Minute
	if h.jumps && h.step > h.until && !h.reopened() && h.random.IntN(10) == 0 {
		passed += time.Duration(h.random.IntN(72)) * time.Hour
	}
	if h.random.IntN(5) == 0 {
		h.note("killed")
		h.harness, h.folder = h.restartAt(h.Clock.Now().Add(passed), h.folder, only("c"))
	} else {
		h.Clock.Advance(passed)
		h.Settle()
	}
	remove()
	h.compare()
}

// change deletes rows, uploads them again, or changes results.
func (h *counterHistory) change() {
	n := min(h.random.IntN(8), len(h.rows)/8)
	h.random.Shuffle(len(h.rows), func(i, j int) { h.rows[i], h.rows[j] = h.rows[j], h.rows[i] })
	switch h.random.IntN(4) {
	case 0:
		h.note("%d rows are deleted", n)
		h.rows = h.rows[n:]
	case 1:
		h.note("%d rows are uploaded again", n)
		for i, r := range h.rows[:n] {
			again := *r
			again.id, again.attempts = fmt.Sprint("row-", h.created), slices.Clone(r.attempts)
			h.created++
			h.rows[i] = &again
		}
	case 2:
		h.note("the results of %d rows change", n)
		for _, r := range h.rows[:n] {
			for i := range r.attempts {
				r.attempts[i] = "ios-screening-filter"
			}
		}
	}
}

// hide makes the API hide something for some steps.
func (h *counterHistory) hide() {
	h.until = h.step + 1 + h.random.IntN(4)
	back := 1 + h.random.IntN(min(3, len(h.earlier)))
	old := h.earlier[len(h.earlier)-back]
	switch h.random.IntN(3) {
	case 0:
		h.note("a replica that lags %d steps", back-1)
		h.show = func() []json.RawMessage { return old }
	case 1:
		share := 0.6 + 0.4*h.random.Float64()
		hidden := map[string]bool{}
		for _, r := range h.rows {
			hidden[r.id] = h.random.Float64() > share
		}
		h.note("rows are hidden, %.0f %% are not", 100*share)
		h.show = func() (rows []json.RawMessage) {
			for _, r := range h.rows {
				if !hidden[r.id] {
					rows = append(rows, r.json())
				}
			}
			return rows
		}
	case 2:
		h.note("an index that is being rebuilt")
		h.show = func() []json.RawMessage { all := h.all(); return all[:len(all)*(1+h.step%3)/4+1] }
	}
}

// compare compares the counters with what scans have shown.
func (h *counterHistory) compare() {
	scrape := h.Scrape()
	if !strings.Contains(scrape, `revox_campaign_up{campaign_id="c"} 1`) {
		h.note("the scan is doubted")
		return
	}
	now, shown := map[string]int{}, map[string]bool{}
	for _, text := range h.show() {
		var row struct {
			ID   string
			Call struct {
				Status   string
				Attempts []struct{ Result string } `json:"call_attempts"`
			}
		}
		if err := json.Unmarshal(text, &row); err != nil {
			h.TB.Fatal(err)
		}
		shown[row.ID] = true
		seen := h.seen[row.ID]
		if seen.results == nil {
			seen.results = map[string]int{}
		}
		seen.attempts = max(seen.attempts, len(row.Call.Attempts))
		seen.finished = seen.finished || row.Call.Status == "completed"
		results := map[string]int{}
		for _, a := range row.Call.Attempts {
			now[a.Result]++
			results[a.Result]++
		}
		for result, n := range results {
			seen.results[result] = max(seen.results[result], n)
		}
		h.seen[row.ID] = seen
	}
	for id := range h.last {
		if !shown[id] && !h.gone[id] {
			h.vanished++
			h.gone[id] = true
		}
	}
	h.last = shown
	calls, attempts := 0, 0
	ofGone := map[string]int{}
	for id, seen := range h.seen {
		attempts += seen.attempts
		if seen.finished {
			calls++
		}
		if h.gone[id] {
			for result, n := range seen.results {
				ofGone[result] += n
			}
		}
	}
	for result, n := range now {
		h.most[result] = max(h.most[result], n)
	}
	counted := map[string]int{}
	for _, result := range []string{"human", "voicemail", "IVR", "unknown", "ios-screening-filter"} {
		counted[result] = h.value(scrape, "revox_campaign_call_attempt_results_total", "result", result)
		if most := h.most[result] + ofGone[result]; !h.jumps && counted[result] > most {
			h.TB.Errorf("%d attempts with result %s are counted, %d at most are right", counted[result], result, most)
		}
		if counted[result] < h.most[result] {
			h.TB.Errorf("%d attempts with result %s are counted, there were %d", counted[result], result, h.most[result])
		}
	}
	gotCalls := h.value(scrape, "revox_campaign_calls_finished_total", "status", "completed")
	gotAttempts := h.value(scrape, "revox_campaign_call_attempts_finished_total", "status", "completed")
	h.note("%d rows shown, %d attempts and %d calls were finished, %d and %d are counted",
		len(shown), attempts, calls, gotAttempts, gotCalls)
	if tools := h.value(scrape, "revox_campaign_tool_calls_total", "tool_name", "tool"); tools != gotAttempts {
		h.TB.Errorf("%d uses of tools are counted, one in each of %d attempts", tools, gotAttempts)
	}
	if gotAttempts > attempts || gotCalls > calls {
		h.TB.Errorf("%d attempts and %d calls are counted, %d and %d were shown", gotAttempts, gotCalls, attempts, calls)
	}
	if h.step < h.until {
		return
	}
	h.exact++
	if gotAttempts != attempts {
		h.TB.Errorf("%d attempts are counted, %d were shown", gotAttempts, attempts)
	}
	if gotCalls != calls && !h.reopened() {
		h.TB.Errorf("%d calls are counted, %d were shown", gotCalls, calls)
	}
}

// reopened reports whether a finished call is open again.
func (h *counterHistory) reopened() bool {
	return slices.ContainsFunc(h.rows, func(r *historyRow) bool { return h.seen[r.id].finished && !r.finished })
}

// value returns the value of a series of the campaign.
func (h *counterHistory) value(scrape, name, label, value string) int {
	h.TB.Helper()
	prefix := fmt.Sprintf("%s{campaign_id=\"c\",%s=%q} ", name, label, value)
	for line := range strings.Lines(scrape) {
		if rest, ok := strings.CutPrefix(line, prefix); ok {
			var n int
			if _, err := fmt.Sscan(rest, &n); err != nil {
				h.TB.Fatal(err)
			}
			return n
		}
	}
	h.TB.Errorf("%s is missing", prefix)
	return 0
}
