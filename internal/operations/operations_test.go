package operations

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/revox-exporter/revox_exporter/internal/programtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

// certificate writes a self-signed certificate for 127.0.0.1, and its key.
func certificate(t *testing.T) (certFile, keyFile string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return file(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}))),
		file(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
}

func TestHealthListenerNeedsNeitherTLSNorCredentials(t *testing.T) {
	t.Parallel()
	const user, password = "prometheus", "only-for-this-test"
	cert, key := certificate(t)
	const bcryptOfPassword = "$2a$04$TgBeQEILCNJAz0KMZE45ruxiIp7QiK0F/AA3XjywSp46faQrXs76W"
	config := file(t, "web.yml", fmt.Sprintf("tls_server_config:\n  cert_file: %s\n  key_file: %s\n"+
		"basic_auth_users:\n  %s: %s\n", cert, key, user, bcryptOfPassword))
	p := run(t, newAPI(t), "--campaign.id=a", "--web.config.file="+config, "--web.health-listen-address=127.0.0.1:0",
		"--web.enable-lifecycle", "--web.enable-pprof")
	main, health := "https://"+p.Address, "http://"+p.health()

	credentials := func(r *http.Request) { r.SetBasicAuth(user, password) }
	p.Await("it is ready", func() bool { code, _ := p.ask(http.MethodGet, health+"/-/ready", nil); return code == http.StatusOK })
	for _, test := range []struct {
		url    string
		change func(*http.Request)
		code   int
	}{
		{main + "/metrics", nil, http.StatusUnauthorized},
		{main + "/metrics", func(r *http.Request) { r.SetBasicAuth(user, "guess") }, http.StatusUnauthorized},
		{main + "/metrics", credentials, http.StatusOK},
		{main + "/-/healthy", nil, http.StatusUnauthorized},
		{main + "/-/healthy", credentials, http.StatusOK},
		{"http://" + p.Address + "/metrics", credentials, http.StatusBadRequest},
		{health + "/-/healthy", nil, http.StatusOK},
		{health + "/-/ready", nil, http.StatusOK},
		{health + "/", nil, http.StatusNotFound},
		{health + "/metrics", nil, http.StatusNotFound},
		{health + "/-/reload", nil, http.StatusNotFound},
		{health + "/debug/pprof/", nil, http.StatusNotFound},
	} {
		if code, body := p.ask(http.MethodGet, test.url, test.change); code != test.code {
			t.Errorf("%s answered %d, want %d: %.200s", test.url, code, test.code, body)
		}
	}
	if said := p.Log(); strings.Contains(said, password) {
		t.Errorf("the password is logged:\n%s", said)
	}
	p.Terminate()
}

func TestSIGHUPReadsTheCampaignFileAgain(t *testing.T) {
	t.Parallel()
	list := file(t, "campaigns.yml", "- a\n")
	p := run(t, newAPI(t), "--campaign.file="+list)
	p.reads("a")
	file(t, list, `["b"]`)
	p.Signal(syscall.SIGHUP)
	p.reads("b")

	file(t, list, "b")
	p.Signal(syscall.SIGHUP)
	p.Await("it says what is wrong", func() bool {
		return regexp.MustCompile(`level=error .*` + regexp.QuoteMeta(list) + `: it is not a plain list`).MatchString(p.Log())
	})
	p.reads("b")
	if _, metrics := p.Get("/metrics"); !strings.Contains(metrics, "\nrevox_exporter_campaign_file_last_reload_successful 0\n") {
		t.Error("the metric does not show that the file is bad")
	}

	file(t, list, "- a\n- "+revoxtest.APIKey)
	p.Signal(syscall.SIGHUP)
	p.Await("it says that the key is in the list", func() bool {
		return regexp.MustCompile(`level=error .*` + regexp.QuoteMeta(list) + `: line 2: entry 2 is the API key`).MatchString(p.Log())
	})
	p.reads("b")
	_, page := p.Get("/")
	p.Terminate()
	if strings.Contains(p.Log()+page, revoxtest.APIKey) {
		t.Error("the key is shown")
	}
}

// Labels change on SIGHUP, and stay while the file is bad.
func TestSIGHUPChangesLabels(t *testing.T) {
	t.Parallel()
	list := file(t, "campaigns.yml", "- a\n- {id: b, labels: {team: sales}}\n")
	p := run(t, newAPI(t), "--campaign.file="+list)
	labeled := func(want string) {
		t.Helper()
		p.Await("the labels are "+want, func() bool {
			_, metrics := p.Get("/metrics")
			series := regexp.MustCompile(`(?m)^revox_campaign_labels\{.*\} 1$`).FindAllString(metrics, -1)
			return strings.Join(series, " ") == want
		})
	}
	sales := `revox_campaign_labels{campaign_id="b",label_team="sales"} 1`
	p.reads("a", "b")
	labeled(sales)
	file(t, list, "- a\n- id: b\n  labels: {team: support}\n- {match: x, labels: {team: support}, what: never}\n")
	p.Signal(syscall.SIGHUP)
	p.Await("it says what is wrong", func() bool {
		return regexp.MustCompile(`level=error .*` + regexp.QuoteMeta(list) + `: line 4: entry 3 must be a campaign ID, or have no keys but`).
			MatchString(p.Log())
	})
	labeled(sales)
	file(t, list, "- a\n- {id: b, labels: {team: support, tier: 1}}\n")
	p.Signal(syscall.SIGHUP)
	labeled(`revox_campaign_labels{campaign_id="b",label_team="support",label_tier="1"} 1`)
	file(t, list, "- a\n- b\n")
	p.Signal(syscall.SIGHUP)
	labeled("")
	p.Terminate()
}

func TestSIGHUPWithoutACampaignFileHasNoEffect(t *testing.T) {
	t.Parallel()
	p := run(t, newAPI(t), "--campaign.id=a")
	p.Signal(syscall.SIGHUP)
	p.Await("it has received the signal", func() bool { return strings.Contains(p.Log(), "there is no campaign file") })
	p.reads("a")
	p.Terminate()
}

func TestReloadByRequestIsOffByDefault(t *testing.T) {
	t.Parallel()
	list := file(t, "campaigns.yml", "- a\n")
	off := run(t, newAPI(t), "--campaign.file="+list)
	on := run(t, newAPI(t), "--campaign.file="+list, "--web.enable-lifecycle")
	post := func(p *process) (int, string) { return p.ask(http.MethodPost, p.URL+"/-/reload", nil) }
	off.reads("a")
	on.reads("a")
	file(t, list, "- b\n")
	if code, body := post(off); code != http.StatusForbidden || !strings.Contains(body, "--web.enable-lifecycle") {
		t.Errorf("while it is off, it answered %d: %s", code, body)
	}
	if code, body := off.ask(http.MethodTrace, off.URL+"/-/reload", nil); code != http.StatusMethodNotAllowed {
		t.Errorf("while it is off, TRACE is answered %d: %s", code, body)
	}
	if code, body := on.Get("/-/reload"); code != http.StatusMethodNotAllowed {
		t.Errorf("GET answered %d: %s", code, body)
	}
	on.reads("a")
	if code, body := post(on); code != http.StatusOK {
		t.Errorf("POST answered %d: %s", code, body)
	}
	on.reads("b")
	file(t, list, "")
	if code, body := post(on); code != http.StatusInternalServerError || !strings.Contains(body, list+": it is empty") {
		t.Errorf("POST of a bad file answered %d: %s", code, body)
	}
	on.reads("b")
}

func TestShardWithoutCampaignsIsReady(t *testing.T) {
	t.Parallel()
	api := newAPI(t)
	var selecting int
	for index := range 2 {
		p := run(t, api, "--campaign.id=a", "--shard.count=2", fmt.Sprintf("--shard.index=%d", index))
		p.Ready()
		_, metrics := p.Get("/metrics")
		if strings.Contains(metrics, `revox_campaign_up{campaign_id="a"} 1`) {
			selecting++
		} else if said := p.Log(); !strings.Contains(said, fmt.Sprintf(`share="%d of 2"`, index+1)) {
			t.Errorf("the log does not say that the shard selects nothing:\n%s", said)
		}
	}
	if selecting != 1 {
		t.Errorf("campaign a is read by %d of 2 shards", selecting)
	}
}

// SIGTERM ends it soon, whatever it is waiting for.
func TestSIGTERMEndsItSoon(t *testing.T) {
	hang := &revoxtest.Fault{Behavior: revoxtest.Hang()}
	for name, test := range map[string]struct {
		fault  *revoxtest.Fault // nil: it answers
		args   []string
		scrape bool
	}{
		"hanging before an answer": {fault: hang, args: []string{"--campaign.id=a"}},
		"hanging within an answer": {fault: &revoxtest.Fault{Behavior: revoxtest.HangInBody()},
			args: []string{"--campaign.id=a"}},
		"hanging before the list": {fault: &revoxtest.Fault{Endpoint: "campaigns", Behavior: revoxtest.Hang()},
			args: []string{"--campaign.discover"}},
		"asking to wait": {fault: &revoxtest.Fault{Behavior: revoxtest.RateLimited("50")},
			args: []string{"--campaign.id=a"}},
		"with scans that wait": {fault: hang,
			args: []string{"--campaign.id=a", "--campaign.id=b", "--revox.concurrency=1"}},
		"with requests that wait": {
			args: []string{"--campaign.id=a", "--campaign.id=b", "--revox.max-requests-per-second=0.01"}},
		"with a scrape that waits": {fault: hang, args: []string{"--campaign.id=a", "--scan.interval=0"}, scrape: true},
		"with a second listener": {fault: hang,
			args: []string{"--campaign.id=a", "--web.health-listen-address=127.0.0.1:0"}},
		"with a campaign file to watch": {fault: hang, args: []string{"--campaign.id=b", "--campaign.file=LIST"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := newAPI(t)
			if test.fault != nil {
				api.AddFault(*test.fault)
			}
			list := file(t, "campaigns.yml", "- a\n")
			for i := range test.args {
				test.args[i] = strings.Replace(test.args[i], "LIST", list, 1)
			}
			p := run(t, api, test.args...)
			ctx, cancel := context.WithTimeout(t.Context(), programtest.Patience)
			defer cancel()
			if err := api.WaitForRequests(ctx, 1); err != nil {
				t.Fatalf("it sends the API no request:\n%s", p.Log())
			}
			if test.scrape {
				scraped := make(chan struct{})
				go func() {
					defer close(scraped)
					if resp, err := p.client.Get("http://" + p.Address + "/metrics"); err == nil {
						resp.Body.Close() // any answer is fine, and so is none
					}
				}()
				defer func() { <-scraped }()
			}
			p.Terminate()
			if said := p.Log(); !strings.Contains(said, "msg=stopped") {
				t.Errorf("it does not say that it stopped:\n%s", said)
			}
		})
	}
}
