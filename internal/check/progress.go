package check

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/revox-exporter/revox_exporter/revoxapi"
)

const (
	redrawEvery = 100 * time.Millisecond // on a terminal
	lineEvery   = 10 * time.Second       // elsewhere
	longWait    = 5 * time.Second        // one that is worth a line, elsewhere
	barColumns  = 16
	lineColumns = 79
)

// IsTerminal reports whether lines can be redrawn on f.
func IsTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

// progress shows how far a check is: one line that is redrawn on a terminal, a line now and then elsewhere. It is safe
// for concurrent use.
type progress struct {
	out      io.Writer
	terminal bool
	clock    revoxapi.Clock
	start    time.Time

	mu        sync.Mutex
	shown     time.Time
	campaigns int
	ended     int
	rows      map[string]int // read, by campaign
	totals    map[string]int // promised
	drawn     bool
}

func newProgress(out io.Writer, terminal bool, clock revoxapi.Clock) *progress {
	now := clock.Now()
	return &progress{
		out: out, terminal: terminal, clock: clock, start: now, shown: now, rows: map[string]int{}, totals: map[string]int{},
	}
}

// begin sets how many campaigns there are to read.
func (p *progress) begin(campaigns int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.campaigns = campaigns
	p.show(p.clock.Now(), "")
}

func (p *progress) page(t revoxapi.PageTrace) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rows[t.CampaignID] += t.Fresh
	if t.Total != nil {
		p.totals[t.CampaignID] = int(*t.Total)
	}
	every := lineEvery
	if p.terminal {
		every = redrawEvery
	}
	if now := p.clock.Now(); now.Sub(p.shown) >= every {
		p.show(now, "")
	}
}

// waiting shows that a request is sent again after a wait.
func (p *progress) waiting(reason revoxapi.ErrorKind, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.terminal && wait < longWait {
		return
	}
	p.show(p.clock.Now(), fmt.Sprintf("trying again in %s: %s", short(wait), reason))
}

// end shows that a campaign was read, or could not be.
func (p *progress) end(c Campaign) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended++
	if p.terminal {
		p.show(p.clock.Now(), "")
		return
	}
	what := fmt.Sprintf("%s in %s", counted(c.Rows, "row", "rows"), short(seconds(c.DurationSeconds)))
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

// show draws or writes how far the check is, followed by an event, if any. p.mu is held.
func (p *progress) show(now time.Time, event string) {
	p.shown = now
	line := p.line(now)
	if event != "" {
		line += "  " + event
	}
	if !p.terminal {
		if p.campaigns > 0 && (event != "" || len(p.rows) > 0) {
			fmt.Fprintln(p.out, line)
		}
		return
	}
	p.drawn = true
	fmt.Fprint(p.out, "\r\x1b[K"+fit(p.bar()+"  "+line, lineColumns))
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

func (p *progress) bar() string {
	rows, expected := p.read()
	full := 0
	if expected > 0 {
		full = barColumns * rows / expected
	}
	return "[" + strings.Repeat("#", full) + strings.Repeat(".", barColumns-full) + "]"
}

func (p *progress) line(now time.Time) string {
	rows, expected := p.read()
	line := fmt.Sprintf("%d of %d campaigns  %s rows", p.ended, p.campaigns, grouped(rows))
	took := now.Sub(p.start)
	if rows == 0 || took <= 0 {
		return line
	}
	rate := float64(rows) / took.Seconds()
	line += fmt.Sprintf("  %s rows/s", grouped(int(rate)))
	if expected > rows {
		line += "  " + short(seconds(float64(expected-rows)/rate)) + " left"
	}
	return line
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
