package pages

import (
	"crypto/sha256"
	_ "embed" // for the page
	"encoding/base64"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/internal/quantity"
)

//go:embed landing.html
var landingHTML string

var landingPage = template.Must(template.New("landing").Parse(landingHTML))

// landingPolicy allows the page nothing but its own style: whatever a campaign is called, the page cannot run, load
// or send anything.
var landingPolicy = fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; "+
	"form-action 'none'; frame-ancestors 'none'", styleHash())

func styleHash() string {
	_, rest, _ := strings.Cut(landingHTML, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	hash := sha256.Sum256([]byte(style))
	return base64.StdEncoding.EncodeToString(hash[:])
}

// Landing returns a handler of the page at /, which shows the version, links, and a table of the campaigns: failing ones
// first, then by name, a part of them on each page. The query selects them: see selection. Every other path is answered
// with 404. metricsPath is where the link to the metrics leads; like all links of the page it should be relative, so that
// it is right whatever a reverse proxy puts before the path.
func Landing(status func() collector.Status, version, metricsPath string, logger *slog.Logger) http.Handler {
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
		page := newLanding(status(), version, metricsPath, selectionOf(r.URL.Query()))
		if err := landingPage.Execute(w, page); err != nil {
			logger.Debug("error sending the landing page", "err", err)
		}
	})
}

// landing is what the page shows.
type landing struct {
	Version, Metrics  string
	Ready             bool
	WaitingFor        string
	ListError         string // why the list of campaigns cannot be read; "" if it can
	Campaigns         string // number of all
	One               bool   // there is one
	Rows              string // of all campaigns
	EveryRow, Hour    string // what scans take; "" if it is not known
	Failing           int    // campaigns whose last scan failed
	FailingLink       filterLink
	Filters           []filterLink // nil if there is nothing to choose
	Shown             []landingRow
	First, Last, Of   string     // which of the selected campaigns are shown
	Pages             []pageLink // nil if there is one
	OnScrape, Listing bool
}

// landingRow is a campaign in the table.
type landingRow struct {
	ID, Name, Status string
	Known            bool // there is data
	Rows             string
	Finished         string // calls
	FinishedCalls    uint64
	AllRows          uint64
	Percent          string // done; "–" without rows
	LastScan         string // when it ended
	Took             string
	Age              string // of the data
	TooOld           bool
	Next             string // scan
	Error            string
}

func newLanding(s collector.Status, version, metricsPath string, wanted selection) landing {
	page := landing{Version: version, Metrics: metricsPath, Ready: s.Ready(), WaitingFor: s.WaitingFor,
		OnScrape: s.OnScrape, Listing: s.Discovery, One: len(s.Campaigns) == 1}
	if s.ListErr != nil {
		page.ListError = oneLine(s.ListErr)
	}
	var rows uint64
	for _, c := range s.Campaigns {
		rows += c.Rows
		if c.Err != nil {
			page.Failing++
		}
	}
	if len(s.Campaigns) > 0 {
		page.Campaigns = quantity.Grouped(len(s.Campaigns))
	}
	page.Rows = quantity.Grouped(rows)
	page.EveryRow, page.Hour = costOf(s.EveryRow.Requests, s.EveryRow.Bytes), costOf(s.Hour.Requests, s.Hour.Bytes)
	page.FailingLink = filterLink{selection{failing: true}.link(), quantity.Grouped(page.Failing) + " failing", wanted.failing}
	page.Filters = filters(s.Campaigns, wanted, page.FailingLink)

	selected := wanted.of(s.Campaigns)
	first, last, pages := wanted.part(len(selected))
	for _, c := range selected[first:last] {
		page.Shown = append(page.Shown, newRow(s, c))
	}
	page.First, page.Last = quantity.Grouped(first+1), quantity.Grouped(last)
	page.Of, page.Pages = quantity.Grouped(len(selected)), pages
	return page
}

func newRow(s collector.Status, c collector.CampaignStatus) landingRow {
	row := landingRow{ID: c.ID, Name: c.Name, Status: c.Status, LastScan: "not yet", Next: nextScan(s, c)}
	if !c.DataAt.IsZero() {
		row.Known, row.AllRows, row.FinishedCalls, row.Percent = true, c.Rows, c.FinishedCalls, "–"
		if percent, ok := collector.Done(c.FinishedCalls, c.Rows); ok {
			row.Percent = fmt.Sprintf("%d %%", percent)
		}
		row.Rows, row.Finished = quantity.Grouped(c.Rows), quantity.Grouped(c.FinishedCalls)
		row.Age, row.TooOld = roughly(s.At.Sub(c.DataAt)), c.TooOld
	}
	if c.Scanned {
		row.LastScan = roughly(s.At.Sub(c.LastScan)) + " ago"
		row.Took = c.Duration.Round(time.Millisecond).String()
	}
	if c.Err != nil {
		row.Error = oneLine(c.Err)
	}
	return row
}

// nextScan says when a campaign is scanned next.
func nextScan(s collector.Status, c collector.CampaignStatus) string {
	later := c.NextScan.After(s.At)
	switch {
	case s.OnScrape && later:
		return "with a scrape in " + roughly(c.NextScan.Sub(s.At)) + " or later"
	case s.OnScrape:
		return "with the next scrape"
	case c.Scanned && later:
		return "in " + roughly(c.NextScan.Sub(s.At))
	}
	return "now, or when its turn comes"
}

// oneLine returns an error's text without line breaks.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// roughly formats a duration in the one unit that matters.
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

// costOf formats what scans take; "" for nothing.
func costOf(requests, bytes int64) string {
	if requests == 0 {
		return ""
	}
	return fmt.Sprintf("%s and %.1f MB", quantity.Counted(requests, "request", "requests"), float64(bytes)/1e6)
}
