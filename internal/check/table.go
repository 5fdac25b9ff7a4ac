package check

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

const nameColumns = 28

// column is one of the table's numbers.
type column struct {
	title string
	width int
	cell  func(*Campaign) string
}

var tableColumns = []column{
	{"ROWS", 8, func(c *Campaign) string { return grouped(c.Rows) }},
	{"DONE", 8, done},
	{"ATTEMPTS", 10, func(c *Campaign) string { return grouped(sum(c.Attempts)) }},
	{"HUMAN", 8, func(c *Campaign) string { return percent(c.Results[human], sum(c.Results)) }},
	{"DIAL ERRORS", 13, func(c *Campaign) string { return grouped(sum(c.DialErrors)) }},
	{"TALK", 7, func(c *Campaign) string { return talk(c, func(t *Talk) float64 { return t.Median }) }},
	{"P95", 7, func(c *Campaign) string { return talk(c, func(t *Talk) float64 { return t.P95 }) }},
	{"TOOK", 7, func(c *Campaign) string { return short(seconds(c.DurationSeconds)) }},
}

func finishedCalls(c *Campaign) (n uint64) {
	for _, status := range []revoxapi.CallStatus{revoxapi.CallCompleted, revoxapi.CallCancelled, revoxapi.CallErrored} {
		n += c.Calls[string(status)]
	}
	return n
}

// done returns how much of a campaign is done, as the landing page says it.
func done(c *Campaign) string {
	percent, ok := collector.Done(finishedCalls(c), c.Rows)
	if !ok {
		return "–"
	}
	return fmt.Sprintf("%d %%", percent)
}

func talk(c *Campaign, of func(*Talk) float64) string {
	if c.HumanTalk == nil {
		return "–"
	}
	return short(seconds(of(c.HumanTalk)))
}

// writeTable writes the result for people.
func writeTable(w io.Writer, r *Result, o Options) error {
	var b strings.Builder
	line := func(indent int, format string, args ...any) {
		b.WriteString(strings.Repeat(" ", indent) + strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
	}
	read, rows := 0, uint64(0)
	if len(r.Campaigns) > 0 {
		head := padRight("CAMPAIGN", nameColumns)
		for _, c := range tableColumns {
			head += padLeft(c.title, c.width)
		}
		line(0, "%s", head)
	}
	for i := range r.Campaigns {
		c := &r.Campaigns[i]
		full, id := printable(cmp.Or(c.Name, c.ID)), printable(c.ID)
		name := fit(full, nameColumns)
		details := id
		if name != full && c.Name != "" {
			details += "  " + fit(full, 100)
		}
		if c.Problem != nil {
			line(0, "%s  NOT READ", padRight(name, nameColumns))
			if name != id {
				line(2, "%s", details)
			}
			writeProblem(line, c.Problem)
			continue
		}
		read, rows = read+1, rows+c.Rows
		text := padRight(name, nameColumns)
		for _, column := range tableColumns {
			text += padLeft(column.cell(c), column.width)
		}
		line(0, "%s", text)
		if name != id {
			line(2, "%s", details)
		}
		line(2, "calls: %s", callsByStatus(c))
		if worst, n := most(c.DialErrors); n > 0 {
			line(2, "most dial errors: %s (%s, %s of them)", printable(worst), grouped(n), percent(n, sum(c.DialErrors)))
		}
		for _, f := range c.Findings {
			line(2, "! %s", f.Text)
		}
	}
	if read > 0 {
		line(0, "")
		line(0, "DONE: share of rows whose call is completed, cancelled or errored. HUMAN: share of finished attempts.")
		line(0, "TALK, P95: how long humans talked, median and 95th percentile, each within %.0f %% (the width of a bucket).",
			100*tally.QuantileError)
	}
	if r.Discovery != nil && r.Discovery.Problem != nil {
		how := "NOT READ"
		if r.Discovery.Problem.Reason == string(revoxapi.KindIncomplete) {
			how = "INCOMPLETE"
		}
		line(0, "The list of campaigns: %s", how)
		writeProblem(line, r.Discovery.Problem)
	}
	line(0, "")
	line(0, "%d of %s read: %s, %s, %s, %s.", read, counted(len(r.Campaigns), "campaign", "campaigns"),
		counted(rows, "row", "rows"), counted(r.Requests, "request", "requests"), size(r.ResponseBytes),
		short(seconds(r.DurationSeconds)))
	if r.Hourly != nil {
		line(0, "At --scan.interval=%s the exporter will make about %s requests an hour and receive %s.", plain(o.Interval),
			grouped(r.Hourly.Requests), size(r.Hourly.ResponseBytes))
	}
	for _, f := range r.Findings {
		line(0, "! %s", f.Text)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeProblem(line func(int, string, ...any), p *Problem) {
	line(2, "what happened: %s", p.Text)
	if p.Advice != "" {
		line(2, "what to do:    %s", p.Advice)
	}
}

// callsByStatus lists the statuses that calls have, in the order of a call's life, unknown ones last.
func callsByStatus(c *Campaign) string {
	var parts []string
	known := map[string]bool{}
	for _, status := range revoxapi.Values[revoxapi.CallStatus]() {
		known[string(status)] = true
		if n := c.Calls[string(status)]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", status, grouped(n)))
		}
	}
	for _, status := range sortedKeys(c.Calls) {
		if n := c.Calls[status]; n > 0 && !known[status] {
			parts = append(parts, fmt.Sprintf("%s %s", printable(status), grouped(n)))
		}
	}
	if c.RowsWithoutCall > 0 {
		parts = append(parts, "rows without a call "+grouped(c.RowsWithoutCall))
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, " · ")
}

// plain writes a duration without the zero units at its end: 1m, not 1m0s.
func plain(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"0s", "0m"} {
		if rest, ok := strings.CutSuffix(text, zero); ok && rest != "" && rest[len(rest)-1] >= 'a' {
			text = rest
		}
	}
	return text
}
