package collector

import (
	"crypto/sha256"
	_ "embed" // for the page
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"
)

//go:embed landing.html
var landingHTML string

var landingPage = template.Must(template.New("landing").Parse(landingHTML))

// landingPolicy lets the page do nothing but show its own style: whatever a campaign is called, it cannot run, load or
// send anything.
var landingPolicy = fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", styleHash())

func styleHash() string {
	_, rest, _ := strings.Cut(landingHTML, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	hash := sha256.Sum256([]byte(style))
	return base64.StdEncoding.EncodeToString(hash[:])
}

// LandingPage returns a handler of the page at /: version, links, and a table of campaigns.
func (e *Exporter) LandingPage(version, metricsPath string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "no-referrer")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Security-Policy", landingPolicy)
		if err := landingPage.Execute(w, e.landing(version, metricsPath)); err != nil {
			e.Logger.Debug("writing the landing page", "err", err)
		}
	})
}

// landing is what the page shows.
type landing struct {
	Version, Metrics  string
	Ready             bool
	WaitingFor        string
	ListError         string // why the list of campaigns cannot be read, "" where it can
	Campaigns         []landingRow
	Rows              string // of all campaigns
	Failing           int    // campaigns whose newest scan failed
	OnScrape, Listing bool
}

// landingRow is a campaign in the table.
type landingRow struct {
	ID, Name, Status string
	Known            bool // it was read once
	Rows             string
	Finished         string // calls
	FinishedCalls    uint64
	AllRows          uint64
	Percent          uint64
	Newest           string // scan: when it ended
	Took             string
	Age              string // of the data
	TooOld           bool
	Next             string // scan
	Error            string
}

func (e *Exporter) landing(version, metricsPath string) landing {
	now := e.Clock.Now()
	page := landing{Version: version, Metrics: metricsPath, OnScrape: e.onScrape != nil, Listing: e.Discovery != nil}
	page.Ready, page.WaitingFor = e.Ready()
	if err := e.campaigns.failure(); err != nil {
		page.ListError = oneLine(err)
	}
	var rows uint64
	for _, r := range e.store.all() {
		row := landingRow{ID: r.id, Name: r.name(), Newest: "not yet", Next: e.nextScan(r, now)}
		if r.listed != nil {
			row.Status = r.listed.statusLabel
		}
		if r.data != nil {
			t := r.data.tally
			row.Known, row.AllRows = true, t.rows()
			row.FinishedCalls = t.total(familyCallsFinished)
			if row.AllRows > 0 {
				row.Percent = 100 * row.FinishedCalls / row.AllRows
			}
			row.Rows, row.Finished = thousands(row.AllRows), thousands(row.FinishedCalls)
			row.Age = roughly(now.Sub(r.data.at))
			row.TooOld = now.Sub(r.data.at) > e.maxAge(r)
			rows += row.AllRows
		}
		if r.scanned {
			row.Newest = roughly(now.Sub(r.ended)) + " ago"
			row.Took = r.duration.Round(time.Millisecond).String()
		}
		if r.err != nil {
			row.Error = oneLine(r.err)
			page.Failing++
		}
		page.Campaigns = append(page.Campaigns, row)
	}
	page.Rows = thousands(rows)
	return page
}

// nextScan says when a campaign is scanned next, as far as that is known.
func (e *Exporter) nextScan(r *record, now time.Time) string {
	var due time.Time
	if e.leftAlone(r, now) {
		due = r.ended.Add(r.holdOff)
	}
	if e.onScrape != nil {
		if due.After(now) {
			return "with a scrape in " + roughly(due.Sub(now)) + " or later"
		}
		return "with the next scrape"
	}
	if !r.scanned {
		return "now, or when its turn comes"
	}
	began := r.ended.Add(-r.duration)
	if regular := e.nextDue(r.id, began, began); regular.After(due) {
		due = regular
	}
	if !due.After(now) {
		return "now, or when its turn comes"
	}
	return "in " + roughly(due.Sub(now))
}

// oneLine returns an error's text without line breaks.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// roughly says a duration in the one unit that matters.
func roughly(d time.Duration) string {
	switch {
	case d < 0:
		return "0 s"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// thousands writes a number with commas.
func thousands(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
