package check

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/revox-exporter/revox_exporter/internal/quantity"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

const (
	redrawEvery = 100 * time.Millisecond // on a terminal
	lineEvery   = 10 * time.Second       // elsewhere
	longWait    = 5 * time.Second        // one that is worth a line, elsewhere
	tickEvery   = time.Second            // while nothing comes
	silence     = 2 * time.Second        // after which it is said that the API has not answered
)

// progress shows how far a check is: one line that is redrawn on a terminal, a line now and then elsewhere. It is safe
// for concurrent use.
type progress struct {
	out     io.Writer
	columns func() int // of the terminal, now; nil if it is none
	clock   revoxapi.Clock
	start   time.Time

	mu        sync.Mutex
	shown     time.Time
	listing   bool // the list of campaigns is being read
	campaigns int
	ended     int
	failed    int            // of ended
	rows      map[string]int // read, by campaign
	totals    map[string]int // promised
	heard     time.Time      // when the API answered last
	retryAt   time.Time
	reason    revoxapi.ErrorKind // of the retry
	drawn     bool
}

func newProgress(out io.Writer, columns func() int, clock revoxapi.Clock) *progress {
	now := clock.Now()
	return &progress{
		out: out, columns: columns, clock: clock, start: now, shown: now, heard: now,
		rows: map[string]int{}, totals: map[string]int{},
	}
}

// run shows that time passes while nothing else happens, until stop is called.
func (p *progress) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for p.clock.Sleep(ctx, tickEvery) == nil {
			p.mu.Lock()
			p.showAfter(tickEvery)
			p.mu.Unlock()
		}
	})
	return func() { cancel(); running.Wait() }
}

// list shows that the list of campaigns is being read.
func (p *progress) list() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listing = true
	p.show(p.clock.Now())
}

// begin sets how many campaigns there are to read.
func (p *progress) begin(campaigns int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listing, p.campaigns = false, campaigns
	p.show(p.clock.Now())
}

// answered notes that a request has ended.
func (p *progress) answered() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard = p.clock.Now()
}

func (p *progress) page(t revoxapi.PageTrace) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard = p.clock.Now()
	p.rows[t.CampaignID] += t.Fresh
	if t.Total != nil {
		p.totals[t.CampaignID] = int(*t.Total)
	}
	p.showAfter(redrawEvery)
}

// waiting shows that a request is sent again after a wait.
func (p *progress) waiting(reason revoxapi.ErrorKind, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.Now()
	p.retryAt, p.reason = now.Add(wait), reason
	if p.columns != nil || wait >= longWait {
		p.show(now)
	}
}

// end shows that a campaign was read, or could not be.
func (p *progress) end(c Campaign) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended++
	if c.Problem != nil {
		p.failed++
	}
	if p.columns != nil {
		p.show(p.clock.Now())
		return
	}
	what := fmt.Sprintf("%s in %s", quantity.Counted(c.Rows, "row", "rows"), short(seconds(c.DurationSeconds)))
	if c.Problem != nil {
		what = "not read: " + c.Problem.Reason
	}
	fmt.Fprintf(p.out, "campaign %s (%d of %d): %s\n", printable(c.ID), p.ended, p.campaigns, what)
}

// clear removes the line.
func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.drawn {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.drawn = false
	}
}

// showAfter shows how far the check is if that was last done at least every ago, or lineEvery elsewhere than on a
// terminal. p.mu is held.
func (p *progress) showAfter(every time.Duration) {
	if p.columns == nil {
		every = lineEvery
	}
	if now := p.clock.Now(); now.Sub(p.shown) >= every {
		p.show(now)
	}
}

// show draws or writes how far the check is. p.mu is held.
func (p *progress) show(now time.Time) {
	p.shown = now
	event := p.event(now)
	line := p.line(now, event)
	if p.columns == nil {
		if event != "" || p.campaigns > 0 && len(p.rows) > 0 {
			fmt.Fprintln(p.out, line)
		}
		return
	}
	p.drawn = true
	columns := p.columns()
	room := max(columns-1, 1) // a terminal may begin a new line after the last column
	bar := p.bar(min(max(columns/5, 10), 50))
	switch {
	case len(bar)+2+len(line) <= room:
		line = bar + "  " + line
	case len(line) > room && !p.listing: // what it waits for matters most
		rows, _ := p.read()
		line = fmt.Sprintf("%d/%d  %s", p.ended, p.campaigns, cmp.Or(event, quantity.Grouped(rows)+" rows"))
	}
	fmt.Fprint(p.out, "\r\x1b[K"+fit(line, room))
}

// event says what the check waits for; "" if it goes on.
func (p *progress) event(now time.Time) string {
	if wait := p.retryAt.Sub(now); wait > 0 {
		return fmt.Sprintf("trying again in %s: %s", short(wait), p.reason)
	}
	if wait := now.Sub(p.heard); wait >= silence {
		return fmt.Sprintf("waiting for the API for %s", short(wait.Truncate(time.Second)))
	}
	return ""
}

// read returns how many rows were read, and an estimate of how many there are: campaigns of which nothing is known yet
// are taken to be like the others. The estimate is 0 while nothing is known of any.
func (p *progress) read() (rows, expected int) {
	promised := 0
	for _, n := range p.rows {
		rows += n
	}
	for _, n := range p.totals {
		promised += n
	}
	if known := len(p.totals); known > 0 {
		expected = max(rows, promised*max(p.campaigns, known)/known)
	}
	return rows, expected
}

func (p *progress) bar(columns int) string {
	rows, expected := p.read()
	full := 0
	if expected > 0 {
		full = columns * rows / expected
	}
	return "[" + strings.Repeat("#", full) + strings.Repeat(".", columns-full) + "]"
}

// line says how far the check is, and what it waits for, or else how fast it goes on.
func (p *progress) line(now time.Time, event string) string {
	rows, expected := p.read()
	line := fmt.Sprintf("%d of %d campaigns", p.ended, p.campaigns)
	if p.failed > 0 {
		line += fmt.Sprintf(", %d not read", p.failed)
	}
	if p.listing {
		line = "reading the list of campaigns"
	}
	if event != "" {
		line += "  " + event
	}
	if !p.listing {
		line += fmt.Sprintf("  %s rows", quantity.Grouped(rows))
	}
	took := now.Sub(p.start)
	if event != "" || rows == 0 || took <= 0 {
		return line
	}
	rate := float64(rows) / took.Seconds()
	line += fmt.Sprintf("  %s rows/s", quantity.Grouped(int(rate)))
	if expected > rows {
		line += "  " + short(seconds(float64(expected-rows)/rate)) + " left"
	}
	return line
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
