package check

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/collector/histogram"
	"github.com/revox-exporter/revox_exporter/collector/tally"
	"github.com/revox-exporter/revox_exporter/internal/quantity"
	"github.com/revox-exporter/revox_exporter/revoxapi"
)

const (
	// minNameColumns is the width of the names below which columns at the end of the table are left out.
	minNameColumns = 16
	// maxNameColumns is how much of a name is shown below the table's row.
	maxNameColumns = 100
)

// column is one of the table's numbers.
type column struct {
	title string
	cell  func(*Campaign) string
}

var tableColumns = []column{
	{"ROWS", func(c *Campaign) string { return quantity.Grouped(c.Rows) }},
	{"DONE", done},
	{"ATTEMPTS", func(c *Campaign) string { return quantity.Grouped(sum(c.Attempts)) }},
	{"HUMAN", func(c *Campaign) string { return percent(c.Results[human], sum(c.Results)) }},
	{"DIAL ERR", func(c *Campaign) string { return quantity.Grouped(sum(c.DialErrors)) }},
	{"TALK", func(c *Campaign) string { return talk(c, func(t *Talk) float64 { return t.Median }) }},
	{"P95", func(c *Campaign) string { return talk(c, func(t *Talk) float64 { return t.P95 }) }},
	{"TOOK", func(c *Campaign) string { return short(seconds(c.DurationSeconds)) }},
}

// table is what was found of campaigns as text.
type table struct {
	names  int // columns of the names
	shown  []column
	widths []int // of shown
	title  string
}

// newTable returns a table of campaigns that fits a number of columns. If there is room, names are shown whole.
func newTable(campaigns []Campaign, columns int) *table {
	t := &table{names: columnsOf("CAMPAIGN"), shown: tableColumns}
	for i := range campaigns {
		c := &campaigns[i]
		t.names = max(t.names, columnsOf(fit(nameOf(c), columns)))
	}
	for _, column := range tableColumns {
		width := columnsOf(column.title)
		for i := range campaigns {
			if c := &campaigns[i]; c.Problem == nil {
				width = max(width, columnsOf(column.cell(c)))
			}
		}
		t.widths = append(t.widths, width+2)
	}
	room := func() int {
		left := columns
		for _, width := range t.widths {
			left -= width
		}
		return left
	}
	for room() < min(t.names, minNameColumns) && len(t.shown) > 1 {
		t.shown, t.widths = t.shown[:len(t.shown)-1], t.widths[:len(t.widths)-1]
	}
	t.names = max(min(t.names, room()), 1)
	t.title = padRight(fit("CAMPAIGN", t.names), t.names)
	for i, column := range t.shown {
		t.title += padLeft(column.title, t.widths[i])
	}
	return t
}

// row returns a campaign's numbers.
func (t *table) row(c *Campaign) (text string) {
	for i, column := range t.shown {
		text += padLeft(column.cell(c), t.widths[i])
	}
	return text
}

// nameOf returns what a campaign is called in the table.
func nameOf(c *Campaign) string { return printable(cmp.Or(c.Name, c.ID)) }

func finishedCalls(c *Campaign) (n uint64) {
	for _, status := range tally.CallsFinished.Known {
		n += c.Calls[status]
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

// page is text for people that is being made.
type page struct {
	strings.Builder
	columns int // of the terminal; 0: texts are not wrapped
	colour  bool
}

// The colours of texts.
const (
	plainText = ""
	bold      = "\x1b[1m"
	red       = "\x1b[31m"
	yellow    = "\x1b[33m"
	reset     = "\x1b[0m"
)

func (p *page) in(colour, text string) string {
	if !p.colour || colour == plainText {
		return text
	}
	return colour + text + reset
}

// line adds a label and a text, which continues below its beginning. The colour is that of both.
func (p *page) line(colour, label, text string) {
	lines := []string{text}
	if p.columns > 0 {
		lines = wrap(text, p.columns-columnsOf(label))
	}
	for i, line := range lines {
		if i > 0 {
			label = strings.Repeat(" ", columnsOf(label))
		}
		p.WriteString(p.in(colour, strings.TrimRight(label+line, " ")) + "\n")
	}
}

// writeTable writes the result for people.
func writeTable(w io.Writer, r *Result, o Options) error {
	p := &page{columns: o.Columns, colour: o.Colour && o.Columns > 0}
	t := newTable(r.Campaigns, cmp.Or(o.Columns, usualColumns))
	read, rows := 0, uint64(0)
	if len(r.Campaigns) > 0 {
		p.line(bold, "", t.title)
	}
	for i := range r.Campaigns {
		if c := &r.Campaigns[i]; c.Problem == nil {
			read, rows = read+1, rows+c.Rows
		}
		p.campaign(t, &r.Campaigns[i])
	}
	if read > 0 {
		p.line(plainText, "", "")
		p.line(plainText, "", "DONE: share of rows whose call is completed, cancelled or errored. HUMAN: share of finished attempts.")
		p.line(plainText, "", fmt.Sprintf("TALK, P95: how long humans talked, median and 95th percentile, each within %.0f %% "+
			"(the width of a bucket).", 100*histogram.QuantileError))
	}
	if r.Discovery != nil && r.Discovery.Problem != nil {
		how := "NOT READ"
		if r.Discovery.Problem.Reason == string(revoxapi.KindIncomplete) {
			how = "INCOMPLETE"
		}
		p.line(red, "", "The list of campaigns: "+how)
		p.problem(r.Discovery.Problem)
	}
	p.line(plainText, "", "")
	p.line(plainText, "", fmt.Sprintf("%d of %s read: %s, %s, %s, %s.", read, quantity.Counted(len(r.Campaigns), "campaign", "campaigns"),
		quantity.Counted(rows, "row", "rows"), quantity.Counted(r.Requests, "request", "requests"), quantity.Bytes(r.ResponseBytes),
		short(seconds(r.DurationSeconds))))
	if r.Hourly != nil {
		p.line(plainText, "", fmt.Sprintf("At --scan.interval=%s the exporter will make about %s requests an hour and receive %s.",
			plain(o.Interval), quantity.Grouped(r.Hourly.Requests), quantity.Bytes(r.Hourly.ResponseBytes)))
	}
	if s := r.State; s != nil && s.OK {
		p.line(plainText, "", s.text())
	} else if s != nil {
		p.line(yellow, "! ", s.text())
	}
	for _, f := range r.Findings {
		p.line(yellow, "! ", f.Text)
	}
	p.notRead(r.Campaigns)
	_, err := io.WriteString(w, p.String())
	return err
}

// campaign adds what was found of one campaign.
func (p *page) campaign(t *table, c *Campaign) {
	full, id := nameOf(c), printable(c.ID)
	name := fit(full, t.names)
	if c.Problem != nil {
		p.WriteString(padRight(name, t.names) + "  " + p.in(red, "NOT READ") + "\n")
	} else {
		p.WriteString(padRight(name, t.names) + t.row(c) + "\n")
	}
	if name != id {
		details := id
		if name != full && c.Name != "" {
			details += "  " + p.fitName(full)
		}
		p.line(plainText, "  ", details)
	}
	if len(c.Labels) > 0 {
		p.line(plainText, "  labels: ", labels(c))
	}
	if c.Problem != nil {
		p.problem(c.Problem)
		return
	}
	p.line(plainText, "  calls: ", callsByStatus(c))
	if worst, n := most(c.DialErrors); n > 0 {
		p.line(plainText, "  most dial errors: ",
			fmt.Sprintf("%s (%s, %s of them)", printable(worst), quantity.Grouped(n), percent(n, sum(c.DialErrors))))
	}
	for _, f := range c.Findings {
		p.line(yellow, "  ! ", f.Text)
	}
}

// fitName cuts a name so that it fits a line with a label of two columns.
func (p *page) fitName(name string) string {
	if p.columns == 0 {
		return fit(name, maxNameColumns)
	}
	return fit(name, max(1, min(maxNameColumns, p.columns-2)))
}

func (p *page) problem(problem *Problem) {
	p.line(plainText, "  what happened: ", problem.Text)
	if problem.Advice != "" {
		p.line(plainText, "  what to do:    ", problem.Advice)
	}
}

// notRead lists the campaigns that could not be read, so that nobody has to look for them above.
func (p *page) notRead(campaigns []Campaign) {
	var failed []*Campaign
	for i := range campaigns {
		if campaigns[i].Problem != nil {
			failed = append(failed, &campaigns[i])
		}
	}
	if len(failed) == 0 || len(campaigns) == 1 {
		return
	}
	p.line(plainText, "", "")
	p.line(red, "", fmt.Sprintf("Not read: %s of %s.", quantity.Grouped(len(failed)), quantity.Counted(len(campaigns), "campaign", "campaigns")))
	for _, c := range failed {
		text := printable(c.ID) + ": " + c.Problem.Reason
		room := maxNameColumns
		if p.columns > 0 {
			room = min(room, p.columns-columnsOf(text)-4)
		}
		if c.Name != "" && room >= minNameColumns { // on the same line, or not at all
			text += "  " + fit(printable(c.Name), room)
		}
		p.line(plainText, "  ", text)
	}
}

// labels lists what the campaign file gives to a campaign.
func labels(c *Campaign) string {
	var parts []string
	for _, name := range sortedKeys(c.Labels) {
		parts = append(parts, name+"="+printable(c.Labels[name]))
	}
	return strings.Join(parts, " · ")
}

// callsByStatus lists the statuses that calls have, in the order of a call's life, unknown ones last.
func callsByStatus(c *Campaign) string {
	var parts []string
	known := map[string]bool{}
	for _, status := range revoxapi.Values[revoxapi.CallStatus]() {
		known[string(status)] = true
		if n := c.Calls[string(status)]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", status, quantity.Grouped(n)))
		}
	}
	for _, status := range sortedKeys(c.Calls) {
		if n := c.Calls[status]; n > 0 && !known[status] {
			parts = append(parts, fmt.Sprintf("%s %s", printable(status), quantity.Grouped(n)))
		}
	}
	if c.RowsWithoutCall > 0 {
		parts = append(parts, "rows without a call "+quantity.Grouped(c.RowsWithoutCall))
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
