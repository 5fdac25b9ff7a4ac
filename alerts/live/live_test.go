//go:build live

// Package live tests alerts end to end with real programs: the exporter, Prometheus and Alertmanager, with simulated
// campaigns and a receiver of pages. Time runs thirty times as fast: the simulated API has a fast clock, and the rules and
// the routing have each of their durations divided. Run it with: go test -tags live ./alerts/live
package live

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"github.com/revox-exporter/revox_exporter/internal/programtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest/sim"
)

// faster is how many times faster than real time the simulation runs.
const faster = 30

const campaignName = "Renewals, live"

func TestPageArrivesNamesTheCampaignAndResolves(t *testing.T) {
	t.Parallel()
	api, simulated := startAPI(t)
	id := api.AddCampaign(campaign(campaignName, 20, simulated()))
	api.AddCampaign(campaign("Survey", 10, simulated()))
	s := startStack(t, api.URL)
	s.awaitCalls(2)

	// A carrier that throttles causes a page that names the campaign.
	incident := simulated()
	api.AddIncident(sim.Incident{Kind: sim.DialErrorSurge, DialError: "too_many_calls", Campaign: id, Share: 0.6,
		Start: incident, End: incident.Add(12 * time.Minute)})
	s.await("the page about throttling", scaled(14*time.Minute), func() bool {
		return s.received(func(a alert) bool {
			return a.Status == "firing" && a.Labels["severity"] == "page" && a.Labels["campaign_id"] == id &&
				a.Labels["alertname"] == "RevoxThrottled" && strings.Contains(a.text(), campaignName) &&
				a.Labels["team"] == "sales" && a.receiver == "sales-page"
		})
	})
	t.Logf("the page came %s after the incident's start", simulated().Sub(incident).Round(time.Second))
	s.await("the page is resolved", scaled(60*time.Minute), func() bool {
		return s.received(func(a alert) bool {
			return a.Status == "resolved" && a.Labels["campaign_id"] == id && a.Labels["alertname"] == "RevoxThrottled"
		})
	})

	// An API that is down causes one page; the campaigns' own alerts are inhibited.
	seen := len(s.alerts())
	remove := api.AddFault(revoxtest.Fault{Behavior: revoxtest.Status(http.StatusBadGateway, nil, "")})
	s.await("the page about the API", scaled(30*time.Minute), func() bool {
		return s.received(func(a alert) bool {
			return a.Status == "firing" && a.Labels["severity"] == "page" && a.Labels["alertname"] == "RevoxAPIFailing"
		})
	})
	s.await("campaigns' own alerts are inhibited", scaled(30*time.Minute), func() bool {
		inhibited, free := s.campaignAlerts()
		return inhibited > 0 && free == 0
	})
	for _, a := range s.alerts()[seen:] {
		if a.Status == "firing" && a.Labels["campaign_id"] != "" {
			t.Errorf("a campaign's alert was sent during the outage: %v", a.Labels)
		}
	}
	remove()
	s.await("the page about the API is resolved", scaled(60*time.Minute), func() bool {
		return s.received(func(a alert) bool {
			return a.Status == "resolved" && a.Labels["alertname"] == "RevoxAPIFailing"
		})
	})
}

// One cause in several campaigns is one page from its beginning to its end: what fires for single campaigns is held back,
// also while the incident ends, and nothing pages after it.
func TestIncidentOfSeveralCampaignsIsOnePageToItsEnd(t *testing.T) {
	t.Parallel()
	api, simulated := startAPI(t)
	const campaigns = 4
	for i := range campaigns {
		api.AddCampaign(campaign(fmt.Sprint("Survey ", i), 10, simulated()))
	}
	s := startStack(t, api.URL)
	s.awaitCalls(campaigns)

	end := simulated().Add(25 * time.Minute)
	api.AddIncident(sim.Incident{Kind: sim.DialErrorSurge, DialError: "no_international_permission", Share: 0.8, End: end})
	const page = "RevoxCallsCannotLeaveEverywhere"
	s.await("the page about all campaigns", scaled(14*time.Minute), func() bool {
		return s.received(func(a alert) bool { return a.Status == "firing" && a.Labels["alertname"] == page })
	})
	s.await("alerts of single campaigns are held back", scaled(14*time.Minute), func() bool {
		inhibited, free := s.campaignAlerts()
		return inhibited == campaigns && free == 0
	})
	s.await("the page is resolved", scaled(90*time.Minute), func() bool {
		return s.received(func(a alert) bool { return a.Status == "resolved" && a.Labels["alertname"] == page })
	})
	t.Logf("the page was resolved %s after the incident's end", simulated().Sub(end).Round(time.Second))
	s.await("no alert is left", scaled(60*time.Minute), func() bool {
		inhibited, free := s.campaignAlerts()
		return inhibited+free == 0 && s.query(`count(ALERTS{alertstate="firing", severity="page"}) or vector(0)`) == 0
	})
	resolved := false
	for _, a := range s.alerts() {
		switch {
		case a.Labels["alertname"] == page && a.Status == "resolved":
			resolved = true
		case a.Status == "firing" && (a.Labels["alertname"] != page || resolved):
			t.Errorf("sent besides the one page: %v", a.Labels)
		}
	}
}

// startAPI starts a simulated API, and returns it with its clock.
func startAPI(t *testing.T) (api *sim.Simulation, simulated func() time.Time) {
	start := time.Now()
	simulated = func() time.Time { return start.Add(faster * time.Since(start)) }
	api = sim.New(revoxtest.NewServer(revoxtest.WithNow(simulated)))
	t.Cleanup(api.Close)
	return api, simulated
}

// campaign has called for half an hour, makes twice as many attempts a minute as calls at once, and has a list that is long
// enough for all of a test, however long the programs take to start.
func campaign(name string, callsAtOnce int, now time.Time) sim.Campaign {
	return sim.Campaign{Name: name, Rows: 10_000, Start: now.Add(-30 * time.Minute),
		Windows: []sim.Window{{Start: "00:00", End: "24:00"}}, MaxConcurrentCalls: callsAtOnce, Weight: sim.Light}
}

// scaled returns how long d takes in the simulation.
func scaled(d time.Duration) time.Duration { return d / faster }

// alert is what Alertmanager sends.
type alert struct {
	Status      string            `json:"status"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`

	receiver string
}

func (a alert) text() string { return a.Annotations["summary"] + "\n" + a.Annotations["description"] }

// stack is the programs under test.
type stack struct {
	t                        *testing.T
	prometheus, alertmanager string // base URLs

	mu   sync.Mutex
	sent []alert
}

func startStack(t *testing.T, api string) *stack {
	t.Helper()
	s := &stack{t: t}
	receiver := httptest.NewServer(http.HandlerFunc(s.receive))
	t.Cleanup(receiver.Close)
	dir := t.TempDir()

	exporter := filepath.Join(dir, "revox_exporter")
	if out, err := exec.Command("go", "build", "-o", exporter, "../..").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	exporterAddress, prometheusAddress, alertmanagerAddress := programtest.FreeAddress(t), programtest.FreeAddress(t), programtest.FreeAddress(t)
	s.run(exporter, []string{"REVOX_API_KEY=" + revoxtest.APIKey}, "--revox.base-url="+api, "--campaign.discover",
		"--campaign.file="+write(t, dir, "campaigns.yml", `[{match: "Renewals.*", labels: {team: sales}}]`), "--campaign.discover-interval=2s", "--scan.interval=1s", "--revox.max-retries=0", "--web.listen-address="+exporterAddress)

	routing := shortened(t, "../alertmanager.example.yml", `(group_wait|group_interval|repeat_interval|resolve_timeout): *(\w+)`)
	routing = regexp.MustCompile(`url: .*`).ReplaceAllString(routing, "url: "+receiver.URL)
	s.alertmanager = "http://" + alertmanagerAddress
	s.run("prometheus-alertmanager", nil, "--config.file="+write(t, dir, "alertmanager.yml", routing),
		"--storage.path="+filepath.Join(dir, "am"), "--web.listen-address="+alertmanagerAddress,
		"--cluster.listen-address=", "--log.level=warn")

	rules := shortened(t, "../revox.rules.yml", `(for|keep_firing_for|interval): *(\w+)`)
	write(t, dir, "rules.yml", rules)
	s.prometheus = "http://" + prometheusAddress
	s.run("prometheus", nil, "--config.file="+write(t, dir, "prometheus.yml", fmt.Sprintf(`
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [rules.yml]
alerting: {alertmanagers: [{static_configs: [{targets: [%q]}]}]}
scrape_configs: [{job_name: revox, static_configs: [{targets: [%q]}]}]
`, alertmanagerAddress, exporterAddress)), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+prometheusAddress, "--alertmanager.notification-queue-capacity=1000", "--log.level=warn")
	return s
}

// shortened returns a file's text with every duration divided by faster: ranges, offsets, and settings that match. It
// works on text, so that it serves both the rules and the routing.
func shortened(t *testing.T, path, settings string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	divide := func(duration string) string {
		d, err := model.ParseDuration(duration)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		return fmt.Sprintf("%dms", max(time.Second, time.Duration(d)/faster).Milliseconds())
	}
	each := func(text, pattern string) string {
		return regexp.MustCompile(pattern).ReplaceAllStringFunc(text, func(match string) string {
			return regexp.MustCompile(`\b(\d+[smhdw])+\b`).ReplaceAllStringFunc(match, divide)
		})
	}
	for _, pattern := range []string{`\[[0-9smhdw:]+\]`, `offset \w+`, settings} {
		text = []byte(each(string(text), pattern))
	}
	return regexp.MustCompile(`age_seconds > \d+`).ReplaceAllStringFunc(string(text), func(match string) string {
		seconds, _ := strconv.Atoi(match[len("age_seconds > "):])
		return fmt.Sprint("age_seconds > ", seconds/faster)
	})
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// run starts a program that ends with the test. Its output is shown if the test fails.
func (s *stack) run(program string, env []string, args ...string) {
	s.t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), env...)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		if s.t.Failed() {
			s.t.Logf("%s printed:\n%s", filepath.Base(program), out.String())
		}
	})
}

// await waits until something has happened, and fails the test after a limit.
func (s *stack) await(what string, limit time.Duration, happened func() bool) {
	s.t.Helper()
	// Starting programs and sending pages takes real time, however fast the clock runs.
	for deadline := time.Now().Add(limit + 20*time.Second); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if happened() {
			return
		}
	}
	s.t.Fatalf("this did not happen in time: %s\nreceived: %v", what, s.alerts())
}

// awaitCalls waits until so many campaigns are scraped and call.
func (s *stack) awaitCalls(campaigns float64) {
	s.t.Helper()
	s.await("all campaigns are scraped and call", time.Minute, func() bool {
		return s.query(`count(increase(revox_campaign_call_attempts_finished_total{status="completed"}[20s]) > 1)`) == campaigns
	})
}

func (s *stack) receive(_ http.ResponseWriter, r *http.Request) {
	var message struct {
		Receiver string  `json:"receiver"`
		Alerts   []alert `json:"alerts"`
	}
	if err := json.NewDecoder(r.Body).Decode(&message); err != nil {
		s.t.Errorf("decoding what Alertmanager sent: %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range message.Alerts {
		a.receiver = message.Receiver
		s.sent = append(s.sent, a)
	}
}

func (s *stack) alerts() []alert {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sent)
}

func (s *stack) received(is func(alert) bool) bool { return slices.ContainsFunc(s.alerts(), is) }

// query returns the value of an expression that has exactly one result; otherwise -1.
func (s *stack) query(expr string) float64 {
	var answer struct {
		Data struct{ Result []struct{ Value [2]any } }
	}
	if !s.get(s.prometheus+"/api/v1/query?query="+url.QueryEscape(expr), &answer) || len(answer.Data.Result) != 1 {
		return -1
	}
	value, err := strconv.ParseFloat(fmt.Sprint(answer.Data.Result[0].Value[1]), 64)
	if err != nil {
		return -1
	}
	return value
}

// campaignAlerts returns how many alerts about single campaigns Alertmanager holds: inhibited ones, and others.
func (s *stack) campaignAlerts() (inhibited, free int) {
	var alerts []struct {
		Labels map[string]string
		Status struct{ InhibitedBy []string }
	}
	s.get(s.alertmanager+"/api/v2/alerts", &alerts)
	for _, a := range alerts {
		switch {
		case a.Labels["campaign_id"] == "":
		case len(a.Status.InhibitedBy) > 0:
			inhibited++
		default:
			free++
		}
	}
	return inhibited, free
}

// get decodes an answer's JSON, and reports whether it succeeded.
func (s *stack) get(address string, into any) bool {
	resp, err := http.Get(address)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return err == nil && json.Unmarshal(body, into) == nil
}
