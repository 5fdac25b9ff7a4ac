// Package operations tests the program under what operators do to it: signals, reloads, probes, restarts, kills.
package operations

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/revox-exporter/revox_exporter/internal/programtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

func TestMain(m *testing.M) { os.Exit(programtest.M{M: m}.Run()) }

// process is the running program.
type process struct {
	*programtest.Process
	t      *testing.T
	client *http.Client
}

// newAPI starts a simulated API with campaigns a and b, of a few rows each.
func newAPI(t *testing.T) *revoxtest.Server {
	api := revoxtest.NewServer()
	t.Cleanup(api.Close)
	for _, id := range []string{"a", "b"} {
		sim.New(api).AddCampaign(sim.Campaign{ID: id, Rows: 5, Weight: sim.Light})
	}
	return api
}

// run starts the program on a free port, reading api, and returns when it listens. It is killed when the test ends.
func run(t *testing.T, api *revoxtest.Server, args ...string) *process {
	t.Helper()
	p := programtest.Start(t, []string{"REVOX_API_KEY=" + revoxtest.APIKey}, append(args, "--revox.base-url="+api.URL)...)
	insecure := &tls.Config{InsecureSkipVerify: true} //nolint:gosec // the certificate is the test's own
	return &process{Process: p, t: t, client: &http.Client{
		Transport: &http.Transport{TLSClientConfig: insecure, DisableKeepAlives: true},
	}}
}

// health returns the address of the second listener.
func (p *process) health() string {
	p.t.Helper()
	m := regexp.MustCompile(`msg="the health endpoints are .*" address=(\S+)`).FindStringSubmatch(p.Log())
	if m == nil {
		p.t.Fatalf("it does not say where its health endpoints are:\n%s", p.Log())
	}
	return m[1]
}

// ask returns an answer's status and body; change may alter the request.
func (p *process) ask(method, url string, change func(*http.Request)) (int, string) {
	p.t.Helper()
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	if change != nil {
		change(req)
	}
	return p.Ask(p.client, req)
}

// reads waits until exactly these campaigns are up.
func (p *process) reads(ids ...string) {
	p.t.Helper()
	p.Await(fmt.Sprintf("campaigns %v are read", ids), func() bool {
		_, metrics := p.Get("/metrics")
		for _, id := range ids {
			if !strings.Contains(metrics, fmt.Sprintf("revox_campaign_up{campaign_id=%q} 1\n", id)) {
				return false
			}
		}
		return strings.Count(metrics, "\nrevox_campaign_up{") == len(ids)
	})
}

// file writes a file and returns its path.
func file(t *testing.T, name, text string) string {
	t.Helper()
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(t.TempDir(), name)
	}
	// A program that looks at it meanwhile must not see half of it.
	part := path + ".part"
	if err := os.WriteFile(part, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(part, path); err != nil {
		t.Fatal(err)
	}
	return path
}
