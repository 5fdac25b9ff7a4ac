package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/revox-exporter/revox_exporter/internal/programtest"
	"github.com/revox-exporter/revox_exporter/revoxapi/revoxtest"
)

func TestMain(m *testing.M) { os.Exit(programtest.M{M: m}.Run()) }

func TestWrongUseIsOneClearLine(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	key := []string{"REVOX_API_KEY=canary-key"}
	const listen = "--web.listen-address=127.0.0.1:0"
	for _, test := range []struct {
		name string
		env  []string
		args []string
		code int
		says string
	}{
		{"no key", nil, []string{"--campaign.id=c"}, 2, "no API key: .*REVOX_API_KEY.*--revox.api-key-file"},
		{"empty key", []string{"REVOX_API_KEY= \n"}, []string{"--campaign.id=c"}, 2, "no API key"},
		{"empty key file", key, []string{"--campaign.id=c", "--revox.api-key-file=" + file("empty", "\n")}, 2, "empty: the API key is empty"},
		{"no key file", key, []string{"--campaign.id=c", "--revox.api-key-file=" + filepath.Join(dir, "none")}, 2, "none: no such file"},
		{"key file is a folder", key, []string{"--campaign.id=c", "--revox.api-key-file=" + dir}, 2, "is a directory"},
		{"key file with two lines", nil, []string{"--campaign.id=c", "--revox.api-key-file=" + file("two", "canary-key\ncanary-key\n")}, 2, "control character"},
		{"no campaign", key, nil, 2, "nothing to read: give --campaign.id=ID, or --campaign.discover"},
		{"unknown flag", key, []string{"--campagn.id=c"}, 2, "unknown long flag '--campagn.id'"},
		{"unknown command", key, []string{"server"}, 2, "server"},
		{"campaign ID that is none", key, []string{"--campaign.id=.."}, 2, `"\.\." is not a campaign ID`},
		{"campaign ID with white space", key, []string{"--campaign.id=a b"}, 2, `"a b" is not a campaign ID`},
		{"base URL without scheme", key, []string{"--campaign.id=c", "--revox.base-url=www.getrevox.com/api"}, 2, "base URL must start with http"},
		{"base URL of another scheme", key, []string{"--campaign.id=c", "--revox.base-url=ftp://www.getrevox.com/api"}, 2, "base URL must start with http"},
		{"base URL with a password", key, []string{"--campaign.id=c", "--revox.base-url=https://me:canary-key@www.getrevox.com/api"}, 2, "base URL must have no user"},
		{"base URL that is none", key, []string{"--campaign.id=c", "--revox.base-url=https://[canary-key"}, 2, "base URL cannot be parsed"},
		{"bad URL in REVOX_BASE_URL", append(key, "REVOX_BASE_URL=nowhere"), []string{"--campaign.id=c"}, 2, "base URL must start with http"},
		{"not a duration", key, []string{"--campaign.id=c", "--scan.interval=often"}, 2, "often"},
		{"not a duration, in the environment", append(key, "REVOX_EXPORTER_SCAN_INTERVAL=often"), []string{"--campaign.id=c"}, 2, "often"},
		{"negative interval", key, []string{"--campaign.id=c", "--scan.interval=-1s"}, 2, "--scan.interval must be 0 or more"},
		{"negative full interval", key, []string{"--campaign.id=c", "--scan.full-interval=-1h"}, 2, "--scan.full-interval must be 0 or more"},
		{"page size of nothing", key, []string{"--campaign.id=c", "--revox.page-size=0"}, 2, "--revox.page-size must be 1 or more"},
		{"shard that is none", key, []string{"--campaign.id=c", "--shard.index=3", "--shard.count=3"}, 2, "--shard.index must be less than --shard.count"},
		{"negative shard", key, []string{"--campaign.id=c", "--shard.index=-1", "--shard.count=3"}, 2, "--shard.index must be 0 or more"},
		{"no shards at all", key, []string{"--campaign.id=c", "--shard.count=0"}, 2, "--shard.count must be 1 or more"},
		{"no campaign file", key, []string{"--campaign.file=" + filepath.Join(dir, "none")}, 2, "reading the campaign file: .*none: no such file"},
		{"campaign file that is no list", key, []string{"--campaign.file=" + file("one.yml", "canary-key")}, 2, "one.yml: it is not a plain list"},
		{"campaign file with nothing in it", key, []string{"--campaign.file=" + file("nothing.yml", "# none yet\n")}, 2, "nothing.yml: it is empty"},
		{"no requests at all", key, []string{"--campaign.id=c", "--revox.concurrency=0"}, 2, "in flight must be 1 or more"},
		{"negative retries", key, []string{"--campaign.id=c", "--revox.max-retries=-1"}, 2, "retries must be 0 or more"},
		{"no time for a request", key, []string{"--campaign.id=c", "--revox.timeout=0s"}, 2, "timeout of a request must be more than 0"},
		{"NaN requests a second", key, []string{"--campaign.id=c", "--revox.max-requests-per-second=NaN"}, 2, "requests a second must be 0 or more"},
		{"bad regular expression", key, []string{"--campaign.discover", "--campaign.include=("}, 2, "--campaign.include: .*missing"},
		{"pattern that is none until it is anchored", key, []string{"--campaign.discover", "--campaign.exclude=a)|(b"}, 2, "--campaign.exclude: .*unexpected"},
		{"interval too short to mean it", key, []string{"--campaign.id=c", "--scan.interval=1us"}, 2, "--scan.interval must be 0 or at least 1s"},
		{"metrics at a path that no request has", key, []string{"--campaign.id=c", "--web.telemetry-path=/a/../b"}, 2, "--web.telemetry-path must be a path of its own"},
		{"metrics at the root", key, []string{"--campaign.id=c", "--web.telemetry-path=/"}, 2, "--web.telemetry-path must be a path of its own"},
		{"unknown level", key, []string{"--campaign.id=c", "--log.level=loud"}, 2, "loud"},
		{"port taken", key, []string{"--campaign.id=c", "--web.listen-address=" + taken.Addr().String(), "--revox.base-url=http://127.0.0.1:1"}, 1, "cannot serve.*address already in use"},
		{"health port taken", key, []string{"--campaign.id=c", listen, "--web.health-listen-address=" + taken.Addr().String(), "--revox.base-url=http://127.0.0.1:1"}, 1, "cannot serve at --web.health-listen-address.*address already in use"},
		{"no web config file", key, []string{"--campaign.id=c", listen, "--web.config.file=" + filepath.Join(dir, "none"), "--revox.base-url=http://127.0.0.1:1"}, 1, "cannot serve.*no such file"},
		{"bad web config file", key, []string{"--campaign.id=c", listen, "--web.config.file=" + file("web.yml", "tls: [\n"), "--revox.base-url=http://127.0.0.1:1"}, 1, "cannot serve.*yaml"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(context.Background(), programtest.Patience)
			defer cancel()
			var out bytes.Buffer
			cmd := programtest.Command(ctx, t, test.env, test.args...)
			cmd.Stdout, cmd.Stderr = &out, &out
			_ = cmd.Run() // its exit code is looked at
			if code := cmd.ProcessState.ExitCode(); code != test.code {
				t.Errorf("exit code %d, want %d:\n%s", code, test.code, &out)
			}
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			if test.code == 2 && len(lines) != 1 {
				t.Errorf("%d lines, want one:\n%s", len(lines), &out)
			}
			said := 0
			for _, line := range lines {
				if regexp.MustCompile(test.says).MatchString(line) {
					said++
				}
			}
			if said != 1 {
				t.Errorf("%d lines match %q, want one:\n%s", said, test.says, &out)
			}
			if strings.Contains(out.String(), "canary-key") || strings.Contains(out.String(), "goroutine ") {
				t.Errorf("the key or a stack trace is shown:\n%s", &out)
			}
		})
	}
}

func TestDemoServesEveryFamilyOfTheContractWithinSeconds(t *testing.T) {
	p := programtest.Start(t, nil, "--demo")
	p.Ready()
	_, metrics := p.Get("/metrics")
	for _, family := range []string{
		"revox_campaign_info", "revox_campaign_status", "revox_campaign_max_concurrent_calls", "revox_campaign_rows",
		"revox_campaign_rows_without_call", "revox_campaign_rows_missing", "revox_campaign_calls", "revox_campaign_call_attempts",
		"revox_campaign_anomalies", "revox_campaign_pages", "revox_campaign_calls_finished_total", "revox_campaign_call_outcomes_total",
		"revox_campaign_call_attempts_finished_total", "revox_campaign_call_attempt_results_total",
		"revox_campaign_call_attempt_dial_errors_total", "revox_campaign_call_attempt_ended_by_total",
		"revox_campaign_call_attempt_end_reasons_total", "revox_campaign_counter_decreases_total",
		"revox_campaign_call_attempt_duration_seconds", "revox_campaign_call_attempt_ring_duration_seconds",
		"revox_campaign_call_attempt_talk_duration_seconds", "revox_campaign_call_resolution_duration_seconds",
		"revox_campaign_call_attempts_per_call", "revox_campaign_up", "revox_campaign_last_scan_success_timestamp_seconds",
		"revox_campaign_scan_duration_seconds", "revox_campaign_scan_failures_total", "revox_discovery_up",
		"revox_discovery_last_success_timestamp_seconds", "revox_api_requests_total", "revox_api_request_duration_seconds",
		"revox_api_response_bytes_total", "revox_api_retries_total", "revox_exporter_build_info",
		"revox_exporter_unknown_values_total",
	} {
		series := regexp.MustCompile(`(?m)^` + family + `(_bucket)?(\{.*\})? \S+$`)
		if n := len(series.FindAllString(metrics, -1)); n == 0 {
			t.Errorf("no series of %s", family)
		}
	}
	if n := len(regexp.MustCompile(`(?m)^revox_campaign_up\{.*\} 1$`).FindAllString(metrics, -1)); n < 3 {
		t.Errorf("%d campaigns, want several", n)
	}
	problems, err := promlint.New(strings.NewReader(metrics)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	// The metric contract's name for it has a word that the linter takes for a type.
	accepted := []promlint.Problem{{Metric: "revox_campaign_counter_decreases_total", Text: "metric name should not include type 'counter'"}}
	if !slices.Equal(problems, accepted) {
		t.Errorf("lint finds %v, want no more than %v", problems, accepted)
	}
	code, page := p.Get("/")
	if code != http.StatusOK || !strings.Contains(page, programtest.Version) || !strings.Contains(page, `href="/metrics"`) {
		t.Errorf("landing page: %d\n%s", code, page)
	}
	if code, _ := p.Get("/nowhere"); code != http.StatusNotFound {
		t.Errorf("/nowhere answered %d", code)
	}
	if code, _ := p.Get("/debug/pprof/"); code != http.StatusNotFound {
		t.Errorf("profiles are served without --web.enable-pprof: %d", code)
	}
	p.Terminate()
}

// Nothing that identifies a person, and not the key, is shown anywhere, whatever goes wrong.
func TestKeyAndPersonalDataAreShownNowhere(t *testing.T) {
	const key = "canary-key-6f1d"
	faults := map[string]revoxtest.Behavior{
		"none":             {},
		"cut JSON":         revoxtest.CutJSON(),
		"cut body":         revoxtest.CutBody(),
		"wrong type":       revoxtest.WrongType("status"),
		"wrong input data": revoxtest.SetField("input_data", `"+33 6 12 34 56 78"`),
		"echo of the key":  revoxtest.Status(401, http.Header{"X-Key": {key}}, key),
		"redirect with it": revoxtest.Redirect("https://elsewhere.invalid/" + key + "?key=" + key),
		"trailing bytes":   revoxtest.TrailingBytes(key),
		"not HTTP":         revoxtest.Body("text/plain", key),
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := revoxtest.NewServer(revoxtest.WithAPIKey(key), revoxtest.WithNewerFields())
			defer api.Close()
			id := api.AddCampaign(revoxtest.Campaign{Rows: 40, Start: time.Now().AddDate(0, 0, -3), Windows: []revoxtest.Window{{Start: "00:00", End: "24:00"}}})
			if name != "none" {
				api.AddFault(revoxtest.Fault{Endpoint: "rows", Behavior: fault})
			}
			p := programtest.Start(t, []string{"REVOX_API_KEY=" + key}, "--revox.base-url="+api.URL, "--campaign.id="+id, "--campaign.discover",
				"--log.level=debug", "--web.enable-pprof", "--revox.max-retries=1")
			p.Ready()
			var shown strings.Builder
			for _, path := range []string{"/metrics", "/", "/-/ready", "/-/healthy", "/debug/pprof/cmdline", "/debug/pprof/goroutine?debug=2"} {
				_, body := p.Get(path)
				shown.WriteString(body)
			}
			_, protobuf := p.Get("/metrics", "Accept", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited")
			shown.WriteString(protobuf)
			p.Terminate()
			shown.WriteString(p.Log())

			personal := append(api.Personal(id), key)
			if len(personal) < 100 {
				t.Fatalf("only %d personal values to look for", len(personal))
			}
			for _, value := range personal {
				if strings.Contains(shown.String(), value) {
					t.Errorf("%q is shown", value)
				}
			}
			if !strings.Contains(shown.String(), id) {
				t.Error("not even the campaign's ID is shown: nothing was looked at")
			}
		})
	}
}

func TestStartsAndStaysUpWhileTheAPIIsDown(t *testing.T) {
	p := programtest.Start(t, []string{"REVOX_API_KEY=k"}, "--revox.base-url=http://127.0.0.1:1/api", "--campaign.id=c", "--revox.max-retries=0")
	p.Ready()
	if _, metrics := p.Get("/metrics"); !strings.Contains(metrics, "revox_campaign_up{campaign_id=\"c\"} 0\n") ||
		!strings.Contains(metrics, `revox_campaign_scan_failures_total{campaign_id="c",reason="connection"} 1`) {
		t.Errorf("metrics:\n%s", metrics)
	}
	if _, page := p.Get("/"); !strings.Contains(page, "connection refused") {
		t.Errorf("the landing page does not say what is wrong:\n%s", page)
	}
	if code, _ := p.Get("/-/healthy"); code != http.StatusOK {
		t.Errorf("not healthy: %d", code)
	}
}

func TestEndsSoonDuringAScan(t *testing.T) {
	api := revoxtest.NewServer()
	defer api.Close()
	api.SetRows("c", "", nil)
	api.AddFault(revoxtest.Fault{Behavior: revoxtest.Hang()})
	for _, interval := range []string{"1m", "0"} {
		asked := api.RequestCount()
		p := programtest.Start(t, []string{"REVOX_API_KEY=" + revoxtest.APIKey}, "--revox.base-url="+api.URL, "--campaign.id=c", "--scan.interval="+interval)
		ctx, cancel := context.WithTimeout(context.Background(), programtest.Patience)
		if err := api.WaitForRequests(ctx, asked+1); err != nil {
			t.Fatal(err)
		}
		cancel()
		p.Terminate()
	}
}

func TestHelpAndVersion(t *testing.T) {
	for arg, wants := range map[string][]string{
		"--version": {"revox_exporter, version " + programtest.Version},
		"--help":    {"--campaign.id", "REVOX_EXPORTER_CAMPAIGN_ID", "serve"},
	} {
		out, err := programtest.Command(t.Context(), t, []string{"REVOX_EXPORTER_VERSION=1.2.3", "REVOX_EXPORTER_HELP=x"}, arg).Output()
		if err != nil {
			t.Errorf("%s: %v", arg, err)
		}
		for _, want := range wants {
			if !strings.Contains(string(out), want) {
				t.Errorf("%s does not print %q:\n%s", arg, want, out)
			}
		}
	}
}

var update = flag.Bool("update", false, "write the generated tables of README.md anew")

// The tables of README.md are what the program itself says, so that they cannot drift.
func TestREADMETables(t *testing.T) {
	// Defaults are those of the program, not of who runs the test.
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "REVOX_") {
			t.Setenv(name, "")
		}
	}
	list := filepath.Join(t.TempDir(), "campaigns.yml") // for the metrics of campaign files
	if err := os.WriteFile(list, []byte("[]"), 0o600); err != nil {
		t.Fatal(err)
	}
	api := revoxtest.NewDemo() // not --demo, which keeps no state and so has none of its metrics
	t.Cleanup(api.Close)
	p := programtest.Start(t, []string{"REVOX_API_KEY=" + revoxtest.APIKey}, "--revox.base-url="+api.URL, "--campaign.discover",
		"--campaign.file="+list, "--state.path="+t.TempDir())
	p.Ready()
	_, metrics := p.Get("/metrics")
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(metrics))
	if err != nil {
		t.Fatal(err)
	}
	path := "README.md"
	readme, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(readme)
	for section, table := range map[string]string{"metrics": metricsTable(families), "flags": flagsTable()} {
		begin, end := "<!-- "+section+": generated, see TestREADMETables -->\n", "<!-- end of "+section+" -->\n"
		before, rest, ok := strings.Cut(text, begin)
		was, after, ok2 := strings.Cut(rest, end)
		if !ok || !ok2 {
			t.Fatalf("%s has no place for the table of %s", path, section)
		}
		if was != table && !*update {
			t.Errorf("the table of %s in %s is not what the program says; go test . -run README -update writes it", section, path)
		}
		text = before + begin + table + end + after
	}
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func metricsTable(families map[string]*dto.MetricFamily) string {
	var b strings.Builder
	b.WriteString("| metric | type | labels | meaning |\n|---|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(families)) {
		if !strings.HasPrefix(name, "revox_") {
			continue
		}
		f := families[name]
		labels := map[string]bool{}
		for _, m := range f.Metric {
			for _, l := range m.Label {
				labels["`"+l.GetName()+"`"] = true
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, strings.ToLower(f.GetType().String()),
			strings.Join(slices.Sorted(maps.Keys(labels)), " "), f.GetHelp())
	}
	return b.String()
}

func flagsTable() string {
	app, _ := newApp()
	if _, err := app.Parse([]string{"--demo"}); err != nil {
		return err.Error()
	}
	var b strings.Builder
	b.WriteString("| flag | default | environment variable | meaning |\n|---|---|---|---|\n")
	for _, f := range app.Model().Flags {
		if f.Hidden || f.Name == "help" || f.Name == "version" {
			continue
		}
		var defaults []string
		for _, d := range f.Default {
			if d != "" && !f.IsBoolFlag() {
				defaults = append(defaults, "`"+d+"`")
			}
		}
		fmt.Fprintf(&b, "| `--%s` | %s | `%s` | %s |\n", f.Name, strings.Join(defaults, " "), f.Envar, f.Help)
	}
	return b.String()
}
