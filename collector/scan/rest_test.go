package scan_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/collector/cost"
	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/collector/rows"
	"github.com/revox-exporter/revox_exporter/collector/scan"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// retried is a campaign whose calls are tried again. Each minute, step lets things happen to it.
type retried struct {
	random *rand.Rand
	now    time.Time // by the server's clock
	calls  []retriedCall
	delay  time.Duration
	// queues reports that the server shows calls as queued while they wait for their next attempt; others show them as
	// scheduled until it is due.
	queues bool
	// early is when something was last done by hand that totals may not show.
	early time.Time
	log   []string
}

type retriedCall struct {
	status   string
	due      time.Time
	attempts []string // newest first
	made     time.Time
}

func (c *retried) attempt(r *retriedCall, made time.Time, lasts time.Duration, result string) {
	r.attempts = append([]string{fmt.Sprintf(`{"status": "completed", "result": %q, "started_at": %q, "ended_at": %q}`,
		result, made.Format(time.RFC3339), made.Add(lasts).Format(time.RFC3339))}, r.attempts...)
	r.made = made.Add(lasts)
	switch r.due = r.made.Add(c.delay + time.Duration(c.random.IntN(600))*time.Second); {
	case result == "human":
		r.status = "completed"
	case c.queues:
		r.status = "queued_for_calling"
	default:
		r.status = "scheduled"
	}
}

func (c *retried) logf(format string, args ...any) {
	c.log = append(c.log, c.now.Format(time.TimeOnly)+" "+fmt.Sprintf(format, args...))
}

func (c *retried) step(unusual bool) {
	c.now = c.now.Add(time.Minute)
	result := func() string { return []string{"voicemail", "IVR", "voicemail", "human"}[c.random.IntN(4)] }
	dialled := 0
	for i := range c.calls {
		r := &c.calls[i]
		if r.status == "scheduled" && !r.due.After(c.now) {
			r.status = "queued_for_calling"
		}
		switch {
		case r.status == "calling" && c.random.IntN(2) == 0:
			r.attempts = r.attempts[1:]
			c.attempt(r, r.made, c.now.Sub(r.made)-time.Second, result())
		case r.status == "queued_for_calling" && !r.due.After(c.now) && dialled < 4 && c.random.IntN(3) > 0:
			dialled++
			if c.random.IntN(2) == 0 {
				c.attempt(r, c.now.Add(-30*time.Second), time.Duration(1+c.random.IntN(28))*time.Second, result())
				continue
			}
			r.status, r.made = "calling", c.now.Add(-5*time.Second)
			r.attempts = append([]string{fmt.Sprintf(`{"status": "ongoing", "started_at": %q}`, r.made.Format(time.RFC3339))}, r.attempts...)
		}
	}
	if !unusual || c.random.IntN(6) > 0 {
		return
	}
	i := c.random.IntN(len(c.calls))
	switch r := &c.calls[i]; {
	case c.random.IntN(6) == 0 && len(c.calls) < 300:
		c.logf("a row is added")
		c.calls = append(c.calls, retriedCall{status: "queued_for_calling"})
	case r.status == "completed":
		c.logf("call %d is opened again", i)
		c.early = c.now // if as many calls that rested complete until the next scan, the totals stay as they were
		r.status = []string{"scheduled", "queued_for_calling"}[c.random.IntN(2)]
	case r.status != "scheduled" || len(r.attempts) == 0:
		c.logf("call %d is cancelled", i)
		r.status = "cancelled"
	case c.random.IntN(2) == 0:
		r.due = c.now.Add(time.Duration(c.random.IntN(200)) * time.Minute)
		c.logf("call %d is moved to %s", i, r.due)
		if r.due.Sub(c.now) < c.delay {
			c.early = c.now.Add(r.due.Sub(c.now)) // an attempt by then is earlier than was announced
		}
	default:
		c.logf("call %d is made by hand", i)
		c.attempt(r, c.now.Add(-40*time.Second), 3*time.Second, "voicemail")
		c.early = c.now
	}
}

func (c *retried) rows() []json.RawMessage {
	served := make([]json.RawMessage, len(c.calls))
	for i, r := range c.calls {
		served[i] = fmt.Appendf(nil, `{"id": "r%d", "call": {"status": %q, "scheduled_at": %q, "call_attempts": [%s]}}`,
			i, r.status, r.due.Format(time.RFC3339), strings.Join(r.attempts, ","))
	}
	return served
}

// While calls wait for their next attempt, later scans count the same as full ones, whatever the clocks say. Only for half an
// hour after calls were made before they were due, or opened again, by hand, what calls add may be late.
func TestCallsThatWaitAreNotRead(t *testing.T) {
	seed := *laterSeed
	if seed == 0 {
		seed = rand.Uint64() >> 16
	}
	var later, full cost.Cost
	for end := seed + uint64(*laterHistories); seed < end; seed++ {
		random := rand.New(rand.NewPCG(seed, 0))
		c := &retried{random: random, now: start, delay: time.Duration(20+random.IntN(100)) * time.Minute,
			queues: random.IntN(4) == 0, calls: make([]retriedCall, 50+random.IntN(50))}
		for i := range c.calls {
			c.calls[i].status = "queued_for_calling"
		}
		for range random.IntN(3) * 40 {
			c.step(false)
		}
		for range 5 {
			c.step(false)
		}
		skew := time.Duration(random.IntN(21)-10) * time.Minute // of the exporter's clock
		api := newServer(t, revoxtest.WithNow(func() time.Time { return c.now }))
		scanner := func(interval time.Duration) *scan.Scanner {
			return &scan.Scanner{RowTable: rows.NewTable(), Client: newClient(t, api.URL), FullInterval: interval,
				Params: revoxapi.RowsParams{PageSize: 4 + random.IntN(4)}, Labels: labelvalue.New(slog.New(slog.DiscardHandler))}
		}
		laterScanner, fullScanner := scanner(1000*time.Hour), scanner(0)
		unusual := random.IntN(2) == 0
		var last *scan.Result
		for step := range 60 {
			c.step(unusual && step < 40)
			api.SetRows("c", "", c.rows())
			want, err := fullScanner.Scan(t.Context(), "c", c.now.Add(skew), nil, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			if last, err = laterScanner.Scan(t.Context(), "c", c.now.Add(skew), last, nil, nil); err != nil {
				t.Fatal(err)
			}
			later, full = later.Plus(last.Cost), full.Plus(want.Cost)
			c.logf("requests %v", last.Tally.Values.Counts[tally.ScanRequests.Index])
			d := difference(want.Tally.Store(), last.Tally.Store())
			if d != "" && c.now.Sub(c.early) > 31*time.Minute {
				t.Fatalf("seed %d, delay %s, queues %v, skew %s, step %d: %s\n%s", seed, c.delay, c.queues, skew, step, d, strings.Join(c.log, "\n"))
			}
		}
	}
	t.Logf("later scans made %d requests and read %d bytes, full scans %d and %d", later.Requests, later.Bytes, full.Requests, full.Bytes)
}
