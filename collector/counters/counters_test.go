package counters_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/revox-exporter/revox_exporter/collector/counters"
	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/collector/rows"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	start  = time.Date(2024, 5, 1, 9, 0, 0, 0, time.UTC)
	labels = labelvalue.New(slog.New(slog.DiscardHandler))
)

// row returns a row whose call is completed after a number of attempts. Each reached a human, who talked for 10 s.
func row(id string, attempts int) tally.Row {
	call := &tally.Call{Status: "completed"}
	for range attempts {
		a := tally.Attempt{Status: "completed", Result: tally.MakeValue("human")}
		a.AnsweredAt, a.EndedAt = revoxapi.Timestamp{Time: start}, revoxapi.Timestamp{Time: start.Add(10 * time.Second)}
		call.Attempts = append(call.Attempts, a)
	}
	return tally.Row{ID: id, Call: call}
}

// campaign is a campaign that is scanned again and again.
type campaign struct {
	counters.Counters
	table     *rows.Table
	last      *tally.Tally // nil before the first scan
	decreases []uint64     // of the last scan
	maxGone   int
	// forgetful makes scans that do not know which rows there are, as after an update of the program.
	forgetful bool
}

func newCampaign() *campaign { return &campaign{table: rows.NewTable(), maxGone: 1000} }

// scan makes a scan that finds these rows so long after start.
func (c *campaign) scan(after time.Duration, found ...tally.Row) {
	s := counters.Scan{At: start.Add(after), Tally: tally.New(labels)}
	built := rows.NewBuilder(c.table)
	for _, r := range found {
		key := rows.Key(r.ID)
		built.Add(key, s.Tally.CountRow(r))
		for _, gone := range c.Gone.Sets() {
			if gone.Has(key) {
				if s.Returned == nil {
					s.Returned = tally.New(labels)
				}
				s.Returned.CountRow(r)
			}
		}
	}
	if !c.forgetful {
		s.Rows = built.Set()
	}
	if c.last == nil {
		c.Counters = counters.First(s)
	} else {
		c.Counters, c.decreases = c.Next(c.last, s, c.maxGone)
	}
	c.last = s.Tally
}

// published returns the published number of attempts, as a counter and as a histogram have it.
func (c *campaign) published() (counter, histogram uint64) {
	return c.Monotonic.Counts[tally.AttemptResults.Index].Of("human"),
		c.Monotonic.Distributions[tally.TalkDuration.Index].Of("human").Count()
}

// restart stores the counters and restores them, as at a restart.
func (c *campaign) restart(t *testing.T) {
	t.Helper()
	text, err := json.Marshal(c.Store(c.last))
	if err != nil {
		t.Fatal(err)
	}
	var stored counters.Stored
	if err := json.Unmarshal(text, &stored); err != nil {
		t.Fatal(err)
	}
	set, gone := c.Rows, c.Gone.Encode()
	if c.Counters, err = stored.Restore(c.last, labels); err != nil {
		t.Fatal(err)
	}
	if c.Gone, err = counters.DecodeGone(gone, c.table); err != nil {
		t.Fatal(err)
	}
	c.Rows = set
}

// step is a scan, and what is published after it.
type step struct {
	after              time.Duration
	found              []tally.Row
	counter, histogram uint64
}

func TestPublishedValues(t *testing.T) {
	a, b, c, d := row("a", 2), row("b", 3), row("c", 5), row("d", 1)
	for _, test := range []struct {
		name      string
		maxGone   int
		forgetful bool
		steps     []step
	}{
		{name: "what is added counts", maxGone: 10, steps: []step{
			{0, []tally.Row{a}, 2, 2},
			{time.Minute, []tally.Row{a, b}, 5, 5},
			{time.Hour, []tally.Row{a, b, c, d}, 11, 11},
		}},
		{name: "a dip that is over counts once", maxGone: 10, forgetful: true, steps: []step{
			{0, []tally.Row{a, b}, 5, 5},
			{time.Minute, []tally.Row{a}, 5, 5},
			{2 * time.Minute, []tally.Row{a, b}, 5, 5},
			{3 * time.Minute, []tally.Row{a, b, d}, 6, 6},
		}},
		{name: "a dip of a day is the new base", maxGone: 10, forgetful: true, steps: []step{
			{0, []tally.Row{a, b}, 5, 5},
			{time.Minute, []tally.Row{a}, 5, 5},
			{13 * time.Hour, []tally.Row{a}, 5, 5},
			{23 * time.Hour, []tally.Row{a, d}, 5, 5}, // the most of this day: 3
			{24*time.Hour + time.Minute, []tally.Row{a}, 5, 5},
			{25 * time.Hour, []tally.Row{a, d}, 5, 5},
			{26 * time.Hour, []tally.Row{a, d, row("e", 1)}, 6, 6},
		}},
		{name: "rows that vanish stay counted", maxGone: 10, steps: []step{
			{0, []tally.Row{a, b}, 5, 5},
			{time.Minute, []tally.Row{b}, 5, 5},
			{2 * time.Minute, []tally.Row{b, d}, 6, 6},
			{3 * time.Minute, nil, 6, 6},
			{4 * time.Minute, []tally.Row{c}, 11, 11},
		}},
		{name: "rows that return are not counted again", maxGone: 10, steps: []step{
			{0, []tally.Row{a, b}, 5, 5},
			{time.Minute, []tally.Row{b}, 5, 5},
			{48 * time.Hour, []tally.Row{b}, 5, 5},
			{48*time.Hour + time.Minute, []tally.Row{a, b}, 5, 5},
			{49 * time.Hour, []tally.Row{a, b, d}, 6, 6},
		}},
		{name: "what a row that returns has more counts", maxGone: 10, steps: []step{
			{0, []tally.Row{a, b}, 5, 5},
			{time.Minute, []tally.Row{b}, 5, 5},
			{time.Hour, []tally.Row{row("a", 4), b}, 7, 5}, // what it had added to histograms is not known
		}},
		{name: "a row that lost attempts before it vanished counts with them", maxGone: 10, steps: []step{
			{0, []tally.Row{row("a", 4), b}, 7, 7},
			{time.Minute, []tally.Row{a, b}, 7, 7},
			{2 * time.Minute, []tally.Row{b}, 7, 7},
			{3 * time.Minute, []tally.Row{b, d}, 8, 8},
		}},
		{name: "the day of a dip begins again when rows vanish", maxGone: 10, steps: []step{
			{0, []tally.Row{c, b}, 8, 8},
			{time.Minute, []tally.Row{row("c", 2), b}, 8, 8},
			{23 * time.Hour, []tally.Row{row("c", 2)}, 8, 8},
			{24*time.Hour + time.Minute, []tally.Row{row("c", 2)}, 8, 8},
			{25 * time.Hour, []tally.Row{row("c", 4)}, 8, 10},
		}},
		{name: "rows are forgotten after two days", maxGone: 10, steps: []step{
			{0, []tally.Row{a, b}, 5, 5},
			{time.Minute, []tally.Row{b}, 5, 5},
			{50 * time.Hour, []tally.Row{b}, 5, 5},
			{51 * time.Hour, []tally.Row{a, b}, 7, 7},
		}},
		{name: "rows are forgotten if there is no room", maxGone: 0, steps: []step{
			{0, []tally.Row{a, b}, 5, 5},
			{time.Minute, []tally.Row{b}, 5, 5},
			{2 * time.Minute, []tally.Row{b, d}, 6, 6},
			{3 * time.Minute, []tally.Row{a, b, d}, 8, 8},
		}},
	} {
		for _, restarts := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, restarts %v", test.name, restarts), func(t *testing.T) {
				c := newCampaign()
				c.maxGone, c.forgetful = test.maxGone, test.forgetful
				for i, s := range test.steps {
					c.scan(s.after, s.found...)
					if counter, histogram := c.published(); counter != s.counter || histogram != s.histogram {
						t.Errorf("scan %d: %d and %d are published, want %d and %d", i, counter, histogram, s.counter, s.histogram)
					}
					if restarts {
						c.restart(t)
					}
				}
			})
		}
	}
}

// Rows come, get attempts, vanish and return at random within the two days for which they are remembered. Each attempt
// counts once, and nothing falls.
func TestEachAttemptCountsOnce(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	c := newCampaign()
	attempts := map[string]int{} // of each row that ever was
	hidden := map[string]bool{}  // rows that have vanished
	var before uint64
	for i := range 300 {
		if random.IntN(3) == 0 {
			attempts[fmt.Sprint("row ", i)] = random.IntN(3)
		}
		var found []tally.Row
		var want uint64
		for id := range attempts {
			switch {
			case hidden[id]:
				hidden[id] = random.IntN(5) > 0
			case random.IntN(20) == 0:
				hidden[id] = true
			case random.IntN(20) == 0:
				attempts[id]++
			}
			if !hidden[id] {
				found = append(found, row(id, attempts[id]))
			}
		}
		for _, n := range attempts {
			want += uint64(n) // a row that has vanished may have some that no scan has shown
		}
		c.scan(time.Duration(i)*10*time.Minute, found...)
		if random.IntN(10) == 0 {
			c.restart(t)
		}
		counter, histogram := c.published()
		if counter > want || counter < before || histogram > want {
			t.Fatalf("scan %d: %d and %d are published after %d, and there were %d attempts", i, counter, histogram, before, want)
		}
		before = counter
	}
	// When all rows are back, all that they ever had is counted.
	var all []tally.Row
	var want uint64
	for id, n := range attempts {
		all, want = append(all, row(id, n)), want+uint64(n)
	}
	c.scan(3001*time.Minute, all...)
	if counter, _ := c.published(); counter != want || c.Gone.Weight() != 0 {
		t.Errorf("%d are published of %d attempts, and %d rows are taken to be gone", counter, want, c.Gone.Weight())
	}
}

// A scan that finds the same changes nothing, and one that finds less says how many label values have fallen.
func TestDecreases(t *testing.T) {
	c := newCampaign()
	c.scan(0, row("a", 1), row("b", 1))
	before := c.Counters
	same := counters.Scan{At: start.Add(time.Minute), Tally: c.last, Rows: c.Rows}
	if next, decreases := c.Next(c.last, same, 10); decreases != nil || !next.Same(before) {
		t.Errorf("the same again has the decreases %v", decreases)
	}
	c.scan(time.Minute, row("b", 1))
	if n := c.decreases[tally.AttemptResults.Index]; n != 1 || c.decreases[tally.AttemptDialErrors.Index] != 0 {
		t.Errorf("the decreases are %v", c.decreases)
	}
}

// What a disk has damaged is refused, and does not panic.
func TestDamagedGoneRowsAreRefused(t *testing.T) {
	c := newCampaign()
	c.scan(0, row("a", 1), row("b", 2))
	c.scan(time.Minute, row("a", 1))
	c.scan(2*time.Hour, row("c", 1))
	good := c.Gone.Encode()
	if gone, err := counters.DecodeGone(good, c.table); err != nil || !slices.Equal(gone.Encode(), good) || gone.Weight() != 2 {
		t.Fatalf("%d rows, %v", gone.Weight(), err)
	}
	for cut := 1; cut < len(good); cut++ {
		gone, err := counters.DecodeGone(good[:cut], c.table)
		if err == nil && gone.Weight() != 1 { // the first of the two hours is whole
			t.Errorf("of %d bytes, %d are taken for %d rows", len(good), cut, gone.Weight())
		}
	}
	if _, err := counters.DecodeGone(slices.Concat(good, good), c.table); err == nil {
		t.Error("hours that are out of order are not refused")
	}
}
