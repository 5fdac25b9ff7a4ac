package check_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/revox-exporter/revox_exporter/collector"
	"github.com/revox-exporter/revox_exporter/collector/labelvalue"
	"github.com/revox-exporter/revox_exporter/internal/exportertest"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// counted adds a campaign that can be counted by hand.
func counted(api *revoxtest.Server) {
	api.SetRows("c-1", "Solar 東京 and a long name after it", []json.RawMessage{
		row("1", "completed", talked("human", 40), undialled("busy")),
		row("2", "completed", talked("human", 10)),
		row("3", "completed", talked("voicemail", 300), undialled("no_answer"), undialled("no_answer")),
		row("4", "calling", `{"status": "ongoing"}`),
		row("5", "pondering", talked("human", 90)),
		json.RawMessage(`{"id": "6"}`),
	})
}

// What the campaign file says of who is to be told is shown, whether a campaign can be read or not.
func TestLabelsOfTheCampaignFile(t *testing.T) {
	api := newAPI(t)
	counted(api)
	api.SetRows("c-2", "Empty", nil)
	file := filepath.Join(t.TempDir(), "campaigns.yml")
	text := "- id: gone\n  labels: {team: sales, tier: '1'}\n- {match: 'Solar.*', labels: {team: \"a\\u00a0b\"}}\n" +
		"- {match: 'Solar .*', labels: {team: never}}\n- {match: nobody, labels: {}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	withFile := func(c *collector.Config) { discovered(c); c.CampaignFile = file }
	o := run{url: api.URL, format: "table", config: withFile}.do(t)
	for _, want := range []string{
		"gone      NOT READ\n  labels: team=sales · tier=1\n",
		"\n  c-1  Solar 東京 and a long name after it\n  labels: team=a b\n  calls: ",
		"\n  c-2\n  calls: none\n",
	} {
		if !strings.Contains(regexp.MustCompile(` +NOT READ`).ReplaceAllString(o.out, "      NOT READ"), want) {
			t.Errorf("no %q in\n%s", want, o.out)
		}
	}
	r := run{url: api.URL, config: withFile}.result(t)
	shown := map[string]string{}
	for _, c := range r.Campaigns {
		shown[c.ID] = fmt.Sprint(c.OK, c.Labels)
	}
	want := map[string]string{"gone": "false map[team:sales tier:1]", "c-1": "true map[team:a\u00a0b]", "c-2": "true map[]"}
	if !maps.Equal(shown, want) || len(r.Findings) > 0 {
		t.Errorf("the campaigns are %q, want %q, and the findings %+v", shown, want, r.Findings)
	}

	// Without discovery, a match selects nothing. The list was not read, so nothing is said of it, or of what matches.
	if err := os.WriteFile(file, []byte("- {match: 'Solar.*', labels: {team: a}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r = run{url: api.URL, config: func(c *collector.Config) { c.CampaignFile = file }}.result(t)
	if len(r.Findings) != 1 || r.Findings[0].Kind != "no_campaigns" ||
		!strings.Contains(r.Findings[0].Text, "that takes --campaign.discover") || r.Requests > 0 {
		t.Errorf("without discovery: %d requests, the findings are %+v", r.Requests, r.Findings)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}

	// Where all names are known, it says which patterns are without effect.
	api.SetRows("gone", "Solar", nil)
	r = run{url: api.URL, config: withFile}.result(t)
	var unused []string
	for _, f := range r.Findings {
		unused = append(unused, f.Kind+": "+f.Text)
	}
	if all := strings.Join(unused, "\n"); len(unused) != 2 || !strings.Contains(all, "unused_match: The match of entry 3 ") ||
		!strings.Contains(all, "unused_match: The match of entry 4 ") || !r.OK {
		t.Errorf("the findings are %q", unused)
	}
}

// A check uses its connections again. A few more than it has requests in flight are net/http's, which makes one while
// another is about to become free.
func TestConnectionsAreKept(t *testing.T) {
	api := exportertest.NewAPI(t, revoxtest.NewClock(exportertest.Start))
	var rows []json.RawMessage
	for i := range 1000 {
		rows = append(rows, exportertest.CallRow(fmt.Sprint("row ", i), "completed"))
	}
	api.SetRows("c", "", rows)
	var connections atomic.Int64
	server := httptest.NewUnstartedServer(api.Handler())
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	o := run{url: server.URL + "/api", config: func(c *collector.Config) {
		c.CampaignIDs, c.Rows.PageSize = []string{"c"}, 5
	}, options: []revoxapi.Option{revoxapi.WithMaxInFlight(4)}}.do(t)
	if n := connections.Load(); !o.ok || n > 16 {
		t.Errorf("ok is %v, with %d connections for 200 requests, 4 at once", o.ok, n)
	}
}

func TestDocumentForScripts(t *testing.T) {
	api := newAPI(t)
	counted(api)
	r := run{url: api.URL, config: exportertest.Only("c-1", "gone")}.result(t)
	if r.Format != 1 || r.Version != "1.2.3-test" || r.OK || r.Requests != 4 || r.ResponseBytes == 0 ||
		r.Discovery != nil || len(r.Findings) != 0 || len(r.Campaigns) != 2 {
		t.Errorf("the document is %+v", r)
	}
	c := r.Campaigns[0]
	if c.ID != "c-1" || !c.OK || c.Problem != nil || c.Requests != 1 || c.Rows != 6 || c.RowsWithoutCall != 1 ||
		c.RowsMissing != 0 || c.Calls["completed"] != 3 || c.Calls["pondering"] != 1 || c.Attempts["error"] != 3 ||
		c.Results["human"] != 3 || c.WorstDialError != "no_answer" || *c.HumanShare != 3.0/7 || c.HumanTalk.Count != 3 ||
		c.HumanTalk.Median != 40 || c.HumanTalk.P95 != 90 {
		t.Errorf("the campaign is %+v", c)
	}
	unknown := []labelvalue.Unknown{{Label: "status", Value: "pondering"}}
	if _, ok := c.DialErrors["busy"]; !ok || !slices.Equal(c.UnknownValues, unknown) {
		t.Errorf("the campaign is %+v", c)
	}
	if gone := r.Campaigns[1]; gone.OK || gone.Problem == nil || gone.Problem.Reason != "not_found" ||
		gone.Problem.StatusCode != 404 || gone.HumanShare != nil {
		t.Errorf("the campaign that does not exist is %+v", gone)
	}
}

// If the API refuses the key for one campaign, no other campaign is requested.
func TestRefusedKeyIsTriedOnce(t *testing.T) {
	api := newAPI(t)
	four := func(c *collector.Config) { c.CampaignIDs, c.MaxScans = []string{"a", "b", "c", "d"}, 1 }
	r := run{url: api.URL, key: "canary", config: four}.result(t)
	if n := api.RequestCount(); n != 1 {
		t.Errorf("%d requests with a refused key, want 1", n)
	}
	for _, c := range r.Campaigns {
		if c.Problem == nil || c.Problem.Reason != "auth" || c.Problem.StatusCode != 401 || c.Problem.Advice == "" {
			t.Errorf("campaign %s: %+v", c.ID, c.Problem)
		}
	}
}

func TestDiscoveryThatFailsAndDiscoveryOfNothing(t *testing.T) {
	api := newAPI(t)
	api.SetRows("c", "", rows(1))
	both := func(c *collector.Config) { discovered(c); c.CampaignIDs = []string{"c"} }
	remove := api.AddFault(revoxtest.Fault{Endpoint: "campaigns", Behavior: revoxtest.Status(403, nil, "")})
	r := run{url: api.URL, config: both}.result(t)
	if r.OK || r.Discovery == nil || r.Discovery.Problem == nil ||
		!strings.Contains(r.Discovery.Problem.Advice, "--campaign.id") || len(r.Campaigns) != 1 || !r.Campaigns[0].OK {
		t.Errorf("list refused: %+v", r)
	}
	o := run{url: api.URL, format: "table", config: both}.do(t)
	if !strings.Contains(o.out, "The list of campaigns: NOT READ") {
		t.Errorf("the table does not say so:\n%s", o.out)
	}
	remove()
	remove = api.AddFault(revoxtest.Fault{Endpoint: "campaigns", Behavior: revoxtest.Body("application/json",
		`{"campaigns": [{"id": "c", "name": "C", "status": "running"}], "has_more": true}`)})
	r = run{url: api.URL, config: discovered}.result(t)
	if r.OK || r.Discovery.Problem == nil || r.Discovery.Problem.Reason != "incomplete" || r.Discovery.Listed != 1 ||
		!strings.Contains(r.Discovery.Problem.Advice, "--campaign.file") || len(r.Campaigns) != 1 || !r.Campaigns[0].OK {
		t.Errorf("list incomplete: %+v", r)
	}
	o = run{url: api.URL, format: "table", config: discovered}.do(t)
	if !strings.Contains(o.out, "The list of campaigns: INCOMPLETE") {
		t.Errorf("the table does not say so:\n%s", o.out)
	}
	remove()
	drafts := func(c *collector.Config) { discovered(c); c.Discovery.Statuses = []string{"draft"} }
	r = run{url: api.URL, config: drafts}.result(t)
	if !r.OK || r.Discovery.Listed != 1 || len(r.Campaigns) != 0 || len(r.Findings) != 1 ||
		r.Findings[0].Kind != "no_campaigns" {
		t.Errorf("nothing selected: %+v", r)
	}
}
