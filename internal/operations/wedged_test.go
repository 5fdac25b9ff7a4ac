package operations

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/revox-exporter/revox_exporter/internal/badserver"
	"github.com/revox-exporter/revox_exporter/internal/programtest"
	"github.com/revox-exporter/revox_exporter/revoxapi"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// runWith runs the program, which trusts the server's certificate if it has one.
func runWith(t *testing.T, server *httptest.Server, url string, args ...string) *programtest.Process {
	t.Helper()
	env := []string{"REVOX_API_KEY=" + revoxtest.APIKey}
	if server != nil {
		der := server.Certificate().Raw
		env = append(env, "SSL_CERT_FILE="+file(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))))
	}
	return programtest.Start(t, env, append(args, "--revox.base-url="+url+"/api")...)
}

func awaitMetric(p *programtest.Process, line string) {
	p.Await(line, func() bool {
		_, metrics := p.Get("/metrics")
		return strings.Contains(metrics, "\n"+line+"\n")
	})
}

// Go's HTTP client never returns: the scan fails in time, the API is read as soon as it is well, and SIGTERM ends the
// process.
func TestRequestsThatAreStuck(t *testing.T) {
	t.Parallel()
	server := badserver.NewOverflow(t, newAPI(t).Handler())
	server.Bad.Store(true)
	p := runWith(t, server.Server, server.URL, "--campaign.id=a", "--campaign.id=b", "--scan.interval=1s",
		"--revox.timeout=1s", "--revox.max-retries=0", "--revox.concurrency=1")
	for _, id := range []string{"a", "b"} {
		awaitMetric(p, `revox_campaign_up{campaign_id="`+id+`"} 0`)
		p.Await("campaign "+id+" has failed for its timeout", func() bool {
			_, metrics := p.Get("/metrics")
			return !strings.Contains(metrics, `revox_campaign_scan_failures_total{campaign_id="`+id+`",reason="timeout"} 0`)
		})
	}
	if code, body := p.Get("/-/healthy"); code != http.StatusOK {
		t.Errorf("/-/healthy answers %d: %s", code, body)
	}
	if said := p.Log(); !strings.Contains(said, "raise --revox.timeout") {
		t.Errorf("the log does not say what to do about a timeout:\n%s", said)
	}
	server.Bad.Store(false)
	for _, id := range []string{"a", "b"} {
		awaitMetric(p, `revox_campaign_up{campaign_id="`+id+`"} 1`)
	}
	server.Bad.Store(true)
	awaitMetric(p, `revox_campaign_up{campaign_id="a"} 0`)
	p.Terminate()
}

// An answer that hands the connection over takes no slot, and SIGTERM ends the process.
func TestSwitchingProtocols(t *testing.T) {
	t.Parallel()
	p := runWith(t, nil, badserver.Switching(t), "--campaign.id=a", "--campaign.id=b", "--scan.interval=1s",
		"--revox.concurrency=1")
	for _, id := range []string{"a", "b"} {
		awaitMetric(p, `revox_campaign_up{campaign_id="`+id+`"} 0`)
		p.Await("it was scanned again", func() bool {
			_, metrics := p.Get("/metrics")
			return strings.Contains(metrics, `revox_campaign_scan_failures_total{campaign_id="`+id+`",reason="bad_response"} 2`)
		})
	}
	if said := p.Log(); strings.Contains(said, "canary") {
		t.Errorf("the answer's header is logged:\n%s", said)
	}
	p.Terminate()
}

// A connection that goes bad between scans costs at most one scan, with one try and none to spare.
func TestKeptConnectionGoesBad(t *testing.T) {
	for name, test := range map[string]struct {
		overHTTP2 bool
		status    int
		reason    revoxapi.ErrorKind
	}{
		"silent, HTTP/2": {true, 0, revoxapi.KindTimeout}, "silent, HTTP/1.1": {false, 0, revoxapi.KindTimeout},
		"503, HTTP/2": {true, 503, revoxapi.KindServerError}, "503, HTTP/1.1": {false, 503, revoxapi.KindServerError},
		"421, HTTP/2": {true, 421, revoxapi.KindBadResponse}, "421, HTTP/1.1": {false, 421, revoxapi.KindBadResponse},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := newAPI(t)
			server := badserver.NewKept(t, api.Handler(), test.overHTTP2, test.status)
			p := runWith(t, server.Server, server.URL, "--campaign.id=a", "--scan.interval=2s", "--revox.timeout=5s",
				"--revox.max-retries=0")
			awaitMetric(p, `revox_campaign_up{campaign_id="a"} 1`)
			server.Spoil()
			p.Await("scans succeed again", func() bool { return strings.Contains(p.Log(), "scans succeed again") })
			awaitMetric(p, `revox_campaign_up{campaign_id="a"} 1`)
			awaitMetric(p, `revox_campaign_scan_failures_total{campaign_id="a",reason="`+string(test.reason)+`"} 1`)
			p.Terminate()
		})
	}
}
