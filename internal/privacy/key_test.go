package privacy

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/revox-exporter/revox_exporter/internal/programtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func newAPI(t *testing.T, opts ...revoxtest.Option) *revoxtest.Server {
	api := revoxtest.NewServer(append([]revoxtest.Option{revoxtest.WithAPIKey(key)}, opts...)...)
	t.Cleanup(api.Close)
	api.SetRows("c", "Spring", []json.RawMessage{json.RawMessage(row(1))})
	return api
}

// If the key file is replaced, as Kubernetes and editors do it, the next scan uses the new key.
func TestKeyIsRotatedWithoutARestart(t *testing.T) {
	api := newAPI(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	replace := func(text string) {
		next := filepath.Join(dir, "next")
		if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(next, path); err != nil {
			t.Fatal(err)
		}
	}
	replace("canary-key-old\n")
	p := start(t, nil, "--revox.base-url="+api.URL, "--campaign.id=c", "--revox.api-key-file="+path, "--scan.interval=1s")
	p.await(`revox_campaign_scan_failures_total{campaign_id="c",reason="auth"} 1`)
	replace(key + "\n")
	p.await(`revox_campaign_up{campaign_id="c"} 1`)
	p.End(os.Interrupt)
	if strings.Contains(p.Log(), "canary") {
		t.Errorf("a key is shown:\n%s", p.Log())
	}
}

// A server that echoes the key, wherever a text of an answer becomes a label value or a name, does not make it visible.
func TestEchoedKeyIsHidden(t *testing.T) {
	const echo = "sk-live-echo"
	api := revoxtest.NewServer(revoxtest.WithAPIKey(echo))
	t.Cleanup(api.Close)
	attempt := strings.ReplaceAll(`{"id":"%","status":"completed","result":"%","dial_error":"a.%","ended_by":"%","end_reason":"%_b"}`, "%", echo)
	api.SetRows("c", "Spring", []json.RawMessage{
		json.RawMessage(strings.ReplaceAll(`{"id":"r","call":{"status":"%","outcome":"%","campaign":{"name":"My \u200b% sk-live\u200b-echo"},
			"call_attempts":[`+attempt+`,{"status":"%"}]}}`, "%", echo)),
		json.RawMessage(strings.ReplaceAll(`{"id":"s","call":{"status":"completed","outcome":"%","call_attempts":[]}}`, "%", echo)),
	})
	api.AddFault(revoxtest.Fault{Endpoint: "campaigns", Behavior: revoxtest.Body("application/json", strings.ReplaceAll(
		`{"campaigns":[{"id":"c","name":"Bearer %","status":"%"},{"id":"%","name":"n","status":"running"},
			{"id":"x-%","name":"n","status":"completed"},{"id":"d","name":"%","status":"x_%"}]}`, "%", echo))})
	state := t.TempDir()
	args := []string{"--revox.base-url=" + api.URL, "--campaign.discover"}
	env := []string{"REVOX_API_KEY=" + echo}
	shown := map[string]string{}
	for _, when := range []string{"first", "restored"} {
		p := start(t, env, append(args, "--state.path="+state, "--scan.interval=1s")...)
		p.await(`revox_campaign_up{campaign_id="c"} 1`)
		p.await(`revox_campaign_call_attempt_end_reasons_total{campaign_id="c",end_reason="other"} 1`)
		for _, path := range []string{"/metrics", "/", "/-/ready"} {
			shown[when+path] = p.body(path)
		}
		p.End(os.Interrupt)
		shown[when+" log"] = p.Log()
	}
	check := programtest.Command(t.Context(), t, env, append([]string{"check"}, args...)...)
	out, _ := check.CombinedOutput() // its exit code does not matter
	shown["check"] = string(out)
	files, err := filepath.Glob(filepath.Join(state, "*"))
	if err != nil || len(files) == 0 {
		t.Errorf("there is no state: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Error(err)
		}
		shown["state"] += string(text)
	}
	for where, text := range shown {
		if i := strings.Index(text, echo); i >= 0 {
			t.Errorf("%s shows the key: %q", where, text[max(0, i-80):min(len(text), i+60)])
		}
	}
}

// A server whose certificate is of an unknown authority gets no request, and so no key. Only making the authority known
// changes that.
func TestCertificatesAreVerified(t *testing.T) {
	help, err := programtest.Command(t.Context(), t, nil, "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	if found := regexp.MustCompile(`(?i)--\S*(insecure|skip|verify|trust)\S*`).Find(help); found != nil {
		t.Errorf("there is a flag %s", found)
	}
	var asked atomic.Int64
	api := newAPI(t)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		api.Handler().ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // refusals of its certificate
	server.StartTLS()
	t.Cleanup(server.Close)
	args := []string{"--revox.base-url=" + server.URL + "/api", "--campaign.id=c", "--scan.interval=1s"}
	env := []string{"REVOX_API_KEY=" + key, "SSL_CERT_DIR=" + t.TempDir()}

	p := start(t, env, args...)
	p.await(`revox_campaign_scan_failures_total{campaign_id="c",reason="connection"} 2`)
	const wrong = "signed by an authority that is not trusted here"
	if !strings.Contains(p.Log(), wrong) || !strings.Contains(p.body("/"), wrong) {
		t.Errorf("the log or the landing page does not say what is wrong:\n%s", p.Log())
	}
	if n := asked.Load(); n != 0 {
		t.Errorf("the server got %d requests", n)
	}

	ca := filepath.Join(t.TempDir(), "ca.pem")
	block := &pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}
	if err := os.WriteFile(ca, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, append(env, "SSL_CERT_FILE="+ca), args...).await(`revox_campaign_up{campaign_id="c"} 1`)
}

// The key is sent only to the configured origin, whichever way the API points elsewhere.
func TestKeyIsSentNowhereElse(t *testing.T) {
	var visits atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visits.Add(1) }))
	t.Cleanup(elsewhere.Close)
	location := func(code int) revoxtest.Behavior {
		return revoxtest.Status(code, http.Header{
			"Location": {elsewhere.URL}, "Refresh": {"0; url=" + elsewhere.URL}, "Link": {"<" + elsewhere.URL + ">; rel=next"},
			"Alt-Svc": {`h2="` + strings.TrimPrefix(elsewhere.URL, "http://") + `"`},
		}, `{"rows": [], "next": "`+elsewhere.URL+`"}`)
	}
	api := newAPI(t)
	for _, code := range []int{301, 302, 307, 308, 200} {
		api.AddFault(revoxtest.Fault{Endpoint: "rows", Times: 1, Behavior: location(code)})
		api.AddFault(revoxtest.Fault{Endpoint: "campaigns", Times: 1, Behavior: location(code)})
	}
	p := start(t, []string{"REVOX_API_KEY=" + key}, "--revox.base-url="+api.URL, "--campaign.id=c", "--campaign.discover",
		"--campaign.discover-interval=1s", "--scan.interval=1s", "--revox.max-retries=0")
	p.await(`revox_campaign_rows{campaign_id="c"} 1`)
	p.await(`revox_discovery_up 1`)
	if n := visits.Load(); n != 0 {
		t.Errorf("another server got %d requests", n)
	}
}
