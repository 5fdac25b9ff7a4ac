package collector

import (
	"fmt"
	"html/template"
	"io"
	"net/http"
	"time"

	"github.com/go-kit/log/level"
)

// Healthy answers 200 as long as the process serves.
func Healthy(w http.ResponseWriter, _ *http.Request) {
	plain(w, http.StatusOK, "revox_exporter is healthy.")
}

// ServeReady answers 200 once each selected campaign's first scan has ended, well or not, and before that 503 with
// what is awaited.
func (e *Exporter) ServeReady(w http.ResponseWriter, _ *http.Request) {
	if ready, waitingFor := e.Ready(); !ready {
		plain(w, http.StatusServiceUnavailable, "revox_exporter is waiting for "+waitingFor+".")
		return
	}
	plain(w, http.StatusOK, "revox_exporter is ready.")
}

func plain(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, text+"\n") // a client that is gone needs no answer
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
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		err := landingPage.Execute(w, map[string]any{"Version": version, "Metrics": metricsPath, "Campaigns": e.landingRows(), "ListError": e.campaigns.failure()})
		if err != nil {
			level.Debug(e.Logger).Log("msg", "writing the landing page", "err", err)
		}
	})
}

// landingRow is a campaign in the table of the landing page.
type landingRow struct {
	ID, Name, Rows, NewestScan, Duration, Error string
}

func (e *Exporter) landingRows() []landingRow {
	now := e.Clock.Now()
	var rows []landingRow
	for _, r := range e.store.all() {
		row := landingRow{ID: r.id, Name: r.name(), Rows: "–", NewestScan: "not yet", Duration: "–"}
		if r.data != nil {
			row.Rows = fmt.Sprint(r.data.tally.rows())
			if age := now.Sub(r.data.at); age > e.maxAge(r) {
				row.Rows += fmt.Sprintf(" (too old to be published: %s)", age.Round(time.Second))
			}
		}
		if r.scanned {
			row.NewestScan = fmt.Sprintf("%s ago", now.Sub(r.ended).Round(time.Second))
			row.Duration = r.duration.Round(time.Millisecond).String()
		}
		if r.err != nil {
			row.Error = r.err.Error()
		}
		rows = append(rows, row)
	}
	return rows
}

var landingPage = template.Must(template.New("landing").Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>revox_exporter</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 1.5rem; color-scheme: light dark; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border: 1px solid #8888; padding: .3rem .6rem; text-align: left; vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
.error { color: #c33; overflow-wrap: anywhere; min-width: 12rem; }
</style>
</head>
<body>
<h1>revox_exporter</h1>
<p>{{.Version}}</p>
<p><a href="{{.Metrics}}">Metrics</a> · <a href="/-/healthy">healthy</a> · <a href="/-/ready">ready</a></p>
<h2>Campaigns</h2>
{{with .ListError}}<p class="error">The list of campaigns cannot be read: {{.}}</p>
{{end}}{{if .Campaigns}}<table>
<thead><tr><th>Campaign</th><th>Name</th><th>Rows</th><th>Newest scan</th><th>Took</th><th>Error</th></tr></thead>
<tbody>
{{range .Campaigns}}<tr><td>{{.ID}}</td><td>{{.Name}}</td><td class="number">{{.Rows}}</td><td>{{.NewestScan}}</td><td class="number">{{.Duration}}</td><td class="error">{{.Error}}</td></tr>
{{end}}</tbody>
</table>{{else}}<p>No campaign is selected.</p>{{end}}
</body>
</html>
`))
